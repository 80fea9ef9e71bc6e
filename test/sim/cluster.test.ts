/**
 * Whole speakers, from documents to tables, on a virtual clock: whatever was cut, killed and changed, once the
 * network is whole again everybody has everything, and nothing else.
 */

import { expect, test } from "bun:test";
import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import type { SpeakerPlan } from "../../bgpd/cluster/speaker.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import { type Address, parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix } from "../../lib/prefix.ts";
import { readDocuments } from "../../resource/document.ts";
import { formatFault } from "../../resource/fault.ts";
import { ProcessClock, seeded } from "./world.ts";

const NODES = 4;
const ROUTER = "tor";
const ROUTER_BLOCKS = ["192.0.2.0/24", "2001:db8::/120"];
/** Routes IPv4 alone, as its sessions do at both ends. */
const OLD = "n4";
const TIMERS = { holdTime: 9, keepaliveTime: 3, connectRetryTime: 2 };

const names = Array.from({ length: NODES }, (_, index) => `n${index + 1}`);
const addressOf = (name: string): string =>
  name === ROUTER ? "172.30.0.1" : `172.30.0.${10 + Number(name.slice(1))}`;

/** Of both families, but for the old one. */
function bgpOf(name: string): object {
  const address6 = `fd00:30::${addressOf(name).split(".").at(-1)}/64`;
  const ipv4Address = `${addressOf(name)}/24`;
  return name === OLD ? { ipv4Address } : { ipv4Address, ipv6Address: address6 };
}

const isCarried = (name: string, prefix: string): boolean => name !== OLD || !prefix.includes(":");

function document(kind: string, name: string, spec: object): string {
  return JSON.stringify({ apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec });
}

/** The plan of a node (or the router) when the nodes have these blocks. */
function planOf(name: string, blocks: ReadonlyMap<string, readonly string[]>): SpeakerPlan {
  const router = [
    document("BGPConfiguration", "default", {
      asNumber: 65_000,
      nodeToNodeMeshEnabled: false,
      ...TIMERS,
    }),
    document("Node", ROUTER, {
      bgp: bgpOf(ROUTER),
      blocks: ROUTER_BLOCKS,
    }),
    ...names.map((node) =>
      document("BGPPeer", node, { peerIP: addressOf(node), asNumber: 64_512 }),
    ),
  ];
  const cluster = [
    document("BGPConfiguration", "default", TIMERS),
    document("BGPPeer", ROUTER, { peerIP: addressOf(ROUTER), asNumber: 65_000 }),
    document("IPPool", "pods", { cidr: "10.244.0.0/16" }),
    document("IPPool", "pods6", { cidr: "fd00:244::/48" }),
    ...names.map((node) =>
      document("Node", node, {
        bgp: bgpOf(node),
        blocks: blocks.get(node) ?? [],
      }),
    ),
  ];
  const text = (name === ROUTER ? router : cluster).join("\n---\n");
  const { resources, faults } = readDocuments([{ file: "cluster.yaml", text }]);
  const planned = planSpeaker(resources, name);
  const all = "plan" in planned ? faults : [...faults, ...planned.faults];
  if (!("plan" in planned) || all.length > 0) throw new Error(all.map(formatFault).join("\n"));
  return planned.plan;
}

/** The n-th block of each family that the node routes. */
function blocksOf(name: string, n: number): string[] {
  return [`10.244.${n}.0/24`, `fd00:244:0:${n}::/122`].filter((block) => isCarried(name, block));
}

class Cluster {
  readonly clock = new VirtualClock();
  readonly random: () => number;
  readonly network: MemoryNetwork;
  readonly blocks = new Map<string, readonly string[]>(
    names.map((name, i) => [name, blocksOf(name, i + 1)]),
  );
  readonly #alive = new Map<string, { readonly daemon: Daemon; readonly clock: ProcessClock }>();

