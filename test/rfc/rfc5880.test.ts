/** RFC 5880 section 6.8, clause by clause, on the pure step. */

import { describe, expect, test } from "bun:test";
import { STATES, type State } from "../../bgpd/bfd/const.ts";
import type { ControlPacket } from "../../bgpd/bfd/packet.ts";
import {
  createSession,
  detectionTime,
  jittered,
  type Session,
  type SessionConfig,
  transmitInterval,
} from "../../bgpd/bfd/session.ts";
import { type Event, type Outgoing, step } from "../../bgpd/bfd/step.ts";

const SECOND = 1_000_000;
const MS = 1000;

const CONFIG: SessionConfig = {
  localDiscriminator: 11,
  detectMultiplier: 3,
  minTransmitInterval: 100 * MS,
  minReceiveInterval: 100 * MS,
  authentication: undefined,
};

/** The peer's packet, Down and slow unless said otherwise. */
function packet(given: Partial<ControlPacket> = {}): ControlPacket {
  return {
    diagnostic: 0,
    state: "Down",
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    demand: false,
    detectMultiplier: 3,
    myDiscriminator: 22,
    yourDiscriminator: 11,
    desiredMinTxInterval: SECOND,
    requiredMinRxInterval: 100 * MS,
    requiredMinEchoRxInterval: 0,
    authentication: undefined,
    ...given,
  };
}

/** A session that is driven by hand; `now` in ms. */
class Driven {
  session: Session;
  now = 0;
  sent: readonly Outgoing[] = [];

  constructor(config: Partial<SessionConfig> = {}) {
    this.session = createSession({ ...CONFIG, ...config }, 0, 0.5);
  }

  feed(event: Event, random = 1): this {
    const { session, packets } = step(this.session, event, { now: this.now, random });
    this.session = session;
    this.sent = packets;
    return this;
  }

  hear(given: Partial<ControlPacket> = {}, sequence?: number): this {
    return this.feed({ type: "packet", packet: packet(given), sequence });
  }

  at(now: number): this {
    this.now = now;
    return this;
  }

  /** Through the handshake, with the Poll Sequence that follows it. */
  up(given: Partial<ControlPacket> = {}): this {
    const fast = { state: "Up", desiredMinTxInterval: 100 * MS, ...given } as const;
    return this.hear()
      .hear({ state: "Init" })
      .hear({ final: true, ...fast });
  }
}

describe("6.2, 6.8.6: the state machine", () => {
  const moves: Record<Exclude<State, "AdminDown">, Record<State, State>> = {
    Down: { AdminDown: "Down", Down: "Init", Init: "Up", Up: "Down" },
    Init: { AdminDown: "Down", Down: "Init", Init: "Up", Up: "Up" },
    Up: { AdminDown: "Down", Down: "Down", Init: "Up", Up: "Up" },
  };
  const reach = {
    Down: () => new Driven(),
    Init: () => new Driven().hear(),
    Up: () => new Driven().up(),
  };
  for (const from of ["Down", "Init", "Up"] as const) {
    for (const heard of STATES) {
      test(`${from} that hears ${heard} is ${moves[from][heard]}`, () => {
        const driven = reach[from]();
        expect(driven.session.state).toBe(from);
        driven.hear({ state: heard });
        expect(driven.session.state).toBe(moves[from][heard]);
        expect(driven.session.remoteState).toBe(heard);
      });
    }
  }

  test("what takes an Up session down by the peer's word is diagnostic 3", () => {
    for (const state of ["Down", "AdminDown"] as const) {
      expect(new Driven().up().hear({ state }).session.diagnostic).toBe(3);
    }
  });

  test("AdminDown discards every packet", () => {
    const driven = new Driven().up().feed({ type: "disable" });
    const before = driven.session;
    for (const state of STATES) expect(driven.hear({ state }).session).toEqual(before);
  });

  test("each change of state is told at once", () => {
    const driven = new Driven().at(10);
    expect(driven.hear().sent.map(({ state }) => state)).toEqual(["Init"]);
    expect(driven.hear({ state: "Init" }).sent.map(({ state }) => state)).toEqual(["Up"]);
    expect(driven.hear({ state: "Down" }).sent.map(({ state }) => state)).toEqual(["Down"]);
    expect(driven.hear({ state: "Up" }).sent).toEqual([]);
  });
});

