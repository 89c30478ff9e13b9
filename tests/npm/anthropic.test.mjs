// npm @anthropic-ai/sdk: messages, its stream helper, tools, thinking that is played back, values of a type, beta flags, counting, errors.

import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";

import { ASK, RIVER, SAID, SCHEMAS, SUM, THOUGHT, Tools, WALK, assertCut, collect, each, key, locked, once, url } from "./stage.mjs";

const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const BETAS = ["interleaved-thinking-2025-05-14", "fine-grained-tool-streaming-2025-05-14", "context-1m-2025-08-07"];

const asking = (model, content, more = {}) => ({ model, max_tokens: 4096, messages: [{ role: "user", content }], ...more });
const textOf = (told) => told.content.filter((block) => block.type === "text").map((block) => block.text).join("");

each("messages, whole", async (model) => {
  const told = await client.messages.create(asking(model, ASK));
  assert.equal(textOf(told), SAID);
  assert.equal(told.stop_reason, "end_turn");
  assert.ok(told.usage.input_tokens > 0 && told.usage.output_tokens > 0);
  assert.match(told._request_id, /^req_/);
});

each("messages, streamed", async (model) => {
  const events = await collect(await client.messages.create(asking(model, ASK, { stream: true })));
  assert.equal(events[0].type, "message_start");
  assert.equal(events.at(-1).type, "message_stop");
  const texts = events.filter((event) => event.delta?.type === "text_delta");
  assert.equal(texts.map((event) => event.delta.text).join(""), SAID);
});

each("messages, put together by the stream helper", async (model) => {
  const stream = client.messages.stream(asking(model, ASK));
  const heard = [];
  stream.on("text", (text) => heard.push(text));
  const told = await stream.finalMessage();
  assert.equal(heard.join(""), SAID);
  assert.equal(textOf(told), SAID);
  assert.ok(told.usage.input_tokens > 0 && told.usage.output_tokens > 0);
});

const THINKING = { thinking: { type: "enabled", budget_tokens: 2048 } };

for (const stream of [false, true]) {
  each(`thinking${stream ? ", streamed" : ""}`, async (model) => {
    const asked = asking(model, "Think.", THINKING);
    const told = stream ? await client.messages.stream(asked).finalMessage() : await client.messages.create(asked);
    assert.deepEqual(
      told.content.map((block) => block.type),
      ["thinking", "text"],
    );
    assert.equal(told.content[0].thinking, THOUGHT);
    assert.equal(told.content[1].text, SAID);
  });
}

const declared = Object.entries(SCHEMAS).map(([name, { description, schema }]) => ({ name, description, input_schema: schema }));

for (const stream of [false, true]) {
  each(`a loop of tools with thinking played back${stream ? ", streamed" : ""}`, async (model, upstream) => {
    const tools = new Tools();
    const asked = asking(model, WALK, { tools: declared, ...THINKING });
    const next = () => (stream ? client.messages.stream(asked).finalMessage() : client.messages.create(asked));
    let told = await next();
    while (told.stop_reason === "tool_use") {
      const calls = told.content.filter((block) => block.type === "tool_use");
      const results = calls.map(({ id, name, input }) => ({ type: "tool_result", tool_use_id: id, content: tools.run(name, input) }));
      asked.messages.push({ role: "assistant", content: told.content }, { role: "user", content: results });
      told = await next();
    }
    const text = textOf(told);
    assert.ok(text.startsWith(SUM), text);
    if (upstream === "anthropic") assert.match(text, /2 of 2 thoughts came back/);
    tools.check();
  });

  each(`a loop of tools by the tool runner${stream ? ", streamed" : ""}`, async (model) => {
    const tools = new Tools();
    const inputs = { river_length: z.object({ river: z.string() }), add: z.object({ numbers: z.array(z.number()) }) };
    const runnable = Object.entries(inputs).map(([name, inputSchema]) =>
      betaZodTool({ name, description: SCHEMAS[name].description, inputSchema, run: (given) => tools.run(name, given) }),
    );
    const runner = client.beta.messages.toolRunner(asking(model, WALK, { tools: runnable, stream }));
    const told = await runner.runUntilDone();
    assert.ok(textOf(told).startsWith(SUM), textOf(told));
    tools.check();
  });
}

each("a value of a zod type", async (model) => {
  const format = zodOutputFormat(z.object({ name: z.string(), length_km: z.number() }));
  const told = await client.messages.parse(asking(model, "Describe a river.", { output_config: { format } }));
  assert.deepEqual(told.parsed_output, RIVER);
});

for (const stream of [false, true]) {
  each(`beta messages with several flags${stream ? ", streamed" : ""}`, async (model) => {
    const asked = asking(model, ASK, { betas: BETAS });
    const told = stream ? await client.beta.messages.stream(asked).finalMessage() : await client.beta.messages.create(asked);
    assert.equal(textOf(told), SAID);
  });
}

each(
  "tokens are counted",
  async (model) => {
    const told = await client.messages.countTokens({ model, messages: [{ role: "user", content: ASK }] });
    assert.ok(told.input_tokens > 0);
  },
  ["anthropic", "gemini"],
);

each("models, listed and one by one", async (model, upstream) => {
  const listed = await collect(client.models.list());
  assert.ok(listed.some(({ id }) => id.startsWith(`${upstream}/`)));
  assert.equal((await client.models.retrieve(model)).id, model);
});

each("a stream that is cut raises", (model) => assertCut(() => client.messages.create(asking(model, "Cut.", { stream: true }))));

each("a stream that is cut raises from the stream helper", (model) => assertCut(async () => client.messages.stream(asking(model, "Cut."))));

each("an error within a stream raises", (model) =>
  assertCut(() => client.messages.create(asking(model, "Break.", { stream: true })), Anthropic.APIError),
);

const FAULTS = {
  BadRequest: Anthropic.BadRequestError,
  AuthFailed: Anthropic.InternalServerError, // the gateway's key was refused, not the caller's
  ModelNotFound: Anthropic.NotFoundError,
  RateLimited: Anthropic.RateLimitError,
  Overloaded: Anthropic.InternalServerError,
  ServerFault: Anthropic.InternalServerError,
};

for (const [fault, kind] of Object.entries(FAULTS)) {
  each(`${fault} is the client's own error`, async (model) => {
    for (const stream of [false, true]) {
      await assert.rejects(client.messages.create(asking(model, `Fail: ${fault}`, { stream })), (error) => {
        assert.ok(error instanceof kind, `${error.constructor.name} ${error.status}: ${error.message}`);
        assert.match(error.requestID, /^req_/);
        assert.match(error.message, /as it was asked to/);
        return true;
      });
    }
  });
}

once(
  "an unknown model is the client's own error",
  () => assert.rejects(client.messages.create(asking("nobody/nothing", ASK)), Anthropic.NotFoundError),
  "anthropic",
);

each("a wrong key is the client's own error, the right one passes", async (model) => {
  const other = (apiKey) => new Anthropic({ baseURL: locked, apiKey, maxRetries: 0 });
  await assert.rejects(other("wrong").messages.create(asking(model, ASK)), Anthropic.AuthenticationError);
  assert.equal(textOf(await other(key).messages.create(asking(model, ASK))), SAID);
  const bearer = new Anthropic({ baseURL: locked, apiKey: null, authToken: key, maxRetries: 0 });
  assert.equal(textOf(await bearer.messages.create(asking(model, ASK))), SAID);
});