  constructor(seed: number) {
    this.random = seeded(seed);
    this.network = new MemoryNetwork({
      clock: this.clock,
      latency: () => this.random() * 20,
      segment: () => 1 + Math.floor(this.random() * 60),
    });
    for (const name of [...names, ROUTER]) this.network.host(this.#address(name));
  }

  start(name: string): void {
    if (this.#alive.has(name)) return;
    const clock = new ProcessClock(this.clock);
    const daemon = new Daemon({
      clock,
      transport: this.network.host(this.#address(name)),
      kernel: undefined,
      log: silentLogger(),
      random: this.random,
      onConverged: () => {},
    });
    daemon.apply(planOf(name, this.blocks));
    this.#alive.set(name, { daemon, clock });
  }

  kill(name: string): void {
    this.#alive.get(name)?.clock.stop();
    this.#alive.delete(name);
    this.network.kill(this.#address(name));
  }

  setBlocks(name: string, blocks: readonly string[]): void {
    this.blocks.set(name, blocks);
    for (const [other, { daemon }] of this.#alive) daemon.apply(planOf(other, this.blocks));
  }

  cut(a: string, b: string): void {
    this.network.cut(this.#address(a), this.#address(b));
  }

  mend(a: string, b: string): void {
    this.network.mend(this.#address(a), this.#address(b));
  }

  pass(seconds: number): void {
    this.clock.advance(seconds * 1000);
  }

  daemon(name: string): Daemon {
    const found = this.#alive.get(name)?.daemon;
    if (found === undefined) throw new Error(`${name} is not running`);
    return found;
  }

  /** `PREFIX from PEER` of every best route, sorted. */
  table(name: string): string[] {
    const views = this.daemon(name).rib?.routes() ?? [];
    return views
      .flatMap(({ prefix, paths }) => {
        const best = paths.find(({ state }) => state === "best");
        return best === undefined ? [] : [`${formatPrefix(prefix)} from ${best.peer ?? "itself"}`];
      })
      .sort();
  }

  /** What the table is to be when everything is whole. */
  expected(name: string): string[] {
    const lines = [...this.blocks].flatMap(([owner, blocks]) =>
      blocks
        .filter((block) => isCarried(name, block))
        .map((block) => {
          if (owner === name) return `${block} from itself`;
          return `${block} from ${name === ROUTER ? owner : `mesh ${owner}`}`;
        }),
    );
    const outside = ROUTER_BLOCKS.filter((block) => isCarried(name, block)).map(
      (block) => `${block} from ${name === ROUTER ? "itself" : ROUTER}`,
    );
    return [...lines, ...outside].sort();
  }

  flaps(): number {
    return [...this.#alive.values()]
      .flatMap(({ daemon }) => [...daemon.neighbours.values()])
      .reduce((sum, { peer }) => sum + peer.status().flaps, 0);
  }

  #address(name: string): Address {
    return parseAddress(addressOf(name));
  }
}

function pick<Value>(random: () => number, values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)] as Value;
}

/** One misfortune. */
function disturb(cluster: Cluster, extra: { next: number }): void {
  const { random } = cluster;
  const all = [...names, ROUTER];
  const [one, other] = [pick(random, all), pick(random, all)];
  const isPair = one !== other;
  const misfortunes: readonly (() => void)[] = [
    () => cluster.kill(one),
    () => cluster.start(one),
    () => isPair && cluster.cut(one, other),
    () => isPair && cluster.mend(one, other),
    () => cluster.setBlocks(pick(random, names), []),
    () => {
      const name = pick(random, names);
      cluster.setBlocks(name, blocksOf(name, extra.next++));
    },
  ];
  pick(random, misfortunes)();
}

test("a cluster and its router learn each other's prefixes within seconds", () => {
  const cluster = new Cluster(1);
  for (const name of [...names, ROUTER]) cluster.start(name);
  cluster.pass(10);
  for (const name of [...names, ROUTER]) {
    expect([name, cluster.table(name)]).toEqual([name, cluster.expected(name)]);
  }
  cluster.pass(3600);
  expect(cluster.flaps()).toBe(0);
});

test("whatever was cut, killed and changed, in the end everybody has everything and nothing else", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const cluster = new Cluster(seed);
    const all = [...names, ROUTER];
    for (const name of all) cluster.start(name);
    const extra = { next: 50 };
    for (let step = 0; step < 25; step++) {
      disturb(cluster, extra);
      cluster.pass(cluster.random() * 8);
    }
    for (const a of all) for (const b of all) if (a < b) cluster.mend(a, b);
    for (const name of all) cluster.start(name);
    cluster.pass(400);
    for (const name of all) {
      expect([seed, name, cluster.table(name)]).toEqual([seed, name, cluster.expected(name)]);
    }
  }
});
