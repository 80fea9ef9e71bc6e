/** The RIB against a slow and obvious one, over random lives of a speaker. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  type PathSelection,
  type PeerId,
  PLAIN_SELECTION,
  type PolicyVerdict,
  type RibPeer,
  type RoutePolicy,
} from "../../../bgpd/rib/route.ts";
import { PLAIN_RULES, type SessionRules, type ToldPaths } from "../../../bgpd/rib/rules.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import type { AddPath } from "../../../bgpd/wire/context.ts";
import { type Family, formatAddress } from "../../../lib/address.ts";
import { formatPrefix, parsePrefix } from "../../../lib/prefix.ts";
import { ACCEPT, attributesOf, brief, OUR_AS, OUR_ID, OUR_ID6, peerAt, Scene } from "./scene.ts";

const PREFIXES = [
  "10.0.0.0/8",
  "10.1.0.0/16",
  "192.0.2.0/24",
  "198.51.100.0/25",
  "0.0.0.0/0",
  "2001:db8::/32",
  "2001:db8:1::/49",
  "::/0",
];
const HOPS = ["172.30.0.50", "172.30.0.51", "172.30.0.52", "fd00:30::50", "fd00:30::51"];
const PEERS = [2, 3, 4, 8, 9, 10];
/** Who says and who is told several paths of a prefix; the others of each the best alone. */
const ADD_PATH: Readonly<Record<number, AddPath>> = {
  3: { receive: [4, 6], send: [4, 6] },
  4: { receive: [6], send: [] },
  9: { receive: [4], send: [6] },
  10: { receive: [4, 6], send: [4, 6] },
};
const PATH_IDS = [0, 1, 0xffff_ffff];
const TOLD_PATHS: readonly ToldPaths[] = [
  { send: "All" },
  { send: "BestN", count: 1 },
  { send: "BestN", count: 2 },
  { send: "ECMP" },
];
const CLUSTER = 7;
/** Extended communities of these many bytes per second. */
const BANDWIDTHS = new Map([
  ["0004fde842c80000", 100],
  ["0004fde843160000", 150],
  ["0004fde843960000", 300],
]);
const REFUSED: PolicyVerdict = { accept: false, reason: "odd lengths are refused" };
const PREFERRED: PolicyVerdict = {
  accept: true,
  reason: "short prefixes are preferred",
  rewrite: (attributes) => ({ ...attributes, localPref: 250 }),
};
const POLICIES: readonly RoutePolicy[] = [
  ACCEPT,
  ({ prefix }) => (prefix.length % 2 === 1 ? REFUSED : ACCEPT({} as never)),
  ({ prefix }) => (prefix.length <= 8 ? PREFERRED : ACCEPT({} as never)),
];

type Step =
  | {
      readonly do: "up" | "down" | "lag" | "catch up" | "refresh" | "restart" | "back" | "sweep";
      readonly peer: number;
    }
  | {
      readonly do: "announce";
      readonly peer: number;
      readonly prefixes: readonly string[];
      readonly pathId: number;
      readonly path: number[];
      readonly hop: string;
      readonly med: number | undefined;
      readonly bandwidth: string | undefined;
    }
  | {
      readonly do: "withdraw";
      readonly peer: number;
      readonly prefixes: readonly string[];
      readonly pathId: number;
    }
  | { readonly do: "originate" | "retract"; readonly prefix: string }
  | {
      readonly do: "policy";
      readonly peer: number;
      readonly imports: number;
      readonly exports: number;
      readonly client: boolean;
      readonly toldPaths: ToldPaths;
    }
  | { readonly do: "hop"; readonly hop: string }
  | { readonly do: "select"; readonly selection: PathSelection }
  | { readonly do: "slice" | "settle" };

const peer = fc.constantFrom(...PEERS);
const pathId = fc.constantFrom(...PATH_IDS);
const prefixes = fc.uniqueArray(fc.constantFrom(...PREFIXES), { minLength: 1, maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("up" as const), peer }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("down" as const), peer }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "lag" as const,
        "catch up" as const,
        "catch up" as const,
        "refresh" as const,
      ),
      peer,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("restart" as const, "back" as const, "sweep" as const),
      peer,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("announce" as const),
      peer,
      prefixes,
      pathId,
      path: fc.constantFrom<number[]>([], [7], [7, 8], [OUR_AS]),
      hop: fc.constantFrom(...HOPS),
      med: fc.constantFrom(undefined, 0, 1),
      bandwidth: fc.constantFrom(undefined, ...BANDWIDTHS.keys()),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("withdraw" as const), peer, prefixes, pathId }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("originate" as const, "retract" as const),
      prefix: fc.constantFrom(...PREFIXES),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("policy" as const),
      peer,
      imports: fc.integer({ min: 0, max: 2 }),
      exports: fc.integer({ min: 0, max: 2 }),
      client: fc.boolean(),
      toldPaths: fc.constantFrom(...TOLD_PATHS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("hop" as const), hop: fc.constantFrom(...HOPS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("select" as const),
      selection: fc.record({
        alwaysCompareMed: fc.boolean(),
        missingMedIsWorst: fc.boolean(),
        preferOldestExternal: fc.constant(false),
        maximumPaths: fc.integer({ min: 1, max: 3 }),
        relaxedAsPath: fc.boolean(),
      }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("slice" as const, "settle" as const) }) },
);

