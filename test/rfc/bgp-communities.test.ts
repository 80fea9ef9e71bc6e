/** Communities that mean something to everybody, by RFC and section. */

import { describe, expect, test } from "bun:test";
import { PLAIN_RULES, type SessionRules } from "../../bgpd/rib/rules.ts";
import type { Attributes } from "../../bgpd/wire/attributes.ts";
import {
  BLACKHOLE,
  GRACEFUL_SHUTDOWN,
  NO_ADVERTISE,
  NO_EXPORT,
  NO_EXPORT_SUBCONFED,
  NO_PEER,
} from "../../bgpd/wire/const.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { attributesOf, peerAt, Scene } from "../bgpd/rib/scene.ts";

const PREFIX = "198.51.100.0/24";

function rules(some: Partial<SessionRules>): { readonly rules: SessionRules } {
  return { rules: { ...PLAIN_RULES, ...some } };
}

/** A route from one external peer, and what an internal and another external peer get of it. */
function passed(
  more: Partial<Attributes>,
  { from = {}, to = {} }: { from?: Partial<SessionRules>; to?: Partial<SessionRules> } = {},
) {
  const scene = new Scene();
  const source = scene.add(peerAt(9, "external", rules(from)));
  const inside = scene.add(peerAt(2, "internal", rules(to)));
  const outside = scene.add(peerAt(8, "external", rules(to)));
  scene.announce(source, [PREFIX], attributesOf([65_009], "172.30.0.9", more));
  scene.settle();
  const got = (id: number): Attributes | undefined => scene.told.get(id)?.routes.get(PREFIX);
  const why = (id: number) => scene.rib.advertisedTo(id, parsePrefix(PREFIX))[0]?.reason;
  return {
    inside: got(inside),
    outside: got(outside),
    why: why(outside),
    used: scene.rib.lookup(parsePrefix(PREFIX))?.paths[0]?.attributes,
    best: scene.best.get(PREFIX),
  };
}

describe("RFC 1997", () => {
  test.each<[name: string, community: number, inside: boolean, outside: boolean]>([
    ["NO_EXPORT", NO_EXPORT, true, false],
    ["NO_EXPORT_SUBCONFED", NO_EXPORT_SUBCONFED, true, false],
    ["NO_ADVERTISE", NO_ADVERTISE, false, false],
    ["any other", 0xfde8_0001, true, true],
  ])("%s decides who is told", (_name, community, inside, outside) => {
    const told = passed({ communities: [community] });
    expect([told.inside !== undefined, told.outside !== undefined]).toEqual([inside, outside]);
  });
});

describe("RFC 3765", () => {
  test("NO_PEER holds a route back from a peer whose role is ours, and from no other", () => {
    const told = passed({ communities: [NO_PEER] }, { to: { role: "peer" } });
    expect(told.outside).toBeUndefined();
    expect(told.why).toBe("it carries NO_PEER (RFC 3765)");
    expect(passed({ communities: [NO_PEER] }).outside).toBeDefined();
    const customer = passed({ communities: [NO_PEER] }, { to: { role: "provider" } });
    expect(customer.outside).toBeDefined();
  });
});

describe("RFC 8326, GRACEFUL_SHUTDOWN", () => {
  test("4.1: from an external peer the route gets the lowest preference, and keeps the community", () => {
    const told = passed({ communities: [GRACEFUL_SHUTDOWN] });
    expect(told.used?.localPref).toBe(0);
    expect(told.inside).toMatchObject({ localPref: 0, communities: [GRACEFUL_SHUTDOWN] });
  });

  test("4.1: any other route is preferred, however long its path", () => {
    const scene = new Scene();
    const [a, b] = [scene.add(peerAt(8, "external")), scene.add(peerAt(9, "external"))];
    const leaving = { communities: [GRACEFUL_SHUTDOWN] };
    scene.announce(a, [PREFIX], attributesOf([65_008], "172.30.0.8", leaving));
    scene.announce(b, [PREFIX], attributesOf([65_009, 1, 2, 3], "172.30.0.9"));
    scene.settle();
    expect(scene.best.get(PREFIX)?.peer).toBe("external 9");
  });

  test("from an internal peer the preference counts that came with it", () => {
    const scene = new Scene();
    const a = scene.add(peerAt(2, "internal"));
    const more = { communities: [GRACEFUL_SHUTDOWN], localPref: 70 };
    scene.announce(a, [PREFIX], attributesOf([], "172.30.0.2", more));
    scene.settle();
    const [path] = scene.rib.lookup(parsePrefix(PREFIX))?.paths ?? [];
    expect(path?.attributes.localPref).toBe(70);
  });

  test("4.2: what a session is told before it ends says so, once", () => {
    const to = { gracefulShutdown: true };
    expect(passed({}, { to }).outside?.communities).toEqual([GRACEFUL_SHUTDOWN]);
    const twice = passed({ communities: [5, GRACEFUL_SHUTDOWN] }, { to });
    expect(twice.outside?.communities).toEqual([5, GRACEFUL_SHUTDOWN]);
  });

  test("4.2: within the AS the preference says it", () => {
    const { inside } = passed({}, { to: { gracefulShutdown: true } });
    expect([inside?.localPref, inside?.communities]).toEqual([0, undefined]);
  });

  test("4.2: it is said on a session that is up, and taken back", () => {
    const scene = new Scene();
    scene.rib.originate(parsePrefix(PREFIX), { origin: 0, asPath: [] });
    const id = scene.add(peerAt(9, "external"));
    scene.settle();
    const communities = () => scene.told.get(id)?.routes.get(PREFIX)?.communities;
    const peer = scene.peers.get(id);
    if (peer === undefined) throw new Error("no peer");
    for (const gracefulShutdown of [true, false]) {
      scene.rib.setPolicies(id, { ...peer, ...rules({ gracefulShutdown }) });
      scene.settle();
      expect(communities()).toEqual(gracefulShutdown ? [GRACEFUL_SHUTDOWN] : undefined);
    }
    expect(
      scene.told.get(id)?.updates.filter(({ announced }) => announced.length > 0),
    ).toHaveLength(3);
  });
});

