/**
 * BFD on a virtual clock and a network that loses and delays what it is told to: the twin of `thread.ts`.
 */

import { type Address, equalAddress } from "../../lib/address.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { Bfd, BfdFactory, SessionChange, SessionPlan, SessionStatus } from "./bfd.ts";
import { FULL_HOPS } from "./const.ts";
import { type Arrival, Engine } from "./engine.ts";

export type MemoryBfdOptions = {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Share of packets that are lost, 0 to 1. */
  readonly loss?: number;
  /** One-way latency of each packet in ms. */
  readonly latency?: () => number;
  /** TTL that packets arrive with. */
  readonly hops?: number;
};

/** Everybody on it hears everybody: a packet goes to whoever has its address. */
export class MemoryBfdNetwork {
  readonly #options: MemoryBfdOptions;
  readonly #members: MemoryBfd[] = [];
  #isCut = false;
  /** Packets that have been sent. */
  packets = 0;

  constructor(options: MemoryBfdOptions) {
    this.#options = options;
  }

  /** For `DaemonOptions`. */
  join(): BfdFactory {
    return (onChange) => {
      const member = new MemoryBfd(this, this.#options, onChange);
      this.#members.push(member);
      return member;
    };
  }

  /** Nothing arrives any more, what is under way included. */
  cut(): void {
    this.#isCut = true;
  }

  mend(): void {
    this.#isCut = false;
  }

  /** Carry a copy of one packet. */
  carry(from: MemoryBfd, { local, remote, multihop }: SessionPlan, bytes: Uint8Array): void {
    const { clock, random, loss = 0, latency = () => 0, hops = FULL_HOPS } = this.#options;
    this.packets++;
    if (random() < loss) return;
    const arrival: Arrival = {
      multihop,
      local: remote,
      remote: local,
      link: 0,
      hops,
      bytes: bytes.slice(),
    };
    clock.after(latency(), () => {
      if (this.#isCut) return;
      const others = this.#members.filter((member) => member !== from && member.has(remote));
      for (const member of others) member.deliver(arrival);
    });
  }
}

class MemoryBfd implements Bfd {
  readonly #clock: Clock;
  readonly #engine: Engine;
  readonly #plans = new Map<string, SessionPlan>();
  #timer: Timer | undefined;

  constructor(
    network: MemoryBfdNetwork,
    { clock, random }: MemoryBfdOptions,
    onChange: (change: SessionChange) => void,
  ) {
    this.#clock = clock;
    this.#engine = new Engine({
      random,
      onChange,
      output: {
        send: (_, plan, bytes) => {
          network.carry(this, plan, bytes);
          return undefined;
        },
        close: () => {},
      },
    });
  }

  has(address: Address): boolean {
    return [...this.#plans.values()].some(({ local }) => equalAddress(local, address));
  }

  deliver(arrival: Arrival): void {
    this.#engine.receive(arrival, this.#clock.now());
    this.#arm();
  }

  set(name: string, plan: SessionPlan): void {
    this.#plans.set(name, plan);
    this.#engine.set(name, plan, this.#clock.now());
    this.#arm();
  }

  remove(name: string): void {
    this.#plans.delete(name);
    this.#engine.remove(name, this.#clock.now());
    this.#arm();
  }

  status(name: string): SessionStatus | undefined {
    return new Map(this.#engine.statuses(this.#clock.now())).get(name);
  }

  async stop(): Promise<void> {
    this.#engine.stop(this.#clock.now());
    this.#timer?.cancel();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const next = this.#engine.next();
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(next - this.#clock.now(), () => {
      this.#engine.run(this.#clock.now());
      this.#arm();
    });
  }
}
