/**
 * A node's daemon killed and started again over the same kernel: routes that stay wanted never leave it.
 */

import { expect, test } from "bun:test";
import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { ROUTE_METRIC, ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { createMemoryHost } from "../../kernel/memory.ts";
import { parseAddress } from "../../lib/address.ts";
import { type Clock, VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { readDocuments } from "../../resource/document.ts";
import { ProcessClock, seeded } from "./world.ts";

const NODE = parseAddress("172.30.0.11");
const ROUTER = parseAddress("172.30.0.1");
const COUNT = 3000;

function document(kind: string, name: string, spec: object): string {
  return JSON.stringify({ apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec });
}

function planOf(node: string, ...documents: string[]) {
  const { resources } = readDocuments([{ file: "cluster.yaml", text: documents.join("\n---\n") }]);
  const planned = planSpeaker(resources, node);
  if (!("plan" in planned)) throw new Error(planned.faults[0]?.message);
  return planned.plan;
}

const NODE_PLAN = planOf(
  "n1",
  document("Node", "n1", { bgp: { ipv4Address: "172.30.0.11/24" }, blocks: ["10.244.1.0/24"] }),
  document("BGPPeer", "tor", { peerIP: "172.30.0.1", asNumber: 65_000 }),
);

const ROUTER_PLAN = planOf(
  "tor",
  document("BGPConfiguration", "default", { asNumber: 65_000 }),
  document("Node", "tor", {
    bgp: { ipv4Address: "172.30.0.1/24" },
    blocks: Array.from({ length: COUNT }, (_, n) => `20.${n >> 8}.${n & 255}.0/24`),
  }),
  document("BGPPeer", "n1", { peerIP: "172.30.0.11", asNumber: 64_512 }),
);

/** Each look at the clock finds it three milliseconds later: work is done in many slices. */
class SlowMachine implements Clock {
  readonly #clock: Clock;
  #looks = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    this.#looks++;
    return this.#clock.now() + 3 * this.#looks;
  }

  date(): number {
    return this.#clock.date();
  }

  after(delay: number, run: () => void) {
    return this.#clock.after(delay, run);
  }
}

function scene() {
  const clock = new VirtualClock();
  const random = seeded(1);
  const network = new MemoryNetwork({
    clock,
    latency: () => random() * 20,
    segment: () => 1 + Math.floor(random() * 9000),
  });
  const host = createMemoryHost({ defer: (run) => void clock.after(0, run) });
  const fabric = host.createNamespace("fabric");
  const kernel = host.kernel();
  kernel.apply({
    type: "create veth",
    end: { name: "eth0" },
    peer: { name: "n1", namespace: fabric },
  });
  host.kernel(fabric).apply({ type: "set link", link: "n1", up: true });
  kernel.apply({ type: "set link", link: "eth0", up: true });
  kernel.apply({ type: "add address", link: "eth0", address: NODE, length: 24 });
  const transports = { node: network.host(NODE), router: network.host(ROUTER) };
  const start = (transport: (typeof transports)["node"], ours: Kernel | undefined) => {
    const processClock = new ProcessClock(clock);
    const daemon = new Daemon({
      clock: new SlowMachine(processClock),
      transport,
      kernel: ours,
      log: silentLogger(),
      random,
      onConverged: () => {},
    });
    return { daemon, kill: () => processClock.stop() };
  };
  start(transports.router, undefined).daemon.apply(ROUTER_PLAN);
  return {
    clock,
    kernel,
    startNode() {
      const process = start(transports.node, host.kernel());
      process.daemon.apply(NODE_PLAN);
      return {
        ...process,
        kill() {
          process.kill();
          network.kill(NODE);
        },
      };
    },
    installed: () => kernel.routes({ family: 4, protocol: ROUTE_PROTOCOL }).length,
  };
}

test("its successor adopts what is wanted, takes away what is stale, and nothing else leaves the kernel", () => {
  const { clock, kernel, startNode, installed } = scene();
  const first = startNode();
  clock.advance(20_000);
  expect(installed()).toBe(COUNT + 1);
  first.kill();
  const stale = parsePrefix("203.0.113.0/24");
  kernel.apply({
    type: "add route",
    route: {
      destination: stale,
      nextHops: [{ gateway: ROUTER }],
      protocol: ROUTE_PROTOCOL,
      metric: ROUTE_METRIC,
    },
  });
  const deleted: string[] = [];
  kernel.watch(["route"], (event) => {
    if (event.type === "route" && event.change === "deleted") {
      deleted.push(formatPrefix(event.route.destination));
    }
  });
  const second = startNode();
  expect(installed()).toBe(COUNT + 2);
  clock.advance(30_000);
  expect(second.daemon.converged).toBe(true);
  expect(deleted).toEqual([formatPrefix(stale)]);
  expect(installed()).toBe(COUNT + 1);
});
