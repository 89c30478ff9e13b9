// npm openai: chat and responses, helpers that put streams together, its loop of tools, and all else that it can ask for.

import assert from "node:assert/strict";

import OpenAI, { toFile } from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import { ASK, RIVER, SAID, SCHEMAS, SUM, Tools, WALK, assertCut, collect, each, key, locked, once, upstreams, url } from "./stage.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const River = z.object({ name: z.string(), length_km: z.number() });

const messages = (content) => [{ role: "user", content }];

// --- chat completions

each("chat, whole", async (model) => {
  const told = await client.chat.completions.create({ model, messages: messages(ASK) });
  assert.equal(told.choices[0].message.content, SAID);
  assert.equal(told.choices[0].finish_reason, "stop");
  assert.equal(told.object, "chat.completion");
  assert.ok(told.usage.total_tokens > 0);
  assert.match(told._request_id, /^req_/);
});

each("chat, streamed", async (model) => {
  const chunks = await collect(
    await client.chat.completions.create({ model, messages: messages(ASK), stream: true, stream_options: { include_usage: true } }),
  );
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), SAID);
  assert.equal(chunks.filter((chunk) => chunk.choices[0]?.finish_reason).length, 1);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.total_tokens > 0);
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
});

each("chat, put together by the stream helper", async (model) => {
  const stream = client.chat.completions.stream({ model, messages: messages(ASK) });
  const heard = [];
  stream.on("content.delta", ({ delta }) => heard.push(delta));
  const told = await stream.finalChatCompletion();
  assert.equal(heard.join(""), SAID);
  assert.equal(told.choices[0].message.content, SAID);
});

const runnables = (tools) =>
  Object.entries(SCHEMAS).map(([name, { description, schema }]) => ({
    type: "function",
    function: { name, description, parameters: schema, parse: JSON.parse, function: (given) => tools.run(name, given) },
  }));

for (const stream of [false, true]) {
  each(`chat, a loop of tools${stream ? ", streamed" : ""}`, async (model) => {
    const tools = new Tools();
    const runner = client.chat.completions.runTools({ model, stream, messages: messages(WALK), tools: runnables(tools) });
    assert.ok((await runner.finalContent()).startsWith(SUM));
    tools.check();
  });
}

each("chat, a value of a zod type", async (model) => {
  const told = await client.chat.completions.parse({
    model,
    messages: messages("Describe a river."),
    response_format: zodResponseFormat(River, "river"),
  });
  assert.deepEqual(told.choices[0].message.parsed, RIVER);
});

each("chat, a stream that is cut raises", (model) =>
  assertCut(() => client.chat.completions.create({ model, messages: messages("Cut."), stream: true })),
);

each("chat, an error within a stream raises", (model) =>
  assertCut(() => client.chat.completions.create({ model, messages: messages("Break."), stream: true }), OpenAI.APIError),
);

// --- responses

each("responses, whole", async (model) => {
  const told = await client.responses.create({ model, input: ASK });
  assert.equal(told.output_text, SAID);
  assert.equal(told.status, "completed");
  assert.ok(told.usage.total_tokens > 0);
});

each("responses, streamed", async (model) => {
  const events = await collect(await client.responses.create({ model, input: ASK, stream: true }));
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, at) => at),
  );
  const texts = events.filter((event) => event.type === "response.output_text.delta");
  assert.equal(texts.map((event) => event.delta).join(""), SAID);
  assert.equal(events.at(-1).type, "response.completed");
});

each("responses, put together by the stream helper", async (model) => {
  const told = await client.responses.stream({ model, input: ASK }).finalResponse();
  assert.equal(told.output_text, SAID);
});

each("responses, thinking with its summary", async (model) => {
  const told = await client.responses.stream({ model, input: "Think.", reasoning: { effort: "low", summary: "auto" } }).finalResponse();
  assert.equal(told.output_text, SAID);
  assert.deepEqual(
    told.output.map((item) => item.type),
    ["reasoning", "message"],
  );
});

const functions = Object.entries(SCHEMAS).map(([name, { description, schema }]) => ({
  type: "function",
  name,
  description,
  parameters: schema,
  strict: true,
}));

async function respond(asked, stream) {
  return stream ? client.responses.stream(asked).finalResponse() : client.responses.create(asked);
}

const results = (tools, calls) =>
  calls.map((call) => ({ type: "function_call_output", call_id: call.call_id, output: tools.run(call.name, JSON.parse(call.arguments)) }));

const callsOf = (told) => told.output.filter((item) => item.type === "function_call");

