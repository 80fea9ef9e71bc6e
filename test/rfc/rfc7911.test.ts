/** RFC 7911, ADD-PATH, by clause: what comes in with path identifiers, and what goes out with them. */

import { describe, expect, test } from "bun:test";
import type { PeerId, RibPeer } from "../../bgpd/rib/route.ts";
import { PLAIN_RULES, type ToldPaths } from "../../bgpd/rib/rules.ts";
import type { AddPath } from "../../bgpd/wire/context.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { attributesOf, peerAt, Scene } from "../bgpd/rib/scene.ts";

const PREFIX = "192.0.2.0/24";
const PREFIX6 = "2001:db8::/32";
const RECEIVES: AddPath = { receive: [4, 6], send: [] };
const SENDS: AddPath = { receive: [], send: [4, 6] };
const BOTH: AddPath = { receive: [4, 6], send: [4, 6] };

function peer(
  n: number,
  addPath: AddPath | undefined,
  toldPaths: ToldPaths = { send: "All" },
): RibPeer {
  const plain = peerAt(n, "external", { exportKey: "x", rules: { ...PLAIN_RULES, toldPaths } });
  return addPath === undefined ? plain : { ...plain, wire: { ...plain.wire, addPath } };
}

/** Attributes of a path from the peer at N, through these ASes behind it. */
const via = (n: number, ...path: number[]) => attributesOf([65_000 + n, ...path], `172.30.0.${n}`);

/** `STATE peer N #ID: path`, of each path to the prefix, the best first. */
function paths(scene: Scene, prefix = PREFIX): string[] {
  return (scene.rib.lookup(parsePrefix(prefix))?.paths ?? []).map(
    ({ state, peer: name, pathId, attributes: { asPath } }) => {
      const id = pathId === undefined ? "" : ` #${pathId}`;
      return `${state} ${name}${id}: ${asPath.flatMap(({ asNumbers }) => asNumbers).join(" ")}`;
    },
  );
}

/** Identifiers that a peer has been told, by the AS that the path came from: `{ 65002: 1 }`. */
function idsOf(scene: Scene, to: PeerId): Record<string, number> {
  const routes = [...(scene.told.get(to)?.routes ?? [])];
  return Object.fromEntries(
    routes.map(([nlri, { asPath }]) => [`${asPath[0]?.asNumbers[1]}`, Number(nlri.split(" ")[0])]),
  );
}

const sortedIds = (scene: Scene, to: PeerId) => Object.keys(idsOf(scene, to)).sort();

describe("2: identifiers", () => {
  test("are our own for what is told, whatever they were where it came from", () => {
    const scene = new Scene();
    const from = scene.add(peer(2, RECEIVES));
    const to = scene.add(peer(3, SENDS));
    scene.announce(from, [`4294967295 ${PREFIX}`], via(2, 7));
    scene.announce(from, [`0 ${PREFIX}`], via(2, 8));
    scene.settle();
    const told = [...(scene.told.get(to)?.routes.keys() ?? [])];
    expect(told).toHaveLength(2);
    for (const nlri of told) expect(Number(nlri.split(" ")[0])).toBeLessThan(100);
  });

  test("stay a path's own as long as it is there, whoever comes, changes or goes", () => {
    const scene = new Scene();
    const [a, b, c] = [2, 3, 4].map((n) => scene.add(peer(n, undefined)));
    const to = scene.add(peer(9, SENDS));
    for (const [index, id] of [a, b, c].entries()) {
      scene.announce(id as PeerId, [PREFIX], via(2 + index));
    }
    scene.settle();
    const before = idsOf(scene, to);
    expect(new Set(Object.values(before)).size).toBe(3);
    scene.withdraw(a as PeerId, [PREFIX]);
    scene.announce(b as PeerId, [PREFIX], via(3, 7, 8, 9));
    scene.announce(a as PeerId, ["198.51.100.0/24"], via(2));
    scene.settle();
    const { 65002: _, ...others } = before;
    const after = idsOf(scene, to);
    expect(after).toMatchObject(others);
    scene.announce(a as PeerId, [PREFIX], via(2));
    scene.rib.refresh(to, 4);
    scene.settle();
    expect(idsOf(scene, to)).toMatchObject(others);
  });

  test("a path that takes another's place is told before that one is withdrawn", () => {
    const scene = new Scene();
    const [a, b] = [2, 3].map((n) => scene.add(peer(n, undefined)));
    const to = scene.add(peer(9, SENDS));
    scene.announce(a as PeerId, [PREFIX], via(2));
    scene.settle();
    const { updates } = scene.told.get(to) ?? { updates: [] };
    updates.length = 0;
    scene.withdraw(a as PeerId, [PREFIX]);
    scene.announce(b as PeerId, [PREFIX], via(3));
    scene.settle();
    expect(updates.map(({ announced, withdrawn }) => [announced.length, withdrawn.length])).toEqual(
      [
        [1, 0],
        [0, 1],
      ],
    );
  });
});

