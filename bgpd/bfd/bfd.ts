/**
 * BFD as the daemon sees it: sessions by name, what becomes of them, and how punctual it is.
 *
 * There are two of it: `thread.ts`, on UDP in a thread of its own, and `memory.ts`, on a virtual clock.
 */

import type { Address } from "../../lib/address.ts";
import type { Authentication } from "./authentication.ts";
import type { State } from "./const.ts";
import type { Lateness } from "./lateness.ts";

/** One session; times in ms. */
export type SessionPlan = {
  readonly local: Address;
  readonly remote: Address;
  /** Index of the link, for link-local addresses; 0: any. */
  readonly link: number;
  /** RFC 5883; otherwise RFC 5881. */
  readonly multihop: boolean;
  /** The least TTL that a packet of a multihop session may arrive with; a single hop leaves 255. */
  readonly minimumTtl: number;
  readonly detectMultiplier: number;
  readonly minTransmitInterval: number;
  readonly minReceiveInterval: number;
  readonly authentication: Authentication | undefined;
};

/** A session's state has changed. */
export type SessionChange = {
  readonly name: string;
  readonly from: State;
  readonly to: State;
  /** In words: `detection time expired`. */
  readonly cause: string;
  /**
   * The path has failed: from Up to Down, unless one of both ends took the session down by intention, which says
   * nothing about the path (RFC 5882 section 3.2).
   */
  readonly failure: boolean;
  /** The peer's BFD does not end with its control plane (the C bit): a failure is one of the path. */
  readonly independent: boolean;
};

/** A session as it is; times in ms. */
export type SessionStatus = {
  readonly state: State;
  /** In that state. */
  readonly since: number;
  readonly diagnostic: string;
  readonly remoteState: State;
  readonly remoteDiagnostic: string;
  readonly localDiscriminator: number;
  /** 0 while unknown. */
  readonly remoteDiscriminator: number;
  readonly multihop: boolean;
  readonly authentication: string | undefined;
  /** Between our packets, before jitter. */
  readonly transmitInterval: number;
  /** 0 while nothing was heard. */
  readonly detectionTime: number;
  /** Times that the path failed. */
  readonly failures: number;
  readonly packets: {
    readonly sent: number;
    readonly received: number;
    readonly discarded: number;
  };
  /** Why a packet was discarded or could not be sent last; empty when none was. */
  readonly lastFault: string;
  /** Of our packets and of detections against the time they were due. */
  readonly lateness: Lateness;
};

export type Bfd = {
  /**
   * Have this session. One of that name takes other timers and keys without going down; with other addresses it
   * is another session, and the one before ends AdminDown.
   */
  set(name: string, plan: SessionPlan): void;
  /** The session ends AdminDown. */
  remove(name: string): void;
  /** Undefined when there is none of that name, or it has only just begun. */
  status(name: string): SessionStatus | undefined;
  /** Every session ends AdminDown (RFC 5880 section 6.8.16); resolved when that has been said. */
  stop(): Promise<void>;
};

/** Start it; `onChange` is called for each change of state. */
export type BfdFactory = (onChange: (change: SessionChange) => void) => Bfd;
