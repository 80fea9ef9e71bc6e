/** RFC 4271 section 6.2 and the capabilities: each check by its NOTIFICATION. */

import { describe, expect, test } from "bun:test";
import { localOpen, negotiate } from "../../../bgpd/fsm/negotiate.ts";
import type { SessionConfig } from "../../../bgpd/fsm/state.ts";
import type { Capability, OpenMessage } from "../../../bgpd/wire/message.ts";
import { parseAddress } from "../../../lib/address.ts";
import { toHex } from "../../../lib/hex.ts";
import { CONFIG } from "./fixture.ts";

const IPV4: Capability = { type: "multiprotocol", afi: 1, safi: 1 };
const IPV6: Capability = { type: "multiprotocol", afi: 2, safi: 1 };

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

const INTERNAL: Partial<SessionConfig> = { remoteAs: 64512 };

/** `code/subcode data`, or "good". */
function judged(open: Partial<OpenMessage>, config: Partial<SessionConfig> = {}): string {
  const judgement = negotiate({ ...CONFIG, ...config }, { ...OPEN, ...open });
  if (judgement.negotiated !== undefined) return "good";
  const { code, subcode, data } = judgement.fault;
  return `${code}/${subcode} ${toHex(data)}`.trim();
}

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

  test("has AS_TRANS for an AS number above 65535", () => {
    const open = localOpen({ ...CONFIG, localAs: 4_200_000_000 });
    expect(open.myAs).toBe(23456);
    expect(open.capabilities).toContainEqual(four(4_200_000_000));
  });
});