describe("3: encodings", () => {
  test("one UPDATE has several paths of a prefix, of either family", () => {
    const scene = new Scene();
    const from = scene.add(peer(2, RECEIVES));
    scene.announce(from, [`1 ${PREFIX}`, `2 ${PREFIX}`], via(2));
    scene.announce(from, [`1 ${PREFIX6}`, `2 ${PREFIX6}`], attributesOf([65_002], "fd00:30::2"));
    scene.settle();
    expect(paths(scene)).toEqual(["best external 2 #1: 65002", "valid external 2 #2: 65002"]);
    expect(paths(scene, PREFIX6)).toHaveLength(2);
  });

  test("a family without them has its own encoding on the same session", () => {
    const scene = new Scene();
    const from = scene.add(peer(2, { receive: [6], send: [] }));
    const to = scene.add(peer(3, { receive: [], send: [6] }));
    const hop6 = attributesOf([65_002], "fd00:30::2");
    scene.announce(from, [PREFIX], via(2));
    scene.announce(from, [`7 ${PREFIX6}`], hop6);
    scene.settle();
    expect(paths(scene)).toEqual(["best external 2: 65002"]);
    expect(paths(scene, PREFIX6)).toEqual(["best external 2 #7: 65002"]);
    expect([...(scene.told.get(to)?.routes.keys() ?? [])]).toEqual([PREFIX, `1 ${PREFIX6}`]);
  });
});

