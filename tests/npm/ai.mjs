// What Vercel's `ai` is asked to do with any of its providers: whole, streamed, several steps of tools, objects, thinking, cuts and errors.

import assert from "node:assert/strict";

import { APICallError, Output, generateObject, generateText, jsonSchema, readUIMessageStream, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";

import { ASK, RIVER, SAID, SCHEMAS, SUM, THOUGHT, Tools, WALK, collect, each } from "./stage.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false; // what it warns of is told in the answers too

const River = z.object({ name: z.string(), length_km: z.number() });
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const ONCE = { maxRetries: 0, maxOutputTokens: 4096 };

const runnables = (tools) =>
  Object.fromEntries(
    Object.entries(SCHEMAS).map(([name, { description, schema }]) => [
      name,
      tool({ description, inputSchema: jsonSchema(schema), execute: (given) => tools[name](given) }),
    ]),
  );

const ignored = { onError: () => {} }; // else it prints what the test expects

async function assertStreamFails(model, prompt) {
  const parts = await collect(streamText({ model, prompt, ...ONCE, ...ignored }).fullStream);
  const types = parts.map((part) => part.type);
  assert.ok(types.includes("text-delta"), `nothing was read before: ${types}`);
  assert.ok(types.includes("error"), `no error was told: ${types.slice(-3)}`);
}

/** Asserts that whatever begins ends, once, with all its pieces between, and that a call's pieces are its input. */
function assertWhole(parts) {
  const open = new Map();
  const inputs = new Map();
  for (const part of parts) {
    const [, kind, stage] = /^(text|reasoning|tool-input)-(start|delta|end)$/.exec(part.type) ?? [];
    const key = `${kind} ${part.id}`;
    if (stage === "start") {
      assert.ok(!open.has(key), `${key} began twice`);
      open.set(key, "");
    } else if (stage !== undefined) {
      assert.ok(open.has(key), `${part.type} of ${key} stands outside it`);
      open.set(key, open.get(key) + (part.delta ?? part.text ?? ""));
    }
    if (stage === "end") {
      if (kind === "tool-input") inputs.set(part.id, open.get(key));
      open.delete(key);
    }
    if (part.type === "tool-call" && inputs.has(part.toolCallId)) assert.deepEqual(JSON.parse(inputs.get(part.toolCallId)), part.input);
  }
  assert.deepEqual([...open.keys()], []);
}

async function assertWalked(told, tools, isReplayed) {
  assert.ok(told.text.startsWith(SUM), told.text);
  if (isReplayed) assert.match(told.text, /2 of 2 thoughts came back/);
  assert.deepEqual(
    told.steps.map((step) => step.finishReason),
    ["tool-calls", "tool-calls", "tool-calls", "stop"],
  );
  tools.check();
}

/**
 * `reach` gives the provider's model for a name; `options` what wakes its thinking; `thinks` says at which upstreams it shows it, and
 * `replays` at which it goes back to the model with the model's signature.
 */
export function cases(label, reach, { options = {}, thinks = () => true, replays = [] } = {}) {
  each(`${label}, generateText`, async (name) => {
    const told = await generateText({ model: reach(name), prompt: ASK, ...ONCE });
    assert.equal(told.text, SAID);
    assert.equal(told.finishReason, "stop");
    assert.ok(told.usage.inputTokens > 0 && told.usage.outputTokens > 0);
    assert.deepEqual(told.warnings, []);
  });

  each(`${label}, streamText`, async (name) => {
    const stream = streamText({ model: reach(name), prompt: ASK, ...ONCE });
    const parts = await collect(stream.fullStream);
    const types = parts.map((part) => part.type);
    assert.deepEqual(
      types.filter((type) => type !== "text-delta" && type !== "custom"), // a provider's own, such as what Anthropic begins with
      ["start", "start-step", "text-start", "text-end", "finish-step", "finish"],
    );
    assert.equal(await stream.text, SAID);
    assert.equal(await stream.finishReason, "stop");
    assert.ok((await stream.usage).inputTokens > 0 && (await stream.usage).outputTokens > 0, JSON.stringify(await stream.usage));
  });

  each(`${label}, thinking`, async (name, upstream) => {
    const asked = { model: reach(name), prompt: "Think.", providerOptions: options, ...ONCE };
    const whole = await generateText(asked);
    const stream = streamText(asked);
    assert.equal(whole.text, SAID);
    assert.equal(await stream.text, SAID);
    if (!thinks(upstream)) return;
    assert.equal(whole.reasoningText, THOUGHT);
    assert.equal(await stream.reasoningText, THOUGHT);
  });

  each(`${label}, steps of tools`, async (name, upstream) => {
    const tools = new Tools();
    const told = await generateText({
      model: reach(name),
      prompt: WALK,
      tools: runnables(tools),
      stopWhen: stepCountIs(6),
      providerOptions: options,
      ...ONCE,
    });
    await assertWalked(told, tools, replays.includes(upstream));
  });

  each(`${label}, steps of tools, streamed`, async (name, upstream) => {
    const tools = new Tools();
    const stream = streamText({
      model: reach(name),
      prompt: WALK,
      tools: runnables(tools),
      stopWhen: stepCountIs(6),
      providerOptions: options,
      ...ONCE,
    });
    const parts = await collect(stream.fullStream);
    assert.deepEqual(
      parts.filter((part) => part.type === "error" || part.type === "tool-error"),
      [],
    );
    assertWhole(parts);
    await assertWalked({ text: await stream.text, steps: await stream.steps }, tools, replays.includes(upstream));
  });

  each(`${label}, messages for a page, put together from the stream`, async (name, upstream) => {
    const tools = new Tools();
    const providerOptions = upstream === "openai" ? options : {}; // an emulated OpenAI keeps nothing, so it has to be told all again
    const asked = { model: reach(name), prompt: WALK, tools: runnables(tools), stopWhen: stepCountIs(6), providerOptions, ...ONCE };
    const stream = streamText(asked);
    const [message] = (await collect(readUIMessageStream({ stream: stream.toUIMessageStream() }))).slice(-1);
    const calls = message.parts.filter((part) => part.type.startsWith("tool-"));
    assert.deepEqual(
      calls.map((part) => [part.type, part.state]),
      [...Array(3).fill(["tool-river_length", "output-available"]), ["tool-add", "output-available"]],
    );
    assert.ok(message.parts.at(-1).text.startsWith(SUM));
    if (replays.includes(upstream)) assert.match(message.parts.at(-1).text, /2 of 2 thoughts came back/);
    tools.check();
  });

  each(`${label}, a picture among the words, and a turn before`, async (name) => {
    const messages = [
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hi!" },
      {
        role: "user",
        content: [
          { type: "text", text: ASK },
          { type: "image", image: Buffer.from(PIXEL, "base64"), mediaType: "image/png" },
        ],
      },
    ];
    const told = await generateText({ model: reach(name), system: "Be brief.", messages, stopSequences: ["END"], temperature: 0.5, ...ONCE });
    assert.equal(told.text, SAID);
  });

  each(`${label}, a tool that must be called`, async (name) => {
    const tools = new Tools();
    const asked = { model: reach(name), prompt: WALK, tools: runnables(tools), ...ONCE };
    for (const toolChoice of ["required", { type: "tool", toolName: "river_length" }]) {
      const told = await generateText({ ...asked, toolChoice });
      assert.deepEqual(
        told.toolCalls.map((call) => [call.toolName, call.input]),
        [["river_length", { river: "Seine" }]],
      );
    }
  });

  each(`${label}, generateObject and streamObject`, async (name) => {
    const asked = { model: reach(name), prompt: "Describe a river.", schema: River, ...ONCE };
    assert.deepEqual((await generateObject(asked)).object, RIVER);
    const stream = streamObject(asked);
    assert.deepEqual((await collect(stream.partialObjectStream)).at(-1), RIVER);
    assert.deepEqual(await stream.object, RIVER);
  });

  each(`${label}, an object as the output of generateText`, async (name) => {
    const told = await generateText({ model: reach(name), prompt: "Describe a river.", output: Output.object({ schema: River }), ...ONCE });
    assert.deepEqual(told.output, RIVER);
  });

  each(`${label}, a stream that is cut tells an error`, (name) => assertStreamFails(reach(name), "Cut."));

  each(`${label}, an error within a stream is told`, (name) => assertStreamFails(reach(name), "Break."));

  for (const [fault, status] of Object.entries({ BadRequest: 400, ModelNotFound: 404, RateLimited: 429 })) {
    each(`${label}, ${fault} is the client's own error`, (name) =>
      assert.rejects(generateText({ model: reach(name), prompt: `Fail: ${fault}`, ...ONCE }), (error) => {
        assert.ok(APICallError.isInstance(error), `${error.constructor.name}: ${error.message}`);
        assert.equal(error.statusCode, status);
        assert.match(error.message, /as it was asked to/);
        assert.equal(error.isRetryable, status === 429);
        return true;
      }),
    );
  }
}

/** `open` makes the provider's model for a name and a key, at a gateway that asks for one. */
export function keyCases(label, open, key) {
  each(`${label}, a wrong key is the client's own error, the right one passes`, async (name) => {
    await assert.rejects(generateText({ model: open("wrong-key", name), prompt: ASK, ...ONCE }), (error) => {
      assert.ok(APICallError.isInstance(error), `${error.constructor.name}: ${error.message}`);
      return error.statusCode === 401;
    });
    assert.equal((await generateText({ model: open(key, name), prompt: ASK, ...ONCE })).text, SAID);
  });
}
