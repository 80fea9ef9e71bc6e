/**
 * A reflected cluster with kernels whose daemons restart in any order, killed or ended: in the end every table is as
 * without a restart, and while peers help no route that stays wanted leaves a kernel.
 */

import { expect, test } from "bun:test";
import type { SpeakerPlan } from "../../bgpd/cluster/speaker.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { createMemoryHost, type MemoryHost } from "../../kernel/memory.ts";
import { type Address, parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix } from "../../lib/prefix.ts";
import { document, planOf } from "./plan.ts";
import { ProcessClock, seeded } from "./world.ts";

const SEEDS = 20;
/** Two reflectors, and their clients. */
const REFLECTORS = ["n1", "n2"];
const NAMES = ["n1", "n2", "n3", "n4", "n5"];

/** How many restarts, the seconds between two of them at most, and of whom while some have not converged yet. */
type Pace = {
  readonly steps: number;
  readonly pause: number;
  readonly of: (unconverged: readonly string[]) => readonly string[];
};

/** RFC 4724 deletes what a restart has left when the next one comes before the End-of-RIB: none has another so soon. */
const CALM: Pace = {
  steps: 8,
  pause: 40,
  of: (unconverged) => NAMES.filter((name) => !unconverged.includes(name)),
};
/** The same one again and again until it comes to rest; of two such decision 27 says why nothing is promised. */
const LOOP: Pace = {
  steps: 20,
  pause: 4,
  of: (unconverged) => (unconverged.length === 0 ? NAMES : unconverged),
};

const addressOf = (name: string): string => `172.30.0.1${name.slice(1)}`;

function planFor(name: string, gracefulRestart: object): SpeakerPlan {
  const labels = (node: string): object =>
    REFLECTORS.includes(node) ? { role: "reflector" } : { role: "client" };
  return planOf(
    name,
    document("BGPConfiguration", "default", { nodeToNodeMeshEnabled: false, gracefulRestart }),
    ...NAMES.map((node) =>
      JSON.stringify({
        apiVersion: "projectcalico.org/v3",
        kind: "Node",
        metadata: { name: node, labels: labels(node) },
        spec: {
          bgp: {
            ipv4Address: `${addressOf(node)}/24`,
            ...(REFLECTORS.includes(node) ? { routeReflectorClusterID: "244.0.0.1" } : {}),
          },
          blocks: [`10.244.${node.slice(1)}.0/24`],
        },
      }),
    ),
    document("BGPPeer", "reflectors", { peerSelector: "role == 'reflector'" }),
  );
}

class Cluster {
  readonly clock = new VirtualClock();
  readonly random: () => number;
  readonly network: MemoryNetwork;
  /** `n3: 10.244.1.0/24` of each route of ours that left a kernel. */
  readonly lost: string[] = [];
  readonly #hosts = new Map<string, MemoryHost>();
  readonly #alive = new Map<string, { readonly daemon: Daemon; readonly clock: ProcessClock }>();
  readonly #gracefulRestart: object;