describe("5: operation, receiving", () => {
  test("a path is replaced by another with its identifier, and by no other", () => {
    const scene = new Scene();
    const from = scene.add(peer(2, RECEIVES));
    scene.announce(from, [`1 ${PREFIX}`], via(2, 7));
    scene.announce(from, [`2 ${PREFIX}`], via(2, 8, 9));
    scene.announce(from, [`1 ${PREFIX}`], via(2, 7, 8, 9));
    scene.settle();
    expect(paths(scene)).toEqual([
      "best external 2 #2: 65002 8 9",
      "valid external 2 #1: 65002 7 8 9",
    ]);
  });

  test("a withdrawal takes one path; of an identifier that was never told it means nothing", () => {
    const scene = new Scene();
    const from = scene.add(peer(2, RECEIVES));
    scene.announce(from, [`0 ${PREFIX}`, `1 ${PREFIX}`], via(2));
    expect(scene.withdraw(from, [`5 ${PREFIX}`, "9 10.0.0.0/8"]).withdrawn).toBe(0);
    expect(scene.withdraw(from, [`0 ${PREFIX}`]).withdrawn).toBe(1);
    scene.settle();
    expect(paths(scene)).toEqual(["best external 2 #1: 65002"]);
  });

  test("UPDATEs that cannot be used withdraw the paths that they name (RFC 7606)", () => {
    const scene = new Scene();
    const from = scene.add(peer(2, RECEIVES));
    scene.announce(from, [`1 ${PREFIX}`, `2 ${PREFIX}`], via(2));
    const { nextHop: _, ...broken } = via(2);
    expect(scene.announce(from, [`1 ${PREFIX}`], broken).treatedAsWithdraw).toBe(1);
    scene.settle();
    expect(paths(scene)).toEqual(["best external 2 #2: 65002"]);
  });

  test("the last tie between paths of one peer is broken by the lower identifier", () => {
    for (const order of [
      [1, 4_000_000_000],
      [4_000_000_000, 1],
    ]) {
      const scene = new Scene();
      const from = scene.add(peer(2, RECEIVES));
      for (const id of order) scene.announce(from, [`${id} ${PREFIX}`], via(2));
      scene.settle();
      const [best, other] = scene.rib.lookup(parsePrefix(PREFIX))?.paths ?? [];
      expect([best?.pathId, other?.pathId]).toEqual([1, 4_000_000_000]);
      expect(other?.reason).toBe("lower path identifier: 1 < 4000000000");
    }
  });

  test("each path counts, for the peer's numbers and its limit", () => {
    const scene = new Scene();
    const prefixLimit = { most: 2, warnAt: 2 };
    const from = scene.add({ ...peer(2, RECEIVES), rules: { ...PLAIN_RULES, prefixLimit } });
    expect(scene.announce(from, [`1 ${PREFIX}`, `2 ${PREFIX}`], via(2)).limit).toBe("warning");
    expect(scene.announce(from, [`3 ${PREFIX}`], via(2)).limit).toBe("exceeded");
    scene.settle();
    expect(scene.rib.peerCounts(from)).toMatchObject({ received: 3, accepted: 3, best: 1 });
    expect(scene.rib.counts()).toMatchObject({ prefixes: 1, paths: 3 });
  });

  test("what a refresh does not name again is gone, path by path (RFC 7313)", () => {
    const scene = new Scene();
    const from = scene.add(peer(2, RECEIVES));
    scene.announce(from, [`1 ${PREFIX}`, `2 ${PREFIX}`], via(2));
    scene.rib.beginRefresh(from, 4);
    scene.announce(from, [`2 ${PREFIX}`], via(2));
    scene.rib.endRefresh(from, 4);
    scene.settle();
    expect(paths(scene)).toEqual(["best external 2 #2: 65002"]);
  });

  test("a restart keeps all paths until the peer has told its table, whatever identifiers it gives then", () => {
    const scene = new Scene();
    const record = peer(2, RECEIVES);
    const from = scene.add(record);
    const to = scene.add(peer(3, SENDS));
    scene.announce(from, [`1 ${PREFIX}`], via(2));
    scene.announce(from, [`2 ${PREFIX}`], via(2, 7));
    scene.settle();
    scene.rib.retain(from, [4]);
    scene.settle();
    expect(scene.rib.peerCounts(from)).toMatchObject({ received: 2, stale: 2 });
    expect(scene.told.get(to)?.routes.size).toBe(2);
    scene.rib.resume(from, record);
    scene.announce(from, [`2 ${PREFIX}`], via(2));
    scene.announce(from, [`8 ${PREFIX}`], via(2, 7));
    scene.settle();
    expect(paths(scene)).toHaveLength(3);
    scene.rib.sweep(from, 4, "all");
    scene.settle();
    expect(paths(scene)).toEqual(["best external 2 #2: 65002", "valid external 2 #8: 65002 7"]);
    expect(scene.told.get(to)?.routes.size).toBe(2);
  });

  test("a session that comes back with identifiers has none for what is stale", () => {
    const scene = new Scene();
    const from = scene.add(peer(2, undefined));
    scene.announce(from, [PREFIX], via(2, 7));
    scene.rib.retain(from, [4]);
    scene.rib.resume(from, peer(2, RECEIVES));
    scene.peers.set(from, peer(2, RECEIVES));
    scene.announce(from, [`4294967294 ${PREFIX}`], via(2));
    scene.settle();
    expect(paths(scene)).toEqual([
      "best external 2 #4294967294: 65002",
      "valid external 2: 65002 7",
    ]);
  });

  test("a session that comes back without identifiers replaces the paths that had some", () => {
    const scene = new Scene();
    const from = scene.add(peer(2, RECEIVES));
    scene.announce(from, [`1 ${PREFIX}`, `2 ${PREFIX}`], via(2, 7));
    scene.rib.retain(from, [4]);
    scene.rib.resume(from, peer(2, undefined));
    scene.peers.set(from, peer(2, undefined));
    scene.announce(from, [PREFIX], via(2));
    scene.rib.sweep(from, 4, "all");
    scene.settle();
    expect(paths(scene)).toEqual(["best external 2: 65002"]);
    expect(scene.rib.counts().paths).toBe(1);
  });

  test("several next hops of one peer share the traffic", () => {
    const scene = new Scene(undefined, {
      alwaysCompareMed: false,
      missingMedIsWorst: false,
      preferOldestExternal: false,
      maximumPaths: 4,
      relaxedAsPath: false,
    });
    const from = scene.add(peer(2, RECEIVES));
    for (const n of [20, 21, 22]) {
      scene.announce(from, [`${n} ${PREFIX}`], attributesOf([65_002], `172.30.0.${n}`));
    }
    scene.settle();
    expect(scene.best.get(PREFIX)?.shares).toHaveLength(3);
    scene.withdraw(from, [`21 ${PREFIX}`]);
    scene.settle();
    expect(scene.best.get(PREFIX)?.shares).toHaveLength(2);
  });
});

