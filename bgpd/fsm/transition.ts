/**
 * The moves that the state tables are written with.
 *
 * A move is a list of actions and a new state; the record of running timers is folded from the
 * actions, so that the two cannot disagree.
 */

import type { Action } from "./action.ts";
import { type Event, type EventType, type Notification, UNEXPECTED_MESSAGE } from "./event.ts";
import { type Negotiated, OPEN_HOLD_TIME, type Session, type TimerName } from "./state.ts";

export type Step = { readonly session: Session; readonly actions: readonly Action[] };

/** One cell of the table. `jitter` is 0.75 to 1 (section 10). */
export type Transition<E extends Event = Event> = (
  session: Session,
  event: E,
  jitter: number,
) => Step;

/** One state's row: a missing event does not compile. */
export type StateTable = {
  readonly [Type in EventType]: Transition<Extract<Event, { readonly type: Type }>>;
};

/** RFC 4271 section 4.5, RFC 4486 section 3, RFC 9687: the codes that the FSM itself chooses. */
export const HOLD_TIMER_EXPIRED: Notification = notification(4, 0);
export const SEND_HOLD_TIMER_EXPIRED: Notification = notification(8, 0);
export const CONNECTION_COLLISION_RESOLUTION: Notification = notification(6, 7);

export function notification(code: number, subcode: number): Notification {
  return { code, subcode, data: new Uint8Array() };
}

/** Nothing changes. */
export function ignore(session: Session): Step {
  return { session, actions: [] };
}

/** Do something and stay in the state. */
export function stay(session: Session, actions: readonly Action[]): Step {
  return move(session, actions, {});
}

/** Do something and change the record. */
export function move(
  session: Session,
  actions: readonly Action[],
  patch: Partial<Omit<Session, "config" | "timers">>,
): Step {
  const timers: Partial<Record<TimerName, number>> = { ...session.timers };
  for (const action of actions) {
    if (action.type === "start timer") timers[action.timer] = action.seconds;
    else if (action.type === "stop timer") delete timers[action.timer];
  }
  return { session: Object.freeze({ ...session, ...patch, timers }), actions };
}

export function start(timer: TimerName, seconds: number): Action {
  return { type: "start timer", timer, seconds };
}

/** Stop those of the timers that run; all of them when none is named. */
export function stop(session: Session, ...timers: readonly TimerName[]): Action[] {
  const running = Object.keys(session.timers) as TimerName[];
  return running
    .filter((timer) => timers.length === 0 || timers.includes(timer))
    .map((timer) => ({ type: "stop timer", timer }));
}

/** Start the ConnectRetryTimer with its initial value: never for a peer that we only wait for. */
export function startConnectRetry(session: Session, jitter: number): Action[] {
  const { passiveTcpEstablishment, connectRetryTime } = session.config;
  return passiveTcpEstablishment ? [] : [start("connectRetry", connectRetryTime * jitter)];
}

/** The start events: connect and listen. */
export function toConnect(session: Session, jitter: number): Step {
  return move(
    session,
    [
      ...stop(session, "idleHold"),
      start("connectRetry", session.config.connectRetryTime * jitter),
      { type: "connect" },
    ],
    { state: "Connect" },
  );
}

/** The start events with PassiveTcpEstablishment: listen only. */
export function toActive(session: Session, jitter: number): Step {
  return move(session, [...stop(session, "idleHold"), ...startConnectRetry(session, jitter)], {
    state: "Active",
  });
}

/** Events 16 and 17 where a connection was waited for: say OPEN, or wait for the peer's first. */
export function connected(session: Session): Step {
  const { delayOpenTime } = session.config;
  if (delayOpenTime > 0) {
    return stay(session, [...stop(session, "connectRetry"), start("delayOpen", delayOpenTime)]);
  }
  return toOpenSent(session);
}

/** Complete the initialization and send the OPEN. */
export function toOpenSent(session: Session): Step {
  return move(
    session,
    [
      ...stop(session, "connectRetry", "delayOpen"),
      { type: "send OPEN" },
      start("hold", OPEN_HOLD_TIME),
    ],
    { state: "OpenSent" },
  );
}

/** Events 19 and 20: the peer's OPEN is good. `first` is what goes before our KEEPALIVE. */
export function toOpenConfirm(
  session: Session,
  negotiated: Negotiated,
  jitter: number,
  first: readonly Action[],
): Step {
  const { holdTime, keepaliveTime } = negotiated;
  const timers =
    holdTime === 0
      ? stop(session, "hold")
      : [start("keepalive", keepaliveTime * jitter), start("hold", holdTime)];
  return move(
    session,
    [
      ...stop(session, "connectRetry", "delayOpen"),
      ...first,
      { type: "send KEEPALIVE" },
      ...timers,
    ],
    { state: "OpenConfirm", negotiated },
  );
}

/** How a session ends. */
export type End = {
  /** What to tell the peer, where it can hear it. */
  readonly say?: Notification | undefined;
  /** The ConnectRetryCounter: plus one, as it is, or zero. */
  readonly counter: "increment" | "keep" | "clear";
  /** Peer oscillation damping: wait longer, do not wait, or do not come back at all. */
  readonly next: "damp" | "listen" | "rest";
};

/** To Idle: say it, stop the timers, delete the routes, drop the connection, damp. */
export function toIdle(session: Session, jitter: number, end: End): Step {
  const { config, connectRetryCounter, oscillations } = session;
  const actions: Action[] = [];
  if (end.say !== undefined) actions.push({ type: "send NOTIFICATION", notification: end.say });
  actions.push(...stop(session));
  if (session.state === "Established") actions.push({ type: "session down" });
  actions.push({ type: "drop connection" });
  const returns = end.next !== "rest" && config.dampPeerOscillations && config.allowAutomaticStart;
  const wait =
    end.next === "listen"
      ? 0
      : Math.min(config.idleHoldTimeMax, config.idleHoldTime * 2 ** oscillations) * jitter;
  if (returns) actions.push(start("idleHold", wait));
  const counters = {
    increment: connectRetryCounter + 1,
    keep: connectRetryCounter,
    clear: 0,
  };
  // Beyond 2^30 the wait has long met its maximum; the exponent must not grow to infinity.
  const grown = { damp: Math.min(oscillations + 1, 30), listen: oscillations, rest: 0 };
  return move(session, actions, {
    state: "Idle",
    negotiated: undefined,
    connectRetryCounter: counters[end.counter],
    oscillations: grown[end.next],
    restart: end.next === "listen" ? "listen" : "connect",
  });
}

/** The common end: counted and damped. */
export function fall(session: Session, jitter: number, say?: Notification): Step {
  return toIdle(session, jitter, { say, counter: "increment", next: "damp" });
}

/** "Any other event" where a connection is up: NOTIFICATION Finite State Machine Error. */
export function unexpected(session: Session, _event: Event, jitter: number): Step {
  return fall(session, jitter, notification(5, 0));
}

/** The same for a message that has no place in the state: RFC 6608 has subcodes for these. */
export function unexpectedMessage(session: Session, _event: Event, jitter: number): Step {
  return fall(session, jitter, notification(5, UNEXPECTED_MESSAGE[session.state] ?? 0));
}
