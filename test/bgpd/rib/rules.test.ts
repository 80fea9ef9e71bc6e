/** What a session's rules do to paths and next hops, and the limit of its prefixes. */

import { describe, expect, test } from "bun:test";
import { type PeerId, PLAIN_SELECTION, type RibPeer } from "../../../bgpd/rib/route.ts";
import { PLAIN_RULES, type SessionRules } from "../../../bgpd/rib/rules.ts";
import type { AsSegment } from "../../../bgpd/wire/attributes.ts";
import { formatAddress } from "../../../lib/address.ts";
import { parsePrefix } from "../../../lib/prefix.ts";
import { attributesOf, OUR_AS, peerAt, Scene } from "./scene.ts";

const PREFIX = "198.51.100.0/24";

function rules(some: Partial<SessionRules>): { readonly rules: SessionRules } {
  return { rules: { ...PLAIN_RULES, ...some } };
}

/** The state of a route with this path, and why. */
function taken(path: readonly AsSegment[], rest: Partial<RibPeer>): string {
  const scene = new Scene();
  const id = scene.add(peerAt(9, "external", rest));
  scene.announce(id, [PREFIX], { ...attributesOf([], "172.30.0.9"), asPath: path });
  scene.settle();
  const [found] = scene.rib.lookup(parsePrefix(PREFIX))?.paths ?? [];
  return found?.state === "best" ? "taken" : (found?.reason ?? "");
}

const sequence = (...asNumbers: number[]): AsSegment => ({ type: "sequence", asNumbers });

describe("our own AS in a path", () => {
  test.each<[path: number[], allowed: number, answer: string]>([
    [[65_009, OUR_AS], 0, `AS loop: its path holds our own AS ${OUR_AS}`],
    [[65_009, OUR_AS], 1, "taken"],
    [
      [65_009, OUR_AS, OUR_AS],
      1,
      `AS loop: its path holds our own AS ${OUR_AS} 2 times, 1 allowed`,
    ],
    [[65_009, OUR_AS, 7, OUR_AS], 2, "taken"],
  ])("%j with %i allowed", (path, allowedOwnAs, answer) => {
    expect(taken([sequence(...path)], rules({ allowedOwnAs }))).toBe(answer);
  });

  test("is the session's, and the speaker's too", () => {
    const local = { localAs: 65_100 };
    expect(taken([sequence(65_009, 65_100)], local)).toBe(
      "AS loop: its path holds our own AS 65100",
    );
    expect(taken([sequence(65_009, OUR_AS)], local)).toBe(
      `AS loop: its path holds our own AS ${OUR_AS}`,
    );
    expect(
      taken([sequence(65_009, OUR_AS, 65_100)], { ...local, ...rules({ allowedOwnAs: 2 }) }),
    ).toBe("taken");
  });
});

test("a path with an AS_SET is taken, unless the rules say no (RFC 9774)", () => {
  const path = [sequence(65_009), { type: "set" as const, asNumbers: [1, 2] }];
  expect(taken(path, {})).toBe("taken");
  expect(taken(path, rules({ refuseAsSets: true }))).toBe("its path holds an AS_SET (RFC 9774)");
});

/** What an external peer 8 is told of a path from another. */
function told(path: readonly AsSegment[], rest: Partial<RibPeer>) {
  const scene = new Scene();
  const from = scene.add(peerAt(9, "internal"));
  const to = scene.add(peerAt(8, "external", rest));
  scene.announce(from, [PREFIX], { ...attributesOf([], "172.30.0.9"), asPath: path });
  scene.rib.originate(parsePrefix("10.244.1.0/24"), { origin: 0, asPath: [] });
  scene.settle();
  const routes = scene.told.get(to)?.routes;
  return {
    path: routes?.get(PREFIX)?.asPath,
    nextHops: [PREFIX, "10.244.1.0/24"].map((prefix) => {
      const hop = routes?.get(prefix)?.nextHop;
      return hop === undefined ? "" : formatAddress(hop);
    }),
  };
}

describe("the path that an external peer is told", () => {
  const PATH = [sequence(65_008, 64_700, 3, 4_200_000_001)];
  test.each<[name: string, rest: Partial<RibPeer>, path: readonly AsSegment[]]>([
    ["as it is", {}, [sequence(OUR_AS, 65_008, 64_700, 3, 4_200_000_001)]],
    [
      "with asOverride",
      rules({ asOverride: true }),
      [sequence(OUR_AS, OUR_AS, 64_700, 3, 4_200_000_001)],
    ],
    [
      "with removePrivateAs: the peer's own stays, for its loop detection",
      rules({ removePrivateAs: true }),
      [sequence(OUR_AS, 65_008, 3)],
    ],
    [
      "with both",
      rules({ removePrivateAs: true, asOverride: true }),
      [sequence(OUR_AS, OUR_AS, 3)],
    ],
    [
      "with a local AS, which takes the place of ours",
      { localAs: 65_100 },
      [sequence(65_100, 65_008, 64_700, 3, 4_200_000_001)],
    ],
  ])("%s", (_name, rest, path) => {
    expect(told(PATH, rest).path).toEqual(path);
  });

  test("has no segment of a confederation (RFC 5065 section 4.1)", () => {
    const path = [{ type: "confederation sequence" as const, asNumbers: [65_001] }, sequence(3)];
    expect(told(path, {}).path).toEqual([sequence(OUR_AS, 3)]);
  });

  test("loses a segment that is all private", () => {
    const path = [sequence(3), { type: "set" as const, asNumbers: [64_700, 64_701] }];
    expect(told(path, rules({ removePrivateAs: true })).path).toEqual([sequence(OUR_AS, 3)]);
  });
});

