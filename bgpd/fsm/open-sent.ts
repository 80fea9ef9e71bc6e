/**
 * OpenSent (RFC 4271 section 8.2.2): our OPEN has left, the peer's is awaited.
 */

import type { Event, MessageFault, Notification } from "./event.ts";
import type { Session } from "./state.ts";
import {
  CONNECTION_COLLISION_RESOLUTION,
  fall,
  HOLD_TIMER_EXPIRED,
  ignore,
  move,
  type StateTable,
  type Step,
  startConnectRetry,
  stop,
  toIdle,
  toOpenConfirm,
  unexpected,
  unexpectedMessage,
} from "./transition.ts";

/** RFC 4271 section 6.2. */
const OPEN_MESSAGE_ERROR = 2;
const UNSUPPORTED_OPTIONAL_PARAMETER = 4;

/** Event 2 where the peer can hear it. */
export function stopped(
  session: Session,
  { notification }: { readonly notification: Notification | undefined },
  jitter: number,
): Step {
  return toIdle(session, jitter, { say: notification, counter: "clear", next: "rest" });
}

/** Event 8, where AllowAutomaticStop is TRUE. */
export function stoppedBySystem(
  session: Session,
  { notification }: { readonly notification: Notification },
  jitter: number,
): Step {
  return session.config.allowAutomaticStop ? fall(session, jitter, notification) : ignore(session);
}

/** Event 10. */
export function silent(session: Session, _event: Event, jitter: number): Step {
  return fall(session, jitter, HOLD_TIMER_EXPIRED);
}

/** A faulty message, answered with what its check found. */
export function faulty(
  session: Session,
  { fault }: { readonly fault: MessageFault },
  jitter: number,
): Step {
  return fall(session, jitter, fault);
}

/** Event 23. */
export function collided(session: Session, _event: Event, jitter: number): Step {
  return fall(session, jitter, CONNECTION_COLLISION_RESOLUTION);
}

/** Event 24. */
export function refusedVersion(session: Session, _event: Event, jitter: number): Step {
  return toIdle(session, jitter, { counter: "keep", next: "damp" });
}

/**
 * RFC 5492 section 3: who does not know capabilities refuses the parameter, and is tried again without;
 * and with them when it does not like that either.
 */
function refused(
  session: Session,
  { notification }: { readonly notification: Notification },
  jitter: number,
): Step {
  const step = fall(session, jitter);
  const { code, subcode } = notification;
  if (code !== OPEN_MESSAGE_ERROR || subcode !== UNSUPPORTED_OPTIONAL_PARAMETER) return step;
  return { ...step, session: move(step.session, [], { isPlain: !session.isPlain }).session };
}

/** The connection has ended, or the peer says why it ends it: there is nobody left to answer. */
export function ended(session: Session, _event: Event, jitter: number): Step {
  return fall(session, jitter);
}

function failed(session: Session, _event: Event, jitter: number): Step {
  return move(
    session,
    [...stop(session, "hold"), { type: "drop connection" }, ...startConnectRetry(session, jitter)],
    { state: "Active" },
  );
}

export const openSent: StateTable = {
  ManualStart: ignore,
  ManualStop: stopped,
  AutomaticStart: ignore,
  ManualStart_with_PassiveTcpEstablishment: ignore,
  AutomaticStart_with_PassiveTcpEstablishment: ignore,
  AutomaticStart_with_DampPeerOscillations: ignore,
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: ignore,
  AutomaticStop: stoppedBySystem,
  ConnectRetryTimer_Expires: unexpected,
  HoldTimer_Expires: silent,
  KeepaliveTimer_Expires: unexpected,
  DelayOpenTimer_Expires: unexpected,
  IdleHoldTimer_Expires: unexpected,
  // A second connection runs a session of its own until section 6.8 has chosen.
  TcpConnection_Valid: ignore,
  Tcp_CR_Invalid: ignore,
  Tcp_CR_Acked: ignore,
  TcpConnectionConfirmed: ignore,
  TcpConnectionFails: failed,
  BGPOpen: (session, { negotiated }, jitter) => toOpenConfirm(session, negotiated, jitter, []),
  BGPOpen_with_DelayOpenTimer_running: unexpectedMessage,
  BGPHeaderErr: faulty,
  BGPOpenMsgErr: faulty,
  OpenCollisionDump: collided,
  NotifMsgVerErr: refusedVersion,
  // The RFC's text answers a NOTIFICATION with one here; no other state does, and nobody reads it.
  NotifMsg: refused,
  KeepAliveMsg: unexpectedMessage,
  UpdateMsg: unexpectedMessage,
  UpdateMsgErr: unexpectedMessage,
  SendHoldTimer_Expires: unexpected,
  RouteRefreshMsg: unexpectedMessage,
};
