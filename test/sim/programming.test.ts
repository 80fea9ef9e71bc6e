/**
 * Which routes are put into the kernel, and with what documents say of that while the daemon runs.
 */

import { expect, test } from "bun:test";
import { ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import { createQueries } from "../../bgpd/queries.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { documentOf, nodeOf } from "../resource/documents.ts";
import { DocumentsScene, planFor } from "./documents-scene.ts";

const SERVICES = "serviceClusterIPs: [{cidr: 10.96.0.0/12}]";
const POOL = documentOf("IPPool", "pods", "cidr: 10.244.0.0/16");
const TOR = documentOf(
  "BGPPeer",
  "tor",
  "node: n1\npeerIP: 172.30.0.1\nasNumber: 65000\nimportPolicy: all",
);

function documents(configuration: string): string[] {
  return [
    documentOf("BGPConfiguration", "default", configuration),
    POOL,
    nodeOf("n1", 11, "10.244.1.0/24"),
    nodeOf("n2", 12, "10.244.2.0/24"),
    TOR,
  ];
}

/** n1 over a kernel, beside n2 and a router that tells one more route, and one in the range of services. */
function scene(configuration: string): DocumentsScene {
  const all = new DocumentsScene();
  all.apply(
    planFor("tor", [
      documentOf("BGPConfiguration", "default", "asNumber: 65000"),
      documentOf(
        "Node",
        "tor",
        "bgp: {ipv4Address: 172.30.0.1/24}\nblocks: [20.0.0.0/24, 10.100.0.0/24]",
      ),
      documentOf("BGPPeer", "n1", "peerIP: 172.30.0.11\nasNumber: 64512"),
    ]),
  );
  all.apply(planFor("n2", documents(configuration)));
  all.apply(planFor("n1", documents(configuration)), "kernel");
  all.pass(30);
  return all;
}

const POOLS_ROUTES = ["10.244.1.0/24 blackhole", "10.244.2.0/24 via 172.30.0.12"];
const OTHERS = ["20.0.0.0/24 via 172.30.0.1"];

test("the pools' routes go and come with programClusterRoutes, all others stay", () => {
  const all = scene(SERVICES);
  expect(all.installed("n1")).toEqual([...POOLS_ROUTES, ...OTHERS]);
  const { counters } = all.daemon("n1").fib ?? { counters: undefined };
  const before = counters?.installs;
  for (const [value, routes] of [
    ["Disabled", OTHERS],
    ["Enabled", [...POOLS_ROUTES, ...OTHERS]],
    ["EnabledIPIPOnly", OTHERS],
    ["EnabledNoEncapOnly", [...POOLS_ROUTES, ...OTHERS]],
  ] as const) {
    all.apply(planFor("n1", documents(`${SERVICES}\nprogramClusterRoutes: ${value}`)));
    all.pass(5);
    expect(all.installed("n1")).toEqual([...routes]);
    // They are known and told all the same.
    expect(all.routes("n1")).toContain("10.244.2.0/24");
    expect(all.routes("tor")).toContain("10.244.1.0/24");
  }
  // Twice two routes came; the others were never touched.
  expect((counters?.installs ?? 0) - (before ?? 0)).toBe(4);
  expect(counters?.removals).toBe(4);
});

test("routes in a range of services are not installed, whoever tells them", () => {
  const all = scene(SERVICES);
  expect(all.routes("n1")).toContain("10.100.0.0/24");
  all.apply(planFor("n1", documents("programClusterRoutes: Enabled")));
  all.pass(5);
  expect(all.installed("n1")).toContain("10.100.0.0/24 via 172.30.0.1");
});

test("answers say why a route is not in the kernel", () => {
  const all = scene("programClusterRoutes: Disabled");
  const daemon = all.daemon("n1");
  const queries = createQueries({
    daemon,
    clock: { now: () => 0 } as never,
    node: "n1",
    version: "1",
    started: 0,
    configuration: () => ({ source: "", generation: 1, faults: [] }),
    ready: () => ({ ok: true, reason: "" }),
  });
  const reason =
    "in the pool 10.244.0.0/16, whose routes another puts into the kernel (programClusterRoutes)";
  expect(queries.routes().find(({ prefix }) => prefix === "10.244.2.0/24")?.kernel).toBe(
    `not installed: ${reason}`,
  );
  expect(queries.why("10.244.1.0/24", parsePrefix("10.244.1.0/24")).summary).toBe(
    `10.244.1.0/24 is this node's own block (only path); addresses of it that no pod has are not bgpd's to drop: ${reason}.`,
  );
  expect(queries.fib().left).toEqual([{ prefix: "10.244.2.0/24", reason }]);
  expect(queries.fib().routes.map(({ prefix }) => prefix)).toEqual([
    "20.0.0.0/24",
    "10.100.0.0/24",
  ]);
});

/** Metrics of n1's routes in the kernel. */
const metricsOf = (all: DocumentsScene): number[] =>
  all
    .kernel("n1")
    .routes({ family: 4, protocol: ROUTE_PROTOCOL })
    .map(({ metric }) => metric);

test("routes have the metric that the documents say, and move when it is another", () => {
  const all = scene(`${SERVICES}\nipv4NormalRoutePriority: 2048\nipv6NormalRoutePriority: 7`);
  const routes = [...POOLS_ROUTES, ...OTHERS];
  expect(all.installed("n1")).toEqual(routes);
  expect(metricsOf(all)).toEqual([2048, 2048, 2048]);
  const healed = () => all.daemon("n1").fib?.counts().healed;
  all.apply(planFor("n1", documents(SERVICES)));
  all.pass(5);
  expect(all.installed("n1")).toEqual(routes);
  expect([metricsOf(all), healed()]).toEqual([[1024, 1024, 1024], 0]);
  expect(all.daemon("n1").neighbours.get("mesh n2")?.peer.status().flaps).toBe(0);
});

test("a daemon that comes after another finds its routes at the documents' metric", async () => {
  const priority = `${SERVICES}\nipv4NormalRoutePriority: 2048`;
  const all = scene(priority);
  await all.restart(planFor("n1", documents(priority)));
  expect(all.daemon("n1").fib?.counts().stale).toBeGreaterThan(0);
  all.pass(60);
  expect(all.installed("n1")).toEqual([...POOLS_ROUTES, ...OTHERS]);
  expect(metricsOf(all)).toEqual([2048, 2048, 2048]);
  expect(all.daemon("n1").fib?.counters.installs).toBe(0);
});
