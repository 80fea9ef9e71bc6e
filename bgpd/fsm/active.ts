/**
 * Active (RFC 4271 section 8.2.2): listening for the peer's connection, or one is up while the
 * DelayOpenTimer runs.
 */

import { dropped, faulty, refusedVersion, rejectRequest } from "./connect.ts";
import type { Event, Notification } from "./event.ts";
import type { Session } from "./state.ts";
import {
  connected,
  fall,
  ignore,
  type StateTable,
  type Step,
  toConnect,
  toIdle,
  toOpenConfirm,
  toOpenSent,
} from "./transition.ts";

function stopped(
  session: Session,
  { notification }: { readonly notification: Notification | undefined },
  jitter: number,
): Step {
  const heard =
    session.timers.delayOpen !== undefined && session.config.sendNotificationWithoutOpen;
  return toIdle(session, jitter, {
    say: heard ? notification : undefined,
    counter: "clear",
    next: "rest",
  });
}

/** A peer that we only wait for is waited for on. */
function retry(session: Session, _event: Event, jitter: number): Step {
  return session.config.passiveTcpEstablishment ? ignore(session) : toConnect(session, jitter);
}

export const active: StateTable = {
  ManualStart: ignore,
  ManualStop: stopped,
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
  // The RFC restarts the ConnectRetryTimer and goes to Idle, where its expiry is ignored: left out.
  TcpConnectionFails: (session, _event, jitter) => fall(session, jitter),
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
