/** RFC 4271 section 6.2 and the capabilities: each check by its NOTIFICATION. */

import { describe, expect, test } from "bun:test";
import { localOpen, negotiate } from "../../../bgpd/fsm/negotiate.ts";
import type { SessionConfig } from "../../../bgpd/fsm/state.ts";
import type { Capability, OpenMessage } from "../../../bgpd/wire/message.ts";
import { type Family, parseAddress } from "../../../lib/address.ts";
import { toHex } from "../../../lib/hex.ts";
import { CONFIG } from "./fixture.ts";

const IPV4: Capability = { type: "multiprotocol", afi: 1, safi: 1 };
const IPV6: Capability = { type: "multiprotocol", afi: 2, safi: 1 };

const IPV4_OVER_IPV6 = {
  type: "extended next hop" as const,
  encodings: [{ afi: 1, safi: 1, nextHopAfi: 2 }],
};

function four(asNumber: number): Capability {
  return { type: "four-octet AS", asNumber };
}

const OPEN: OpenMessage = {
  type: "open",
  version: 4,
  myAs: 64513,
  holdTime: 90,
  identifier: parseAddress("10.0.0.2"),
  capabilities: [IPV4, { type: "route refresh" }, four(64513)],
};

const ALL = OPEN.capabilities;
const PROVIDER: Partial<SessionConfig> = { role: { role: "provider", strict: false } };
const STRICT: Partial<SessionConfig> = { role: { role: "peer", strict: true } };

function told(role: number): Capability {
  return { type: "role", role };
}

const INTERNAL: Partial<SessionConfig> = { remoteAs: 64512 };

/** `code/subcode data`, or "good". */
function judged(open: Partial<OpenMessage>, config: Partial<SessionConfig> = {}): string {
  const judgement = negotiate({ ...CONFIG, ...config }, { ...OPEN, ...open });
  if (judgement.negotiated !== undefined) return "good";
  const { code, subcode, data } = judgement.fault;
  return `${code}/${subcode} ${toHex(data)}`.trim();
}

const BOTH: Partial<SessionConfig> = { families: [4, 6] };

type Case = readonly [string, Partial<OpenMessage>, Partial<SessionConfig>, string];

