/** Both families in one RIB: who is told what of which, with which next hop, in which attribute. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PLAIN_SELECTION, type RibPeer } from "../../../bgpd/rib/route.ts";
import { HEADER_LENGTH, UPDATE } from "../../../bgpd/wire/const.ts";
import type { WireContext } from "../../../bgpd/wire/context.ts";
import { BgpError } from "../../../bgpd/wire/error.ts";
import { type Family, parseAddress, withZone } from "../../../lib/address.ts";
import { fromHex } from "../../../lib/hex.ts";
import { formatPrefix, parsePrefix } from "../../../lib/prefix.ts";
import { bytesOf, VECTORS } from "../wire/vector.ts";
import { attributesOf, OUR_AS, OUR_ID, OUR_ID6, peerAt, Scene } from "./scene.ts";

const OURS = { origin: 0, asPath: [] } as const;
const LINK_LOCAL = parseAddress("fe80::1");

/** The session of a peer with something else. */
function withWire(peer: RibPeer, wire: Partial<WireContext>): RibPeer {
  return { ...peer, wire: { ...peer.wire, ...wire } };
}

/** Next hops of our own. */
function hops(four: RibPeer["nextHops"][4], six: RibPeer["nextHops"][6]): Partial<RibPeer> {
  return { nextHops: { 4: four, 6: six } };
}

/** An UPDATE with an MP_REACH_NLRI, as a body. */
function reach(
  afi: Family,
  nextHop: string,
  nlri: string,
  attributes = "400101 00 400200",
): Uint8Array {
  const hop = fromHex(nextHop);
  const value = [0, afi === 4 ? 1 : 2, 1, hop.length, ...hop, 0, ...fromHex(nlri)];
  const rest = fromHex(attributes);
  const length = 4 + value.length + rest.length;
  return Uint8Array.of(0, 0, 0, length, 0x90, 14, 0, value.length, ...value, ...rest);
}

describe("a session of both families", () => {
  test("is told each family with its own next hop, and both End-of-RIB markers", () => {
    const scene = new Scene();
    for (const text of ["10.244.1.0/24", "fd00:244::/122"]) {
      scene.rib.originate(parsePrefix(text), OURS);
    }
    const linkLocal = hops({ nextHop: OUR_ID }, { nextHop: OUR_ID6, nextHopLinkLocal: LINK_LOCAL });
    const internal = scene.add(peerAt(2, "internal"));
    const external = scene.add(peerAt(9, "external", linkLocal));
    scene.settle();
    expect(scene.tells(internal)).toEqual([
      "10.244.1.0/24 via 172.30.0.1 path [] pref 100",
      "fd00:244::/122 via fd00:30::1 path [] pref 100",
    ]);
    expect(scene.tells(external)).toEqual([
      `10.244.1.0/24 via 172.30.0.1 path [${OUR_AS}]`,
      `fd00:244::/122 via fd00:30::1+fe80::1 path [${OUR_AS}]`,
    ]);
    expect(scene.told.get(external)?.endsOfRib).toEqual([4, 6]);
    const [four, six] = ([4, 6] as const).map((family) => scene.rib.peerCounts(external, family));
    expect([four?.advertised, six?.advertised]).toEqual([1, 1]);
    expect(scene.rib.peerCounts(external).advertised).toBe(2);
    expect(scene.rib.counts()).toMatchObject({ prefixes: 2, byFamily: { 4: 1, 6: 1 } });
  });

  test("tells both, each prefix in its table, and withdraws both", () => {
    const scene = new Scene();
    const tor = scene.add(peerAt(9, "external"));
    const peer = scene.add(peerAt(2, "internal"));
    scene.announce(tor, ["192.0.2.0/24"], attributesOf([65_009], "172.30.0.9"));
    const summary = scene.announce(
      tor,
      ["2001:db8::/32", "2001:db8:1::/48"],
      attributesOf([65_009], "fd00:30::9", { nextHopLinkLocal: parseAddress("fe80::9") }),
    );
    expect(summary.announced).toBe(2);
    scene.settle();
    // The link-local address is its neighbours' business.
    expect(scene.tells(peer)).toEqual([
      "192.0.2.0/24 via 172.30.0.9 path [65009] pref 100",
      "2001:db8:1::/48 via fd00:30::9 path [65009] pref 100",
      "2001:db8::/32 via fd00:30::9 path [65009] pref 100",
    ]);
    expect(scene.best.get("2001:db8::/32")?.nextHop).toEqual(parseAddress("fd00:30::9"));
    const match = scene.rib.longestMatch(parseAddress("2001:db8:1::7"));
    expect(match && formatPrefix(match.prefix)).toBe("2001:db8:1::/48");
    expect(scene.rib.received(tor)).toHaveLength(3);
    const gone = scene.withdraw(tor, ["192.0.2.0/24", "2001:db8::/32"]);
    expect(gone.withdrawn).toBe(2);
    scene.settle();
    expect(scene.tells(peer)).toHaveLength(1);
    expect([...scene.best.keys()]).toEqual(["2001:db8:1::/48"]);
  });

  test("refreshes the family that was asked for", () => {
    const scene = new Scene();
    for (const text of ["10.244.1.0/24", "fd00:244::/122"]) {
      scene.rib.originate(parsePrefix(text), OURS);
    }
    const peer = scene.add(peerAt(2, "internal"));
    scene.settle();
    const told = scene.told.get(peer);
    const before = told?.updates.length ?? 0;
    scene.rib.refresh(peer, 6);
    scene.settle();
    const again = told?.updates.slice(before) ?? [];
    expect(
      again.map(({ announced, reach: six }) => [announced.length, six?.prefixes.length]),
    ).toEqual([[0, 1]]);
  });
});

