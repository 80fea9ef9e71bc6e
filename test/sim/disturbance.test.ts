/**
 * A daemon whose kernel loses events, has no room, or is changed by others: within 100 ms all is as it should be.
 */

import { beforeEach, expect, test } from "bun:test";
import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { ROUTE_METRIC, ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import type { Kernel, RouteSpec } from "../../kernel/kernel.ts";
import { createMemoryHost, type MemoryHost } from "../../kernel/memory.ts";
import { parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { readDocuments } from "../../resource/document.ts";
import { seeded } from "./world.ts";

const NODE = parseAddress("172.30.0.11");
const OTHER = parseAddress("172.30.0.12");
const CLUSTER = ["11", "12"]
  .map((host, index) =>
    JSON.stringify({
      apiVersion: "projectcalico.org/v3",
      kind: "Node",
      metadata: { name: `n${index + 1}` },
      spec: {
        bgp: { ipv4Address: `172.30.0.${host}/24` },
        blocks: [`10.244.${index + 1}.0/24`, `10.245.${index + 1}.0/24`],
      },
    }),
  )
  .join("\n---\n");

function planOf(node: string) {
  const { resources } = readDocuments([{ file: "cluster.yaml", text: CLUSTER }]);
  const planned = planSpeaker(resources, node);
  if (!("plan" in planned)) throw new Error(planned.faults[0]?.message);
  return planned.plan;
}

let clock: VirtualClock;
let host: MemoryHost;
let kernel: Kernel;
let fabric: Kernel;
let daemon: Daemon;

const ALL = ["10.244.1.0/24", "10.244.2.0/24", "10.245.1.0/24", "10.245.2.0/24"];

const installed = (): string[] =>
  kernel
    .routes({ protocol: ROUTE_PROTOCOL })
    .map(({ destination }) => formatPrefix(destination))
    .sort();

const ours = (destination: string, spec: Partial<RouteSpec> = {}): RouteSpec => ({
  destination: parsePrefix(destination),
  protocol: ROUTE_PROTOCOL,
  metric: ROUTE_METRIC,
  ...spec,
});

function start(): void {
  const random = seeded(1);
  const network = new MemoryNetwork({ clock, latency: () => 1, segment: () => 9000 });
  const options = { clock, log: silentLogger(), random, onConverged: () => {} };
  daemon = new Daemon({ ...options, transport: network.host(NODE), kernel: host.kernel() });
  daemon.apply(planOf("n1"));
  new Daemon({ ...options, transport: network.host(OTHER), kernel: undefined }).apply(planOf("n2"));
}

beforeEach(() => {
  clock = new VirtualClock();
  host = createMemoryHost({ defer: (run) => void clock.after(0, run) });
  const namespace = host.createNamespace("fabric");
  kernel = host.kernel();
  fabric = host.kernel(namespace);
  kernel.apply({ type: "create veth", end: { name: "eth0" }, peer: { name: "n1", namespace } });
  fabric.apply({ type: "set link", link: "n1", up: true });
  kernel.apply({ type: "set link", link: "eth0", up: true });
  kernel.apply({ type: "add address", link: "eth0", address: NODE, length: 24 });
});

const object = (): number => kernel.nexthops()[0]?.id ?? 0;

const disturbances: Record<string, () => void> = {
  "routes deleted": () => {
    for (const route of ALL) kernel.apply({ type: "delete route", route: ours(route) });
  },
  "routes deleted, and the events lost": () => {
    for (const route of ALL) kernel.apply({ type: "delete route", route: ours(route) });
    host.overrun();
  },
  "a nexthop object deleted": () => kernel.apply({ type: "delete nexthop", id: object() }),
  "a nexthop object deleted, and the event lost": () => {
    kernel.apply({ type: "delete nexthop", id: object() });
    host.overrun();
  },
  "the link down and up": () => {
    for (const up of [false, true]) kernel.apply({ type: "set link", link: "eth0", up });
  },
  "the carrier lost and found": () => {
    for (const up of [false, true]) fabric.apply({ type: "set link", link: "n1", up });
  },
  "the address deleted and added": () => {
    kernel.apply({ type: "delete address", link: "eth0", address: NODE, length: 24 });
    clock.advance(50);
    kernel.apply({ type: "add address", link: "eth0", address: NODE, length: 24 });
  },
  "a route led elsewhere": () =>
    kernel.apply({ type: "replace route", route: ours(ALL[1] ?? "", { type: "blackhole" }) }),
};
for (const [what, disturb] of Object.entries(disturbances)) {
  test(`healed within 100 ms: ${what}`, () => {
    start();
    clock.advance(10_000);
    expect(installed()).toEqual(ALL);
    const before = host.print().replaceAll(/nexthop id.*|nhid \d+/g, "");
    disturb();
    clock.advance(100);
    expect(host.print().replaceAll(/nexthop id.*|nhid \d+/g, "")).toBe(before);
    expect(daemon.fib?.failures()).toEqual([]);
  });
}

for (const type of ["add route", "add nexthop"] as const) {
  test(`no room for an answer to "${type}": all is there within 100 ms after there is some`, () => {
    const stop = host.inject((request) =>
      request.type === type ? { code: "ENOBUFS" } : undefined,
    );
    start();
    clock.advance(10_000);
    expect(installed().length).toBeLessThan(ALL.length);
    stop();
    clock.advance(100);
    expect(installed()).toEqual(ALL);
  });
}

test("a daemon that is told to withdraw takes routes and objects along, though there is no room at first", async () => {
  start();
  clock.advance(10_000);
  let refusals = 1;
  host.inject(({ type }) =>
    type === "delete route" && refusals-- > 0 ? { code: "ENOBUFS" } : undefined,
  );
  const stopped = daemon.stop({ withdraw: true });
  clock.advance(1000);
  await stopped;
  expect(installed()).toEqual([]);
  expect(kernel.nexthops()).toEqual([]);
});
