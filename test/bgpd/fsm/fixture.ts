/** Sessions in each state, one event of each type, and steps written as text, for tests. */

import type { Action } from "../../../bgpd/fsm/action.ts";
import type { Event, MessageFault, Notification } from "../../../bgpd/fsm/event.ts";
import {
  createSession,
  type Negotiated,
  type Session,
  type SessionConfig,
  type State,
} from "../../../bgpd/fsm/state.ts";
import type { Step } from "../../../bgpd/fsm/transition.ts";
import { parseAddress } from "../../../lib/address.ts";

export const CONFIG: SessionConfig = {
  localAs: 64512,
  remoteAs: 64513,
  identifier: parseAddress("10.0.0.1"),
  holdTime: 90,
  keepaliveTime: 30,
  connectRetryTime: 120,
  sendHoldTime: undefined,
  passiveTcpEstablishment: false,
  delayOpenTime: 0,
  dampPeerOscillations: true,
  idleHoldTime: 1,
  idleHoldTimeMax: 60,
  allowAutomaticStart: true,
  allowAutomaticStop: true,
  sendNotificationWithoutOpen: true,
  trackTcpState: false,
  collisionDetectEstablishedState: false,
  families: [4],
};

export const NEGOTIATED: Negotiated = {
  remoteAs: 64513,
  identifier: parseAddress("10.0.0.2"),
  holdTime: 9,
  keepaliveTime: 3,
  wire: {
    fourOctetAs: true,
    external: true,
    maxLength: 4096,
    families: [4],
    extendedNextHop: false,
  },
  routeRefresh: true,
  enhancedRefresh: true,
  gracefulRestart: undefined,
  capabilities: [],
};

function notification(code: number, subcode: number): Notification {
  return { code, subcode, data: new Uint8Array() };
}

function fault(code: number, subcode: number): MessageFault {
  return { ...notification(code, subcode), message: "wrong" };
}

/** One event of every type, in the RFC's order. */
export const EVENTS: readonly Event[] = [
  { type: "ManualStart" },
  { type: "ManualStop", notification: notification(6, 2) },
  { type: "AutomaticStart" },
  { type: "ManualStart_with_PassiveTcpEstablishment" },
  { type: "AutomaticStart_with_PassiveTcpEstablishment" },
  { type: "AutomaticStart_with_DampPeerOscillations" },
  { type: "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment" },
  { type: "AutomaticStop", notification: notification(6, 1), reason: "too many prefixes" },
  { type: "ConnectRetryTimer_Expires" },
  { type: "HoldTimer_Expires" },
  { type: "KeepaliveTimer_Expires" },
  { type: "DelayOpenTimer_Expires" },
  { type: "IdleHoldTimer_Expires" },
  { type: "TcpConnection_Valid" },
  { type: "Tcp_CR_Invalid" },
  { type: "Tcp_CR_Acked" },
  { type: "TcpConnectionConfirmed" },
  { type: "TcpConnectionFails", reason: "connection refused" },
  { type: "BGPOpen", negotiated: NEGOTIATED },
  { type: "BGPOpen_with_DelayOpenTimer_running", negotiated: NEGOTIATED },
  { type: "BGPHeaderErr", fault: fault(1, 1) },
  { type: "BGPOpenMsgErr", fault: fault(2, 2) },
  { type: "OpenCollisionDump" },
  { type: "NotifMsgVerErr", notification: notification(2, 1) },
  { type: "NotifMsg", notification: notification(6, 4) },
  { type: "KeepAliveMsg" },
  { type: "UpdateMsg" },
  { type: "UpdateMsgErr", fault: fault(3, 10) },
  { type: "SendHoldTimer_Expires" },
  { type: "RouteRefreshMsg" },
];

const TIMERS: Readonly<Record<State, Session["timers"]>> = {
  Idle: {},
  Connect: { connectRetry: 120 },
  Active: { connectRetry: 120 },
  OpenSent: { hold: 240 },
  OpenConfirm: { keepalive: 3, hold: 9 },
  Established: { keepalive: 3, hold: 9, sendHold: 480 },
};

/** A session in the state, as it comes there; the counter stands at 5. */
export function sessionIn(state: State, config: Partial<SessionConfig> = {}): Session {
  const hasOpen = state === "OpenConfirm" || state === "Established";
  return Object.freeze({
    ...createSession({ ...CONFIG, ...config }),
    state,
    connectRetryCounter: 5,
    timers: TIMERS[state],
    negotiated: hasOpen ? NEGOTIATED : undefined,
  });
}

function writtenAction(action: Action): string {
  switch (action.type) {
    case "send NOTIFICATION":
      return `NOTIFICATION ${action.notification.code}/${action.notification.subcode}`;
    case "start timer":
      return `${action.timer}=${action.seconds}`;
    case "stop timer":
      return `${action.timer} off`;
    case "send OPEN":
    case "send KEEPALIVE":
      return action.type.slice(5);
    default:
      return action.type;
  }
}

/** `Idle 6: NOTIFICATION 4/0, hold off, drop connection`: state, ConnectRetryCounter, actions. */
export function written({ session, actions }: Step): string {
  const list = actions.map(writtenAction).join(", ");
  return `${session.state} ${session.connectRetryCounter}${list === "" ? "" : `: ${list}`}`;
}
