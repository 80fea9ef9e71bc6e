/** Speakers on one network of memory, each by documents of its own, under a virtual clock. */

import type { SessionChange } from "../../bgpd/bfd/bfd.ts";
import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import type { PeerStatus } from "../../bgpd/peer.ts";
import type { Transport } from "../../bgpd/transport.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import type { Workload } from "../../ipam/workload.ts";
import { parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { Secret } from "../../lib/secret.ts";
import { readDocuments } from "../../resource/document.ts";
import { formatFault } from "../../resource/fault.ts";
import { seeded } from "./world.ts";

const TIMERS = { holdTime: 9, keepaliveTime: 3, connectRetryTime: 2, nodeToNodeMeshEnabled: false };

export type Spec = Readonly<Record<string, unknown>>;

/** One speaker at 10.0.0.N with AS 65000 + N and a block of its own. */
export class Host {
  readonly daemon: Daemon;
  readonly #n: number;
  readonly #files: ReadonlyMap<string, string>;
  readonly #secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Its pods, as their records have them. */
  pods: readonly Workload[] = [];
  /** Names of the BFD sessions that it has, and what tells it how one of them is. */
  readonly watched = new Set<string>();
  path: (name: string, to: "Up" | "Down", more?: Partial<SessionChange>) => void = () => {};

  constructor(world: World, n: number) {
    this.#n = n;
    this.#files = world.files;
    this.#secrets = world.secrets;
    this.daemon = new Daemon({
      clock: world.clock,
      transport: world.transport(n),
      kernel: undefined,
      log: silentLogger(),
      random: world.random,
      onConverged: () => {},
      pods: () => this.pods,
      bfd: (onChange) => {
        this.path = (name, to, more = {}) => {
          const change = { from: "Init", cause: "why", failure: to === "Down" } as const;
          onChange({ name, to, ...change, independent: false, ...more });
        };
        return {
          set: (name) => this.watched.add(name),
          remove: (name) => this.watched.delete(name),
          status: () => undefined,
          stop: async () => {},
        };
      },
    });
  }

  /** BGPPeers by name, and what the BGPConfiguration has besides. */
  configure(peers: Readonly<Record<string, Spec>>, common: Spec = {}): void {
    const document = (kind: string, name: string, spec: Spec): string =>
      JSON.stringify({ apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec });
    const ipv4Address = `10.0.0.${this.#n}/24`;
    const bgp = { ipv4Address, ipv6Address: `fd00::${this.#n}/64`, asNumber: 65_000 + this.#n };
    const blocks = [`20.0.${this.#n}.0/24`, `fd20:0:0:${this.#n}::/120`];
    const text = [
      document("BGPConfiguration", "default", { ...TIMERS, ...common }),
      document("Node", "here", { bgp, blocks }),
      ...[...this.#secrets].map(([name, keys]) =>
        JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: keys }),
      ),
      ...Object.entries(peers).map(([name, spec]) => document("BGPPeer", name, spec)),
    ].join("\n---\n");
    const { resources, faults } = readDocuments([{ file: "c.yaml", text }]);
    const read = (file: string): Secret =>
      new Secret(new TextEncoder().encode(this.#files.get(file) ?? ""));
    const planned = planSpeaker(resources, "here", { readKey: read });
    const all = "plan" in planned ? faults : [...faults, ...planned.faults];
    if (!("plan" in planned) || all.length > 0) throw new Error(all.map(formatFault).join("\n"));
    this.daemon.apply(planned.plan);
  }

  status(name: string): PeerStatus | undefined {
    return this.daemon.neighbours.get(name)?.peer.status();
  }

  /** `NAME STATE`, each. */
  get peers(): string[] {
    return [...this.daemon.neighbours].map(([name, { peer }]) => `${name} ${peer.status().state}`);
  }
}

export class World {
  readonly clock = new VirtualClock();
  readonly random = seeded(7);
  readonly network: MemoryNetwork;
  readonly files = new Map<string, string>();
  /** Secrets of Kubernetes, by name. */
  readonly secrets = new Map<string, Readonly<Record<string, string>>>();

  /** `window`: octets that TCP takes before the other side has read some. */
  constructor(window = 262_144) {
    this.network = new MemoryNetwork({ clock: this.clock, window });
  }

  transport(n: number): Transport {
    this.network.host(parseAddress(`fd00::${n}`));
    return this.network.host(parseAddress(`10.0.0.${n}`));
  }

  host(n: number): Host {
    return new Host(this, n);
  }

  pass(seconds: number): void {
    this.clock.advance(seconds * 1000);
  }
}

/** A session with the speaker N. */
export const to = (n: number, rest: Spec = {}): Spec => ({
  peerIP: `10.0.0.${n}`,
  asNumber: 65_000 + n,
  ...rest,
});
