/**
 * One session: the attributes of RFC 4271 section 8 as a frozen record.
 *
 * A peer may have two connections at once, and each runs a session of its own (section 8.2.1.3).
 * The record holds no socket and no running timer: `timers` says which ones ought to run and for how
 * long, and the shell makes it so.
 */

import type { Address, Family } from "../../lib/address.ts";
import type { ROLE_CODES } from "../wire/capability.ts";
import type { AddPath, WireContext } from "../wire/context.ts";
import type { Capability } from "../wire/message.ts";

/** Section 8.2.2, in the order in which a session comes up. */
export const STATES = [
  "Idle",
  "Connect",
  "Active",
  "OpenSent",
  "OpenConfirm",
  "Established",
] as const;

export type State = (typeof STATES)[number];

/**
 * ConnectRetryTimer, HoldTimer, KeepaliveTimer (section 8), DelayOpenTimer, IdleHoldTimer (8.1.1),
 * SendHoldTimer (RFC 9687).
 */
export type TimerName =
  | "connectRetry"
  | "hold"
  | "keepalive"
  | "delayOpen"
  | "idleHold"
  | "sendHold";

/** AS numbers from one to another, both included. */
export type AsRange = { readonly first: number; readonly last: number };

/** RFC 9234 section 4.1. */
export type Role = keyof typeof ROLE_CODES;

/** What we say of graceful restart (RFC 4724), and of long-lived one (RFC 9494). Times in seconds. */
export type RestartConfig = {
  /** "helper": we keep others' routes, and do not ask them to keep ours. */
  readonly mode: "full" | "helper";
  /** The N bit: NOTIFICATIONs and the hold timer end sessions gracefully as well (RFC 8538). */
  readonly notifications: boolean;
  /** How long we may be away: Restart Time, 0-4095. */
  readonly restartTime: number;
  /** And how long after that our routes may serve as a last resort; 0 for not at all. */
  readonly longLivedStaleTime: number;
};

/** What our OPEN says of a restart of ours. */
export type LocalRestart = {
  /** The R bit: we have restarted, and have not chosen our routes yet. */
  readonly restarted: boolean;
  /** The F bit: packets have been forwarded all the while. */
  readonly forwarding: boolean;
};

/** The peer's part of graceful restart, where both sides know it. Times in seconds. */
export type PeerRestart = {
  /** The peer's R bit. */
  readonly restarted: boolean;
  /** The N bit of both (RFC 8538). */
  readonly notifications: boolean;
  readonly restartTime: number;
  /** Families whose routes the peer wants kept, of those that the session carries; `forwarding` is the F bit. */
  readonly families: readonly KeptFamily[];
  /** Both sides know RFC 9494. */
  readonly longLived: boolean;
};

export type KeptFamily = {
  readonly family: Family;
  readonly forwarding: boolean;
  /** Restart Time, or 0 where the graceful restart capability does not have the family. */
  readonly restartTime: number;
  /** Long-Lived Stale Time; 0 where the long-lived capability does not have it. */
  readonly longLivedStaleTime: number;
};

/** What is configured: the mandatory and the optional session attributes. Times in seconds. */
export type SessionConfig = {
  readonly localAs: number;
  /** The peer's; ranges for a neighbour that nobody has named, which says in its OPEN who it is. */
  readonly remoteAs: number | readonly AsRange[];
  /** Our BGP Identifier. */
  readonly identifier: Address;
  /** 0: the session needs no KEEPALIVE. */
  readonly holdTime: number;
  /** As wished; never more than a third of the negotiated hold time. */
  readonly keepaliveTime: number;
  readonly connectRetryTime: number;
  /** How long TCP may take nothing of what waits; 0 for ever; undefined: RFC 9687's recommendation. */
  readonly sendHoldTime: number | undefined;
  /** Ours towards an external peer; strict: only with one that says its own (RFC 9234 section 4.2). */
  readonly role?: { readonly role: Role; readonly strict: boolean } | undefined;
  /** AIGP_SESSION of an external session (RFC 7311 section 3.3). */
  readonly aigp?: boolean;
  /** Undefined: nothing is kept, on neither side. */
  readonly gracefulRestart?: RestartConfig | undefined;
  /** The session's ends are IPv6 addresses, which can be next hops even where IPv6 is not carried. */
  readonly overIpv6?: boolean;
  /** Never connect, wait for the peer. */
  readonly passiveTcpEstablishment: boolean;
  /** DelayOpen with its DelayOpenTime; 0 is DelayOpen FALSE. */
  readonly delayOpenTime: number;
  /** Wait in Idle after a session ended: `idleHoldTime`, doubled each time up to the maximum. */
  readonly dampPeerOscillations: boolean;
  readonly idleHoldTime: number;
  readonly idleHoldTimeMax: number;
  readonly allowAutomaticStart: boolean;
  readonly allowAutomaticStop: boolean;
  readonly sendNotificationWithoutOpen: boolean;
  readonly trackTcpState: boolean;
  readonly collisionDetectEstablishedState: boolean;
  /** Whose unicast prefixes we want the session to carry. */
  readonly families: readonly Family[];
  /** Of which of them we want to receive, and can send, several paths (RFC 7911); absent: of none. */
  readonly addPath?: AddPath | undefined;
};

/** What both OPENs agreed upon. */
export type Negotiated = {
  /** The peer's AS. */
  readonly remoteAs: number;
  /** The peer's BGP Identifier. */
  readonly identifier: Address;
  /** Seconds; 0 means that no timer runs. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  /** The families that the session carries are in it. */
  readonly wire: WireContext;
  /** Both sides know RFC 2918. */
  readonly routeRefresh: boolean;
  /** Both sides know RFC 7313. */
  readonly enhancedRefresh: boolean;
  /** Undefined where either side does not know RFC 4724. */
  readonly gracefulRestart: PeerRestart | undefined;
  /** What the peer's OPEN said. */
  readonly capabilities: readonly Capability[];
};

export type Session = {
  readonly state: State;
  readonly config: SessionConfig;
  readonly connectRetryCounter: number;
  /** Sessions that ended in a row, none of which lasted: what damping counts. */
  readonly oscillations: number;
  /** What the IdleHoldTimer's expiry does: try again, or listen until the ConnectRetryTimer expires. */
  readonly restart: "connect" | "listen";
  /** The timers that run, with the seconds they were started with. */
  readonly timers: Readonly<Partial<Record<TimerName, number>>>;
  /** From the peer's OPEN on. */
  readonly negotiated: Negotiated | undefined;
  /** Our OPEN has no capabilities: the peer does not know what they are (RFC 5492 section 3). */
  readonly isPlain: boolean;
};

/** The hold time between our OPEN and the peer's: section 8.2.2 suggests four minutes. */
export const OPEN_HOLD_TIME = 240;

/** RFC 9687 section 3.1: eight minutes, or twice the hold time where that is longer. */
export const SEND_HOLD_TIME = 480;

/** A session before its first event. */
export function createSession(config: SessionConfig): Session {
  return Object.freeze({
    state: "Idle",
    config,
    connectRetryCounter: 0,
    oscillations: 0,
    restart: "connect",
    timers: {},
    negotiated: undefined,
    isPlain: false,
  });
}

/**
 * The session of a connection that the peer opened while another one of ours is on its way or up: it
 * waits for its TcpConnectionConfirmed event (section 6.8, "tracked until it sends an OPEN").
 */
export function createTrackedSession(other: Session): Session {
  return Object.freeze({ ...other, state: "Active", timers: {}, negotiated: undefined });
}