for (const stream of [false, true]) {
  each(`responses, a loop of tools${stream ? ", streamed" : ""}`, async (model) => {
    const tools = new Tools();
    const input = messages(WALK);
    let told = await respond({ model, input, tools: functions, store: false }, stream);
    while (callsOf(told).length) {
      input.push(...told.output, ...results(tools, callsOf(told)));
      told = await respond({ model, input, tools: functions, store: false }, stream);
    }
    assert.ok(told.output_text.startsWith(SUM), told.output_text);
    tools.check();
  });

  const keptHere = upstreams.filter((upstream) => upstream !== "openai"); // OpenAI keeps its answers itself
  const byIdentifier = async (model) => {
    const tools = new Tools();
    let told = await respond({ model, input: WALK, tools: functions }, stream);
    while (callsOf(told).length) {
      const asked = { model, previous_response_id: told.id, input: results(tools, callsOf(told)), tools: functions };
      told = await respond(asked, stream);
    }
    assert.ok(told.output_text.startsWith(SUM), told.output_text);
    tools.check();
  };
  each(`responses, a loop of tools by the identifier of the last answer${stream ? ", streamed" : ""}`, byIdentifier, keptHere);
}

each("responses, a value of a zod type", async (model) => {
  const told = await client.responses.parse({ model, input: "Describe a river.", text: { format: zodTextFormat(River, "river") } });
  assert.deepEqual(told.output_parsed, RIVER);
});

each("responses, a stream that is cut raises", (model) =>
  assertCut(() => client.responses.create({ model, input: "Cut.", stream: true })),
);

each("responses, an error within a stream raises", (model) =>
  assertCut(async () => client.responses.stream({ model, input: "Break." })),
);

// --- everything else

each("completions of the old kind", async (model) => {
  const told = await client.completions.create({ model, prompt: ASK });
  assert.equal(told.choices[0].text, SAID);
});

const EMBEDDING = { openai: "text-embedding-3-small", gemini: "gemini-embedding-001", cohere: "embed-v4.0", bedrock: "cohere.embed-multilingual-v3" };

for (const [upstream, name] of Object.entries(EMBEDDING)) {
  for (const encoding_format of [undefined, "float"]) {
    once(
      `embeddings, ${encoding_format ?? "as the client asks by itself"}`,
      async () => {
        const told = await client.embeddings.create({ model: `${upstream}/${name}`, input: ["Rhine", "Loire"], encoding_format });
        assert.equal(told.data.length, 2);
        assert.equal(typeof told.data[1].embedding[0], "number");
        assert.ok(Math.abs(Math.hypot(...told.data[0].embedding) - 1) < 1e-3);
      },
      upstream,
    );
  }
}

once("a picture", async () => {
  const told = await client.images.generate({ model: "openai/gpt-image-1", prompt: "A river", size: "1024x1024" });
  assert.equal(Buffer.from(told.data[0].b64_json, "base64").subarray(1, 4).toString(), "PNG");
});

once("speech", async () => {
  const told = await client.audio.speech.create({ model: "openai/gpt-4o-mini-tts", voice: "alloy", input: "A river" });
  assert.equal(Buffer.from(await told.arrayBuffer()).subarray(0, 4).toString(), "RIFF");
});

once("a transcription", async () => {
  const file = await toFile(Buffer.from("sound"), "sound.wav");
  const told = await client.audio.transcriptions.create({ model: "openai/gpt-4o-mini-transcribe", file });
  assert.match(told.text, /5 bytes/);
});

once("a moderation", async () => {
  const told = await client.moderations.create({ model: "openai/omni-moderation-latest", input: "flag:violence" });
  assert.equal(told.results[0].categories.violence, true);
});

each("models, listed and one by one", async (model, upstream) => {
  const listed = await collect(client.models.list());
  assert.ok(listed.some(({ id }) => id.startsWith(`${upstream}/`)));
  assert.equal((await client.models.retrieve(model)).id, model);
});

const FAULTS = {
  BadRequest: OpenAI.BadRequestError,
  AuthFailed: OpenAI.InternalServerError, // the gateway's key was refused, not the caller's
  ModelNotFound: OpenAI.NotFoundError,
  RateLimited: OpenAI.RateLimitError,
  ServerFault: OpenAI.InternalServerError,
};

for (const [fault, kind] of Object.entries(FAULTS)) {
  each(`${fault} is the client's own error`, async (model) => {
    for (const ask of [
      () => client.chat.completions.create({ model, messages: messages(`Fail: ${fault}`) }),
      () => client.responses.create({ model, input: `Fail: ${fault}` }),
      () => client.chat.completions.create({ model, messages: messages(`Fail: ${fault}`), stream: true }),
    ]) {
      await assert.rejects(ask, (error) => {
        assert.ok(error instanceof kind, `${error.constructor.name} ${error.status}: ${error.message}`);
        assert.match(error.requestID, /^req_/);
        assert.match(error.message, /as it was asked to/);
        return true;
      });
    }
  });
}

once("an unknown model is the client's own error", () =>
  assert.rejects(client.chat.completions.create({ model: "nobody/nothing", messages: messages(ASK) }), OpenAI.NotFoundError),
);

each("a wrong key is the client's own error, the right one passes", async (model) => {
  const other = (apiKey) => new OpenAI({ baseURL: `${locked}/v1`, apiKey, maxRetries: 0 });
  const asked = { model, messages: messages(ASK) };
  await assert.rejects(other("wrong").chat.completions.create(asked), OpenAI.AuthenticationError);
  assert.equal((await other(key).chat.completions.create(asked)).choices[0].message.content, SAID);
});
