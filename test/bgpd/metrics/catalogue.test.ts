/** docs/metrics.md lists what is exposed: no metric more, none less, with the same types and labels. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { document, planOf } from "../../sim/plan.ts";
import { ROUTER, Watched } from "../../sim/watched.ts";

const DOCS = readFileSync(join(import.meta.dir, "../../../docs/metrics.md"), "utf8");
const ROW = /^\| `(manx_[a-z_]+)` \| (gauge|counter|histogram) \| ([a-z, ]*)\| (.+) \|$/gm;

const documented = Object.fromEntries(
  [...DOCS.matchAll(ROW)].map(([, name, type, labels = ""]) => [
    name,
    `${type} ${labels.trim().split(", ").sort().join()}`,
  ]),
);

/** A daemon with one peer that nobody answers for: every kind of series is there. */
async function exposed() {
  const node = new Watched();
  const plan = planOf(
    "n1",
    document("Node", "n1", { bgp: { ipv4Address: "172.30.0.11/24" } }),
    document("BGPPeer", "tor", { peerIP: ROUTER, asNumber: 65_000 }),
  );
  node.daemon.apply(plan);
  node.pass(30);
  return node.scrape();
}

test("the catalogue is what is exposed", async () => {
  const { families } = await exposed();
  const found = [...families].map(([name, { type, samples }]) => {
    const [series] = [...samples.values()].flat();
    const labels = Object.keys(series?.labels ?? {}).filter((label) => label !== "le");
    return [name, `${type} ${labels.sort().join()}`];
  });
  expect(documented).toEqual(Object.fromEntries(found));
  expect(found.length).toBeGreaterThan(30);
});

test("times are in seconds, and names say whose they are", async () => {
  const { families } = await exposed();
  for (const [name, { type }] of families) {
    expect(name).toMatch(/^manx_(bgp|fib|bfd)_/);
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|count|sum|bucket)(_|$)/);
    if (type === "histogram") expect(name).toEndWith("_seconds");
  }
});
