// npm @google/genai: generateContent, its streams and chats, functions that it calls by itself, objects, embeddings, counting, errors.

import assert from "node:assert/strict";

import { ApiError, GoogleGenAI, Type } from "@google/genai";

import { ASK, RIVER, SAID, SUM, THOUGHT, Tools, WALK, assertCut, collect, each, key, locked, once, url } from "./stage.mjs";

const open = (apiKey, baseUrl) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl, retryOptions: { attempts: 1 } } });
const { models, chats } = open(key, url);

each("generateContent", async (model) => {
  const told = await models.generateContent({ model, contents: ASK });
  assert.equal(told.text, SAID);
  assert.equal(told.candidates[0].finishReason, "STOP");
  assert.ok(told.usageMetadata.totalTokenCount > 0);
});

each("generateContentStream", async (model) => {
  const chunks = await collect(await models.generateContentStream({ model, contents: ASK }));
  assert.equal(chunks.map((chunk) => chunk.text ?? "").join(""), SAID);
  assert.equal(chunks.at(-1).candidates[0].finishReason, "STOP");
  assert.ok(chunks.at(-1).usageMetadata.totalTokenCount > 0);
});

each("a chat remembers", async (model) => {
  const chat = chats.create({ model });
  assert.equal((await chat.sendMessage({ message: ASK })).text, SAID);
  const chunks = await collect(await chat.sendMessageStream({ message: ASK }));
  assert.equal(chunks.map((chunk) => chunk.text ?? "").join(""), SAID);
  assert.ok(chat.getHistory().length >= 4);
});

each("thinking", async (model) => {
  const config = { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } };
  const told = await models.generateContent({ model, contents: "Think.", config });
  const parts = told.candidates[0].content.parts;
  assert.equal(parts.filter((part) => part.thought).map((part) => part.text).join(""), THOUGHT);
  assert.equal(told.text, SAID);
});

const DECLARED = [
  {
    name: "river_length",
    description: "How long a river is, in kilometres.",
    parameters: { type: Type.OBJECT, properties: { river: { type: Type.STRING } }, required: ["river"] },
  },
  {
    name: "add",
    description: "The sum of numbers.",
    parameters: { type: Type.OBJECT, properties: { numbers: { type: Type.ARRAY, items: { type: Type.NUMBER } } }, required: ["numbers"] },
  },
];

async function turn(asked, streamed) {
  if (!streamed) return (await models.generateContent(asked)).candidates[0].content;
  const chunks = await collect(await models.generateContentStream(asked));
  return { role: "model", parts: chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []) };
}

for (const streamed of [false, true]) {
  each(`a loop of tools${streamed ? ", streamed" : ""}`, async (model) => {
    const tools = new Tools();
    const contents = [{ role: "user", parts: [{ text: WALK }] }];
    const asked = { model, contents, config: { tools: [{ functionDeclarations: DECLARED }] } };
    let told = await turn(asked, streamed);
    for (let calls; (calls = told.parts.filter((part) => part.functionCall)).length; told = await turn(asked, streamed)) {
      const results = calls.map(({ functionCall: { id, name, args } }) => ({
        functionResponse: { id, name, response: { output: tools.run(name, args) } },
      }));
      contents.push(told, { role: "user", parts: results });
    }
    const text = told.parts.map((part) => part.text ?? "").join("");
    assert.ok(text.startsWith(SUM), text);
    tools.check();
  });
}

/** A tool that the SDK calls by itself, as it does those of a protocol server. */
const callable = (tools) => ({
  tool: async () => ({ functionDeclarations: DECLARED }),
  callTool: async (calls) =>
    calls.map(({ id, name, args }) => ({ functionResponse: { id, name, response: { output: tools.run(name, args) } } })),
});

for (const streamed of [false, true]) {
  each(`a loop of tools that the client runs itself${streamed ? ", streamed" : ""}`, async (model) => {
    const tools = new Tools();
    const { parts } = await turn({ model, contents: WALK, config: { tools: [callable(tools)] } }, streamed);
    assert.ok(parts.some((part) => part.text?.startsWith(streamed ? "Together" : SUM)), JSON.stringify(parts.at(-1)));
    tools.check();
  });
}

each("an object by a schema", async (model) => {
  const properties = { name: { type: Type.STRING }, length_km: { type: Type.NUMBER } };
  const config = { responseMimeType: "application/json", responseSchema: { type: Type.OBJECT, properties, required: ["name", "length_km"] } };
  const told = await models.generateContent({ model, contents: "Describe a river.", config });
  assert.deepEqual(JSON.parse(told.text), RIVER);
});

for (const [upstream, name] of Object.entries({ gemini: "gemini-embedding-001", openai: "text-embedding-3-small", cohere: "embed-v4.0" })) {
  const embeds = async () => {
    const told = await models.embedContent({ model: `${upstream}/${name}`, contents: ["Rhine", "Loire"] });
    assert.equal(told.embeddings.length, 2);
    assert.ok(Math.abs(Math.hypot(...told.embeddings[0].values) - 1) < 1e-3);
  };
  once("embeddings", embeds, upstream);
}

each(
  "tokens are counted",
  async (model) => {
    const told = await models.countTokens({ model, contents: ASK });
    assert.ok(told.totalTokens > 0);
  },
  ["gemini", "anthropic"],
);

each("models, listed and one by one", async (model, upstream) => {
  const listed = await collect(await models.list());
  assert.ok(listed.some(({ name }) => name.startsWith(`models/${upstream}/`)));
  assert.equal((await models.get({ model })).name, `models/${model}`);
});

each("a stream that is cut raises", (model) => assertCut(() => models.generateContentStream({ model, contents: "Cut." })));

each("an error within a stream raises", (model) => assertCut(() => models.generateContentStream({ model, contents: "Break." })));

for (const [fault, status] of Object.entries({ BadRequest: 400, ModelNotFound: 404, RateLimited: 429, ServerFault: 500 })) {
  each(`${fault} is the client's own error`, async (model) => {
    for (const ask of [models.generateContent, models.generateContentStream]) {
      await assert.rejects(ask({ model, contents: `Fail: ${fault}` }), (error) => {
        assert.ok(error instanceof ApiError, `${error.constructor.name}: ${error.message}`);
        assert.match(error.message, /as it was asked to/);
        assert.ok(error.status === status || (status === 500 && error.status > 500), error.status);
        return true;
      });
    }
  });
}

each("a wrong key is the client's own error, the right one passes", async (model) => {
  const asked = { model, contents: ASK };
  await assert.rejects(open("wrong-key", locked).models.generateContent(asked), (error) => error instanceof ApiError && error.status === 401);
  assert.equal((await open(key, locked).models.generateContent(asked)).text, SAID);
});
