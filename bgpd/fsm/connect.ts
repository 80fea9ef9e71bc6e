/**
 * Connect (RFC 4271 section 8.2.2): the TCP connection that we began is on its way, or is up while the
 * DelayOpenTimer runs.
 */

import type { Event, MessageFault } from "./event.ts";
import type { Session } from "./state.ts";
import {
  connected,
  fall,
  ignore,
  move,
  type StateTable,
  type Step,
  start,
  startConnectRetry,
  stay,
  stop,
  toIdle,
  toOpenConfirm,
  toOpenSent,
} from "./transition.ts";

/** "Any other event": drop everything, count, damp; without a word to the peer. */
export function dropped(session: Session, _event: Event, jitter: number): Step {
  return fall(session, jitter);
}

/** Events 21 and 22 before our OPEN: the peer is told only if SendNOTIFICATIONwithoutOPEN is TRUE. */
export function faulty(
  session: Session,
  { fault }: { readonly fault: MessageFault },
  jitter: number,
): Step {
  return fall(session, jitter, session.config.sendNotificationWithoutOpen ? fault : undefined);
}

/** Event 24: a version error is an answer, not an oscillation, while no OPEN of ours was sent. */
export function refusedVersion(session: Session, _event: Event, jitter: number): Step {
  return session.timers.delayOpen === undefined
    ? fall(session, jitter)
    : toIdle(session, jitter, { counter: "keep", next: "damp" });
}

/** Event 15. */
export function rejectRequest(session: Session): Step {
  return session.config.trackTcpState
    ? stay(session, [{ type: "reject connection" }])
    : ignore(session);
}

function retry(session: Session, _event: Event, jitter: number): Step {
  return stay(session, [
    ...stop(session, "delayOpen"),
    { type: "drop connection" },
    start("connectRetry", session.config.connectRetryTime * jitter),
    { type: "connect" },
  ]);
}

function failed(session: Session, _event: Event, jitter: number): Step {
  if (session.timers.delayOpen === undefined) {
    // Not an oscillation: the next automatic start listens until the ConnectRetryTimer expires.
    return toIdle(session, jitter, { counter: "keep", next: "listen" });
  }
  return move(
    session,
    [
      ...stop(session, "delayOpen"),
      { type: "drop connection" },
      ...startConnectRetry(session, jitter),
    ],
    { state: "Active" },
  );
}

export const connect: StateTable = {
  ManualStart: ignore,
  ManualStop: (session, _event, jitter) =>
    toIdle(session, jitter, { counter: "clear", next: "rest" }),
  AutomaticStart: ignore,
  ManualStart_with_PassiveTcpEstablishment: ignore,
  AutomaticStart_with_PassiveTcpEstablishment: ignore,
  AutomaticStart_with_DampPeerOscillations: ignore,
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: ignore,
  AutomaticStop: dropped,
  ConnectRetryTimer_Expires: retry,
  HoldTimer_Expires: dropped,
  KeepaliveTimer_Expires: dropped,
  DelayOpenTimer_Expires: toOpenSent,
  IdleHoldTimer_Expires: dropped,
  TcpConnection_Valid: ignore,
  Tcp_CR_Invalid: rejectRequest,
  Tcp_CR_Acked: connected,
  TcpConnectionConfirmed: connected,
  TcpConnectionFails: failed,
  BGPOpen: dropped,
  BGPOpen_with_DelayOpenTimer_running: (session, { negotiated }, jitter) =>
    toOpenConfirm(session, negotiated, jitter, [{ type: "send OPEN" }]),
  BGPHeaderErr: faulty,
  BGPOpenMsgErr: faulty,
  OpenCollisionDump: dropped,
  NotifMsgVerErr: refusedVersion,
  NotifMsg: dropped,
  KeepAliveMsg: dropped,
  UpdateMsg: dropped,
  UpdateMsgErr: dropped,
  SendHoldTimer_Expires: dropped,
  RouteRefreshMsg: dropped,
};
