/**
 * Many speakers in one process: peers and listeners as the daemon has them, on one virtual clock and
 * one in-memory network. Everything random comes from the seed, so a failure can be replayed.
 */

import type { PeerPlan } from "../../bgpd/cluster/speaker.ts";
import type { State } from "../../bgpd/fsm/state.ts";
import { createListener } from "../../bgpd/listener.ts";
import { createPeer, type Peer, type PeerStatus } from "../../bgpd/peer.ts";
import type { Transport } from "../../bgpd/transport.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import { type Address, address4, equalAddress } from "../../lib/address.ts";
import { type Clock, VirtualClock } from "../../lib/clock.ts";
import { type Logger, silentLogger } from "../../lib/log.ts";
import { peerPlan } from "../bgpd/plan.ts";

/** Uniform in [0, 1), the same sequence for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A clock that a killed process does not hear any more. */
export class ProcessClock implements Clock {
  readonly #clock: Clock;
  #isAlive = true;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  date(): number {
    return this.#clock.date();
  }

  after(delay: number, run: () => void) {
    return this.#clock.after(delay, () => {
      if (this.#isAlive) run();
    });
  }

  stop(): void {
    this.#isAlive = false;
  }
}

export type WorldOptions = {
  readonly seed: number;
  readonly speakers: number;
  /** Longest one-way latency in ms. */
  readonly latency?: number;
  /** Every session's parameters. */
  readonly plan?: Partial<PeerPlan>;
  /** AS number of a speaker; default the same for all. */
  readonly asNumber?: (index: number) => number;
  /** Whether `index` waits for `other` to connect. */
  readonly passive?: (index: number, other: number) => boolean;
};

/** One process. */
class Speaker {
  readonly index: number;
  readonly address: Address;
  readonly peers = new Map<number, Peer>();
  readonly updates = new Map<number, number>();
  readonly downs: string[] = [];
  readonly #clock: ProcessClock;
  readonly #close: () => void;

  constructor(world: World, index: number, log: Logger) {
    this.index = index;
    this.address = addressOf(index);
    this.#clock = new ProcessClock(world.clock);
    const transport = world.transportOf(index);
    for (let other = 0; other < world.options.speakers; other++) {
      if (other !== index)
        this.peers.set(other, this.#createPeer(world, other, { transport, log }));
    }
    const listener = createListener({
      transport,
      addresses: [this.address],
      port: 179,
      log,
      clock: this.#clock,
      find: (remote) =>
        [...this.peers].find(([other]) => equalAddress(addressOf(other), remote))?.[1],
    });
    this.#close = () => listener.close();
    for (const peer of this.peers.values()) peer.start();
  }

  /** SIGKILL: no code of this process runs again. */
  vanish(): void {
    this.#clock.stop();
  }

  /** SIGTERM. */
  stop(): void {
    this.#close();
    for (const peer of this.peers.values()) void peer.stop({ code: 6, subcode: 2 });
  }

  #createPeer(
    { options, random }: World,
    other: number,
    { transport, log }: { readonly transport: Transport; readonly log: Logger },
  ): Peer {
    const asNumber = options.asNumber ?? (() => 64512);
    const plan = peerPlan({
      name: `s${other}`,
      origin: "mesh",
      address: addressOf(other),
      localAs: asNumber(this.index),
      remoteAs: asNumber(other),
      localAddress: this.address,
      passive: options.passive?.(this.index, other) ?? false,
      ...options.plan,
    });
    return createPeer(plan, {
      clock: this.#clock,
      transport,
      random,
      log,
      routerId: this.address,
      onEstablished: () => {},
      onUpdate: () => this.updates.set(other, (this.updates.get(other) ?? 0) + 1),
      onRouteRefresh: () => {},
      onDown: (reason) => this.downs.push(`s${other}: ${reason}`),
    });
  }
}

/** 10.0.0.1 and up: identifiers differ by more than their last bits. */
export function addressOf(index: number): Address {
  return address4(0x0a00_0001 + index * 0x101);
}

export class World {
  readonly options: WorldOptions;
  readonly clock = new VirtualClock();
  readonly random: () => number;
  readonly network: MemoryNetwork;
  readonly speakers: Speaker[] = [];

  constructor(options: WorldOptions) {
    this.options = options;
    this.random = seeded(options.seed);
    const { latency = 10 } = options;
    this.network = new MemoryNetwork({
      clock: this.clock,
      latency: () => this.random() * latency,
      segment: () => 1 + Math.floor(this.random() * 40),
    });
    // The machines are there before anybody starts on them, and refuse connections.
    for (let index = 0; index < options.speakers; index++) this.transportOf(index);
  }

  transportOf(index: number): Transport {
    return this.network.host(addressOf(index));
  }

  /** Start (again) one speaker's process. */
  start(index: number): void {
    this.speakers[index] = new Speaker(this, index, silentLogger());
  }

  startAll(): this {
    for (let index = 0; index < this.options.speakers; index++) this.start(index);
    return this;
  }

  kill(index: number): void {
    this.speakers[index]?.vanish();
    this.network.kill(addressOf(index));
  }

  cut(a: number, b: number): void {
    this.network.cut(addressOf(a), addressOf(b));
  }

  mend(a: number, b: number): void {
    this.network.mend(addressOf(a), addressOf(b));
  }

  peer(from: number, to: number): Peer {
    const peer = this.speakers[from]?.peers.get(to);
    if (peer === undefined) throw new Error(`there is no peer s${to} at s${from}`);
    return peer;
  }

  status(from: number, to: number): PeerStatus {
    return this.peer(from, to).status();
  }

  state(from: number, to: number): State {
    return this.status(from, to).state;
  }

  /** Seconds of virtual time. */
  pass(seconds: number): void {
    this.clock.advance(seconds * 1000);
  }

  /** Whether every pair is Established at both ends. */
  get isMeshed(): boolean {
    return this.speakers.every((speaker) =>
      [...speaker.peers.values()].every((peer) => peer.status().state === "Established"),
    );
  }

  /** Flaps at all ends together. */
  get flaps(): number {
    return this.speakers
      .flatMap((speaker) => [...speaker.peers.values()])
      .reduce((sum, peer) => sum + peer.status().flaps, 0);
  }

  /** Seconds until the condition holds; throws after `limit` of them. */
  until(condition: () => boolean, limit = 300): number {
    const start = this.clock.now();
    while (!condition()) {
      if (this.clock.now() - start > limit * 1000) {
        throw new Error(`seed ${this.options.seed}: not within ${limit} s of virtual time`);
      }
      this.clock.advance(50);
    }
    return (this.clock.now() - start) / 1000;
  }
}
