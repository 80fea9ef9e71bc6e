/** The optional session attributes of RFC 4271 section 8.1.1, damping, jitter, and what always holds. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Event, type EventType, openEvent } from "../../../bgpd/fsm/event.ts";
import {
  createSession,
  createTrackedSession,
  type Session,
  type SessionConfig,
  type State,
} from "../../../bgpd/fsm/state.ts";
import { EXPIRY, step } from "../../../bgpd/fsm/step.ts";
import type { Step } from "../../../bgpd/fsm/transition.ts";
import { CONFIG, EVENTS, NEGOTIATED, sessionIn, written } from "./fixture.ts";

function event(type: EventType): Event {
  return EVENTS.find((candidate) => candidate.type === type)!;
}

/** Run events one after the other; the last step. */
function run(session: Session, ...types: readonly EventType[]): Step {
  return types.reduce<Step>((last, type) => step(last.session, event(type), 1), {
    session,
    actions: [],
  });
}

type Variant = {
  readonly name: string;
  readonly state: State;
  readonly config: Partial<SessionConfig>;
  readonly events: readonly EventType[];
  readonly expected: string;
};

const VARIANTS: readonly Variant[] = [
  {
    name: "DelayOpen in Connect waits for the peer's OPEN",
    state: "Connect",
    config: { delayOpenTime: 10 },
    events: ["Tcp_CR_Acked"],
    expected: "Connect 5: connectRetry off, delayOpen=10",
  },
  {
    name: "DelayOpen in Active waits for the peer's OPEN",
    state: "Active",
    config: { delayOpenTime: 10 },
    events: ["TcpConnectionConfirmed"],
    expected: "Active 5: connectRetry off, delayOpen=10",
  },
  {
    name: "DelayOpenTimer expiry in Connect sends the OPEN",
    state: "Connect",
    config: { delayOpenTime: 10 },
    events: ["Tcp_CR_Acked", "DelayOpenTimer_Expires"],
    expected: "OpenSent 5: OPEN, hold=240",
  },
  {
    name: "an OPEN while the DelayOpenTimer runs goes from Active to OpenConfirm at once",
    state: "Active",
    config: { delayOpenTime: 10 },
    events: ["TcpConnectionConfirmed", "BGPOpen_with_DelayOpenTimer_running"],
    expected: "OpenConfirm 5: delayOpen off, OPEN, KEEPALIVE, keepalive=3, hold=9",
  },
  {
    name: "a connection lost in Connect while the DelayOpenTimer runs is waited for in Active",
    state: "Connect",
    config: { delayOpenTime: 10 },
    events: ["Tcp_CR_Acked", "TcpConnectionFails"],
    expected: "Active 5: delayOpen off, drop connection, connectRetry=120",
  },
  {
    name: "ConnectRetryTimer expiry in Connect gives up the DelayOpenTimer",
    state: "Connect",
    config: { delayOpenTime: 10 },
    events: ["Tcp_CR_Acked", "ConnectRetryTimer_Expires"],
    expected: "Connect 5: delayOpen off, drop connection, connectRetry=120, connect",
  },
  {
    name: "a version error while the DelayOpenTimer runs is not counted",
    state: "Connect",
    config: { delayOpenTime: 10 },
    events: ["Tcp_CR_Acked", "NotifMsgVerErr"],
    expected: "Idle 5: delayOpen off, drop connection, idleHold=1",
  },
  {
    name: "ManualStop in Active says Cease while the DelayOpenTimer runs",
    state: "Active",
    config: { delayOpenTime: 10 },
    events: ["TcpConnectionConfirmed", "ManualStop"],
    expected: "Idle 0: NOTIFICATION 6/2, delayOpen off, drop connection",
  },
  {
    name: "ManualStop in Active says nothing without SendNOTIFICATIONwithoutOPEN",
    state: "Active",
    config: { delayOpenTime: 10, sendNotificationWithoutOpen: false },
    events: ["TcpConnectionConfirmed", "ManualStop"],
    expected: "Idle 0: delayOpen off, drop connection",
  },
  {
    name: "a header error in Connect is not told without SendNOTIFICATIONwithoutOPEN",
    state: "Connect",
    config: { sendNotificationWithoutOpen: false },
    events: ["BGPHeaderErr"],
    expected: "Idle 6: connectRetry off, drop connection, idleHold=1",
  },
  {
    name: "a bad OPEN in Active is not told without SendNOTIFICATIONwithoutOPEN",
    state: "Active",
    config: { sendNotificationWithoutOpen: false },
    events: ["BGPOpenMsgErr"],
    expected: "Idle 6: connectRetry off, drop connection, idleHold=1",
  },
  {
    name: "TrackTcpState refuses a connection request that does not fit in Connect",
    state: "Connect",
    config: { trackTcpState: true },
    events: ["Tcp_CR_Invalid"],
    expected: "Connect 5: reject connection",
  },
  {
    name: "TrackTcpState refuses a connection request that does not fit in Active",
    state: "Active",
    config: { trackTcpState: true },
    events: ["Tcp_CR_Invalid"],
    expected: "Active 5: reject connection",
  },
  {
    name: "PassiveTcpEstablishment listens without a ConnectRetryTimer",
    state: "Idle",
    config: { passiveTcpEstablishment: true },
    events: ["ManualStart_with_PassiveTcpEstablishment"],
    expected: "Active 0",
  },
  {
    name: "PassiveTcpEstablishment never connects from Active",
    state: "Active",
    config: { passiveTcpEstablishment: true },
    events: ["ConnectRetryTimer_Expires"],
    expected: "Active 5",
  },
  {
    name: "PassiveTcpEstablishment goes back to Active when a connection is lost in OpenSent",
    state: "OpenSent",
    config: { passiveTcpEstablishment: true },
    events: ["TcpConnectionFails"],
    expected: "Active 5: hold off, drop connection",
  },
  {
    name: "PassiveTcpEstablishment listens again after IdleHold",
    state: "Established",
    config: { passiveTcpEstablishment: true },
    events: ["HoldTimer_Expires", "IdleHoldTimer_Expires"],
    expected: "Active 6",
  },
  {
    name: "without DampPeerOscillations nothing starts by itself",
    state: "Established",
    config: { dampPeerOscillations: false },
    events: ["HoldTimer_Expires"],
    expected:
      "Idle 6: NOTIFICATION 4/0, keepalive off, sendHold off, session down, drop connection",
  },
  {
    name: "without AllowAutomaticStart a session that ended stays down",
    state: "Established",
    config: { allowAutomaticStart: false },
    events: ["NotifMsg"],
    expected: "Idle 6: keepalive off, hold off, sendHold off, session down, drop connection",
  },
  {
    name: "without AllowAutomaticStart the automatic start events are ignored",
    state: "Idle",
    config: { allowAutomaticStart: false },
    events: [
      "AutomaticStart",
      "AutomaticStart_with_PassiveTcpEstablishment",
      "AutomaticStart_with_DampPeerOscillations",
      "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment",
      "IdleHoldTimer_Expires",
    ],
    expected: "Idle 5",
  },
  {
    name: "without AllowAutomaticStop the system cannot end a session",
    state: "Established",
    config: { allowAutomaticStop: false },
    events: ["AutomaticStop"],
    expected: "Established 5",
  },
  {
    name: "CollisionDetectEstablishedState lets a collision end an Established session",
    state: "Established",
    config: { collisionDetectEstablishedState: true },
    events: ["OpenCollisionDump"],
    expected:
      "Idle 6: NOTIFICATION 6/7, keepalive off, hold off, sendHold off, session down, drop connection, idleHold=1",
  },
  {
    name: "a damped automatic start waits while the IdleHoldTimer runs",
    state: "OpenSent",
    config: {},
    events: ["HoldTimer_Expires", "AutomaticStart_with_DampPeerOscillations"],
    expected: "Idle 6",
  },
  {
    name: "a manual start does not wait for the IdleHoldTimer",
    state: "OpenSent",
    config: {},
    events: ["HoldTimer_Expires", "ManualStart"],
    expected: "Connect 0: idleHold off, connectRetry=120, connect",
  },
  {
    name: "ManualStop in Idle stops the IdleHoldTimer, so that nothing comes back",
    state: "OpenSent",
    config: {},
    events: ["HoldTimer_Expires", "ManualStop"],
    expected: "Idle 6: idleHold off",
  },
  {
    name: "a refused connection is tried again when the ConnectRetryTimer expires, listening meanwhile",
    state: "Connect",
    config: {},
    events: ["TcpConnectionFails", "IdleHoldTimer_Expires"],
    expected: "Active 5: connectRetry=120",
  },
  {
    name: "a session that ended is tried again at the end of IdleHold",
    state: "OpenConfirm",
    config: {},
    events: ["NotifMsg", "IdleHoldTimer_Expires"],
    expected: "Connect 6: connectRetry=120, connect",
  },
];