/** A peer that is up, or restarts. */
type Known = { readonly id: PeerId; peer: RibPeer; isLagging: boolean; isAway: boolean };

type Path = {
  readonly peer: number | undefined;
  /** 0 where the peer gives none. */
  readonly pathId: number;
  readonly attributes: Attributes;
  /** Told before the peer restarted, and not since. */
  readonly isStale?: boolean;
};

/** The obvious RIB: every path in a map, everything computed when asked. */
class Model {
  readonly up = new Map<number, Known>();
  /** By prefix, and then by peer and identifier. */
  readonly paths = new Map<string, Map<string, Path>>();
  readonly unreachable = new Set<string>();
  selection = PLAIN_SELECTION;

  set(
    prefix: string,
    { peer, pathId }: Pick<Path, "peer" | "pathId">,
    attributes: Attributes | undefined,
  ): void {
    const all = this.paths.get(prefix) ?? new Map<string, Path>();
    this.paths.set(prefix, all);
    if (attributes === undefined) all.delete(`${peer} ${pathId}`);
    else all.set(`${peer} ${pathId}`, { peer, pathId, attributes });
  }

  /** The peer is gone. */
  forget(from: number): void {
    for (const all of this.paths.values()) {
      for (const [key, { peer }] of all) if (peer === from) all.delete(key);
    }
  }

  /** The peer restarts: what was stale before is gone, and the rest is. */
  retain(from: number): void {
    this.sweep(from);
    for (const all of this.paths.values()) {
      for (const [key, path] of all)
        if (path.peer === from) all.set(key, { ...path, isStale: true });
    }
  }

  sweep(from: number): void {
    for (const all of this.paths.values()) {
      for (const [key, { peer, isStale }] of all) if (peer === from && isStale) all.delete(key);
    }
  }

  best(prefix: string): Path | undefined {
    return this.#bestOf(this.#usable(prefix));
  }

