// Tells of a run of tests: each failure with its cause, then how many passed of each client at each upstream.

const NAME = /^(?<client>\S+) → (?<upstream>\w+): /;

function causeOf(error) {
  const inner = error.cause ?? error;
  return inner instanceof Error || inner?.stack ? inner.stack : String(inner.message ?? inner);
}

function table(rows) {
  const heads = [...new Set([...rows.values()].flatMap((row) => [...row.keys()]))];
  const lines = [["client", ...heads]];
  for (const [client, row] of [...rows].sort()) {
    lines.push([client, ...heads.map((head) => (row.has(head) ? `${row.get(head).passed}/${row.get(head).all}` : "–"))]);
  }
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  return lines.map((line) => line.map((cell, at) => cell.padEnd(widths[at])).join("  ").trimEnd() + "\n").join("");
}

export default async function* summary(events) {
  const rows = new Map();
  const began = Date.now();
  let failed = 0;
  let passed = 0;
  for await (const { type, data } of events) {
    if (type === "test:stderr") yield data.message;
    if ((type !== "test:pass" && type !== "test:fail") || data.details?.type === "suite") continue;
    if (data.skip !== undefined) continue;
    const named = NAME.exec(data.name)?.groups;
    if (named === undefined && type === "test:pass") continue; // the file itself
    const { client, upstream } = named ?? { client: data.name, upstream: "none" };
    const row = rows.get(client) ?? rows.set(client, new Map()).get(client);
    const cell = row.get(upstream) ?? row.set(upstream, { passed: 0, all: 0 }).get(upstream);
    cell.all += 1;
    if (type === "test:pass") {
      cell.passed += 1;
      passed += 1;
    } else {
      failed += 1;
      yield `FAILED ${data.name}\n${causeOf(data.details.error).replace(/^/gm, "    ")}\n\n`;
    }
  }
  yield `\n${table(rows)}\n${passed} passed, ${failed} failed in ${((Date.now() - began) / 1000).toFixed(1)} s\n`;
}