describe("optional session attributes", () => {
  for (const { name, state, config, events, expected } of VARIANTS) {
    test(name, () => {
      expect(written(run(sessionIn(state, config), ...events))).toBe(expected);
    });
  }

  test("an OPEN is event 20 while the DelayOpenTimer runs, and event 19 else", () => {
    const waiting = run(sessionIn("Active", { delayOpenTime: 1 }), "Tcp_CR_Acked").session;
    expect(openEvent(waiting, NEGOTIATED).type).toBe("BGPOpen_with_DelayOpenTimer_running");
    expect(openEvent(sessionIn("OpenSent"), NEGOTIATED).type).toBe("BGPOpen");
  });

  test("with hold time 0 neither HoldTimer nor KeepaliveTimer runs", () => {
    const negotiated = { ...NEGOTIATED, holdTime: 0, keepaliveTime: 0 };
    const confirmed = step(sessionIn("OpenSent"), { type: "BGPOpen", negotiated }, 1);
    expect(written(confirmed)).toBe("OpenConfirm 5: KEEPALIVE, hold off");
    const up = run(confirmed.session, "KeepAliveMsg");
    expect(written(up)).toBe("Established 5: session up");
    expect(written(run(up.session, "UpdateMsg"))).toBe("Established 5");
  });

  test("a tracked session starts in Active with what its peer's other session has counted", () => {
    const other = { ...sessionIn("Established"), oscillations: 3 };
    const tracked = createTrackedSession(other);
    expect(written(step(tracked, event("TcpConnectionConfirmed"), 1))).toBe(
      "OpenSent 5: OPEN, hold=240",
    );
    expect([tracked.oscillations, tracked.negotiated]).toEqual([3, undefined]);
  });
});