describe("the next hop of another's route and of our own", () => {
  test.each<[mode: SessionRules["nextHop"], external: string]>([
    ["Auto", "172.30.0.1"],
    ["Self", "172.30.0.1"],
    ["Keep", "172.30.0.9"],
  ])("%s, to an external peer", (nextHop, other) => {
    expect(told([sequence(3)], rules({ nextHop })).nextHops).toEqual([other, "172.30.0.1"]);
  });

  test.each<[mode: SessionRules["nextHop"], internal: string]>([
    ["Auto", "172.30.0.9"],
    ["Self", "172.30.0.1"],
    ["Keep", "172.30.0.9"],
  ])("%s, to an internal peer", (nextHop, other) => {
    const scene = new Scene();
    const from = scene.add(peerAt(9, "external"));
    const to = scene.add(peerAt(2, "internal", rules({ nextHop })));
    scene.announce(from, [PREFIX], attributesOf([65_009], "172.30.0.9"));
    scene.settle();
    expect(scene.tells(to)).toEqual([`${PREFIX} via ${other} path [65009] pref 100`]);
  });
});

test("peers whose AS decides what they are told do not share a group, others do", () => {
  const groups = (some: Partial<SessionRules>): number => {
    const scene = new Scene();
    for (const n of [7, 8, 9]) scene.add(peerAt(n, "external", rules(some)));
    scene.settle();
    return scene.rib.counts().updateGroups;
  };
  // Of both families.
  expect([groups({}), groups({ asOverride: true }), groups({ removePrivateAs: true })]).toEqual([
    2, 6, 6,
  ]);
});

describe("the limit of prefixes", () => {
  const prefixLimit = { most: 4, warnAt: 3 };
  const prefixesOf = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, index) => `10.${from + index}.0.0/16`);

  test("is told when it comes near, once, and when it is exceeded", () => {
    const scene = new Scene();
    const id = scene.add(peerAt(9, "external", rules({ prefixLimit })));
    const attributes = attributesOf([65_009], "172.30.0.9");
    const announce = (from: number, to: number) =>
      scene.announce(id, prefixesOf(from, to), attributes).limit;
    const met = [announce(0, 2), announce(0, 2), announce(2, 3), announce(3, 4), announce(0, 4)];
    expect(met).toEqual([undefined, undefined, "warning", undefined, undefined]);
    expect(announce(4, 5)).toBe("exceeded");
  });

  test("counts what policy refuses too, and not what is withdrawn", () => {
    const scene = new Scene();
    const refusing = { importPolicy: () => ({ accept: false, reason: "no" }) };
    const id = scene.add(peerAt(9, "external", { ...rules({ prefixLimit }), ...refusing }));
    const attributes = attributesOf([65_009], "172.30.0.9");
    scene.announce(id, prefixesOf(0, 4), attributes);
    scene.withdraw(id, prefixesOf(0, 2));
    expect(scene.announce(id, prefixesOf(4, 6), attributes).limit).toBe("warning");
    expect(scene.announce(id, prefixesOf(6, 7), attributes).limit).toBe("exceeded");
  });
});

test("what there is no room for is not taken, and what is known may become another", () => {
  const scene = new Scene(undefined, PLAIN_SELECTION, { most: 4 });
  const [a, b] = [8, 9].map((n) => scene.add(peerAt(n, "external"))) as [PeerId, PeerId];
  const announce = (id: PeerId, from: number, to: number, ...path: number[]) =>
    scene.announce(
      id,
      Array.from({ length: to - from }, (_, index) => `10.${from + index}.0.0/16`),
      attributesOf(path, "172.30.0.9"),
    ).limit;
  expect(announce(a, 0, 3, 65_008)).toBeUndefined();
  expect(announce(b, 2, 5, 65_009)).toBe("no room");
  expect(scene.rib.counts()).toMatchObject({ prefixes: 3, paths: 4 });
  // Known ones are replaced.
  expect(announce(a, 0, 3, 65_008, 7)).toBeUndefined();
  expect(announce(a, 3, 4, 65_008, 7)).toBe("no room");
  scene.settle();
  expect(scene.tells(b)).toHaveLength(2);
  scene.remove(a);
  scene.settle();
  expect(announce(b, 0, 3, 65_009)).toBeUndefined();
  scene.settle();
  expect(scene.rib.counts()).toMatchObject({ prefixes: 3, paths: 3 });
});

test("a rewriting policy is asked to rewrite once per attribute set, not once per prefix", () => {
  let rewrites = 0;
  const verdict = {
    accept: true,
    reason: "counted",
    rewrite: (attributes: object) => {
      rewrites++;
      return { ...attributes, localPref: 7 } as never;
    },
  };
  const scene = new Scene();
  const id = scene.add(peerAt(9, "external", { importPolicy: () => verdict }));
  const prefixes = Array.from({ length: 100 }, (_, index) => `10.${index}.0.0/16`);
  scene.announce(id, prefixes, attributesOf([65_009], "172.30.0.9"));
  expect(rewrites).toBe(1);
  scene.settle();
  scene.withdraw(id, prefixes);
  scene.settle();
  expect(scene.rib.counts().attributeSets).toBe(0);
});