describe("6.8.1, 6.8.7: what a packet says", () => {
  test("the first one: nothing is known of the peer, and once a second at most", () => {
    const [first] = new Driven().feed({ type: "transmit" }).sent;
    expect(first).toEqual({
      diagnostic: 0,
      state: "Down",
      poll: false,
      final: false,
      controlPlaneIndependent: false,
      demand: false,
      detectMultiplier: 3,
      myDiscriminator: 11,
      yourDiscriminator: 0,
      desiredMinTxInterval: SECOND,
      requiredMinRxInterval: 100 * MS,
      requiredMinEchoRxInterval: 0,
    });
  });

  test("the peer's discriminator comes back to it", () => {
    expect(new Driven().hear().sent[0]?.yourDiscriminator).toBe(22);
  });

  test("echo is never offered, and demand never asked for", () => {
    const { sent } = new Driven().up({ demand: true }).hear({ poll: true, state: "Up" });
    expect(sent[0]).toMatchObject({ requiredMinEchoRxInterval: 0, demand: false, final: true });
  });
});

describe("6.8.2, 6.8.3, 6.8.7: when packets leave", () => {
  test("not faster than once a second until the session is Up", () => {
    const driven = new Driven();
    expect(transmitInterval(driven.session)).toBe(SECOND);
    expect(transmitInterval(driven.hear().session)).toBe(SECOND);
    expect(transmitInterval(driven.hear({ state: "Init" }).session)).toBe(100 * MS);
    expect(transmitInterval(driven.hear({ state: "Down" }).session)).toBe(SECOND);
  });

  test("a configured interval above a second stays above", () => {
    const driven = new Driven({ minTransmitInterval: 5 * SECOND });
    expect(transmitInterval(driven.session)).toBe(5 * SECOND);
  });

  test("the peer's Required Min RX slows us down, and its end speeds us up at once", () => {
    const driven = new Driven().up({ requiredMinRxInterval: 400 * MS });
    expect(transmitInterval(driven.session)).toBe(400 * MS);
    driven.at(1000).feed({ type: "transmit" });
    expect(driven.session.due.transmit).toBe(1400);
    driven.at(1010).hear({ state: "Up", desiredMinTxInterval: 100 * MS });
    expect(driven.session.due.transmit).toBe(1110);
  });

  for (const [detectMultiplier, least, most] of [
    [3, 75, 100],
    [1, 75, 90],
  ] as const) {
    test(`jitter is ${least} to ${most} % with a Detect Mult of ${detectMultiplier}`, () => {
      const { session } = new Driven({ detectMultiplier }).up();
      expect(jittered(session, 0)).toBeCloseTo(least);
      expect(jittered(session, 1)).toBeCloseTo(most);
    });
  }

  test("a Required Min RX of zero stops periodic packets, and polls are still answered", () => {
    const driven = new Driven().up({ requiredMinRxInterval: 0 });
    expect(driven.session.due.transmit).toBeUndefined();
    const silent = { state: "Up", requiredMinRxInterval: 0 } as const;
    expect(driven.hear({ ...silent, poll: true }).sent[0]?.final).toBe(true);
    expect(driven.session.due.transmit).toBeUndefined();
    expect(driven.at(50).hear({ state: "Up" }).session.due.transmit).toBe(150);
  });

  test("a peer in Demand mode is left alone while both are Up, but for our polls", () => {
    const demand = { state: "Up", demand: true, desiredMinTxInterval: 100 * MS } as const;
    const driven = new Driven().up().hear(demand);
    expect(driven.session.due.transmit).toBeUndefined();
    const config = { ...CONFIG, minReceiveInterval: 50 * MS };
    expect(driven.feed({ type: "configure", config }).sent[0]?.poll).toBe(true);
    expect(driven.session.due.transmit).toBe(100);
    expect(driven.hear({ ...demand, final: true }).session.due.transmit).toBeUndefined();
  });

  test("a peer in Demand mode that is not Up is spoken to", () => {
    const driven = new Driven().hear({ demand: true });
    expect(driven.session.due.transmit).toBeDefined();
  });
});

describe("6.8.4, 6.8.5: detection", () => {
  test("the time is the peer's Detect Mult times the slower of its sending and our receiving", () => {
    const driven = new Driven({ minReceiveInterval: 50 * MS }).up({ detectMultiplier: 5 });
    expect(detectionTime(driven.session)).toBe(500 * MS);
    driven.hear({ state: "Up", detectMultiplier: 5, desiredMinTxInterval: 10 * MS });
    expect(detectionTime(driven.session)).toBe(250 * MS);
  });

  test("each packet puts it off; when it is over, the session is Down with diagnostic 1", () => {
    const driven = new Driven().up();
    expect(driven.session.due.detect).toBe(300);
    driven.at(200).hear({ state: "Up", desiredMinTxInterval: 100 * MS });
    expect(driven.session.due.detect).toBe(500);
    driven.at(500).feed({ type: "detection time expired" });
    expect(driven.session).toMatchObject({ state: "Down", diagnostic: 1, remoteDiscriminator: 0 });
    expect(driven.sent).toMatchObject([{ state: "Down", diagnostic: 1, yourDiscriminator: 0 }]);
  });

  test("an Init session that hears no more is Down as well", () => {
    const driven = new Driven().hear().at(3000).feed({ type: "detection time expired" });
    expect(driven.session).toMatchObject({ state: "Down", diagnostic: 1 });
  });

  test("a Down session forgets what the peer called itself, and says nothing for it", () => {
    const driven = new Driven().hear({ state: "Up" }).feed({ type: "detection time expired" });
    expect([driven.session.remoteDiscriminator, driven.sent]).toEqual([0, []]);
  });
});

