/**
 * The finite state machine of RFC 4271 section 8 as one pure function.
 *
 *            start                 connected              OPEN               KEEPALIVE
 *     Idle ---------> Connect --------------> OpenSent ---------> OpenConfirm ---------> Established
 *       ^              |   ^                     |
 *       |      failed  v   | ConnectRetryTimer   | connection lost
 *       |            (Idle)-> Active <-----------+
 *       +--- every fault, NOTIFICATION, expiry and stop, from everywhere
 *
 * Each state is a table with a row for every event, in a file of its own; a missing pair does not
 * compile. Sockets, clocks and chance are the shell's (`bgpd/peer.ts`).
 */

import { active } from "./active.ts";
import { connect } from "./connect.ts";
import { established } from "./established.ts";
import type { Event, EventType } from "./event.ts";
import { idle } from "./idle.ts";
import { openConfirm } from "./open-confirm.ts";
import { openSent } from "./open-sent.ts";
import type { Session, State, TimerName } from "./state.ts";
import { move, type StateTable, type Step, stop, type Transition } from "./transition.ts";

const TABLES: Readonly<Record<State, StateTable>> = {
  Idle: idle,
  Connect: connect,
  Active: active,
  OpenSent: openSent,
  OpenConfirm: openConfirm,
  Established: established,
};

/** The timer whose expiry an event is. */
const EXPIRES: Readonly<Partial<Record<EventType, TimerName>>> = {
  ConnectRetryTimer_Expires: "connectRetry",
  HoldTimer_Expires: "hold",
  KeepaliveTimer_Expires: "keepalive",
  DelayOpenTimer_Expires: "delayOpen",
  IdleHoldTimer_Expires: "idleHold",
  SendHoldTimer_Expires: "sendHold",
};

/** The event of each timer, for the shell. */
export const EXPIRY = {
  connectRetry: { type: "ConnectRetryTimer_Expires" },
  hold: { type: "HoldTimer_Expires" },
  keepalive: { type: "KeepaliveTimer_Expires" },
  delayOpen: { type: "DelayOpenTimer_Expires" },
  idleHold: { type: "IdleHoldTimer_Expires" },
  sendHold: { type: "SendHoldTimer_Expires" },
} as const satisfies Record<TimerName, Event>;

/**
 * What `event` does to `session`: its next record and what the shell must do, in order. `jitter`,
 * 0.75 to 1 as section 10 asks, shortens the timers that are started (never HoldTimer and SendHoldTimer).
 */
export function step(session: Session, event: Event, jitter: number): Step {
  const timer = EXPIRES[event.type];
  // An expired timer does not run any more, whatever the state thinks of it.
  const current =
    timer !== undefined && session.timers[timer] !== undefined
      ? move(session, stop(session, timer), {}).session
      : session;
  const transition = TABLES[current.state][event.type] as Transition;
  return transition(current, event, jitter);
}