describe("a session of one family", () => {
  test("is told that one alone, and why not the other", () => {
    const scene = new Scene();
    for (const text of ["10.244.1.0/24", "fd00:244::/122"]) {
      scene.rib.originate(parsePrefix(text), OURS);
    }
    const four = scene.add(withWire(peerAt(2, "internal"), { families: [4] }));
    const six = scene.add(withWire(peerAt(3, "internal"), { families: [6] }));
    scene.settle();
    expect(scene.tells(four)).toEqual(["10.244.1.0/24 via 172.30.0.1 path [] pref 100"]);
    expect(scene.tells(six)).toEqual(["fd00:244::/122 via fd00:30::1 path [] pref 100"]);
    expect(scene.told.get(four)?.endsOfRib).toEqual([4]);
    expect(scene.told.get(six)?.endsOfRib).toEqual([6]);
    expect(scene.rib.advertisedTo(four, parsePrefix("fd00:244::/122"))[0]).toMatchObject({
      advertised: false,
      reason: "the session does not carry IPv6 unicast",
    });
  });

  test("is not heard about the other", () => {
    const scene = new Scene();
    const four = scene.add(withWire(peerAt(9, "external"), { families: [4] }));
    const six = scene.add(withWire(peerAt(8, "external"), { families: [6] }));
    scene.announce(four, ["2001:db8::/32"], attributesOf([65_009], "fd00:30::9"));
    scene.announce(six, ["192.0.2.0/24"], attributesOf([65_008], "172.30.0.8"));
    scene.settle();
    expect(scene.rib.counts()).toMatchObject({ prefixes: 0, paths: 0, attributeSets: 0 });
  });
});

describe("our own next hop", () => {
  test("that there is none for a family holds its routes back with the reason", () => {
    const scene = new Scene();
    const none = hops({ nextHop: OUR_ID }, { nextHop: undefined, reason: "no IPv6 address here" });
    scene.rib.originate(parsePrefix("fd00:244::/122"), OURS);
    const peer = scene.add(peerAt(9, "external", none));
    const other = scene.add(peerAt(2, "internal", none));
    const far = scene.add(peerAt(8, "external"));
    scene.announce(far, ["2001:db8::/32"], attributesOf([65_008], "fd00:30::8"));
    scene.settle();
    expect(scene.tells(peer)).toEqual([]);
    expect(scene.rib.advertised(peer).map(({ reason }) => reason)).toEqual([
      "no IPv6 address here",
      "no IPv6 address here",
    ]);
    // What keeps its next hop needs none of ours.
    expect(scene.tells(other)).toEqual(["2001:db8::/32 via fd00:30::8 path [65008] pref 100"]);
  });

  test("that changes is told again, and one that goes withdraws", () => {
    const scene = new Scene();
    for (const text of ["10.244.1.0/24", "fd00:244::/122"]) {
      scene.rib.originate(parsePrefix(text), OURS);
    }
    const peer = scene.add(peerAt(2, "internal"));
    scene.settle();
    const nextHops = { 4: { nextHop: OUR_ID }, 6: { nextHop: parseAddress("fd00:30::2") } };
    scene.rib.setNextHops(peer, nextHops);
    scene.settle();
    expect(scene.tells(peer)[1]).toBe("fd00:244::/122 via fd00:30::2 path [] pref 100");
    scene.rib.setNextHops(peer, { ...nextHops, 6: { nextHop: undefined, reason: "it is gone" } });
    scene.settle();
    expect(scene.tells(peer)).toEqual(["10.244.1.0/24 via 172.30.0.1 path [] pref 100"]);
  });

  test("is refused as another's", () => {
    const scene = new Scene();
    const tor = scene.add(peerAt(9, "external"));
    scene.announce(tor, ["2001:db8::/32"], attributesOf([65_009], "fd00:30::1"));
    scene.settle();
    const [path] = scene.rib.lookup(parsePrefix("2001:db8::/32"))?.paths ?? [];
    expect(path?.reason).toBe("its NEXT_HOP fd00:30::1 is our own address");
  });
});

