/**
 * A whole daemon among neighbours that speak as a test says: for graceful restart, where what is not said counts.
 */

import type { SessionChange } from "../../bgpd/bfd/bfd.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { ROUTE_METRIC, ROUTE_PROTOCOL } from "../../bgpd/forwarding.ts";
import type { Connection } from "../../bgpd/transport.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import type { Attributes } from "../../bgpd/wire/attributes.ts";
import { decode, encode } from "../../bgpd/wire/codec.ts";
import { HEADER_LENGTH } from "../../bgpd/wire/const.ts";
import { INITIAL_CONTEXT, type WireContext } from "../../bgpd/wire/context.ts";
import { Framer } from "../../bgpd/wire/framer.ts";
import type { Capability, Message, OpenMessage } from "../../bgpd/wire/message.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { createMemoryHost } from "../../kernel/memory.ts";
import { type Address, parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { document, planOf } from "../sim/plan.ts";

const US = parseAddress("172.30.0.11");
const CONTEXT: WireContext = { ...INITIAL_CONTEXT, fourOctetAs: true, families: [4, 6] };

type Restart = Extract<Capability, { type: "graceful restart" }>;
type LongLived = Extract<Capability, { type: "long-lived graceful restart" }>;

const UNICAST = [
  { afi: 1, safi: 1, forwarding: true },
  { afi: 2, safi: 1, forwarding: true },
] as const;

/** The capability of a neighbour that wants all of its routes kept. */
export function restart(change: Partial<Restart> = {}): Restart {
  const plain = { restarted: false, notifications: false, time: 120, families: UNICAST };
  return { type: "graceful restart", ...plain, ...change };
}

/** The long-lived one, of IPv4. */
export function longLived(time: number, forwarding = true): LongLived {
  return {
    type: "long-lived graceful restart",
    families: [{ afi: 1, safi: 1, forwarding, time }],
  };
}

/** Somebody at 172.30.0.N of AS 65000+N, or of ours. */
export class Scripted {
  readonly name: string;
  readonly address: Address;
  readonly asNumber: number;
  /** What it says besides its families and its AS number. */
  capabilities: readonly Capability[] = [restart()];
  families: readonly (4 | 6)[] = [4];
  /** It takes no connections. */
  isDeaf = false;
  /** Its KEEPALIVE does not follow its OPEN. */
  isSlow = false;
  /** What it was told on its newest connection. */
  heard: Message[] = [];
  #connection: Connection | undefined;
  readonly #network: MemoryNetwork;

  constructor(network: MemoryNetwork, n: number, internal: boolean) {
    this.name = `p${n}`;
    this.address = parseAddress(`172.30.0.${n}`);
    this.asNumber = internal ? 64_512 : 65_000 + n;
    this.#network = network;
    network.host(this.address).listen({ address: this.address, port: 179 }, (connection) => {
      if (this.isDeaf) connection.reset();
      else this.#take(connection);
    });
  }

  /** Our OPEN on the newest connection. */
  get open(): OpenMessage | undefined {
    return this.heard.find((message) => message.type === "open");
  }

  /** What it was told of prefixes: `+10.244.1.0/24`, `-10.244.1.0/24`, `end 4`. */
  get updates(): string[] {
    return this.heard.flatMap((message) => {
      if (message.type !== "update") return [];
      const { withdrawn, announced, reach, unreach } = message;
      const isEnd = message.attributes === undefined && withdrawn.length === 0;
      if (isEnd && unreach === undefined) return ["end 4"];
      if (unreach?.prefixes.length === 0) return ["end 6"];
      return [
        ...[...withdrawn, ...(unreach?.prefixes ?? [])].map((one) => `-${formatPrefix(one)}`),
        ...[...announced, ...(reach?.prefixes ?? [])].map((one) => `+${formatPrefix(one)}`),
      ];
    });
  }

  announce(prefixes: readonly string[], more: Partial<Attributes> = {}): void {
    const isInternal = this.asNumber === 64_512;
    const attributes: Attributes = {
      origin: 0,
      asPath: isInternal ? [] : [{ type: "sequence", asNumbers: [this.asNumber] }],
      nextHop: this.address,
      ...(isInternal ? { localPref: 100 } : {}),
      ...more,
    };
    const announced = prefixes.map(parsePrefix);
    this.say({ type: "update", withdrawn: [], attributes, announced, faults: [] });
  }

  endOfRib(family: 4 | 6 = 4): void {
    const nothing = { withdrawn: [], attributes: undefined, announced: [], faults: [] };
    const unreach = { family, prefixes: [] } as const;
    this.say({ type: "update", ...nothing, ...(family === 4 ? {} : { unreach }) });
  }

  say(message: Message): void {
    this.#connection?.write(encode(message, CONTEXT));
  }

  /** Its process has ended, and says nothing. */
  close(): void {
    this.#connection?.close();
  }

  /** It calls us. */
  call(): void {
    const destination = { remote: US, port: 179, local: this.address };
    this.#network.host(this.address).connect(destination, {
      onOpen: (connection) => this.#take(connection),
      onFail: () => {},
    });
  }

  #take(connection: Connection): void {
    this.#connection = connection;
    const heard: Message[] = [];
    this.heard = heard;
    const framer = new Framer();
    connection.receive({
      onData: (bytes) => {
        framer.push(bytes);
        for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
          const { buffer, start, end } = frame;
          heard.push(decode(buffer.subarray(start - HEADER_LENGTH, end), CONTEXT));
        }
      },
      onDrain: () => {},
      onEnd: () => {},
    });
    this.say(this.#opening());
    if (!this.isSlow) this.say({ type: "keepalive" });
  }

  #opening(): OpenMessage {
    const { asNumber, address, capabilities, families } = this;
    return {
      type: "open",
      version: 4,
      myAs: asNumber,
      holdTime: 90,
      identifier: address,
      capabilities: [
        ...families.map((family) => {
          return { type: "multiprotocol", afi: family === 4 ? 1 : 2, safi: 1 } as const;
        }),
        { type: "enhanced route refresh" },
        { type: "four-octet AS", asNumber },
        ...capabilities,
      ],
    };
  }
}

