/**
 * OpenConfirm (RFC 4271 section 8.2.2): both OPENs are exchanged, the peer's KEEPALIVE is awaited.
 */

import type { Action } from "./action.ts";
import type { Event } from "./event.ts";
import {
  collided,
  ended,
  faulty,
  refusedVersion,
  silent,
  stopped,
  stoppedBySystem,
} from "./open-sent.ts";
import { SEND_HOLD_TIME, type Session } from "./state.ts";
import {
  ignore,
  move,
  type StateTable,
  type Step,
  start,
  stay,
  unexpected,
  unexpectedMessage,
} from "./transition.ts";

/** Event 11. */
export function keepAlive(session: Session, _event: Event, jitter: number): Step {
  const keepaliveTime = session.negotiated?.keepaliveTime ?? 0;
  return stay(session, [
    { type: "send KEEPALIVE" },
    ...(keepaliveTime === 0 ? [] : [start("keepalive", keepaliveTime * jitter)]),
  ]);
}

/** RFC 9687 section 3.1: a session without timers has none for sending either. */
function sendHold({ config }: Session, holdTime: number): Action[] {
  const seconds = config.sendHoldTime ?? Math.max(SEND_HOLD_TIME, 2 * holdTime);
  return holdTime === 0 || seconds === 0 ? [] : [start("sendHold", seconds)];
}

function established(session: Session): Step {
  const { negotiated } = session;
  if (negotiated === undefined) return ignore(session);
  const { holdTime } = negotiated;
  return move(
    session,
    [
      ...(holdTime === 0 ? [] : [start("hold", holdTime)]),
      ...sendHold(session, holdTime),
      { type: "session up", negotiated },
    ],
    // Without keepalives nothing will show that the session lasts, so it is trusted at once.
    { state: "Established", oscillations: holdTime === 0 ? 0 : session.oscillations },
  );
}

export const openConfirm: StateTable = {
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
  KeepaliveTimer_Expires: keepAlive,
  DelayOpenTimer_Expires: unexpected,
  IdleHoldTimer_Expires: unexpected,
  TcpConnection_Valid: ignore,
  Tcp_CR_Invalid: ignore,
  Tcp_CR_Acked: ignore,
  TcpConnectionConfirmed: ignore,
  TcpConnectionFails: ended,
  // The RFC means the OPEN of another connection, which has a session of its own here (event 23 tells
  // this one when it lost). A second OPEN on the same connection has no place.
  BGPOpen: unexpectedMessage,
  BGPOpen_with_DelayOpenTimer_running: unexpectedMessage,
  BGPHeaderErr: faulty,
  BGPOpenMsgErr: faulty,
  OpenCollisionDump: collided,
  NotifMsgVerErr: refusedVersion,
  NotifMsg: ended,
  KeepAliveMsg: established,
  UpdateMsg: unexpectedMessage,
  UpdateMsgErr: unexpectedMessage,
  SendHoldTimer_Expires: unexpected,
  RouteRefreshMsg: unexpectedMessage,
};