describe("damping", () => {
  const fail = (session: Session): Step => run(session, "KeepAliveMsg", "NotifMsg");
  const wait = ({ session }: Step): number | undefined => session.timers.idleHold;

  test("the wait doubles with each session that does not last, up to the maximum", () => {
    const waits: (number | undefined)[] = [];
    let last = fail(sessionIn("OpenConfirm"));
    for (let round = 0; round < 8; round++) {
      waits.push(wait(last));
      last = run(last.session, "IdleHoldTimer_Expires", "Tcp_CR_Acked", "BGPOpen");
      last = fail(last.session);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  });

  test("a session that outlives a keepalive interval is forgiven", () => {
    for (const proof of ["KeepAliveMsg", "KeepaliveTimer_Expires"] as const) {
      const up = { ...sessionIn("Established"), oscillations: 5 };
      expect(run(up, proof, "NotifMsg").session.timers.idleHold).toBe(1);
    }
  });

  test("UPDATEs do not prove that a session lasts", () => {
    const up = { ...sessionIn("Established"), oscillations: 5 };
    expect(run(up, "UpdateMsg", "NotifMsg").session.timers.idleHold).toBe(32);
  });

  test("without keepalives a session is trusted at once", () => {
    const negotiated = { ...NEGOTIATED, holdTime: 0, keepaliveTime: 0 };
    const confirmed = { ...sessionIn("OpenConfirm"), negotiated, timers: {}, oscillations: 5 };
    expect(run(confirmed, "KeepAliveMsg").session.oscillations).toBe(0);
  });

  test("ManualStop forgets the oscillations", () => {
    const up = { ...sessionIn("Established"), oscillations: 5 };
    expect(run(up, "ManualStop").session.oscillations).toBe(0);
  });
});

describe("jitter", () => {
  test("shortens ConnectRetry, Keepalive and IdleHold, never Hold", () => {
    const at = (state: State, type: EventType): string =>
      written(step(sessionIn(state), event(type), 0.75));
    expect(at("Idle", "ManualStart")).toBe("Connect 0: connectRetry=90, connect");
    expect(at("OpenSent", "BGPOpen")).toBe("OpenConfirm 5: KEEPALIVE, keepalive=2.25, hold=9");
    expect(at("Established", "KeepaliveTimer_Expires")).toBe(
      "Established 5: KEEPALIVE, keepalive=2.25",
    );
    expect(at("Connect", "BGPOpen")).toContain("idleHold=0.75");
    expect(at("Established", "UpdateMsg")).toBe("Established 5: hold=9");
  });
});

describe("whatever happens", () => {
  const configs = fc.record({
    delayOpenTime: fc.constantFrom(0, 5),
    passiveTcpEstablishment: fc.boolean(),
    dampPeerOscillations: fc.boolean(),
    allowAutomaticStart: fc.boolean(),
    allowAutomaticStop: fc.boolean(),
    sendNotificationWithoutOpen: fc.boolean(),
    trackTcpState: fc.boolean(),
    collisionDetectEstablishedState: fc.boolean(),
  });

  test("records stay frozen, timers and states fit, and UPDATEs flow only in between up and down", () => {
    fc.assert(
      fc.property(
        configs,
        fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }),
        (config, list) => {
          let session = createSession({ ...CONFIG, ...config });
          let isUp = false;
          for (const next of list) {
            const before = session;
            const { session: after, actions } = step(session, next, 0.8);
            session = after;
            expect(Object.isFrozen(after)).toBe(true);
            for (const action of actions) {
              if (action.type === "session up") expect(isUp).toBe(false);
              if (action.type === "session down") expect(isUp).toBe(true);
              if (action.type === "session up") isUp = true;
              if (action.type === "session down") isUp = false;
              if (action.type === "start timer") expect(action.seconds).toBeGreaterThanOrEqual(0);
            }
            expect(isUp).toBe(after.state === "Established");
            const hasOpen = after.state === "OpenConfirm" || after.state === "Established";
            expect(after.negotiated !== undefined).toBe(hasOpen);
            if (after.state === "Idle") {
              expect(Object.keys(after.timers).filter((timer) => timer !== "idleHold")).toEqual([]);
            } else {
              expect(after.timers.idleHold).toBeUndefined();
            }
            const says = actions.findIndex(({ type }) => type === "send NOTIFICATION");
            if (says >= 0) {
              expect(after.state).toBe("Idle");
              expect(actions.slice(says).some(({ type }) => type === "drop connection")).toBe(true);
            }
            if (before.state !== "Idle" && after.state === "Idle") {
              expect(actions.some(({ type }) => type === "drop connection")).toBe(true);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("each timer's expiry is the event of its name", () => {
    for (const [timer, { type }] of Object.entries(EXPIRY)) {
      expect(type.toLowerCase()).toBe(`${timer.toLowerCase()}timer_expires`);
    }
  });
});