/** Of a document. */
export type Spec = Record<string, unknown>;

export class Scene {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly kernel: Kernel;
  readonly daemon: Daemon;
  /** Tell of a BFD session. */
  path: (name: string, change: Partial<SessionChange>) => void = () => {};
  readonly #peers: Scripted[] = [];

  /** `inherited`: what an earlier daemon has left in the kernel. */
  constructor(inherited: readonly string[] = []) {
    const { clock } = this;
    const host = createMemoryHost({ defer: (run) => void clock.after(0, run) });
    const fabric = host.createNamespace("fabric");
    this.kernel = host.kernel();
    const peer = { name: "n1", namespace: fabric };
    this.kernel.apply({ type: "create veth", end: { name: "eth0" }, peer });
    host.kernel(fabric).apply({ type: "set link", link: "n1", up: true });
    this.kernel.apply({ type: "set link", link: "eth0", up: true });
    this.kernel.apply({ type: "add address", link: "eth0", address: US, length: 24 });
    for (const prefix of inherited) {
      const nextHops = [{ gateway: parseAddress("172.30.0.1") }];
      const ours = { protocol: ROUTE_PROTOCOL, metric: ROUTE_METRIC };
      const route = { destination: parsePrefix(prefix), nextHops, ...ours };
      this.kernel.apply({ type: "add route", route });
    }
    this.daemon = new Daemon({
      clock,
      kernel: host.kernel(),
      transport: this.network.host(US),
      log: silentLogger(),
      random: () => 0.5,
      onConverged: () => {},
      bfd: (onChange) => {
        this.path = (name, change) => {
          const failed = { from: "Up", to: "Down", cause: "why", failure: true } as const;
          onChange({ name, ...failed, independent: false, ...change });
        };
        const nothing = { set: () => {}, remove: () => {}, status: () => undefined };
        return { ...nothing, stop: async () => {} };
      },
    });
  }

  neighbour(n: number, { internal } = { internal: false }): Scripted {
    const peer = new Scripted(this.network, n, internal);
    this.#peers.push(peer);
    return peer;
  }

  /** Have sessions with all neighbours; what is given goes into every BGPPeer. */
  configure(spec: Spec = {}, common: Spec = {}): void {
    this.configureEach(() => spec, common);
  }

  configureEach(specOf: (peer: Scripted) => Spec | undefined, common: Spec = {}): void {
    const bgp = { ipv4Address: "172.30.0.11/24", ipv6Address: "fd00:30::11/64" };
    const configuration = { importPolicy: "all", connectRetryTime: 2, ...common };
    const documents = this.#peers.flatMap((peer) => {
      const { name, address, asNumber } = peer;
      const spec = specOf(peer);
      const peerIP = `172.30.0.${address.w0 & 0xff}`;
      return spec === undefined ? [] : [document("BGPPeer", name, { peerIP, asNumber, ...spec })];
    });
    const plan = planOf(
      "n1",
      document("BGPConfiguration", "default", configuration),
      document("IPPool", "pods", { cidr: "10.244.0.0/16", blockSize: 24 }),
      document("Node", "n1", { bgp, blocks: ["10.244.1.0/24"] }),
      ...documents,
    );
    this.daemon.apply(plan);
  }

  pass(seconds: number): void {
    this.clock.advance(seconds * 1000);
  }

  /** The same, while the neighbours say that they live. */
  live(seconds: number): void {
    for (let left = seconds; left > 0; left -= 5) {
      for (const peer of this.#peers) peer.say({ type: "keepalive" });
      this.pass(Math.min(5, left));
    }
  }

  /** `PREFIX STATE`, with why it may be gone soon, of each path to prefixes of others. */
  get routes(): string[] {
    return (this.daemon.rib?.routes() ?? []).flatMap(({ prefix, paths }) =>
      paths
        .filter(({ peer }) => peer !== undefined)
        .map(({ peer, state, stale }) =>
          [formatPrefix(prefix), peer, state, ...(stale === undefined ? [] : [stale])].join(" "),
        ),
    );
  }

  /** Routes of ours in the kernel to what others announce. */
  get installed(): string[] {
    return this.kernel
      .routes({ family: 4, protocol: ROUTE_PROTOCOL })
      .map(({ destination }) => formatPrefix(destination))
      .filter((prefix) => prefix !== "10.244.1.0/24")
      .sort();
  }
}