describe("5: operation, sending", () => {
  /** Three peers with paths of 2, 2 and 3 ASes, and who is told of them. */
  function three(...told: readonly (readonly [AddPath | undefined, ToldPaths])[]) {
    const scene = new Scene();
    const ids = [2, 3, 4].map((n) => scene.add(peer(n, undefined)));
    const to = told.map(([addPath, which], index) => scene.add(peer(10 + index, addPath, which)));
    for (const [index, path] of [[7], [8], [7, 8]].entries()) {
      scene.announce(ids[index] as PeerId, [PREFIX], via(2 + index, ...path));
    }
    scene.settle();
    return { scene, ids, to };
  }
  const ALL: ToldPaths = { send: "All" };

  test("who has not negotiated it is told the best path, beside one who has", () => {
    const { scene, to } = three([undefined, ALL], [SENDS, ALL]);
    const [plain, several] = to as [PeerId, PeerId];
    expect(scene.tells(plain)).toEqual([`${PREFIX} via 172.30.0.1 path [64512 65002 7]`]);
    expect(sortedIds(scene, several)).toEqual(["65002", "65003", "65004"]);
    expect(scene.rib.counts().updateGroups).toBe(3 + 1);
  });

  test("all, the best few, or those that are equal; the best is always among them", () => {
    const { scene, to } = three(
      [SENDS, { send: "BestN", count: 1 }],
      [SENDS, { send: "BestN", count: 2 }],
      [SENDS, { send: "BestN", count: 9 }],
      [SENDS, { send: "ECMP" }],
    );
    expect(to.map((id) => sortedIds(scene, id))).toEqual([
      ["65002"],
      ["65002", "65003"],
      ["65002", "65003", "65004"],
      ["65002", "65003"],
    ]);
  });

  test("a peer is not told its own paths, nor others instead of them", () => {
    const scene = new Scene();
    const [a, b] = [2, 3].map((n) => scene.add(peer(n, BOTH, { send: "BestN", count: 2 })));
    const c = scene.add(peer(4, undefined));
    scene.announce(a as PeerId, [`5 ${PREFIX}`], via(2));
    scene.announce(b as PeerId, [`5 ${PREFIX}`, `6 ${PREFIX}`], via(3, 7));
    scene.announce(c, [PREFIX], via(4, 7, 8));
    scene.settle();
    expect(sortedIds(scene, a as PeerId)).toEqual(["65003"]);
    expect(sortedIds(scene, b as PeerId)).toEqual(["65002"]);
  });

  test("a path that is not for the peer is left out, and the others are told", () => {
    const scene = new Scene();
    const [a, b] = [2, 3].map((n) => scene.add(peer(n, undefined)));
    const to = scene.add(peer(9, SENDS));
    scene.announce(a as PeerId, [PREFIX], { ...via(2), communities: [0xffff_ff01] });
    scene.announce(b as PeerId, [PREFIX], via(3, 7));
    scene.settle();
    expect(sortedIds(scene, to)).toEqual(["65003"]);
    expect(
      scene.rib.advertisedTo(to, parsePrefix(PREFIX)).map((view) => [view.advertised, view.reason]),
    ).toEqual([
      [false, "it carries NO_EXPORT (RFC 1997)"],
      [true, "accepted by the test"],
    ]);
  });

  test("each path is reflected or not by itself, with whom it came from (RFC 4456)", () => {
    const scene = new Scene();
    const reflection = { clusterId: 7, client: true, clientToClient: true };
    const client = (n: number) => peerAt(n, "internal", { rules: { ...PLAIN_RULES, reflection } });
    const [a, b] = [2, 3].map((n) => scene.add(client(n)));
    const to = client(4);
    const told = scene.add({ ...to, wire: { ...to.wire, addPath: SENDS } });
    const plain = attributesOf([], "172.30.0.50", { localPref: 100 });
    scene.announce(a as PeerId, [PREFIX], plain);
    scene.announce(b as PeerId, [PREFIX], plain);
    scene.settle();
    const originators = [...(scene.told.get(told)?.routes.values() ?? [])].map(
      ({ originatorId }) => originatorId,
    );
    expect(new Set(originators)).toEqual(new Set([0xac1e_0002, 0xac1e_0003]));
  });

  test("a session that comes up gets all of it and End-of-RIB; a refresh the same once more", () => {
    const { scene } = three();
    const to = scene.add(peer(9, SENDS));
    scene.settle();
    const told = scene.told.get(to);
    expect(sortedIds(scene, to)).toEqual(["65002", "65003", "65004"]);
    expect(told?.endsOfRib.toSorted()).toEqual([4, 6]);
    const before = idsOf(scene, to);
    told?.routes.clear();
    scene.rib.refresh(to, 4);
    scene.settle();
    expect(idsOf(scene, to)).toEqual(before);
  });

  test("which paths are told changes while the session is up, by the difference", () => {
    const { scene, to } = three([SENDS, ALL]);
    const [id] = to as [PeerId];
    const updates = scene.told.get(id)?.updates ?? [];
    const before = idsOf(scene, id);
    const change = (toldPaths: ToldPaths): void => {
      updates.length = 0;
      const { importPolicy, exportPolicy, exportKey } = peer(10, SENDS);
      const rules = { ...PLAIN_RULES, toldPaths };
      scene.rib.setPolicies(id, { importPolicy, exportPolicy, exportKey, rules });
      scene.settle();
    };
    change({ send: "ECMP" });
    expect(updates.map(({ announced, withdrawn }) => [announced, withdrawn])).toEqual([
      [[], [{ ...parsePrefix(PREFIX), pathId: before[65004] as number }]],
    ]);
    change({ send: "All" });
    expect(updates).toHaveLength(1);
    expect(idsOf(scene, id)).toEqual(before);
  });

  test("what was told of each path can be asked, with its identifier and the reason", () => {
    const { scene, to } = three([SENDS, { send: "BestN", count: 2 }], [SENDS, { send: "ECMP" }]);
    const [best, equal] = to as [PeerId, PeerId];
    const views = scene.rib.advertisedTo(best, parsePrefix(PREFIX));
    const ids = idsOf(scene, best);
    expect(views.map(({ advertised, pathId }) => [advertised, pathId])).toEqual([
      [true, ids[65002]],
      [true, ids[65003]],
      [false, expect.any(Number)],
    ]);
    expect(views.at(2)?.reason).toBe("not one of the best 2, which are what this peer is told");
    expect(scene.rib.advertised(equal).at(2)?.reason).toBe(
      "not as good as the best path, and this peer is told those that are",
    );
    expect(scene.rib.peerCounts(best).advertised).toBe(2);
  });

  test("as many paths as there are go into few messages, none too long", () => {
    const scene = new Scene();
    const from = scene.add(peer(2, RECEIVES));
    const to = scene.add(peer(3, SENDS));
    const nlri = Array.from({ length: 3000 }, (_, index) => `${index + 1} ${PREFIX}`);
    scene.announce(from, nlri, via(2));
    scene.settle();
    const told = scene.told.get(to);
    expect(told?.routes.size).toBe(3000);
    // 8 octets a path, in messages of 4096.
    expect(told?.updates.filter(({ announced }) => announced.length > 0)).toHaveLength(6);
    scene.withdraw(from, nlri);
    scene.settle();
    expect(told?.routes.size).toBe(0);
    expect(scene.rib.counts()).toMatchObject({ prefixes: 0, paths: 0, attributeSets: 0 });
  });
});
