/**
 * Idle (RFC 4271 section 8.2.2): connections are refused, nothing is held for the peer.
 *
 * The IdleHoldTimer is our peer oscillation damping, whose method the RFC leaves open: it runs after a
 * session has ended, and its expiry is the automatic start. While it runs, events 6 and 7 wait for it.
 */

import type { Event } from "./event.ts";
import type { Session } from "./state.ts";
import {
  ignore,
  move,
  type StateTable,
  type Step,
  stay,
  stop,
  toActive,
  toConnect,
} from "./transition.ts";

/** ConnectRetryCounter to zero, for the start events of somebody or of a fresh system. */
function cleared(session: Session): Session {
  return move(session, [], { connectRetryCounter: 0 }).session;
}

function startConnecting(session: Session, _event: Event, jitter: number): Step {
  return toConnect(cleared(session), jitter);
}

function startListening(session: Session, _event: Event, jitter: number): Step {
  return toActive(cleared(session), jitter);
}

/** Only where AllowAutomaticStart is TRUE. */
function automatically(
  transition: (session: Session, event: Event, jitter: number) => Step,
): (session: Session, event: Event, jitter: number) => Step {
  return (session, event, jitter) =>
    session.config.allowAutomaticStart ? transition(session, event, jitter) : ignore(session);
}

function unlessHeld(
  transition: (session: Session, event: Event, jitter: number) => Step,
): (session: Session, event: Event, jitter: number) => Step {
  return automatically((session, event, jitter) =>
    session.timers.idleHold === undefined ? transition(session, event, jitter) : ignore(session),
  );
}

function resume(session: Session, _event: Event, jitter: number): Step {
  const listens = session.config.passiveTcpEstablishment || session.restart === "listen";
  return listens ? toActive(session, jitter) : toConnect(session, jitter);
}

export const idle: StateTable = {
  ManualStart: startConnecting,
  // Ignored by the RFC; but who stops a peer does not want it back when the IdleHoldTimer expires.
  ManualStop: (session) => stay(session, stop(session)),
  AutomaticStart: automatically(startConnecting),
  ManualStart_with_PassiveTcpEstablishment: startListening,
  AutomaticStart_with_PassiveTcpEstablishment: automatically(startListening),
  AutomaticStart_with_DampPeerOscillations: unlessHeld(toConnectDamped),
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: unlessHeld(toActiveDamped),
  AutomaticStop: ignore,
  ConnectRetryTimer_Expires: ignore,
  HoldTimer_Expires: ignore,
  KeepaliveTimer_Expires: ignore,
  DelayOpenTimer_Expires: ignore,
  IdleHoldTimer_Expires: automatically(resume),
  TcpConnection_Valid: ignore,
  Tcp_CR_Invalid: ignore,
  Tcp_CR_Acked: ignore,
  TcpConnectionConfirmed: ignore,
  TcpConnectionFails: ignore,
  BGPOpen: ignore,
  BGPOpen_with_DelayOpenTimer_running: ignore,
  BGPHeaderErr: ignore,
  BGPOpenMsgErr: ignore,
  OpenCollisionDump: ignore,
  NotifMsgVerErr: ignore,
  NotifMsg: ignore,
  KeepAliveMsg: ignore,
  UpdateMsg: ignore,
  UpdateMsgErr: ignore,
  SendHoldTimer_Expires: ignore,
  RouteRefreshMsg: ignore,
};

function toConnectDamped(session: Session, _event: Event, jitter: number): Step {
  return toConnect(session, jitter);
}

function toActiveDamped(session: Session, _event: Event, jitter: number): Step {
  return toActive(session, jitter);
}
