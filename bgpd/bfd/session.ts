/**
 * One session: the state variables of RFC 5880 section 6.8.1 as a frozen record, and what follows from them.
 *
 * Intervals are µs, as the protocol has them; instants are ms of whatever clock the caller has. The record holds
 * no socket and no running timer: `due` says when what ought to happen, and the engine makes it so.
 */

import type { Authentication } from "./authentication.ts";
import { NO_DIAGNOSTIC, SLOW_INTERVAL, type State } from "./const.ts";

/** What is configured; intervals in µs. */
export type SessionConfig = {
  /** bfd.LocalDiscr: unique here and not zero. */
  readonly localDiscriminator: number;
  /** 1 to 255. */
  readonly detectMultiplier: number;
  readonly minTransmitInterval: number;
  readonly minReceiveInterval: number;
  readonly authentication: Authentication | undefined;
};

/**
 * A Poll Sequence (section 6.5): not under way, under way, or under way with values that have changed since it
 * began, so that another must follow.
 */
export type Poll = "none" | "active" | "again";

/** What comes next of itself, in ms; undefined: never. */
export type Due = {
  readonly transmit: number | undefined;
  /** The Detection Time is over. */
  readonly detect: number | undefined;
  /** bfd.AuthSeqKnown becomes 0. */
  readonly forgetSequence: number | undefined;
};

export type Session = {
  readonly config: SessionConfig;
  /** bfd.SessionState */
  readonly state: State;
  /** bfd.LocalDiag */
  readonly diagnostic: number;
  /** bfd.RemoteSessionState, and the diagnostic that came with it. */
  readonly remoteState: State;
  readonly remoteDiagnostic: number;
  /** bfd.RemoteDiscr; 0 while unknown. */
  readonly remoteDiscriminator: number;
  /** bfd.DesiredMinTxInterval as told, and as it is in force until a Poll Sequence has ended. */
  readonly desiredMinTxInterval: number;
  readonly activeMinTxInterval: number;
  /** bfd.RequiredMinRxInterval, likewise. */
  readonly requiredMinRxInterval: number;
  readonly activeMinRxInterval: number;
  /** bfd.RemoteMinRxInterval; 0: the peer wants no periodic packets. */
  readonly remoteMinRxInterval: number;
  /** Of the last packet received. */
  readonly remoteMinTxInterval: number;
  readonly remoteDetectMultiplier: number;
  /** bfd.RemoteDemandMode. bfd.DemandMode is never set here. */
  readonly remoteDemand: boolean;
  /** The C bit of the last packet: the peer's BFD does not end with its control plane. */
  readonly remoteIndependent: boolean;
  /** bfd.RcvAuthSeq; undefined is bfd.AuthSeqKnown 0. */
  readonly receivedSequence: number | undefined;
  /** bfd.XmitAuthSeq of the packet sent last. */
  readonly sentSequence: number;
  readonly poll: Poll;
  readonly due: Due;
};

/** A session that is Down; its first packet leaves at `now`. `random` is uniform in [0, 1). */
export function createSession(config: SessionConfig, now: number, random: number): Session {
  const slow = Math.max(SLOW_INTERVAL, config.minTransmitInterval);
  return Object.freeze({
    config,
    state: "Down",
    diagnostic: NO_DIAGNOSTIC,
    remoteState: "Down",
    remoteDiagnostic: NO_DIAGNOSTIC,
    remoteDiscriminator: 0,
    desiredMinTxInterval: slow,
    activeMinTxInterval: slow,
    requiredMinRxInterval: config.minReceiveInterval,
    activeMinRxInterval: config.minReceiveInterval,
    remoteMinRxInterval: 1,
    remoteMinTxInterval: 0,
    remoteDetectMultiplier: 0,
    remoteDemand: false,
    remoteIndependent: false,
    receivedSequence: undefined,
    sentSequence: Math.floor(random * 2 ** 32),
    poll: "none",
    due: { transmit: now, detect: undefined, forgetSequence: undefined },
  });
}

/** Between our periodic packets before jitter, in µs (section 6.8.7). */
export function transmitInterval(session: Session): number {
  return Math.max(session.activeMinTxInterval, session.remoteMinRxInterval);
}

/**
 * The same in ms with jitter (section 6.8.7): 75 to 100 % of it, and with a Detect Mult of 1 no more than 90 %, so
 * that one packet always arrives within the peer's detection time.
 */
export function jittered(session: Session, random: number): number {
  const most = session.config.detectMultiplier === 1 ? 0.9 : 1;
  return (transmitInterval(session) / 1000) * (0.75 + random * (most - 0.75));
}

/** After how long without a packet the session is down, in µs (section 6.8.4); 0 while nothing was received. */
export function detectionTime(session: Session): number {
  return (
    session.remoteDetectMultiplier *
    Math.max(session.activeMinRxInterval, session.remoteMinTxInterval)
  );
}

/** The peer's detection time for our packets as they are now, in µs. */
export function remoteDetectionTime(session: Session): number {
  return session.config.detectMultiplier * transmitInterval(session);
}

/** Whether packets leave periodically (section 6.8.7). We are always in the active role. */
export function isTransmitting(session: Session): boolean {
  if (session.remoteMinRxInterval === 0) return false;
  const isDemanded = session.remoteDemand && session.state === "Up" && session.remoteState === "Up";
  return !isDemanded || session.poll !== "none";
}
