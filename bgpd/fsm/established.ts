/**
 * Established (RFC 4271 section 8.2.2): UPDATEs flow.
 */

import type { Action } from "./action.ts";
import type { Event } from "./event.ts";
import { keepAlive } from "./open-confirm.ts";
import { collided, ended, faulty, silent, stopped, stoppedBySystem } from "./open-sent.ts";
import type { Session } from "./state.ts";
import {
  fall,
  ignore,
  move,
  SEND_HOLD_TIMER_EXPIRED,
  type StateTable,
  type Step,
  start,
  unexpected,
  unexpectedMessage,
} from "./transition.ts";

/** The session has lasted a keepalive interval, ours or the peer's: it does not oscillate. */
function lasting({ session, actions }: Step): Step {
  return session.oscillations === 0
    ? { session, actions }
    : { session: move(session, [], { oscillations: 0 }).session, actions };
}

/** The peer lives. The record is the same, so that a million UPDATEs make no garbage of it. */
function alive(session: Session): Step {
  const holdTime = session.negotiated?.holdTime ?? 0;
  const actions: Action[] = holdTime === 0 ? [] : [start("hold", holdTime)];
  return { session, actions };
}

function collidedHere(session: Session, event: Event, jitter: number): Step {
  return session.config.collisionDetectEstablishedState
    ? collided(session, event, jitter)
    : ignore(session);
}

/** Event 29 (RFC 9687 section 3.2). */
function stuck(session: Session, _event: Event, jitter: number): Step {
  return fall(session, jitter, SEND_HOLD_TIMER_EXPIRED);
}

export const established: StateTable = {
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
  KeepaliveTimer_Expires: (session, event, jitter) => lasting(keepAlive(session, event, jitter)),
  DelayOpenTimer_Expires: unexpected,
  IdleHoldTimer_Expires: unexpected,
  TcpConnection_Valid: ignore,
  Tcp_CR_Invalid: ignore,
  Tcp_CR_Acked: ignore,
  TcpConnectionConfirmed: ignore,
  TcpConnectionFails: ended,
  BGPOpen: unexpectedMessage,
  BGPOpen_with_DelayOpenTimer_running: unexpectedMessage,
  // Section 8.2.2 lists this under "any other event" (a Finite State Machine Error), but section 6.1
  // demands Message Header Error with the subcode and data of what was found.
  BGPHeaderErr: faulty,
  BGPOpenMsgErr: unexpectedMessage,
  OpenCollisionDump: collidedHere,
  NotifMsgVerErr: ended,
  NotifMsg: ended,
  KeepAliveMsg: (session) => lasting(alive(session)),
  UpdateMsg: alive,
  UpdateMsgErr: faulty,
  SendHoldTimer_Expires: stuck,
  // RFC 4271 restarts the HoldTimer for KEEPALIVE and UPDATE only, and RFC 2918 adds nothing.
  RouteRefreshMsg: ignore,
};