describe("IPv4 with IPv6 next hops (RFC 8950)", () => {
  const overSix = hops({ nextHop: OUR_ID6, nextHopLinkLocal: LINK_LOCAL }, { nextHop: OUR_ID6 });

  test("is told in MP_REACH_NLRI and withdrawn in the body", () => {
    const scene = new Scene();
    scene.rib.originate(parsePrefix("10.244.1.0/24"), OURS);
    const tor = scene.add(withWire(peerAt(9, "external", overSix), { extendedNextHop: true }));
    scene.settle();
    expect(scene.tells(tor)).toEqual([`10.244.1.0/24 via fd00:30::1+fe80::1 path [${OUR_AS}]`]);
    const [update] = scene.told.get(tor)?.updates ?? [];
    expect([update?.reach?.family, update?.announced.length]).toEqual([4, 0]);
    expect(update?.attributes?.nextHop).toBeUndefined();
    scene.rib.withdraw(parsePrefix("10.244.1.0/24"));
    scene.settle();
    expect(scene.tells(tor)).toEqual([]);
    expect(scene.told.get(tor)?.updates.at(-1)?.withdrawn).toHaveLength(1);
  });

  test("is taken, and passed on only to who takes it too", () => {
    const scene = new Scene();
    const tor = scene.add(withWire(peerAt(9, "external"), { extendedNextHop: true }));
    const able = scene.add(withWire(peerAt(2, "internal"), { extendedNextHop: true }));
    const unable = scene.add(peerAt(3, "internal"));
    scene.announce(tor, ["192.0.2.0/24"], attributesOf([65_009], "fd00:30::9"));
    scene.announce(tor, ["198.51.100.0/24"], attributesOf([65_009], "172.30.0.9"));
    scene.settle();
    expect(scene.best.get("192.0.2.0/24")?.nextHop).toEqual(parseAddress("fd00:30::9"));
    expect(scene.tells(able)).toEqual([
      "192.0.2.0/24 via fd00:30::9 path [65009] pref 100",
      "198.51.100.0/24 via 172.30.0.9 path [65009] pref 100",
    ]);
    expect(scene.tells(unable)).toEqual(["198.51.100.0/24 via 172.30.0.9 path [65009] pref 100"]);
    expect(scene.rib.advertisedTo(unable, parsePrefix("192.0.2.0/24"))[0]?.reason).toBe(
      "its next hop fd00:30::9 is an IPv6 address, which the peer does not take for IPv4 (RFC 8950)",
    );
  });

  test("a next hop that moves between the families is one route, told anew", () => {
    const scene = new Scene();
    const tor = scene.add(withWire(peerAt(9, "external"), { extendedNextHop: true }));
    const able = scene.add(withWire(peerAt(2, "internal"), { extendedNextHop: true }));
    for (const hop of ["172.30.0.9", "fd00:30::9", "172.30.0.9"]) {
      scene.announce(tor, ["192.0.2.0/24"], attributesOf([65_009], hop));
      scene.settle();
      expect(scene.tells(able)).toEqual([`192.0.2.0/24 via ${hop} path [65009] pref 100`]);
    }
    expect(scene.rib.counts().paths).toBe(1);
  });
});

