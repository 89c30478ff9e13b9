// Vercel's `ai` with @ai-sdk/openai: chat completions and responses, embeddings, pictures, speech, transcripts.

import assert from "node:assert/strict";

import { createOpenAI } from "@ai-sdk/openai";
import { embedMany, experimental_generateSpeech, experimental_transcribe, generateImage } from "ai";

import { cases, keyCases } from "./ai.mjs";
import { key, locked, once, url } from "./stage.mjs";

const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
const options = { openai: { reasoningEffort: "low", reasoningSummary: "auto", forceReasoning: true, store: false } };

cases("chat", openai.chat, { thinks: () => false }); // it knows no thinking in chat completions
cases("responses", openai.responses, { options, replays: ["openai", "anthropic", "bedrock"] });
keyCases("chat", (apiKey, name) => createOpenAI({ baseURL: `${locked}/v1`, apiKey }).chat(name), key);
keyCases("responses", (apiKey, name) => createOpenAI({ baseURL: `${locked}/v1`, apiKey }).responses(name), key);

const EMBEDDING = {
  openai: "text-embedding-3-small",
  gemini: "gemini-embedding-001",
  cohere: "embed-v4.0",
  bedrock: "cohere.embed-multilingual-v3",
};

for (const [upstream, name] of Object.entries(EMBEDDING)) {
  const embeds = async () => {
    const told = await embedMany({ model: openai.embedding(`${upstream}/${name}`), values: ["Rhine", "Loire"], maxRetries: 0 });
    assert.equal(told.embeddings.length, 2);
    assert.ok(Math.abs(Math.hypot(...told.embeddings[0]) - 1) < 1e-3);
  };
  once("embedMany", embeds, upstream);
}

once("generateImage", async () => {
  const told = await generateImage({ model: openai.image("openai/gpt-image-1"), prompt: "A river", maxRetries: 0 });
  assert.equal(Buffer.from(told.image.uint8Array).subarray(1, 4).toString(), "PNG");
});

once("generateSpeech", async () => {
  const told = await experimental_generateSpeech({ model: openai.speech("openai/gpt-4o-mini-tts"), text: "A river", maxRetries: 0 });
  assert.equal(Buffer.from(told.audio.uint8Array).subarray(0, 4).toString(), "RIFF");
});

once("transcribe", async () => {
  const model = openai.transcription("openai/gpt-4o-mini-transcribe");
  const told = await experimental_transcribe({ model, audio: Buffer.from("sound"), maxRetries: 0 });
  assert.match(told.text, /5 bytes/);
});