describe("6.5, 6.8.3: Poll Sequences", () => {
  const faster = { ...CONFIG, minTransmitInterval: 50 * MS, minReceiveInterval: 50 * MS };
  const slower = { ...CONFIG, minTransmitInterval: 200 * MS, minReceiveInterval: 200 * MS };
  const live = { state: "Up", desiredMinTxInterval: 50 * MS, requiredMinRxInterval: 1 } as const;

  test("coming Up polls for the interval, until the Final bit", () => {
    const driven = new Driven().hear().hear({ state: "Init" });
    expect(driven.sent).toMatchObject([{ poll: true, desiredMinTxInterval: 100 * MS }]);
    expect(driven.feed({ type: "transmit" }).sent[0]?.poll).toBe(true);
    expect(driven.hear({ ...live, final: true }).session.poll).toBe("none");
    expect(driven.feed({ type: "transmit" }).sent[0]?.poll).toBe(false);
  });

  test("a Poll is answered at once with the Final bit, and never with both bits", () => {
    const driven = new Driven().hear().hear({ state: "Init", poll: true });
    expect(driven.session.poll).toBe("active");
    expect(driven.sent).toMatchObject([{ state: "Up", poll: false, final: true }]);
    expect(driven.session.due.transmit).toBeLessThanOrEqual(100);
  });

  test("faster: we send faster at once, and expect it of the peer when it has agreed", () => {
    const driven = new Driven().up(live).feed({ type: "configure", config: faster });
    expect(driven.sent).toMatchObject([{ poll: true, desiredMinTxInterval: 50 * MS }]);
    expect(transmitInterval(driven.session)).toBe(50 * MS);
    expect(detectionTime(driven.session)).toBe(300 * MS);
    driven.hear({ ...live, final: true });
    expect(detectionTime(driven.session)).toBe(150 * MS);
  });

  test("slower: we expect it at once, and send slower when the peer has agreed", () => {
    const driven = new Driven().up(live).feed({ type: "configure", config: slower });
    expect(transmitInterval(driven.session)).toBe(100 * MS);
    expect(detectionTime(driven.session)).toBe(600 * MS);
    driven.hear({ ...live, final: true });
    expect(transmitInterval(driven.session)).toBe(200 * MS);
  });

  test("a change during a poll is polled for again", () => {
    const driven = new Driven().up(live).feed({ type: "configure", config: slower });
    driven.feed({ type: "configure", config: { ...slower, minTransmitInterval: 300 * MS } });
    expect(driven.hear({ ...live, final: true }).session.poll).toBe("active");
    expect(transmitInterval(driven.session)).toBe(100 * MS);
    driven.hear({ ...live, final: true });
    expect([driven.session.poll, transmitInterval(driven.session)]).toEqual(["none", 300 * MS]);
  });

  test("a Final bit that nobody asked for changes nothing", () => {
    const driven = new Driven().up(live);
    expect(driven.hear({ ...live, final: true }).session).toMatchObject({
      poll: "none",
      state: "Up",
    });
  });

  test("another Detect Mult needs no poll", () => {
    const config = { ...CONFIG, detectMultiplier: 5 };
    const driven = new Driven().up(live).feed({ type: "configure", config });
    expect(driven.sent).toMatchObject([{ poll: false, detectMultiplier: 5 }]);
  });
});

describe("6.8.16: administrative control", () => {
  test("AdminDown is said with its diagnostic, goes on slowly, and nothing is detected", () => {
    const driven = new Driven().up().at(1000).feed({ type: "disable" });
    expect(driven.sent).toMatchObject([{ state: "AdminDown", diagnostic: 7, poll: false }]);
    expect(driven.session.due).toMatchObject({ transmit: 2000, detect: undefined });
  });
});

describe("6.8.1: numbers of authenticated packets", () => {
  test("each packet of ours has the next one, around the end of 32 bits", () => {
    const driven = new Driven();
    driven.session = { ...driven.session, sentSequence: 0xffff_ffff };
    expect(driven.feed({ type: "transmit" }).session.sentSequence).toBe(0);
  });

  test("the peer's is forgotten after twice the detection time without a packet", () => {
    const driven = new Driven().hear({}, 500);
    expect(driven.session.receivedSequence).toBe(500);
    expect(driven.session.due.forgetSequence).toBe(6000);
    driven.at(6000).feed({ type: "sequence forgotten" });
    expect(driven.session.receivedSequence).toBeUndefined();
    expect(driven.session.due.forgetSequence).toBeUndefined();
  });
});
