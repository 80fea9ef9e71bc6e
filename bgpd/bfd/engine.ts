/**
 * Many sessions over one way to send: which session a packet is of (RFC 5880 section 6.3), what is due, and what
 * came of it. Time is an argument, so that it runs in a thread on UDP and in the simulation alike.
 */

import { type Address, formatAddress } from "../../lib/address.ts";
import { authenticate, encodeSigned } from "./authentication.ts";
import type { SessionChange, SessionPlan, SessionStatus } from "./bfd.ts";
import { describeDiagnostic, FULL_HOPS, SLOW_INTERVAL } from "./const.ts";
import { BfdError } from "./error.ts";
import { LatenessRecord } from "./lateness.ts";
import { type ControlPacket, decodePacket } from "./packet.ts";
import {
  createSession,
  detectionTime,
  remoteDetectionTime,
  type Session,
  type SessionConfig,
  transmitInterval,
} from "./session.ts";
import { type Event, step } from "./step.ts";

/** A datagram on one of the ports. */
export type Arrival = {
  readonly multihop: boolean;
  readonly local: Address;
  readonly remote: Address;
  /** Index of the link that it came by; 0: not known. */
  readonly link: number;
  /** TTL or hop limit as it arrived; undefined: not known. */
  readonly hops: number | undefined;
  readonly bytes: Uint8Array;
};

/** The way out; `discriminator` tells the sessions apart. */
export type Output = {
  /** The fault in words, or undefined when the packet has left. */
  send(discriminator: number, plan: SessionPlan, bytes: Uint8Array): string | undefined;
  /** The session sends no more. */
  close(discriminator: number): void;
};

export type EngineOptions = {
  readonly output: Output;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onChange: (change: SessionChange) => void;
};

type Entry = {
  readonly name: string;
  plan: SessionPlan;
  session: Session;
  /** When its state changed last, ms. */
  changed: number;
  failures: number;
  sent: number;
  received: number;
  discarded: number;
  lastFault: string;
  readonly lateness: LatenessRecord;
  /** Of one that says AdminDown still, when it has said so long enough. */
  ends: number;
};

const DUE_EVENTS = [
  ["detect", { type: "detection time expired" }],
  ["forgetSequence", { type: "sequence forgotten" }],
  ["transmit", { type: "transmit" }],
] as const satisfies readonly (readonly [keyof Session["due"], Event])[];

