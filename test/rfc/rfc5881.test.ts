/** RFC 5881 (single hop) and RFC 5883 (multihop): which session a packet is of, and which are discarded. */

import { describe, expect, test } from "bun:test";
import type { SessionChange, SessionPlan, SessionStatus } from "../../bgpd/bfd/bfd.ts";
import { type Arrival, Engine } from "../../bgpd/bfd/engine.ts";
import { type ControlPacket, decodePacket, encodePacket } from "../../bgpd/bfd/packet.ts";
import { parseAddress } from "../../lib/address.ts";
import { seeded } from "../sim/world.ts";

const US = parseAddress("10.0.0.1");
const THEM = parseAddress("10.0.0.2");
const STRANGER = parseAddress("10.0.0.3");

const PLAN: SessionPlan = {
  local: US,
  remote: THEM,
  link: 0,
  multihop: false,
  minimumTtl: 1,
  detectMultiplier: 3,
  minTransmitInterval: 100,
  minReceiveInterval: 100,
  authentication: undefined,
};

type Stage = {
  readonly engine: Engine;
  readonly changes: SessionChange[];
  readonly sent: { discriminator: number; packet: ControlPacket }[];
  readonly closed: number[];
  status(name: string): SessionStatus | undefined;
  hear(arrival?: Partial<Arrival>, packet?: Partial<ControlPacket>): void;
};

function stage(sessions: Readonly<Record<string, Partial<SessionPlan>>>): Stage {
  const changes: SessionChange[] = [];
  const sent: Stage["sent"] = [];
  const closed: number[] = [];
  const engine = new Engine({
    random: seeded(1),
    onChange: (change) => changes.push(change),
    output: {
      send(discriminator, _, bytes) {
        sent.push({ discriminator, packet: decodePacket(bytes) });
        return undefined;
      },
      close: (discriminator) => closed.push(discriminator),
    },
  });
  for (const [name, more] of Object.entries(sessions)) engine.set(name, { ...PLAN, ...more }, 0);
  return {
    engine,
    changes,
    sent,
    closed,
    status: (name) => new Map(engine.statuses(0)).get(name),
    hear(arrival = {}, packet = {}) {
      const bytes = encodePacket({
        diagnostic: 0,
        state: "Down",
        poll: false,
        final: false,
        controlPlaneIndependent: false,
        demand: false,
        detectMultiplier: 3,
        myDiscriminator: 22,
        yourDiscriminator: 0,
        desiredMinTxInterval: 1_000_000,
        requiredMinRxInterval: 100_000,
        requiredMinEchoRxInterval: 0,
        authentication: undefined,
        ...packet,
      });
      const direct = { multihop: false, local: US, remote: THEM, link: 0, hops: 255 };
      engine.receive({ ...direct, bytes, ...arrival }, 0);
    },
  };
}

describe("RFC 5881 3: one session for a pair of addresses and its link", () => {
  test("without Your Discriminator the addresses tell", () => {
    const { hear, status } = stage({ tor: {}, other: { remote: STRANGER } });
    hear({ remote: STRANGER });
    expect([status("tor")?.state, status("other")?.state]).toEqual(["Down", "Init"]);
  });

  test("link-local twins on two links are two sessions", () => {
    const [local, remote] = [parseAddress("fe80::1"), parseAddress("fe80::2")];
    const { hear, status } = stage({
      a: { local, remote, link: 4 },
      b: { local, remote, link: 5 },
    });
    hear({ local, remote, link: 5 });
    expect([status("a")?.state, status("b")?.state]).toEqual(["Down", "Init"]);
  });

  test("RFC 5880 6.3: with Your Discriminator that alone tells, whatever the address", () => {
    const { hear, status } = stage({ tor: {}, other: { remote: STRANGER } });
    const yourDiscriminator = status("tor")?.localDiscriminator ?? 0;
    hear({ remote: STRANGER }, { yourDiscriminator });
    expect([status("tor")?.state, status("other")?.state]).toEqual(["Init", "Down"]);
  });

  test("a discriminator that nobody has is discarded, and told where the address has a session", () => {
    const { hear, status } = stage({ tor: {} });
    hear({}, { yourDiscriminator: 99 });
    expect(status("tor")).toMatchObject({
      state: "Down",
      packets: { received: 0, discarded: 1 },
      lastFault: "from 10.0.0.2: no session has Your Discriminator 99",
    });
  });

  test("a stranger's packet is discarded without a trace", () => {
    const { hear, status, sent } = stage({ tor: {} });
    hear({ remote: STRANGER });
    expect([status("tor")?.packets.discarded, sent]).toEqual([0, []]);
  });

  test("a packet that breaks RFC 5880 6.8.6 is told at its session", () => {
    const { hear, status } = stage({ tor: {} });
    hear({ bytes: new Uint8Array(10) });
    expect(status("tor")?.lastFault).toBe("from 10.0.0.2: 10 octets: expected at least 24");
  });
});

