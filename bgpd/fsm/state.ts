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
