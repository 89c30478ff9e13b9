// Vercel's `ai` with @ai-sdk/google.

import assert from "node:assert/strict";

import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { embedMany } from "ai";

import { cases, keyCases } from "./ai.mjs";
import { key, locked, once, url } from "./stage.mjs";

const google = createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: key });
const options = { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } } };

cases("generateContent", google, { options });
keyCases("generateContent", (apiKey, name) => createGoogleGenerativeAI({ baseURL: `${locked}/v1beta`, apiKey })(name), key);

for (const [upstream, name] of [
  ["gemini", "gemini-embedding-001"],
  ["openai", "text-embedding-3-small"],
]) {
  const embeds = async () => {
    const told = await embedMany({ model: google.embedding(`${upstream}/${name}`), values: ["Rhine", "Loire"], maxRetries: 0 });
    assert.equal(told.embeddings.length, 2);
  };
  once("embedMany", embeds, upstream);
}