const CASES: readonly Case[] = [
  ["a good OPEN", {}, {}, "good"],
  ["version 3 is answered with ours", { version: 3 }, {}, "2/1 0004"],
  ["version 5 is answered with ours", { version: 5 }, {}, "2/1 0004"],
  ["another AS number", { myAs: 64514, capabilities: [four(64514)] }, {}, "2/2"],
  ["another AS number in the capability than in the field", { myAs: 64512 }, {}, "2/2"],
  ["a right field does not excuse a wrong capability", { capabilities: [four(70000)] }, {}, "2/2"],
  ["AS 0 (RFC 7607)", { myAs: 0, capabilities: [] }, { remoteAs: 0 }, "2/2"],
  ["AS 0 in the capability", { myAs: 23456, capabilities: [four(0)] }, { remoteAs: 0 }, "2/2"],
  [
    "AS_TRANS with the real number in the capability",
    { myAs: 23456, capabilities: [four(70000)] },
    { remoteAs: 70000 },
    "good",
  ],
  [
    "AS_TRANS without the capability",
    { myAs: 23456, capabilities: [] },
    { remoteAs: 70000 },
    "2/2",
  ],
  ["a role that goes with ours", { capabilities: [...ALL, told(3)] }, PROVIDER, "good"],
  ["our own role from the peer", { capabilities: [...ALL, told(0)] }, PROVIDER, "2/11"],
  ["a role that there is not", { capabilities: [...ALL, told(5)] }, PROVIDER, "2/11"],
  ["no role", {}, PROVIDER, "good"],
  ["no role where ours is strict", {}, STRICT, "2/11"],
  [
    "a role that goes with ours, which is strict",
    { capabilities: [...ALL, told(4)] },
    STRICT,
    "good",
  ],
  ["the same role twice", { capabilities: [...ALL, told(3), told(3)] }, PROVIDER, "good"],
  ["two roles", { capabilities: [...ALL, told(3), told(4)] }, PROVIDER, "2/11"],
  ["a role where we have none", { capabilities: [...ALL, told(0)] }, {}, "good"],
  ["an old speaker without capabilities", { capabilities: [] }, {}, "good"],
  ["hold time 0", { holdTime: 0 }, {}, "good"],
  ["hold time 1", { holdTime: 1 }, {}, "2/6"],
  ["hold time 2", { holdTime: 2 }, {}, "2/6"],
  ["hold time 3", { holdTime: 3 }, {}, "good"],
  ["identifier 0.0.0.0", { identifier: parseAddress("0.0.0.0") }, {}, "2/3"],
  [
    "an identifier that is no address (RFC 6286)",
    { identifier: parseAddress("224.0.0.9") },
    {},
    "good",
  ],
  ["our identifier in another AS (RFC 6286)", { identifier: CONFIG.identifier }, {}, "good"],
  [
    "our identifier in our AS",
    { identifier: CONFIG.identifier, myAs: 64512, capabilities: [] },
    INTERNAL,
    "2/3",
  ],
  ["other families only (RFC 5492)", { capabilities: [IPV6, four(64513)] }, {}, "2/7 010400010001"],
  ["IPv6 alone is enough for both", { capabilities: [IPV6, four(64513)] }, BOTH, "good"],
  [
    "neither family of both",
    { capabilities: [{ ...IPV6, safi: 2 }, four(64513)] },
    BOTH,
    "2/7 010400010001010400020001",
  ],
  [
    "no capability, which means IPv4, where only IPv6 is wanted",
    { capabilities: [four(64513)] },
    { families: [6] },
    "2/7 010400020001",
  ],
  ["other families too", { capabilities: [IPV6, IPV4, four(64513)] }, {}, "good"],
  [
    "the AS number is judged before the hold time",
    { myAs: 1, capabilities: [], holdTime: 1 },
    {},
    "2/2",
  ],
];

describe("the peer's OPEN", () => {
  for (const [name, open, config, expected] of CASES) {
    test(`${name}: ${expected}`, () => {
      expect(judged(open, config)).toBe(expected);
    });
  }

  test("says in words what is wrong", () => {
    const judgement = negotiate(CONFIG, { ...OPEN, myAs: 64514, capabilities: [] });
    expect(judgement).toMatchObject({
      fault: { message: "the peer is AS 64514, not AS 64513" },
    });
  });
});