export class Engine {
  readonly #options: EngineOptions;
  readonly #byDiscriminator = new Map<number, Entry>();
  readonly #byName = new Map<string, Entry>();
  /** Also those that end: an address has one session at a time. */
  readonly #byEndpoint = new Map<string, Entry>();

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Have this session, by other parameters where there is one of that name. */
  set(name: string, plan: SessionPlan, now: number): void {
    const before = this.#byName.get(name);
    if (before !== undefined && endpointOf(before.plan) === endpointOf(plan)) {
      before.plan = plan;
      const config = configOf(plan, before.session.config.localDiscriminator);
      this.#feed(before, { type: "configure", config }, now);
      return;
    }
    if (before !== undefined) this.remove(name, now);
    const ending = this.#byEndpoint.get(endpointOf(plan));
    if (ending !== undefined) this.#forget(ending);
    const config = configOf(plan, this.#discriminator());
    const entry: Entry = {
      name,
      plan,
      session: createSession(config, now, this.#options.random()),
      changed: now,
      failures: 0,
      sent: 0,
      received: 0,
      discarded: 0,
      lastFault: "",
      lateness: new LatenessRecord(),
      ends: Number.POSITIVE_INFINITY,
    };
    this.#byName.set(name, entry);
    this.#byEndpoint.set(endpointOf(plan), entry);
    this.#byDiscriminator.set(config.localDiscriminator, entry);
  }

  /**
   * End a session. Section 6.8.16: AdminDown is said for the peer's detection time at least, and twice at that, for
   * a packet may be lost.
   */
  remove(name: string, now: number): void {
    const entry = this.#byName.get(name);
    if (entry === undefined) return;
    this.#byName.delete(name);
    const patience = Math.max(2 * SLOW_INTERVAL, remoteDetectionTime(entry.session));
    entry.ends = now + patience / 1000;
    this.#feed(entry, { type: "disable" }, now);
  }

  /** Every session says AdminDown once, and is gone: who ends has no time for more. */
  stop(now: number): void {
    for (const name of [...this.#byName.keys()]) this.remove(name, now);
    for (const entry of [...this.#byDiscriminator.values()]) this.#forget(entry);
  }

  /** Take a datagram. */
  receive(arrival: Arrival, now: number): void {
    try {
      this.#take(arrival, decodePacket(arrival.bytes), now);
    } catch (error) {
      if (!(error instanceof BfdError)) throw error;
      const entry = this.#at(arrival);
      if (entry !== undefined)
        discard(entry, `from ${formatAddress(arrival.remote)}: ${error.message}`);
    }
  }

  /** Do what is due by `now`. Whoever calls has taken what has arrived before. */
  run(now: number): void {
    for (const entry of [...this.#byDiscriminator.values()]) {
      for (const [timer, event] of DUE_EVENTS) {
        const due = entry.session.due[timer];
        if (due === undefined || due > now) continue;
        if (timer !== "forgetSequence") entry.lateness.note(due, now);
        this.#feed(entry, event, now);
      }
      if (entry.ends <= now) this.#forget(entry);
    }
  }

  /** When `run` is to be called next, ms; infinity when nothing is due of itself. */
  next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { session, ends } of this.#byDiscriminator.values()) {
      const { transmit, detect, forgetSequence } = session.due;
      const never = Number.POSITIVE_INFINITY;
      next = Math.min(next, ends, transmit ?? never, detect ?? never, forgetSequence ?? never);
    }
    return next;
  }

  /** Every session that somebody wants. */
  statuses(now: number): [name: string, status: SessionStatus][] {
    return [...this.#byName].map(([name, entry]) => [name, statusOf(entry, now)]);
  }

  #take(arrival: Arrival, packet: ControlPacket, now: number): void {
    const { yourDiscriminator } = packet;
    const entry =
      yourDiscriminator === 0 ? this.#at(arrival) : this.#byDiscriminator.get(yourDiscriminator);
    if (entry === undefined || entry.plan.multihop !== arrival.multihop) {
      throw new BfdError(`no session has Your Discriminator ${yourDiscriminator}`);
    }
    const fault = faultOfHops(entry.plan, arrival.hops);
    if (fault !== undefined) {
      discard(entry, fault);
      return;
    }
    const { authentication } = entry.session.config;
    const { receivedSequence } = entry.session;
    const judgement = authenticate({ authentication, receivedSequence }, packet, arrival.bytes);
    if ("fault" in judgement) {
      discard(entry, judgement.fault);
      return;
    }
    entry.received++;
    this.#feed(entry, { type: "packet", packet, sequence: judgement.sequence }, now);
  }

  /** Section 6.3: while the peer does not know our discriminator, its address tells. */
  #at({ multihop, local, remote, link }: Arrival): Entry | undefined {
    const at = (index: number): Entry | undefined =>
      this.#byEndpoint.get(endpointOf({ multihop, local, remote, link: index }));
    return at(link) ?? at(0);
  }

  #feed(entry: Entry, event: Event, now: number): void {
    const before = entry.session;
    const { session, packets } = step(before, event, { now, random: this.#options.random() });
    entry.session = session;
    const { localDiscriminator, authentication } = session.config;
    for (const packet of packets) {
      const bytes = encodeSigned(packet, authentication, session.sentSequence);
      const fault = this.#options.output.send(localDiscriminator, entry.plan, bytes);
      if (fault === undefined) entry.sent++;
      else entry.lastFault = fault;
    }
    if (session.state !== before.state) this.#changed(entry, before, now);
  }

  #changed(entry: Entry, before: Session, now: number): void {
    const { state, diagnostic, remoteState } = entry.session;
    entry.changed = now;
    const failure = before.state === "Up" && state === "Down" && remoteState !== "AdminDown";
    if (failure) entry.failures++;
    const cause =
      state === "Down" && remoteState === "AdminDown"
        ? "the neighbor is administratively down"
        : describeDiagnostic(diagnostic);
    const { name } = entry;
    const independent = entry.session.remoteIndependent;
    this.#options.onChange({ name, from: before.state, to: state, cause, failure, independent });
  }

  #forget(entry: Entry): void {
    const { localDiscriminator } = entry.session.config;
    this.#byDiscriminator.delete(localDiscriminator);
    const endpoint = endpointOf(entry.plan);
    if (this.#byEndpoint.get(endpoint) === entry) this.#byEndpoint.delete(endpoint);
    if (this.#byName.get(entry.name) === entry) this.#byName.delete(entry.name);
    this.#options.output.close(localDiscriminator);
  }

  /** Section 6.8.1: unique here and not zero; not to be guessed (RFC 5881 section 5). */
  #discriminator(): number {
    for (;;) {
      const number = Math.floor(this.#options.random() * 2 ** 32);
      if (number !== 0 && !this.#byDiscriminator.has(number)) return number;
    }
  }
}

function endpointOf({
  multihop,
  local,
  remote,
  link,
}: Pick<SessionPlan, "multihop" | "local" | "remote" | "link">): string {
  const kind = multihop ? "multihop" : "single";
  return `${kind} ${formatAddress(local)} ${formatAddress(remote)} ${link}`;
}

function configOf(plan: SessionPlan, localDiscriminator: number): SessionConfig {
  return {
    localDiscriminator,
    detectMultiplier: plan.detectMultiplier,
    minTransmitInterval: plan.minTransmitInterval * 1000,
    minReceiveInterval: plan.minReceiveInterval * 1000,
    authentication: plan.authentication,
  };
}

/** RFC 5881 section 5: a single hop takes nothing of it. RFC 5883 section 6: others what is configured. */
function faultOfHops(plan: SessionPlan, hops: number | undefined): string | undefined {
  const least = plan.multihop ? plan.minimumTtl : FULL_HOPS;
  if (hops !== undefined && hops >= least) return undefined;
  return `arrived with TTL ${hops ?? "unknown"}: expected ${plan.multihop ? `${least} or more` : least}`;
}

function discard(entry: Entry, fault: string): void {
  entry.discarded++;
  entry.lastFault = fault;
}

function statusOf(entry: Entry, now: number): SessionStatus {
  const { session, plan, failures, lastFault } = entry;
  return {
    state: session.state,
    since: now - entry.changed,
    diagnostic: describeDiagnostic(session.diagnostic),
    remoteState: session.remoteState,
    remoteDiagnostic: describeDiagnostic(session.remoteDiagnostic),
    localDiscriminator: session.config.localDiscriminator,
    remoteDiscriminator: session.remoteDiscriminator,
    multihop: plan.multihop,
    authentication: plan.authentication?.type,
    transmitInterval: transmitInterval(session) / 1000,
    detectionTime: detectionTime(session) / 1000,
    failures,
    packets: { sent: entry.sent, received: entry.received, discarded: entry.discarded },
    lastFault,
    lateness: entry.lateness.read(),
  };
}
