// npm ollama: chat and generate, thinking, tools, objects, embeddings, lists, errors.

import assert from "node:assert/strict";

import { Ollama } from "ollama";

import { ASK, RIVER, SAID, SCHEMAS, SUM, THOUGHT, Tools, WALK, assertCut, collect, each, key, locked, once, url } from "./stage.mjs";

const client = new Ollama({ host: url });
const messages = (content) => [{ role: "user", content }];

each("chat, whole", async (model) => {
  const told = await client.chat({ model, messages: messages(ASK) });
  assert.equal(told.message.content, SAID);
  assert.equal(told.done, true);
  assert.equal(told.done_reason, "stop");
  assert.ok(told.prompt_eval_count > 0 && told.eval_count > 0);
});

each("chat, streamed", async (model) => {
  const parts = await collect(await client.chat({ model, messages: messages(ASK), stream: true }));
  assert.equal(parts.map((part) => part.message.content).join(""), SAID);
  assert.deepEqual(
    parts.map((part) => part.done),
    parts.map((_, at) => at === parts.length - 1),
  );
});

each("generate, whole and streamed", async (model) => {
  assert.equal((await client.generate({ model, prompt: ASK })).response, SAID);
  const parts = await collect(await client.generate({ model, prompt: ASK, stream: true }));
  assert.equal(parts.map((part) => part.response).join(""), SAID);
});

each("thinking", async (model) => {
  const told = await client.chat({ model, messages: messages("Think."), think: true });
  assert.equal(told.message.thinking, THOUGHT);
  assert.equal(told.message.content, SAID);
});

const declared = Object.entries(SCHEMAS).map(([name, { description, schema }]) => ({
  type: "function",
  function: { name, description, parameters: schema },
}));

async function turn(asked, stream) {
  if (!stream) return (await client.chat({ ...asked, stream })).message;
  const told = { role: "assistant", content: "", tool_calls: [] };
  for await (const { message } of await client.chat({ ...asked, stream })) {
    told.content += message.content;
    told.tool_calls.push(...(message.tool_calls ?? []));
  }
  return told;
}

for (const stream of [false, true]) {
  each(`a loop of tools${stream ? ", streamed" : ""}`, async (model) => {
    const tools = new Tools();
    const asked = { model, messages: messages(WALK), tools: declared };
    let told = await turn(asked, stream);
    while (told.tool_calls?.length) {
      asked.messages.push(told);
      for (const { function: call } of told.tool_calls) {
        asked.messages.push({ role: "tool", tool_name: call.name, content: tools.run(call.name, call.arguments) });
      }
      told = await turn(asked, stream);
    }
    assert.ok(told.content.startsWith(SUM), told.content);
    tools.check();
  });
}

each("an object by a schema", async (model) => {
  const format = { type: "object", properties: { name: { type: "string" }, length_km: { type: "number" } }, required: ["name"] };
  const told = await client.chat({ model, messages: messages("Describe a river."), format });
  assert.deepEqual(JSON.parse(told.message.content), RIVER);
});

const EMBEDDING = { openai: "text-embedding-3-small", gemini: "gemini-embedding-001", cohere: "embed-v4.0" };

for (const [upstream, name] of Object.entries(EMBEDDING)) {
  const embeds = async () => {
    const told = await client.embed({ model: `${upstream}/${name}`, input: ["Rhine", "Loire"] });
    assert.equal(told.embeddings.length, 2);
  };
  once("embeddings", embeds, upstream);
}

each("models are listed", async (_, upstream) => {
  assert.ok((await client.list()).models.some(({ name }) => name.startsWith(`${upstream}/`)));
});

each("a stream that is cut raises", (model) => assertCut(() => client.chat({ model, messages: messages("Cut."), stream: true })));

each("an error within a stream raises", (model) => assertCut(() => client.chat({ model, messages: messages("Break."), stream: true })));

for (const [fault, status] of Object.entries({ BadRequest: 400, ModelNotFound: 404, RateLimited: 429, ServerFault: 500 })) {
  each(`${fault} is the client's own error`, async (model) => {
    for (const stream of [false, true]) {
      await assert.rejects(client.chat({ model, messages: messages(`Fail: ${fault}`), stream }), (error) => {
        assert.ok(error.status_code === status || (status === 500 && error.status_code > 500), error.status_code);
        assert.match(error.message, /as it was asked to/);
        return true;
      });
    }
  });
}

each("a wrong key is the client's own error, the right one passes", async (model) => {
  const other = (given) => new Ollama({ host: locked, headers: { Authorization: `Bearer ${given}` } });
  const asked = { model, messages: messages(ASK) };
  await assert.rejects(other("wrong").chat(asked), (error) => error.status_code === 401);
  assert.equal((await other(key).chat(asked)).message.content, SAID);
});
