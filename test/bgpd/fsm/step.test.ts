/**
 * RFC 4271 section 8.2.2 as a table: every state with every event.
 *
 * A cell reads `next state ConnectRetryCounter: actions` (the counter starts at 5; `=` starts a timer
 * with that many seconds, `off` stops it). Variants of the optional attributes follow below.
 */

import { describe, expect, test } from "bun:test";
import type { EventType } from "../../../bgpd/fsm/event.ts";
import { STATES, type State } from "../../../bgpd/fsm/state.ts";
import { step } from "../../../bgpd/fsm/step.ts";
import { EVENTS, sessionIn, written } from "./fixture.ts";

const TABLE: Readonly<Record<State, Readonly<Record<EventType, string>>>> = {
  Idle: {
    ManualStart: "Connect 0: connectRetry=120, connect",
    ManualStop: "Idle 5",
    AutomaticStart: "Connect 0: connectRetry=120, connect",
    ManualStart_with_PassiveTcpEstablishment: "Active 0: connectRetry=120",
    AutomaticStart_with_PassiveTcpEstablishment: "Active 0: connectRetry=120",
    AutomaticStart_with_DampPeerOscillations: "Connect 5: connectRetry=120, connect",
    AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment:
      "Active 5: connectRetry=120",
    AutomaticStop: "Idle 5",
    ConnectRetryTimer_Expires: "Idle 5",
    HoldTimer_Expires: "Idle 5",
    KeepaliveTimer_Expires: "Idle 5",
    DelayOpenTimer_Expires: "Idle 5",
    IdleHoldTimer_Expires: "Connect 5: connectRetry=120, connect",
    TcpConnection_Valid: "Idle 5",
    Tcp_CR_Invalid: "Idle 5",
    Tcp_CR_Acked: "Idle 5",
    TcpConnectionConfirmed: "Idle 5",
    TcpConnectionFails: "Idle 5",
    BGPOpen: "Idle 5",
    BGPOpen_with_DelayOpenTimer_running: "Idle 5",
    BGPHeaderErr: "Idle 5",
    BGPOpenMsgErr: "Idle 5",
    OpenCollisionDump: "Idle 5",
    NotifMsgVerErr: "Idle 5",
    NotifMsg: "Idle 5",
    KeepAliveMsg: "Idle 5",
    UpdateMsg: "Idle 5",
    UpdateMsgErr: "Idle 5",
    SendHoldTimer_Expires: "Idle 5",
    RouteRefreshMsg: "Idle 5",
  },
  Connect: {
    ManualStart: "Connect 5",
    ManualStop: "Idle 0: connectRetry off, drop connection",
    AutomaticStart: "Connect 5",
    ManualStart_with_PassiveTcpEstablishment: "Connect 5",
    AutomaticStart_with_PassiveTcpEstablishment: "Connect 5",
    AutomaticStart_with_DampPeerOscillations: "Connect 5",
    AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: "Connect 5",
    AutomaticStop: "Idle 6: connectRetry off, drop connection, idleHold=1",
    ConnectRetryTimer_Expires: "Connect 5: drop connection, connectRetry=120, connect",
    HoldTimer_Expires: "Idle 6: connectRetry off, drop connection, idleHold=1",
    KeepaliveTimer_Expires: "Idle 6: connectRetry off, drop connection, idleHold=1",
    DelayOpenTimer_Expires: "OpenSent 5: connectRetry off, OPEN, hold=240",
    IdleHoldTimer_Expires: "Idle 6: connectRetry off, drop connection, idleHold=1",
    TcpConnection_Valid: "Connect 5",
    Tcp_CR_Invalid: "Connect 5",
    Tcp_CR_Acked: "OpenSent 5: connectRetry off, OPEN, hold=240",
    TcpConnectionConfirmed: "OpenSent 5: connectRetry off, OPEN, hold=240",
    TcpConnectionFails: "Idle 5: connectRetry off, drop connection, idleHold=0",
    BGPOpen: "Idle 6: connectRetry off, drop connection, idleHold=1",
    BGPOpen_with_DelayOpenTimer_running:
      "OpenConfirm 5: connectRetry off, OPEN, KEEPALIVE, keepalive=3, hold=9",
    BGPHeaderErr: "Idle 6: NOTIFICATION 1/1, connectRetry off, drop connection, idleHold=1",
    BGPOpenMsgErr: "Idle 6: NOTIFICATION 2/2, connectRetry off, drop connection, idleHold=1",
    OpenCollisionDump: "Idle 6: connectRetry off, drop connection, idleHold=1",
    NotifMsgVerErr: "Idle 6: connectRetry off, drop connection, idleHold=1",
    NotifMsg: "Idle 6: connectRetry off, drop connection, idleHold=1",
    KeepAliveMsg: "Idle 6: connectRetry off, drop connection, idleHold=1",
    UpdateMsg: "Idle 6: connectRetry off, drop connection, idleHold=1",
    UpdateMsgErr: "Idle 6: connectRetry off, drop connection, idleHold=1",
    SendHoldTimer_Expires: "Idle 6: connectRetry off, drop connection, idleHold=1",
    RouteRefreshMsg: "Idle 6: connectRetry off, drop connection, idleHold=1",
  },
  Active: {
    ManualStart: "Active 5",
    ManualStop: "Idle 0: connectRetry off, drop connection",
    AutomaticStart: "Active 5",
    ManualStart_with_PassiveTcpEstablishment: "Active 5",
    AutomaticStart_with_PassiveTcpEstablishment: "Active 5",
    AutomaticStart_with_DampPeerOscillations: "Active 5",
    AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: "Active 5",
    AutomaticStop: "Idle 6: connectRetry off, drop connection, idleHold=1",
    ConnectRetryTimer_Expires: "Connect 5: connectRetry=120, connect",
    HoldTimer_Expires: "Idle 6: connectRetry off, drop connection, idleHold=1",
    KeepaliveTimer_Expires: "Idle 6: connectRetry off, drop connection, idleHold=1",
    DelayOpenTimer_Expires: "OpenSent 5: connectRetry off, OPEN, hold=240",
    IdleHoldTimer_Expires: "Idle 6: connectRetry off, drop connection, idleHold=1",
    TcpConnection_Valid: "Active 5",
    Tcp_CR_Invalid: "Active 5",
    Tcp_CR_Acked: "OpenSent 5: connectRetry off, OPEN, hold=240",
    TcpConnectionConfirmed: "OpenSent 5: connectRetry off, OPEN, hold=240",
    TcpConnectionFails: "Idle 6: connectRetry off, drop connection, idleHold=1",
    BGPOpen: "Idle 6: connectRetry off, drop connection, idleHold=1",
    BGPOpen_with_DelayOpenTimer_running:
      "OpenConfirm 5: connectRetry off, OPEN, KEEPALIVE, keepalive=3, hold=9",
    BGPHeaderErr: "Idle 6: NOTIFICATION 1/1, connectRetry off, drop connection, idleHold=1",
    BGPOpenMsgErr: "Idle 6: NOTIFICATION 2/2, connectRetry off, drop connection, idleHold=1",
    OpenCollisionDump: "Idle 6: connectRetry off, drop connection, idleHold=1",
    NotifMsgVerErr: "Idle 6: connectRetry off, drop connection, idleHold=1",
    NotifMsg: "Idle 6: connectRetry off, drop connection, idleHold=1",
    KeepAliveMsg: "Idle 6: connectRetry off, drop connection, idleHold=1",
    UpdateMsg: "Idle 6: connectRetry off, drop connection, idleHold=1",
    UpdateMsgErr: "Idle 6: connectRetry off, drop connection, idleHold=1",
    SendHoldTimer_Expires: "Idle 6: connectRetry off, drop connection, idleHold=1",
    RouteRefreshMsg: "Idle 6: connectRetry off, drop connection, idleHold=1",
  },
  OpenSent: {
    ManualStart: "OpenSent 5",
    ManualStop: "Idle 0: NOTIFICATION 6/2, hold off, drop connection",
    AutomaticStart: "OpenSent 5",
    ManualStart_with_PassiveTcpEstablishment: "OpenSent 5",
    AutomaticStart_with_PassiveTcpEstablishment: "OpenSent 5",
    AutomaticStart_with_DampPeerOscillations: "OpenSent 5",
    AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: "OpenSent 5",
    AutomaticStop: "Idle 6: NOTIFICATION 6/1, hold off, drop connection, idleHold=1",
    ConnectRetryTimer_Expires: "Idle 6: NOTIFICATION 5/0, hold off, drop connection, idleHold=1",
    HoldTimer_Expires: "Idle 6: NOTIFICATION 4/0, drop connection, idleHold=1",
    KeepaliveTimer_Expires: "Idle 6: NOTIFICATION 5/0, hold off, drop connection, idleHold=1",
    DelayOpenTimer_Expires: "Idle 6: NOTIFICATION 5/0, hold off, drop connection, idleHold=1",
    IdleHoldTimer_Expires: "Idle 6: NOTIFICATION 5/0, hold off, drop connection, idleHold=1",
    TcpConnection_Valid: "OpenSent 5",
    Tcp_CR_Invalid: "OpenSent 5",
    Tcp_CR_Acked: "OpenSent 5",
    TcpConnectionConfirmed: "OpenSent 5",
    TcpConnectionFails: "Active 5: hold off, drop connection, connectRetry=120",
    BGPOpen: "OpenConfirm 5: KEEPALIVE, keepalive=3, hold=9",
    BGPOpen_with_DelayOpenTimer_running:
      "Idle 6: NOTIFICATION 5/1, hold off, drop connection, idleHold=1",
    BGPHeaderErr: "Idle 6: NOTIFICATION 1/1, hold off, drop connection, idleHold=1",
    BGPOpenMsgErr: "Idle 6: NOTIFICATION 2/2, hold off, drop connection, idleHold=1",
    OpenCollisionDump: "Idle 6: NOTIFICATION 6/7, hold off, drop connection, idleHold=1",
    NotifMsgVerErr: "Idle 5: hold off, drop connection, idleHold=1",
    NotifMsg: "Idle 6: hold off, drop connection, idleHold=1",
    KeepAliveMsg: "Idle 6: NOTIFICATION 5/1, hold off, drop connection, idleHold=1",
    UpdateMsg: "Idle 6: NOTIFICATION 5/1, hold off, drop connection, idleHold=1",
    UpdateMsgErr: "Idle 6: NOTIFICATION 5/1, hold off, drop connection, idleHold=1",
    SendHoldTimer_Expires: "Idle 6: NOTIFICATION 5/0, hold off, drop connection, idleHold=1",
    RouteRefreshMsg: "Idle 6: NOTIFICATION 5/1, hold off, drop connection, idleHold=1",
  },
  OpenConfirm: {
    ManualStart: "OpenConfirm 5",
    ManualStop: "Idle 0: NOTIFICATION 6/2, keepalive off, hold off, drop connection",
    AutomaticStart: "OpenConfirm 5",
    ManualStart_with_PassiveTcpEstablishment: "OpenConfirm 5",
    AutomaticStart_with_PassiveTcpEstablishment: "OpenConfirm 5",
    AutomaticStart_with_DampPeerOscillations: "OpenConfirm 5",
    AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: "OpenConfirm 5",
    AutomaticStop: "Idle 6: NOTIFICATION 6/1, keepalive off, hold off, drop connection, idleHold=1",
    ConnectRetryTimer_Expires:
      "Idle 6: NOTIFICATION 5/0, keepalive off, hold off, drop connection, idleHold=1",
    HoldTimer_Expires: "Idle 6: NOTIFICATION 4/0, keepalive off, drop connection, idleHold=1",
    KeepaliveTimer_Expires: "OpenConfirm 5: KEEPALIVE, keepalive=3",
    DelayOpenTimer_Expires:
      "Idle 6: NOTIFICATION 5/0, keepalive off, hold off, drop connection, idleHold=1",
    IdleHoldTimer_Expires:
      "Idle 6: NOTIFICATION 5/0, keepalive off, hold off, drop connection, idleHold=1",
    TcpConnection_Valid: "OpenConfirm 5",
    Tcp_CR_Invalid: "OpenConfirm 5",
    Tcp_CR_Acked: "OpenConfirm 5",
    TcpConnectionConfirmed: "OpenConfirm 5",
    TcpConnectionFails: "Idle 6: keepalive off, hold off, drop connection, idleHold=1",
    BGPOpen: "Idle 6: NOTIFICATION 5/2, keepalive off, hold off, drop connection, idleHold=1",
    BGPOpen_with_DelayOpenTimer_running:
      "Idle 6: NOTIFICATION 5/2, keepalive off, hold off, drop connection, idleHold=1",
    BGPHeaderErr: "Idle 6: NOTIFICATION 1/1, keepalive off, hold off, drop connection, idleHold=1",
    BGPOpenMsgErr: "Idle 6: NOTIFICATION 2/2, keepalive off, hold off, drop connection, idleHold=1",
    OpenCollisionDump:
      "Idle 6: NOTIFICATION 6/7, keepalive off, hold off, drop connection, idleHold=1",
    NotifMsgVerErr: "Idle 5: keepalive off, hold off, drop connection, idleHold=1",
    NotifMsg: "Idle 6: keepalive off, hold off, drop connection, idleHold=1",
    KeepAliveMsg: "Established 5: hold=9, sendHold=480, session up",
    UpdateMsg: "Idle 6: NOTIFICATION 5/2, keepalive off, hold off, drop connection, idleHold=1",
    UpdateMsgErr: "Idle 6: NOTIFICATION 5/2, keepalive off, hold off, drop connection, idleHold=1",
    SendHoldTimer_Expires:
      "Idle 6: NOTIFICATION 5/0, keepalive off, hold off, drop connection, idleHold=1",
    RouteRefreshMsg:
      "Idle 6: NOTIFICATION 5/2, keepalive off, hold off, drop connection, idleHold=1",
  },
  Established: {
    ManualStart: "Established 5",
    ManualStop:
      "Idle 0: NOTIFICATION 6/2, keepalive off, hold off, sendHold off, session down, drop connection",
    AutomaticStart: "Established 5",
    ManualStart_with_PassiveTcpEstablishment: "Established 5",
    AutomaticStart_with_PassiveTcpEstablishment: "Established 5",
    AutomaticStart_with_DampPeerOscillations: "Established 5",
    AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: "Established 5",
    AutomaticStop:
      "Idle 6: NOTIFICATION 6/1, keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    ConnectRetryTimer_Expires:
      "Idle 6: NOTIFICATION 5/0, keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    HoldTimer_Expires:
      "Idle 6: NOTIFICATION 4/0, keepalive off, sendHold off, session down, drop connection, idleHold=1",
    KeepaliveTimer_Expires: "Established 5: KEEPALIVE, keepalive=3",
    DelayOpenTimer_Expires:
      "Idle 6: NOTIFICATION 5/0, keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    IdleHoldTimer_Expires:
      "Idle 6: NOTIFICATION 5/0, keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    TcpConnection_Valid: "Established 5",
    Tcp_CR_Invalid: "Established 5",
    Tcp_CR_Acked: "Established 5",
    TcpConnectionConfirmed: "Established 5",
    TcpConnectionFails:
      "Idle 6: keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    BGPOpen:
      "Idle 6: NOTIFICATION 5/3, keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    BGPOpen_with_DelayOpenTimer_running:
      "Idle 6: NOTIFICATION 5/3, keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    BGPHeaderErr:
      "Idle 6: NOTIFICATION 1/1, keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    BGPOpenMsgErr:
      "Idle 6: NOTIFICATION 5/3, keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    OpenCollisionDump: "Established 5",
    NotifMsgVerErr:
      "Idle 6: keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    NotifMsg:
      "Idle 6: keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    KeepAliveMsg: "Established 5: hold=9",
    UpdateMsg: "Established 5: hold=9",
    UpdateMsgErr:
      "Idle 6: NOTIFICATION 3/10, keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
    SendHoldTimer_Expires:
      "Idle 6: NOTIFICATION 8/0, keepalive off, hold off, session down, drop connection, idleHold=1",
    RouteRefreshMsg: "Established 5",
  },
};

for (const state of STATES) {
  describe(`in ${state}`, () => {
    for (const event of EVENTS) {
      const expected = TABLE[state][event.type];
      test(`${event.type} gives ${expected}`, () => {
        const before = sessionIn(state);
        expect(written(step(before, event, 1))).toBe(expected);
        expect(Object.isFrozen(before)).toBe(true);
      });
    }
  });
}

test("the table has a cell for each of the 29 events and for ROUTE-REFRESH", () => {
  expect(EVENTS.length).toBe(30);
  for (const state of STATES) {
    expect(Object.keys(TABLE[state])).toEqual(EVENTS.map(({ type }) => type));
  }
});