describe("sessions between link-local addresses (RFC 2545 section 3)", () => {
  const NEAR = "fe800000000000000000000000000001";
  const GLOBAL = "fd000030000000000000000000000009";
  const onLink = (number: number, link: number, more: Partial<RibPeer> = {}): RibPeer =>
    withWire(peerAt(number, "external", more), { extendedNextHop: true, link });
  const [two, three] = [2, 3].map((link) => withZone(LINK_LOCAL, link));

  test.each([
    ["alone", NEAR],
    ["behind a global one", GLOBAL + NEAR],
    ["behind no address", `${"00".repeat(16)}${NEAR}`],
    ["twice", NEAR + NEAR],
  ])("use the link-local next hop with their link, where it stands %s", (_how, nextHop) => {
    const scene = new Scene();
    const tor = scene.add(onLink(9, 2));
    const attributes = "400101 00 400206 02010000fdf1";
    for (const [afi, nlri] of [
      [4, "18 c00002"],
      [6, "20 20010db8"],
    ] as const) {
      const update = reach(afi, nextHop, nlri, attributes);
      scene.rib.receive(tor, update, 0, update.length);
    }
    scene.settle();
    expect(scene.best.get("192.0.2.0/24")?.nextHop).toEqual(two!);
    expect(scene.best.get("2001:db8::/32")?.nextHop).toEqual(two!);
  });

  test("use a global next hop that stands alone as it is", () => {
    const scene = new Scene();
    const tor = scene.add(onLink(9, 2));
    const update = reach(6, GLOBAL, "20 20010db8", "400101 00 400206 02010000fdf1");
    scene.rib.receive(tor, update, 0, update.length);
    scene.settle();
    expect(scene.best.get("2001:db8::/32")?.nextHop).toEqual(parseAddress("fd00:30::9"));
  });

  test("keep one address on two links apart, and share the traffic over both", () => {
    const scene = new Scene(undefined, {
      ...PLAIN_SELECTION,
      maximumPaths: 4,
      relaxedAsPath: true,
    });
    const [a, b] = [scene.add(onLink(8, 2)), scene.add(onLink(9, 3))];
    for (const [tor, as] of [
      [a, "fdf0"],
      [b, "fdf1"],
    ] as const) {
      const update = reach(4, NEAR, "18 c00002", `400101 00 400206 02010000${as}`);
      scene.rib.receive(tor, update, 0, update.length);
    }
    scene.settle();
    expect(scene.best.get("192.0.2.0/24")?.shares).toEqual([
      { address: two! },
      { address: three! },
    ]);
    // The very same octets, too.
    for (const tor of [a, b]) {
      const update = reach(4, NEAR, "18 c63364", "400101 00 400206 02010000fdf1");
      scene.rib.receive(tor, update, 0, update.length);
    }
    scene.settle();
    const paths = scene.rib.lookup(parsePrefix("198.51.100.0/24"))?.paths ?? [];
    expect(paths.map(({ received }) => received.nextHop?.zone).sort()).toEqual([2, 3]);
  });

  test("tell internal peers, who cannot reach a link-local next hop, their own", () => {
    const scene = new Scene();
    const tor = scene.add(onLink(9, 2));
    const inner = scene.add(withWire(peerAt(2, "internal"), { extendedNextHop: true }));
    const update = reach(4, NEAR, "18 c00002", "400101 00 400206 02010000fdf1");
    scene.rib.receive(tor, update, 0, update.length);
    scene.settle();
    expect(scene.tells(inner)).toEqual(["192.0.2.0/24 via 172.30.0.1 path [65009] pref 100"]);
  });
});