describe("what both agree upon", () => {
  const settled = (open: Partial<OpenMessage>, config: Partial<SessionConfig> = {}) => {
    const { negotiated } = negotiate({ ...CONFIG, ...config }, { ...OPEN, ...open });
    return negotiated!;
  };

  test("the smaller hold time, and keepalives as configured but a third of it at most", () => {
    const times = (open: number, hold: number, keepalive: number) => {
      const { holdTime, keepaliveTime } = settled(
        { holdTime: open },
        { holdTime: hold, keepaliveTime: keepalive },
      );
      return [holdTime, keepaliveTime];
    };
    expect(times(90, 90, 30)).toEqual([90, 30]);
    expect(times(9, 90, 30)).toEqual([9, 3]);
    expect(times(180, 90, 10)).toEqual([90, 10]);
    expect(times(90, 90, 60)).toEqual([90, 30]);
    expect(times(90, 90, 0)).toEqual([90, 30]);
    expect(times(0, 90, 30)).toEqual([0, 0]);
    expect(times(90, 0, 30)).toEqual([0, 0]);
  });

  test("four-octet AS numbers only when the peer has the capability", () => {
    expect(settled({}).wire.fourOctetAs).toBe(true);
    expect(settled({ capabilities: [] }).wire.fourOctetAs).toBe(false);
  });

  test("the families that both have; without the capability IPv4 alone (RFC 4760 section 8)", () => {
    expect(settled({}, BOTH).wire.families).toEqual([4]);
    expect(settled({ capabilities: [IPV6, IPV4] }, BOTH).wire.families).toEqual([4, 6]);
    expect(settled({ capabilities: [IPV6, IPV4] }).wire.families).toEqual([4]);
    expect(settled({ capabilities: [IPV6, four(64513)] }, BOTH).wire.families).toEqual([6]);
    expect(settled({ capabilities: [] }, BOTH).wire.families).toEqual([4]);
  });

  test("IPv6 next hops for IPv4 when both have the capability (RFC 8950 section 4)", () => {
    const capabilities = [IPV4, IPV6, IPV4_OVER_IPV6];
    expect(settled({ capabilities }, BOTH).wire.extendedNextHop).toBe(true);
    expect(settled({ capabilities }).wire.extendedNextHop).toBe(false);
    expect(settled({ capabilities: [IPV4, IPV6] }, BOTH).wire.extendedNextHop).toBe(false);
    const over = { overIpv6: true };
    expect(settled({ capabilities }, over).wire.extendedNextHop).toBe(true);
    expect(settled({ capabilities: [IPV4] }, over).wire.extendedNextHop).toBe(false);
    expect(settled({ capabilities }, { ...over, families: [6] }).wire.extendedNextHop).toBe(false);
    const vpn = { ...IPV4_OVER_IPV6, encodings: [{ afi: 1, safi: 128, nextHopAfi: 2 }] };
    expect(settled({ capabilities: [IPV4, vpn] }, BOTH).wire.extendedNextHop).toBe(false);
  });

  test("internal and external by the AS numbers, route refresh by the capability", () => {
    expect(settled({}).wire.external).toBe(true);
    expect(settled({}).routeRefresh).toBe(true);
    const internal = settled({ myAs: 64512, capabilities: [] }, INTERNAL);
    expect([internal.wire.external, internal.routeRefresh]).toEqual([false, false]);
  });
});

describe("our OPEN", () => {
  test("has version 4, the AS number, hold time, identifier and five capabilities", () => {
    expect(localOpen(CONFIG)).toEqual({
      type: "open",
      version: 4,
      myAs: 64512,
      holdTime: 90,
      identifier: CONFIG.identifier,
      capabilities: [
        IPV4,
        { type: "route refresh" },
        { type: "enhanced route refresh" },
        { type: "extended message" },
        four(64512),
      ],
    });
  });

  test("has both families and IPv6 next hops for IPv4 where both are wanted", () => {
    expect(localOpen({ ...CONFIG, families: [4, 6] }).capabilities).toEqual([
      IPV4,
      IPV6,
      { type: "route refresh" },
      { type: "enhanced route refresh" },
      IPV4_OVER_IPV6,
      { type: "extended message" },
      four(64512),
    ]);
  });

  test("has AS_TRANS for an AS number above 65535", () => {
    const open = localOpen({ ...CONFIG, localAs: 4_200_000_000 });
    expect(open.myAs).toBe(23456);
    expect(open.capabilities).toContainEqual(four(4_200_000_000));
  });
});

describe("roles (RFC 9234 section 4)", () => {
  const roles = ["provider", "rs", "rs-client", "customer", "peer"] as const;
  const pairs = ["provider customer", "rs rs-client", "peer peer"];

  test("we say ours, and only where one is configured", () => {
    const said = roles.map((role) =>
      localOpen({ ...CONFIG, role: { role, strict: false } }).capabilities.at(-1),
    );
    expect(said).toEqual([0, 1, 2, 3, 4].map(told));
    expect(localOpen(CONFIG).capabilities.some(({ type }) => type === "role")).toBe(false);
  });

  for (const ours of roles) {
    for (const [number, theirs] of roles.entries()) {
      const isPair = pairs.includes(`${ours} ${theirs}`) || pairs.includes(`${theirs} ${ours}`);
      test(`${ours} and ${theirs} ${isPair ? "are" : "are not"} a pair`, () => {
        const open = { capabilities: [...ALL, told(number)] };
        const config = { role: { role: ours, strict: false } };
        expect(judged(open, config)).toBe(isPair ? "good" : "2/11");
      });
    }
  }
});