  constructor(seed: number, gracefulRestart: object) {
    this.random = seeded(seed);
    this.#gracefulRestart = gracefulRestart;
    this.network = new MemoryNetwork({
      clock: this.clock,
      latency: () => this.random() * 20,
      segment: () => 1 + Math.floor(this.random() * 200),
    });
    for (const name of NAMES) {
      this.network.host(this.#address(name));
      const host = createMemoryHost({ defer: (run) => void this.clock.after(0, run) });
      const fabric = host.createNamespace("fabric");
      const kernel = host.kernel();
      const peer = { name: "fabric0", namespace: fabric };
      kernel.apply({ type: "create veth", end: { name: "eth0" }, peer });
      host.kernel(fabric).apply({ type: "set link", link: "fabric0", up: true });
      kernel.apply({ type: "set link", link: "eth0", up: true });
      const address = this.#address(name);
      kernel.apply({ type: "add address", link: "eth0", address, length: 24 });
      this.#watch(name, kernel);
      this.#hosts.set(name, host);
    }
    for (const name of NAMES) this.start(name);
  }

  start(name: string): void {
    const clock = new ProcessClock(this.clock);
    const daemon = new Daemon({
      clock,
      transport: this.network.host(this.#address(name)),
      kernel: this.#hosts.get(name)?.kernel(),
      log: silentLogger(),
      random: this.random,
      onConverged: () => {},
    });
    daemon.apply(planFor(name, this.#gracefulRestart));
    this.#alive.set(name, { daemon, clock });
  }

  /** SIGKILL, or SIGTERM; after a moment another daemon is there. */
  restart(name: string, how: "kill" | "end"): void {
    const { daemon, clock } = this.#alive.get(name)!;
    if (how === "end") {
      void daemon.stop({ withdraw: false });
      this.clock.advance(100);
    }
    clock.stop();
    this.network.kill(this.#address(name));
    this.clock.advance(this.random() * 3000);
    this.start(name);
  }

  /** Who still waits for others, or has others wait. */
  get unconverged(): string[] {
    return NAMES.filter((name) => this.#alive.get(name)?.daemon.converged !== true);
  }

  pass(seconds: number): void {
    this.clock.advance(seconds * 1000);
  }

  /** Every path of every table, and the kernels' routes. */
  get tables(): unknown {
    return NAMES.map((name) => ({
      paths: this.#alive
        .get(name)
        ?.daemon.rib?.routes()
        .map(({ prefix, paths }) => [
          formatPrefix(prefix),
          paths.map(({ peer, state, stale }) => [peer, state, stale]),
        ]),
      kernel: this.#hosts
        .get(name)
        ?.kernel()
        .routes({ family: 4, protocol: ROUTE_PROTOCOL })
        .map(({ destination }) => formatPrefix(destination))
        .sort(),
    }));
  }

  #watch(name: string, kernel: Kernel): void {
    kernel.watch(["route"], (event) => {
      if (event.type !== "route" || event.change !== "deleted") return;
      if (event.route.protocol !== ROUTE_PROTOCOL) return;
      this.lost.push(`${name}: ${formatPrefix(event.route.destination)}`);
    });
  }

  #address(name: string): Address {
    return parseAddress(addressOf(name));
  }
}

function play(
  seed: number,
  gracefulRestart: object,
  { steps, pause, of }: Pace = CALM,
): { cluster: Cluster; before: unknown } {
  const cluster = new Cluster(seed, gracefulRestart);
  cluster.pass(60);
  const before = cluster.tables;
  for (let step = 0; step < steps; step++) {
    const names = of(cluster.unconverged);
    const name = names[Math.floor(cluster.random() * names.length)];
    if (name === undefined) throw new Error(`seed ${seed}: nobody can be restarted`);
    cluster.restart(name, cluster.random() < 0.5 ? "kill" : "end");
    cluster.pass(cluster.random() * pause);
  }
  cluster.pass(300);
  return { cluster, before };
}

test.each([
  ["by default", {}, CALM],
  ["with NOTIFICATIONs", { notifications: true }, CALM],
  ["long-lived", { longLivedStaleTime: 3600 }, CALM],
  // Before the End-of-RIB of one restart comes the next: RFC 4724 alone deletes what the first has left.
  ["long-lived, in a crash loop", { longLivedStaleTime: 3600 }, LOOP],
])(
  "restarts in any order, %s: no route leaves a kernel, and the tables are as before",
  (_, gracefulRestart, pace) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { cluster, before } = play(seed, gracefulRestart, pace);
      expect([seed, cluster.lost]).toEqual([seed, []]);
      expect([seed, cluster.tables]).toEqual([seed, before]);
    }
  },
  60_000,
);

test("without graceful restart routes leave kernels", () => {
  const { cluster, before } = play(1, { mode: "None" });
  expect(cluster.lost.length).toBeGreaterThan(0);
  expect(cluster.tables).toEqual(before);
});