  #bestOf(usable: readonly Path[]): Path | undefined {
    return usable.filter((path) => !usable.some((other) => this.#beats(other, path, usable)))[0];
  }

  /** What a peer is told the paths of, if policy and reflection let it. */
  #chosen(prefix: string, { wire, rules }: RibPeer): Path[] {
    const usable = this.#usable(prefix);
    const best = this.#bestOf(usable);
    if (best === undefined) return [];
    if (wire.addPath?.send.includes(familyOf(prefix)) !== true) return [best];
    const { toldPaths } = rules;
    if (toldPaths.send === "ECMP")
      return usable.filter((path) => this.#isEqual(path, best, usable));
    const most = toldPaths.send === "All" ? usable.length : toldPaths.count;
    const chosen: Path[] = [];
    for (let left = usable; chosen.length < most; ) {
      const next = this.#bestOf(left);
      if (next === undefined) break;
      chosen.push(next);
      left = left.filter((path) => path !== next);
    }
    return chosen;
  }

  #isEqual(path: Path, best: Path, usable: readonly Path[]): boolean {
    return (
      compare(this.#early(path), this.#early(best)) === 0 &&
      !this.#isFallen(path, usable) &&
      this.#late(path)[0] === this.#late(best)[0]
    );
  }

  /** The paths that share the traffic, each with its weight: the best first, the others by their peers' numbers. */
  shares(prefix: string): string[] {
    const { maximumPaths, relaxedAsPath } = this.selection;
    const best = this.best(prefix);
    if (best?.peer === undefined) return [];
    const usable = this.#usable(prefix);
    const isEqual = (path: Path): boolean =>
      this.#isEqual(path, best, usable) &&
      (relaxedAsPath || `${numbers(path)}` === `${numbers(best)}`);
    const byHop = new Map<string, Path>();
    const inOrder = usable.toSorted((a, b) => compare(this.#late(a), this.#late(b)));
    for (const path of [best, ...inOrder]) {
      if (isEqual(path) && !byHop.has(hopOf(path))) byHop.set(hopOf(path), path);
    }
    const chosen = [...byHop].slice(0, maximumPaths);
    if (chosen.length === 1) return [];
    const told = chosen.map(([, path]) => bandwidthOf(path));
    const isWeighted = new Set(told).size > 1 && !told.includes(undefined);
    const unit = [300, 150, 100, 50].find((one) => told.every((all = 0) => all % one === 0)) ?? 1;
    return chosen.map(([hop], index) => {
      const weight = isWeighted ? (told[index] ?? 0) / unit : "any";
      return `${hop} ${weight}`;
    });
  }

  #usable(prefix: string): Path[] {
    return [...(this.paths.get(prefix)?.values() ?? [])].flatMap((path): Path[] => {
      const { peer: from, attributes: received } = path;
      if (from === undefined) return [path];
      const known = this.up.get(from)?.peer;
      if (known === undefined) return [];
      const numbers = received.asPath.flatMap(({ asNumbers }) => asNumbers);
      const verdict = known.importPolicy({
        prefix: parsePrefix(prefix),
        attributes: received,
        source: known.external ? "external" : "internal",
      });
      const hop = received.nextHop === undefined ? "" : formatAddress(received.nextHop);
      if (!verdict.accept || numbers.includes(OUR_AS) || this.unreachable.has(hop)) return [];
      return [{ ...path, attributes: verdict.rewrite?.(received) ?? received }];
    });
  }

  /** Whether a path is out of the race because of another, MULTI_EXIT_DISC seen among all alike. */
  #beats(a: Path, b: Path, all: readonly Path[]): boolean {
    if (a === b) return false;
    const early = compare(this.#early(a), this.#early(b));
    if (early !== 0) return early < 0;
    if (this.#isFallen(a, all)) return false;
    if (this.#isFallen(b, all)) return true;
    return compare(this.#late(a), this.#late(b)) < 0;
  }

  #isFallen(path: Path, all: readonly Path[]): boolean {
    const { alwaysCompareMed } = this.selection;
    return all.some(
      (rival) =>
        compare(this.#early(rival), this.#early(path)) === 0 &&
        (alwaysCompareMed || neighbour(rival) === neighbour(path)) &&
        this.#med(rival) < this.#med(path),
    );
  }

  #med({ attributes }: Path): number {
    return attributes.multiExitDisc ?? (this.selection.missingMedIsWorst ? 9 : 0);
  }

  #early({ peer: from, attributes }: Path): number[] {
    const length = attributes.asPath.flatMap(({ asNumbers }) => asNumbers).length;
    return [from === undefined ? 0 : 1, -(attributes.localPref ?? 100), length, attributes.origin];
  }

  #late({ peer: from, pathId }: Path): number[] {
    return [(from ?? 0) >= 8 || from === undefined ? 0 : 1, from ?? 0, pathId];
  }

  /** What a peer is to have been told. */
  told(to: number): string[] {
    const { peer: target } = this.up.get(to) ?? {};
    if (target === undefined) return [];
    const routes = PREFIXES.flatMap((text) =>
      this.#chosen(text, target).map((best) => ({ text, best })),
    );
    return routes
      .flatMap(({ text, best }) => {
        if (best.peer === to) return [];
        const internal = best.peer !== undefined && best.peer < 8;
        const from = best.peer === undefined ? undefined : this.up.get(best.peer)?.peer;
        const isReflected = internal && !target.external;
        if (isReflected && !isClient(from) && !isClient(target)) return [];
        const source = best.peer === undefined ? "local" : internal ? "internal" : "external";
        const { accept, rewrite } = target.exportPolicy({
          prefix: parsePrefix(text),
          attributes: best.attributes,
          source,
        });
        if (!accept) return [];
        const { localPref, ...rest } = rewrite?.(best.attributes) ?? best.attributes;
        const own = source === "local" || target.external;
        const sent: Attributes = {
          ...rest,
          ...(own ? { nextHop: text.includes(":") ? OUR_ID6 : OUR_ID } : {}),
          ...(target.external ? {} : { localPref: localPref ?? 100 }),
          ...(isReflected && from ? { originatorId: from.identifier, clusterList: [CLUSTER] } : {}),
          asPath: target.external
            ? [
                {
                  type: "sequence",
                  asNumbers: [OUR_AS, ...rest.asPath.flatMap((s) => s.asNumbers)],
                },
              ]
            : rest.asPath,
        };
        return [`${text} ${brief(sent)}`];
      })
      .sort();
  }
}

function familyOf(prefix: string): Family {
  return prefix.includes(":") ? 6 : 4;
}

/** The prefixes as the peer announces them. */
function announcedAs({ wire }: RibPeer, prefixes: readonly string[], pathId: number) {
  return prefixes.map((text) => {
    const isIdentified = wire.addPath?.receive.includes(familyOf(text)) === true;
    return {
      text,
      pathId: isIdentified ? pathId : 0,
      nlri: isIdentified ? `${pathId} ${text}` : text,
    };
  });
}

function isClient(peer: RibPeer | undefined): boolean {
  return peer?.rules.reflection?.client === true;
}

/** As of a reflector, whose internal peers are clients or not. */
function rulesOf(peer: number, client: boolean, toldPaths: ToldPaths): SessionRules {
  if (peer >= 8) return { ...PLAIN_RULES, toldPaths };
  return {
    ...PLAIN_RULES,
    toldPaths,
    reflection: { clusterId: CLUSTER, client, clientToClient: true },
  };
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, i) => value !== b[i]);
  return index < 0 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

const neighbour = ({ attributes }: Path): number => attributes.asPath[0]?.asNumbers[0] ?? 0;
const numbers = ({ attributes }: Path): number[] =>
  attributes.asPath.flatMap(({ asNumbers }) => asNumbers);
const hopOf = ({ attributes: { nextHop } }: Path): string =>
  nextHop === undefined ? "" : formatAddress(nextHop);
const bandwidthOf = ({ attributes: { extendedCommunities = [] } }: Path): number | undefined =>
  BANDWIDTHS.get(extendedCommunities[0] ?? "");

function run(steps: readonly Step[], scene: Scene, model: Model, slices: number): void {
  for (const now of steps) {
    // With a stride of 1 each does the least that can be done at once.
    for (let count = 0; count < slices; count++) scene.rib.work(0);
    if ("peer" in now) runForPeer(now, scene, model);
    else if (now.do === "slice") scene.rib.work(0);
    else if (now.do === "settle") settle(scene, model);
    else if (now.do === "hop") {
      if (!model.unreachable.delete(now.hop)) model.unreachable.add(now.hop);
      if (!scene.unreachable.delete(now.hop)) scene.unreachable.add(now.hop);
      scene.rib.nextHopsChanged();
    } else if (now.do === "select") {
      scene.rib.setSelection(now.selection);
      model.selection = now.selection;
    } else if (now.do === "originate" || now.do === "retract") {
      const ours: Attributes = { origin: 0, asPath: [] };
      if (now.do === "originate") scene.rib.originate(parsePrefix(now.prefix), ours);
      else scene.rib.withdraw(parsePrefix(now.prefix));
      const own = { peer: undefined, pathId: 0 };
      model.set(now.prefix, own, now.do === "originate" ? ours : undefined);
    }
  }
}

function runForPeer(now: Extract<Step, { peer: number }>, scene: Scene, model: Model): void {
  const known = model.up.get(now.peer);
  if (now.do === "up") {
    if (known !== undefined) return;
    // Two of one AS: MULTI_EXIT_DISC decides between them, and both may export the same set.
    const remoteAs = now.peer === 10 ? { remoteAs: 65_009 } : {};
    // The first of the internal ones is a client from the start.
    const more = { ...remoteAs, rules: rulesOf(now.peer, now.peer === 2, PLAIN_RULES.toldPaths) };
    const plain = peerAt(now.peer, now.peer >= 8 ? "external" : "internal", more);
    const addPath = ADD_PATH[now.peer];
    const wire = addPath === undefined ? plain.wire : { ...plain.wire, addPath };
    const added = { ...plain, wire };
    model.up.set(now.peer, { id: scene.add(added), peer: added, isLagging: false, isAway: false });
  }
  if (known === undefined) return;
  if (now.do === "down") {
    scene.remove(known.id);
    model.up.delete(now.peer);
    model.forget(now.peer);
  } else if (now.do === "sweep") {
    for (const family of [4, 6] as const) scene.rib.sweep(known.id, family, "all");
    model.sweep(now.peer);
  } else if (known.isAway) {
    if (now.do === "back") scene.resume(known.id, known.peer);
    known.isAway = now.do !== "back";
  } else if (now.do === "restart") {
    scene.rib.retain(known.id, [4, 6]);
    model.retain(now.peer);
    known.isAway = true;
    known.isLagging = false;
  } else if (now.do === "lag") {
    scene.rib.lag(known.id);
    known.isLagging = true;
  } else if (now.do === "catch up") {
    scene.rib.catchUp(known.id);
    known.isLagging = false;
  } else if (now.do === "refresh") {
    for (const family of [4, 6] as const) scene.rib.refresh(known.id, family);
  } else if (now.do === "withdraw") {
    const gone = announcedAs(known.peer, now.prefixes, now.pathId);
    scene.withdraw(
      known.id,
      gone.map(({ nlri }) => nlri),
    );
    for (const { text, pathId } of gone) model.set(text, { peer: now.peer, pathId }, undefined);
  } else if (now.do === "announce") {
    const path = known.peer.external ? [known.peer.remoteAs, ...now.path] : now.path;
    const pref = known.peer.external ? {} : { localPref: 100 };
    const attributes = attributesOf(path, now.hop, {
      ...(now.med === undefined ? {} : { multiExitDisc: now.med }),
      ...(now.bandwidth === undefined ? {} : { extendedCommunities: [now.bandwidth] }),
      ...pref,
    });
    // A next hop is of its prefixes' family.
    const prefixes = now.prefixes.filter((text) => text.includes(":") === now.hop.includes(":"));
    if (prefixes.length === 0) return;
    const announced = announcedAs(known.peer, prefixes, now.pathId);
    scene.announce(
      known.id,
      announced.map(({ nlri }) => nlri),
      attributes,
    );
    for (const { text, pathId } of announced) {
      model.set(text, { peer: now.peer, pathId }, attributes);
    }
  } else if (now.do === "policy") {
    const policies = {
      importPolicy: POLICIES[now.imports] ?? ACCEPT,
      exportPolicy: POLICIES[now.exports] ?? ACCEPT,
      exportKey: `${now.exports}`,
      rules: rulesOf(now.peer, now.client, now.toldPaths),
    };
    scene.rib.setPolicies(known.id, policies);
    known.peer = { ...known.peer, ...policies };
  }
}

function settle(scene: Scene, model: Model): void {
  scene.settle();
  for (const [number, { id, isLagging, isAway }] of model.up) {
    if (isAway) continue;
    const expected = model.told(number);
    // Which identifiers paths have is for the RIB to say, but that each has one, and only one.
    const told = scene.tells(id).map((line) => line.replace(/^\d+ /, ""));
    if (!isLagging) expect(told.sort()).toEqual(expected);
    expect(scene.rib.peerCounts(id).advertised).toBe(expected.length);
    const claimed = scene.rib.advertised(id).filter(({ advertised }) => advertised);
    expect(claimed.map(({ prefix }) => formatPrefix(prefix)).sort()).toEqual(
      expected.map((line) => line.split(" ")[0] ?? "").sort(),
    );
  }
  for (const text of PREFIXES) {
    const best = model.best(text);
    const name = model.up.get(best?.peer ?? -1)?.peer.name ?? "";
    expect(scene.best.get(text)?.peer).toBe(best === undefined ? undefined : name);
    const shares = scene.best.get(text)?.shares ?? [];
    const told = shares.map(({ address, weight = "any" }) => `${formatAddress(address)} ${weight}`);
    expect(told).toEqual(model.shares(text));
    const view = scene.rib.lookup(parsePrefix(text))?.paths.find(({ state }) => state === "best");
    expect(view === undefined).toBe(best === undefined);
    const used = scene.rib.lookup(parsePrefix(text))?.paths ?? [];
    const sharing = used.filter(({ state }) => state === "multipath");
    expect(sharing).toHaveLength(Math.max(0, shares.length - 1));
  }
}

/** How many of the smallest slices of work are between two steps. */
const slicing = fc.integer({ min: 0, max: 3 });

test("whatever happens, peers and kernel are told what the obvious RIB says, and nothing is left", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: "max" }), slicing, (steps, slices) => {
      const scene = new Scene(undefined, PLAIN_SELECTION, slices === 0 ? {} : { stride: 1 });
      const model = new Model();
      run(steps, scene, model, slices);
      for (const known of model.up.values()) {
        if (known.isAway) scene.resume(known.id, known.peer);
        else scene.rib.catchUp(known.id);
        known.isLagging = false;
        known.isAway = false;
      }
      settle(scene, model);
      for (const { id } of model.up.values()) scene.remove(id);
      for (const prefix of PREFIXES) scene.rib.withdraw(parsePrefix(prefix));
      scene.settle();
      expect(scene.rib.counts()).toEqual({
        prefixes: 0,
        byFamily: { 4: 0, 6: 0 },
        paths: 0,
        attributeSets: 0,
        updateGroups: 0,
      });
      expect(scene.best.size).toBe(0);
    }),
    { numRuns: 1500 },
  );
});
