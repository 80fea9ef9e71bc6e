/**
 * Probes between the lab's pods: ICMP echo and TCP connections, many in flight, from one process.
 *
 * A socket stays in the namespace it was made in, so each party's are made there once and then used
 * from here; only TCP clients, one per probe, need a visit. Sending a packet through veth pairs runs
 * its whole way, and the answer's, before the system call returns: nearly every answer is there to be
 * read at once, and what is not is waited for at the end.
 */

import type { Address } from "../lib/address.ts";
import { LabError } from "./error.ts";
import { type Matrix, type Outcome, type Pair, type Party, summarize } from "./matrix.ts";
import { createPing, type Ping } from "./ping.ts";
import { type Room, within } from "./room.ts";
import { type Connecting, connect, serve } from "./tcp.ts";

export type ProbeParty = Party & { readonly address: Address; readonly room: Room };

export type Prober = {
  readonly parties: readonly ProbeParty[];
  /**
   * Probe each pair by both protocols; every probe is answered or lost after a second. `goOn` is asked
   * now and then, and ends it by throwing.
   */
  probe(pairs: readonly Pair[], goOn: () => void): Promise<Matrix>;
  close(): void;
};

/** A probe that is not answered after so many ms is lost. */
const PATIENCE = 1000;
/** TCP probes without an answer yet; more wait for their turn. */
const MOST_CONNECTING = 500;
/** Between two looks for late answers, in ms. */
const LOOK = 2;
/** Longest stretch without letting signals and timers in, in ms. */
const SLICE = 10;

/** A pinger and a TCP server in each party. */
export function openProber(parties: readonly ProbeParty[]): Prober {
  const pings = parties.map(({ room }) => within(room, createPing));
  const servers = parties.map(({ room }) => within(room, serve));
  return {
    parties,
    async probe(pairs, goOn) {
      const start = performance.now();
      const outcomes = await new Probing(parties, pings, goOn).run(pairs);
      return summarize(parties, outcomes, performance.now() - start);
    },
    close() {
      for (const ping of pings) ping.close();
      for (const server of servers) server.close();
    },
  };
}

/** One pass over some pairs. */
class Probing {
  readonly #parties: readonly ProbeParty[];
  readonly #pings: readonly Ping[];
  readonly #goOn: () => void;
  readonly #outcomes: Outcome[] = [];
  #connecting: (Pair & { readonly connection: Connecting })[] = [];
  #lastTurn = performance.now();

  constructor(parties: readonly ProbeParty[], pings: readonly Ping[], goOn: () => void) {
    this.#parties = parties;
    this.#pings = pings;
    this.#goOn = goOn;
  }

  async run(pairs: readonly Pair[]): Promise<Outcome[]> {
    for (const pair of pairs) {
      this.#sendPing(pair);
      this.#startConnection(pair);
      while (this.#connecting.length >= MOST_CONNECTING) await this.#awaitLate();
      if (performance.now() - this.#lastTurn > SLICE) await this.#turn(0);
    }
    while (this.#connecting.length > 0 || this.#pings.some((ping) => ping.outstanding > 0)) {
      await this.#awaitLate();
    }
    return this.#outcomes;
  }

  #sendPing(pair: Pair): void {
    const ping = this.#ping(pair.from);
    const error = ping.send(this.#party(pair.to).address, pair);
    if (error !== undefined) this.#lose("icmp", pair, error);
    this.#readPings(ping);
  }

  #readPings(ping: Ping): void {
    for (const { pair, roundTrip } of ping.receive()) {
      this.#outcomes.push({ ...pair, protocol: "icmp", roundTrip, reason: "" });
    }
  }

  #startConnection(pair: Pair): void {
    const { room } = this.#party(pair.from);
    const connection = within(room, () => connect(this.#party(pair.to).address));
    this.#connecting.push(...this.#settle([{ ...pair, connection }]));
  }

  /** Note what came of those that are decided; the others. */
  #settle(connecting: (Pair & { readonly connection: Connecting })[]): typeof connecting {
    return connecting.filter(({ from, to, connection }) => {
      const state = connection.look(PATIENCE);
      if (state.type === "connecting") return true;
      if (state.type === "failed") this.#lose("tcp", { from, to }, state.reason);
      else {
        const { roundTrip } = state;
        this.#outcomes.push({ from, to, protocol: "tcp", roundTrip, reason: "" });
      }
      return false;
    });
  }

  async #awaitLate(): Promise<void> {
    await this.#turn(LOOK);
    this.#connecting = this.#settle(this.#connecting);
    for (const ping of this.#pings) {
      if (ping.outstanding === 0) continue;
      this.#readPings(ping);
      for (const pair of ping.giveUp(PATIENCE)) {
        this.#lose("icmp", pair, `no answer within ${PATIENCE} ms`);
      }
    }
  }

  #lose(protocol: Outcome["protocol"], { from, to }: Pair, reason: string): void {
    this.#outcomes.push({ from, to, protocol, roundTrip: undefined, reason });
  }

  async #turn(pause: number): Promise<void> {
    await Bun.sleep(pause);
    this.#goOn();
    this.#lastTurn = performance.now();
  }

  #party(index: number): ProbeParty {
    return existing(this.#parties[index]);
  }

  #ping(index: number): Ping {
    return existing(this.#pings[index]);
  }
}

function existing<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new LabError("a pair names a party that is not there");
  return value;
}