test("AIGP_SESSION is a matter of external sessions (RFC 7311 section 3.3)", () => {
  const wire = (config: Partial<SessionConfig>, open: Partial<OpenMessage> = {}) =>
    negotiate({ ...CONFIG, ...config }, { ...OPEN, ...open }).negotiated?.wire.aigp;
  expect(wire({ aigp: true })).toBe(true);
  expect(wire({})).toBeUndefined();
  const internal = { myAs: 64512, capabilities: [IPV4, four(64512)] };
  expect(wire({ ...INTERNAL, aigp: true }, internal)).toBeUndefined();
});

test("a peer that refuses capabilities has IPv4 alone, whatever its OPEN says (RFC 5492 section 3)", () => {
  const open = { ...OPEN, capabilities: [...ALL, IPV6, { type: "extended message" } as const] };
  const wire = (advertised: "all" | "none") =>
    negotiate({ ...CONFIG, ...BOTH }, open, advertised).negotiated?.wire;
  expect(wire("all")).toMatchObject({ families: [4, 6], fourOctetAs: true, maxLength: 65_535 });
  expect(wire("none")).toMatchObject({ families: [4], fourOctetAs: false, maxLength: 4096 });
});

describe("ADD-PATH (RFC 7911 section 5)", () => {
  const wants = (receive: readonly Family[], send: readonly Family[]): Partial<SessionConfig> => ({
    ...BOTH,
    addPath: { receive, send },
  });
  const says = (
    ...families: readonly (readonly [afi: number, sendReceive: number])[]
  ): Capability => ({
    type: "add-path",
    families: families.map(([afi, sendReceive]) => ({ afi, safi: 1, sendReceive })),
  });
  const agreed = (config: Partial<SessionConfig>, ...capabilities: readonly Capability[]) => {
    const open = { ...OPEN, capabilities: [IPV4, IPV6, ...capabilities] };
    return negotiate({ ...CONFIG, ...config }, open).negotiated?.wire.addPath;
  };

  test("what we want is said in one capability, and nothing where we want nothing", () => {
    const told = (config: Partial<SessionConfig>) =>
      localOpen({ ...CONFIG, ...config }).capabilities.filter(({ type }) => type === "add-path");
    expect(told(wants([4, 6], [6]))).toEqual([says([1, 1], [2, 3])]);
    expect(told(wants([], [6]))).toEqual([says([2, 2])]);
    expect(told({ ...wants([6], [6]), families: [4] })).toEqual([]);
    expect(told(BOTH)).toEqual([]);
  });

  test("each direction needs the word of both, and each family its own", () => {
    expect(agreed(wants([4, 6], [4, 6]), says([1, 2], [2, 1]))).toEqual({
      receive: [4],
      send: [6],
    });
    expect(agreed(wants([4], [6]), says([1, 3], [2, 3]))).toEqual({ receive: [4], send: [6] });
    expect(agreed(wants([4], []), says([1, 1]))).toBeUndefined();
    expect(agreed(wants([4, 6], [4, 6]))).toBeUndefined();
    expect(agreed(BOTH, says([1, 3], [2, 3]))).toBeUndefined();
  });

  test("only of families that the session carries", () => {
    const config = { ...wants([4, 6], [4, 6]), families: [4] as const };
    expect(agreed(config, says([1, 3], [2, 3]))).toEqual({ receive: [4], send: [4] });
  });

  test("of a family that is named twice the last word counts, in one capability or in two", () => {
    const config = wants([4], [4]);
    expect(agreed(config, says([1, 3], [1, 1]))).toEqual({ receive: [], send: [4] });
    expect(agreed(config, says([1, 1]), says([1, 2]))).toEqual({ receive: [4], send: [] });
  });

  test("not with a peer that refuses capabilities", () => {
    const { negotiated } = negotiate(
      { ...CONFIG, ...wants([4], [4]) },
      { ...OPEN, capabilities: [says([1, 3])] },
      "none",
    );
    expect(negotiated?.wire.addPath).toBeUndefined();
  });
});
