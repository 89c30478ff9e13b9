// Vercel's `ai` with @ai-sdk/anthropic.

import { createAnthropic } from "@ai-sdk/anthropic";

import { cases, keyCases } from "./ai.mjs";
import { key, locked, url } from "./stage.mjs";

const options = { anthropic: { thinking: { type: "enabled", budgetTokens: 2048 } } };

cases("messages", createAnthropic({ baseURL: `${url}/v1`, apiKey: key }), { options, replays: ["anthropic", "bedrock"] });
keyCases("messages", (apiKey, name) => createAnthropic({ baseURL: `${locked}/v1`, apiKey })(name), key);