describe("RFC 7999, BLACKHOLE", () => {
  const from = { discardBlackhole: true };

  test("3.1: packets to the prefix are dropped where that is configured", () => {
    expect(passed({ communities: [BLACKHOLE] }, { from }).best?.discard).toBe(true);
    expect(passed({}, { from }).best?.discard).toBeUndefined();
  });

  test("3.2: it stays in our AS then", () => {
    const told = passed({ communities: [BLACKHOLE] }, { from });
    expect(told.inside?.communities).toEqual([BLACKHOLE, NO_EXPORT]);
    expect([told.outside, told.why]).toEqual([undefined, "it carries NO_EXPORT (RFC 1997)"]);
    const kept = passed({ communities: [NO_EXPORT, BLACKHOLE] }, { from });
    expect(kept.inside?.communities).toEqual([NO_EXPORT, BLACKHOLE]);
  });

  test("3.1: it means nothing where it is not configured", () => {
    const told = passed({ communities: [BLACKHOLE] });
    expect(told.best?.discard).toBeUndefined();
    expect(told.outside?.communities).toEqual([BLACKHOLE]);
  });

  test.each<[string, number[]]>([
    ["", [BLACKHOLE]],
    [", also where NO_EXPORT is there already", [BLACKHOLE, NO_EXPORT]],
  ])("a session that is up begins to drop, and stops%s", (_name, communities) => {
    const scene = new Scene();
    const id = scene.add(peerAt(9, "external"));
    const attributes = attributesOf([65_009], "172.30.0.9", { communities });
    scene.announce(id, [PREFIX], attributes);
    scene.settle();
    const peer = scene.peers.get(id);
    if (peer === undefined) throw new Error("no peer");
    for (const discardBlackhole of [true, false]) {
      scene.rib.setPolicies(id, { ...peer, ...rules({ discardBlackhole }) });
      scene.settle();
      expect(scene.best.get(PREFIX)?.discard === true).toBe(discardBlackhole);
    }
  });
});

describe("RFC 7611", () => {
  test("ACCEPT_OWN does not make a loop acceptable", () => {
    const scene = new Scene();
    const id = scene.add(peerAt(2, "internal"));
    const own = { communities: [0xffff_0001], originatorId: 0xac1e_0001 };
    scene.announce(id, [PREFIX], attributesOf([], "172.30.0.2", own));
    scene.settle();
    const [path] = scene.rib.lookup(parsePrefix(PREFIX))?.paths ?? [];
    expect(path?.state).toBe("rejected");
  });
});

describe("RFC 4360 and RFC 5701, extended communities", () => {
  const extended = {
    extendedCommunities: ["0002fde800000064", "4004fde84cee6b28", "3f2a010203040506"],
    ipv6ExtendedCommunities: [
      "000220010db80000000000000000000000010007",
      "400220010db80000000000000000000000010007",
    ],
  };

  test("6: only transitive ones leave the AS; inside all travel on", () => {
    const told = passed(extended);
    expect(told.inside).toMatchObject(extended);
    expect(told.outside?.extendedCommunities).toEqual(["0002fde800000064", "3f2a010203040506"]);
    expect(told.outside?.ipv6ExtendedCommunities).toEqual(
      extended.ipv6ExtendedCommunities.slice(0, 1),
    );
  });

  test("6: no attribute is left where no community is", () => {
    const told = passed({ extendedCommunities: ["4004fde84cee6b28"] });
    expect(told.outside).toBeDefined();
    expect(told.outside?.extendedCommunities).toBeUndefined();
  });
});

describe("RFC 8097, origin validation state", () => {
  test("2: from an external peer it is ignored", () => {
    const told = passed({ extendedCommunities: ["4300000000000002"] });
    expect(told.used?.extendedCommunities).toBeUndefined();
    expect(told.inside?.extendedCommunities).toBeUndefined();
    const more = passed({ extendedCommunities: ["4300000000000002", "0002fde800000064"] });
    expect(more.inside?.extendedCommunities).toEqual(["0002fde800000064"]);
  });
});

describe("RFC 8092", () => {
  test("large communities travel everywhere", () => {
    const largeCommunities = [[65000, 1, 2]] as const;
    const told = passed({ largeCommunities });
    expect(told.inside?.largeCommunities).toEqual(largeCommunities);
    expect(told.outside?.largeCommunities).toEqual(largeCommunities);
  });
});