describe("attribute sets of UPDATEs with MP_REACH_NLRI", () => {
  const HOP = "fd000030000000000000000000000009";

  test("are one for all prefixes that share next hop and attributes", () => {
    const scene = new Scene();
    const peer = scene.add(peerAt(2, "internal"));
    for (let n = 0; n < 50; n++) {
      const nlri = `30 20010db8${n.toString(16).padStart(4, "0")}`;
      const update = reach(6, HOP, nlri);
      scene.rib.receive(peer, update, 0, update.length);
    }
    scene.settle();
    expect(scene.rib.counts()).toMatchObject({ paths: 50, attributeSets: 1 });
    const other = reach(6, HOP.replace(/9$/, "8"), "30 20010db80000");
    scene.rib.receive(peer, other, 0, other.length);
    expect(scene.rib.counts()).toMatchObject({ paths: 50, attributeSets: 2 });
  });

  test("differ from those of the same bytes with the prefixes elsewhere", () => {
    const scene = new Scene();
    const peer = scene.add(peerAt(2, "internal"));
    const attributes = "400101 00 400200 400304 ac1e0002";
    const inReach = reach(6, HOP, "20 20010db8", attributes);
    const rest = fromHex(attributes);
    const inBody = Uint8Array.of(0, 0, 0, rest.length, ...rest, ...fromHex("18c00002"));
    for (const update of [inReach, inBody, inReach]) {
      scene.rib.receive(peer, update, 0, update.length);
    }
    scene.settle();
    expect(scene.best.get("2001:db8::/32")?.nextHop).toEqual(parseAddress("fd00:30::9"));
    expect(scene.best.get("192.0.2.0/24")?.nextHop).toEqual(parseAddress("172.30.0.2"));
  });

  test("both families of one UPDATE have the same attributes and each its next hop", () => {
    const scene = new Scene();
    const peer = scene.add(peerAt(2, "internal"));
    const update = Uint8Array.of(
      ...reach(6, HOP, "20 20010db8", "400101 00 400200 400304 ac1e0002"),
      ...fromHex("18c00002"),
    );
    const summary = scene.rib.receive(peer, update, 0, update.length);
    expect([summary.announced, summary.faults]).toEqual([2, []]);
    scene.settle();
    expect(scene.best.get("2001:db8::/32")?.nextHop).toEqual(parseAddress("fd00:30::9"));
    expect(scene.best.get("192.0.2.0/24")?.nextHop).toEqual(parseAddress("172.30.0.2"));
  });

  test("a fault that withdraws takes the prefixes of MP_REACH_NLRI away", () => {
    const scene = new Scene();
    const peer = scene.add(peerAt(2, "internal"));
    const good = reach(6, HOP, "20 20010db8");
    scene.rib.receive(peer, good, 0, good.length);
    const bad = reach(6, HOP, "20 20010db8", "400101 07 400200");
    const summary = scene.rib.receive(peer, bad, 0, bad.length);
    expect([summary.treatedAsWithdraw, summary.announced]).toEqual([1, 0]);
    scene.settle();
    expect(scene.rib.counts()).toMatchObject({ prefixes: 0, attributeSets: 0 });
  });

  test("a malformed one resets the session and leaves nothing behind", () => {
    const scene = new Scene();
    const peer = scene.add(peerAt(2, "internal"));
    const update = reach(6, "ac1e0009", "20 20010db8");
    expect(() => scene.rib.receive(peer, update, 0, update.length)).toThrow(BgpError);
    const unknown = reach(6, HOP, "20 20010db8", "400101 00 400200 406300");
    expect(() => scene.rib.receive(peer, unknown, 0, unknown.length)).toThrow(BgpError);
    expect(scene.rib.counts()).toMatchObject({ prefixes: 0, attributeSets: 0 });
  });
});

test("messages of MP_REACH_NLRI and MP_UNREACH_NLRI are filled to the session's length", () => {
  const scene = new Scene();
  const peer = scene.add(peerAt(2, "internal"));
  scene.settle();
  const prefixes = Array.from({ length: 2000 }, (_, n) =>
    parsePrefix(`2001:db8:${n.toString(16)}::/48`),
  );
  for (const prefix of prefixes) scene.rib.originate(prefix, OURS);
  scene.settle();
  const told = scene.told.get(peer);
  expect(told?.routes.size).toBe(2000);
  // 7 octets a prefix, in messages of 4096 with some 60 around them.
  expect(told?.updates.filter(({ reach: six }) => six !== undefined)).toHaveLength(4);
  for (const prefix of prefixes) scene.rib.withdraw(prefix);
  scene.settle();
  expect(told?.routes.size).toBe(0);
  const withdrawing = told?.updates.filter(({ unreach }) => (unreach?.prefixes.length ?? 0) > 0);
  expect(withdrawing).toHaveLength(4);
});

test("whatever UPDATEs arrive, broken ones too, a peer that leaves leaves nothing behind", () => {
  const updates = VECTORS.map(bytesOf).filter((bytes) => bytes[18] === UPDATE);
  const octets = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 });
  const broken = fc.tuple(fc.constantFrom(...updates), octets).map(([bytes, changes]) => {
    const copy = bytes.slice(HEADER_LENGTH);
    for (const [at, octet] of changes) if (copy.length > 0) copy[at % copy.length] = octet;
    return copy;
  });
  fc.assert(
    fc.property(fc.array(broken, { maxLength: 30 }), fc.boolean(), (bodies, extendedNextHop) => {
      const scene = new Scene();
      const peer = scene.add(withWire(peerAt(2, "internal"), { extendedNextHop }));
      const other = scene.add(peerAt(9, "external"));
      for (const body of bodies) {
        try {
          scene.rib.receive(peer, body, 0, body.length);
        } catch (error) {
          if (!(error instanceof BgpError)) throw error;
        }
        scene.settle();
      }
      const told = scene.rib.advertised(other).filter(({ advertised }) => advertised);
      expect(scene.tells(other)).toHaveLength(told.length);
      scene.remove(peer);
      scene.settle();
      expect(scene.tells(other)).toEqual([]);
      expect(scene.rib.counts()).toMatchObject({ prefixes: 0, paths: 0, attributeSets: 0 });
    }),
    { numRuns: 300 },
  );
});