describe("RFC 5881 5: TTL", () => {
  for (const [hops, fault] of [
    [254, "arrived with TTL 254: expected 255"],
    [1, "arrived with TTL 1: expected 255"],
    [undefined, "arrived with TTL unknown: expected 255"],
  ] as const) {
    test(`${hops} is discarded`, () => {
      const { hear, status } = stage({ tor: {} });
      hear({ hops });
      expect(status("tor")).toMatchObject({ state: "Down", lastFault: fault });
    });
  }
});

describe("RFC 5883", () => {
  test("3: a multihop session is another than the single hop of the same addresses", () => {
    const { hear, status } = stage({ one: {}, many: { multihop: true } });
    hear({ multihop: true, hops: 60 });
    expect([status("one")?.state, status("many")?.state]).toEqual(["Down", "Init"]);
  });

  test("a discriminator of the other kind is discarded", () => {
    const { hear, status } = stage({ many: { multihop: true } });
    hear({}, { yourDiscriminator: status("many")?.localDiscriminator ?? 0 });
    expect(status("many")?.state).toBe("Down");
  });

  for (const [hops, state] of [
    [250, "Init"],
    [249, "Down"],
  ] as const) {
    test(`6: TTL ${hops} where 250 is the least: ${state}`, () => {
      const { hear, status } = stage({ many: { multihop: true, minimumTtl: 250 } });
      hear({ multihop: true, hops });
      expect(status("many")?.state).toBe(state);
    });
  }
});

describe("sessions come and go", () => {
  test("RFC 5880 6.8.16: what is removed says AdminDown twice before it is gone", () => {
    const { engine, hear, sent, closed, status } = stage({ tor: {} });
    hear();
    const discriminator = status("tor")?.localDiscriminator ?? 0;
    sent.length = 0;
    engine.remove("tor", 10);
    expect(status("tor")).toBeUndefined();
    for (let now = 10; engine.next() < Number.POSITIVE_INFINITY; now = engine.next()) {
      engine.run(now);
    }
    expect(sent.map(({ packet }) => packet.state)).toContain("AdminDown");
    expect(sent.length).toBeGreaterThanOrEqual(2);
    expect(closed).toEqual([discriminator]);
  });

  test("one that returns meanwhile takes the place of what says AdminDown", () => {
    const { engine, hear, closed, status } = stage({ tor: {} });
    const before = status("tor")?.localDiscriminator ?? 0;
    engine.remove("tor", 10);
    engine.set("tor", PLAN, 20);
    expect(closed).toEqual([before]);
    expect(status("tor")?.localDiscriminator).not.toBe(before);
    hear();
    expect(status("tor")?.state).toBe("Init");
  });

  test("other timers keep the session, other addresses make another", () => {
    const { engine, status } = stage({ tor: {} });
    const before = status("tor")?.localDiscriminator;
    engine.set("tor", { ...PLAN, minTransmitInterval: 50 }, 10);
    expect(status("tor")?.localDiscriminator).toBe(before);
    engine.set("tor", { ...PLAN, multihop: true }, 10);
    expect(status("tor")?.localDiscriminator).not.toBe(before);
  });

  test("at the end everybody says AdminDown and is gone", () => {
    const { engine, sent, closed } = stage({ a: {}, b: { remote: STRANGER } });
    engine.stop(10);
    expect(sent.map(({ packet }) => packet.state)).toEqual(["AdminDown", "AdminDown"]);
    expect([closed.length, engine.next()]).toEqual([2, Number.POSITIVE_INFINITY]);
  });

  test("how late what was due is done is counted", () => {
    const { engine, status } = stage({ tor: {} });
    engine.run(0);
    engine.run(engine.next() + 7);
    expect(status("tor")?.lateness).toEqual({
      count: 2,
      sum: 7,
      maximum: 7,
      buckets: [1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    });
  });
});

describe("RFC 5882 4.3: what a failure can have been", () => {
  test.each([true, false])("the C bit of the last packet says it: %p", (bit) => {
    const { engine, hear, changes, status } = stage({ tor: {} });
    const yourDiscriminator = status("tor")?.localDiscriminator ?? 0;
    hear();
    hear({}, { state: "Init", yourDiscriminator, controlPlaneIndependent: bit });
    expect(changes.at(-1)?.to).toBe("Up");
    engine.run(10_000);
    expect(changes.at(-1)).toMatchObject({ to: "Down", failure: true, independent: bit });
  });
});
