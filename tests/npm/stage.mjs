// The gateway that is tested, and what every client is asked to do with it.

import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";

const told = JSON.parse(process.env.DRAGOMAN_STAGE);

export const { url, locked, key, models } = told;
export const upstreams = Object.keys(models);

export const SAID = "The Rhine – 🌊 – is „long“.";
export const THOUGHT = "Which one is long?";
export const RIVER = { name: "Rhine", length_km: 1233 };
export const ASK = "Name a river.";
export const WALK = "Add the rivers.";
export const SUM = "Together 2596 km.";

const LENGTHS = { Seine: 777, Loire: 1006, Rhône: 813 };

/** What was asked of the tools in a walk, so that a test can say that it was asked once and in order. */
export class Tools {
  asked = [];

  river_length = ({ river }) => {
    this.asked.push(river);
    return LENGTHS[river];
  };

  add = ({ numbers }) => {
    this.asked.push(numbers);
    return numbers.reduce((sum, number) => sum + number, 0);
  };

  run(name, given) {
    return String(this[name](given));
  }

  check() {
    assert.deepEqual(this.asked, ["Seine", "Loire", "Rhône", [777, 1006, 813]]);
  }
}

export const SCHEMAS = {
  river_length: {
    description: "How long a river is, in kilometres.",
    schema: { type: "object", properties: { river: { type: "string" } }, required: ["river"], additionalProperties: false },
  },
  add: {
    description: "The sum of numbers.",
    schema: {
      type: "object",
      properties: { numbers: { type: "array", items: { type: "number" } } },
      required: ["numbers"],
      additionalProperties: false,
    },
  },
};

const client = basename(process.argv[1], ".test.mjs");

/** A case at each upstream. */
export function each(what, run, at = upstreams) {
  for (const upstream of at) test(`${client} → ${upstream}: ${what}`, () => run(models[upstream], upstream));
}

/** A case at one upstream. */
export function once(what, run, upstream = "openai") {
  each(what, run, [upstream]);
}

export async function collect(parts) {
  const all = [];
  for await (const part of parts) all.push(part);
  return all;
}

/** Asserts that reading a stream raises after something of it was read. */
export async function assertCut(read, matches) {
  let heard = 0;
  await assert.rejects(async () => {
    for await (const _ of await read()) heard += 1;
  }, matches);
  assert.ok(heard > 0, "nothing of the stream was read before it was cut");
}
