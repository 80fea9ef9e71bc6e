/** RFC 4456: what a reflector tells whom, what it puts on a route, and how a loop ends. */

import { describe, expect, test } from "bun:test";
import type { PeerId } from "../../bgpd/rib/route.ts";
import { PLAIN_RULES, type Reflection, type SessionRules } from "../../bgpd/rib/rules.ts";
import type { Attributes } from "../../bgpd/wire/attributes.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { ACCEPT, attributesOf, OUR_ID, peerAt, Scene } from "../bgpd/rib/scene.ts";

const PREFIX = "198.51.100.0/24";
const OTHER = "203.0.113.0/24";
const CLUSTER = parseAddress("244.0.0.1").w0;
const INTERNAL = { localPref: 100 } as const;

type Kind = "client" | "non-client" | "external";

function rulesOf(kind: Kind, more: Partial<Reflection> = {}, rest: Partial<SessionRules> = {}) {
  const client = kind === "client";
  const reflection = { clusterId: CLUSTER, client, clientToClient: true, ...more };
  return { ...PLAIN_RULES, ...(kind === "external" ? {} : { reflection }), ...rest };
}

/** A peer at 172.30.0.N whose session is of that kind. */
function join(scene: Scene, n: number, kind: Kind, more: Partial<Reflection> = {}): PeerId {
  const type = kind === "external" ? "external" : "internal";
  return scene.add(peerAt(n, type, { rules: rulesOf(kind, more) }));
}

function change(scene: Scene, id: PeerId, rules: SessionRules): void {
  const policies = { importPolicy: ACCEPT, exportPolicy: ACCEPT, exportKey: "internal" };
  scene.rib.setPolicies(id, { ...policies, rules });
  scene.settle();
}

/** What peer `n` says in its own words. */
function announce(scene: Scene, id: PeerId, n: number, more: Partial<Attributes> = {}): void {
  const external = scene.peers.get(id)?.external === true;
  const rest = external ? more : { ...INTERNAL, ...more };
  scene.announce(id, [PREFIX], attributesOf(external ? [65_000 + n] : [], `172.30.0.${n}`, rest));
  scene.settle();
}

function toldTo(scene: Scene, id: PeerId): Attributes | undefined {
  return scene.told.get(id)?.routes.get(PREFIX);
}

function reasonFor(scene: Scene, id: PeerId): string | undefined {
  return scene.rib.advertisedTo(id, parsePrefix(PREFIX))[0]?.reason;
}

describe("6 what is told to whom", () => {
  const MATRIX: readonly (readonly [from: Kind | "here", to: Kind, isTold: boolean])[] = [
    ["client", "client", true],
    ["client", "non-client", true],
    ["client", "external", true],
    ["non-client", "client", true],
    ["non-client", "non-client", false],
    ["non-client", "external", true],
    ["external", "client", true],
    ["external", "non-client", true],
    ["external", "external", true],
    ["here", "client", true],
    ["here", "non-client", true],
    ["here", "external", true],
  ];

  test.each(MATRIX.map((row) => [...row] as const))("from %s to %s", (from, to, isTold) => {
    const scene = new Scene();
    const target = join(scene, 3, to);
    if (from === "here") scene.rib.originate(parsePrefix(PREFIX), { origin: 0, asPath: [] });
    else announce(scene, join(scene, 2, from), 2);
    scene.settle();
    const told = toldTo(scene, target);
    expect(told !== undefined).toBe(isTold);
    expect(scene.rib.advertisedTo(target, parsePrefix(PREFIX))[0]?.advertised).toBe(isTold);
    // Both are marks of reflection alone.
    const isReflected = isTold && to !== "external" && (from === "client" || from === "non-client");
    expect(told?.originatorId !== undefined).toBe(isReflected);
    expect(told?.clusterList !== undefined).toBe(isReflected);
  });

  test("nobody is told a route of its own", () => {
    const scene = new Scene();
    const [a, b] = [join(scene, 2, "client"), join(scene, 3, "client")];
    announce(scene, a, 2);
    expect([a, b].map((id) => scene.tells(id).length)).toEqual([0, 1]);
    expect(reasonFor(scene, a)).toBe("learned from this peer");
  });

  test("without a client, and without a cluster ID, nothing is reflected", () => {
    const scene = new Scene();
    const [a, b] = [scene.add(peerAt(2, "internal")), scene.add(peerAt(3, "internal"))];
    announce(scene, a, 2);
    expect(toldTo(scene, b)).toBeUndefined();
    expect(reasonFor(scene, b)).toContain("RFC 4271 section 9.2");
  });

  test("two that are no clients: the reason names it", () => {
    const scene = new Scene();
    const [a, b] = [join(scene, 2, "non-client"), join(scene, 3, "non-client")];
    announce(scene, a, 2);
    expect(reasonFor(scene, b)).toContain("no client of ours, and nor is this one");
  });
});

describe("6 clients that have sessions among themselves", () => {
  const off = { clientToClient: false };

  test("are not told each other's routes, all others are", () => {
    const scene = new Scene();
    const clients = [join(scene, 2, "client", off), join(scene, 3, "client", off)] as const;
    const [plain, outside] = [join(scene, 4, "non-client", off), join(scene, 8, "external")];
    announce(scene, clients[0], 2);
    const told = [clients[1], plain, outside].map((id) => toldTo(scene, id) !== undefined);
    expect(told).toEqual([false, true, true]);
    expect(reasonFor(scene, clients[1])).toContain("clients are not told each other's routes");
    announce(scene, plain, 4, { localPref: 200 });
    expect(clients.map((id) => toldTo(scene, id)?.localPref)).toEqual([200, 200]);
  });

  test("switched while the sessions are up: told, and taken back", () => {
    const scene = new Scene();
    const [a, b] = [join(scene, 2, "client"), join(scene, 3, "client")];
    announce(scene, a, 2);
    expect(scene.tells(b)).toHaveLength(1);
    for (const id of [a, b]) change(scene, id, rulesOf("client", off));
    expect(scene.tells(b)).toHaveLength(0);
    for (const id of [a, b]) change(scene, id, rulesOf("client"));
    expect(scene.tells(b)).toHaveLength(1);
  });
});

describe("a session that is up", () => {
  test("of a peer that becomes a client, or ceases to be one: its routes follow, unchanged as they are", () => {
    const scene = new Scene();
    const [a, b] = [join(scene, 2, "non-client"), join(scene, 3, "non-client")];
    announce(scene, a, 2);
    expect(scene.tells(b)).toHaveLength(0);
    change(scene, a, rulesOf("client"));
    expect(toldTo(scene, b)?.originatorId).toBe(parseAddress("172.30.0.2").w0);
    change(scene, a, rulesOf("non-client"));
    expect(scene.tells(b)).toHaveLength(0);
  });

  test("another cluster ID: peers are told the difference", () => {
    const scene = new Scene();
    const [a, b] = [join(scene, 2, "client"), join(scene, 3, "client")];
    announce(scene, a, 2);
    for (const id of [a, b]) change(scene, id, rulesOf("client", { clusterId: 7 }));
    expect(toldTo(scene, b)?.clusterList).toEqual([7]);
  });
});

describe("8 ORIGINATOR_ID and CLUSTER_LIST", () => {
  test("are made from the identifier of who told the route, and our cluster ID", () => {
    const scene = new Scene();
    const [a, b] = [join(scene, 2, "client"), join(scene, 3, "client")];
    announce(scene, a, 2);
    expect(toldTo(scene, b)).toMatchObject({
      originatorId: parseAddress("172.30.0.2").w0,
      clusterList: [CLUSTER],
    });
  });

  test("an ORIGINATOR_ID that is there stays, our cluster ID comes before those of others", () => {
    const scene = new Scene();
    const [a, b] = [join(scene, 2, "non-client"), join(scene, 3, "client")];
    announce(scene, a, 2, { originatorId: 77, clusterList: [8, 9] });
    expect(toldTo(scene, b)).toMatchObject({ originatorId: 77, clusterList: [CLUSTER, 8, 9] });
  });

  test("never leave the AS", () => {
    const scene = new Scene();
    const [a, outside] = [join(scene, 2, "client"), join(scene, 8, "external")];
    announce(scene, a, 2, { originatorId: 77, clusterList: [8] });
    const { originatorId, clusterList } = toldTo(scene, outside) ?? {};
    expect([originatorId, clusterList]).toEqual([undefined, undefined]);
  });

  test("one attribute set of two clients is two that are told, each once encoded for all", () => {
    const scene = new Scene();
    const [a, b, c] = [2, 3, 4].map((n) => join(scene, n, "client")) as [number, number, number];
    const shared = attributesOf([], "172.30.0.50", INTERNAL);
    scene.announce(a, [PREFIX], shared);
    scene.announce(b, [OTHER], shared);
    scene.settle();
    const told = scene.told.get(c)?.routes;
    const originators = [PREFIX, OTHER].map((prefix) => told?.get(prefix)?.originatorId);
    expect(originators).toEqual(["172.30.0.2", "172.30.0.3"].map((text) => parseAddress(text).w0));
    // What came in, and what was made of it for each.
    expect(scene.rib.counts()).toMatchObject({ attributeSets: 3, updateGroups: 2 });
    for (const id of [a, b, c]) scene.remove(id);
    scene.settle();
    expect(scene.rib.counts()).toMatchObject({ attributeSets: 0, updateGroups: 0 });
  });

  test("a route that moves from one client to another: each is told the other's, never its own", () => {
    const scene = new Scene();
    const [a, b, c] = [2, 3, 4].map((n) => join(scene, n, "client")) as [number, number, number];
    const originators = () => [a, b, c].map((id) => (toldTo(scene, id)?.originatorId ?? 0) % 256);
    announce(scene, a, 2);
    expect(originators()).toEqual([0, 2, 2]);
    announce(scene, b, 3, { localPref: 200 });
    expect(originators()).toEqual([3, 0, 3]);
    scene.withdraw(b, [PREFIX]);
    scene.settle();
    expect(originators()).toEqual([0, 2, 2]);
  });

  test("our identifier as ORIGINATOR_ID is a loop, from any internal peer", () => {
    const scene = new Scene();
    const a = join(scene, 2, "client");
    announce(scene, a, 2, { originatorId: OUR_ID.w0 });
    const [path] = scene.rib.lookup(parsePrefix(PREFIX))?.paths ?? [];
    expect(path?.state).toBe("rejected");
    expect(path?.reason).toBe("reflection loop: its ORIGINATOR_ID is our own BGP Identifier");
  });

  test.each(["client", "non-client"] as const)("our cluster ID from a %s is a loop", (kind) => {
    const scene = new Scene();
    const a = join(scene, 2, kind);
    announce(scene, a, 2, { originatorId: 77, clusterList: [8, CLUSTER, 9] });
    const [path] = scene.rib.lookup(parsePrefix(PREFIX))?.paths ?? [];
    expect(path?.state).toBe("rejected");
    expect(path?.reason).toBe(
      "reflection loop: its CLUSTER_LIST holds our own CLUSTER_ID 244.0.0.1",
    );
  });

  test("for who reflects nothing no CLUSTER_LIST is a loop", () => {
    const scene = new Scene();
    const a = scene.add(peerAt(2, "internal"));
    announce(scene, a, 2, { originatorId: 77, clusterList: [CLUSTER, OUR_ID.w0] });
    expect(scene.best.get(PREFIX)?.peer).toBe("internal 2");
  });
});

describe("9 the decision", () => {
  test("ORIGINATOR_ID stands for the identifier, then the shorter CLUSTER_LIST wins", () => {
    const scene = new Scene();
    const [a, b] = [join(scene, 2, "non-client"), join(scene, 3, "non-client")];
    announce(scene, a, 2, { originatorId: 77, clusterList: [8, 9] });
    announce(scene, b, 3, { originatorId: 76, clusterList: [8, 9] });
    expect(scene.best.get(PREFIX)?.peer).toBe("internal 3");
    announce(scene, a, 2, { originatorId: 76, clusterList: [9] });
    expect(scene.best.get(PREFIX)?.peer).toBe("internal 2");
  });
});

describe("10 other attributes", () => {
  const MORE: Partial<Attributes> = {
    localPref: 150,
    multiExitDisc: 7,
    communities: [0xfde8_0001],
    nextHop: parseAddress("192.0.2.7"),
  };

  test("a reflected route is otherwise as it came", () => {
    const scene = new Scene();
    const [a, b] = [join(scene, 2, "client"), join(scene, 3, "client")];
    const sent = attributesOf([65_007], "192.0.2.7", { ...INTERNAL, ...MORE });
    scene.announce(a, [PREFIX], sent);
    scene.settle();
    const { originatorId, clusterList, ...rest } = toldTo(scene, b) ?? {};
    expect(rest).toEqual(sent);
  });

  test("only who asks for it by nextHopMode has our address told", () => {
    const scene = new Scene();
    const a = join(scene, 2, "client");
    const rules = rulesOf("client", {}, { nextHop: "Self" });
    const b = scene.add(peerAt(3, "internal", { rules }));
    announce(scene, a, 2, MORE);
    const { nextHop } = toldTo(scene, b) ?? {};
    expect(nextHop === undefined ? "" : formatAddress(nextHop)).toBe(formatAddress(OUR_ID));
  });
});

describe("many clients", () => {
  const COUNT = 300;

  test("each with a route of its own: all is told to all others in few pieces", () => {
    const scene = new Scene();
    const clients = Array.from({ length: COUNT }, (_, index) => {
      const address = parseAddress(`172.31.${index >> 8}.${index & 255}`);
      const rules = rulesOf("client");
      return scene.add(peerAt(2, "internal", { address, identifier: address.w0, rules }));
    });
    scene.settle();
    const before = scene.pieces;
    for (const [index, id] of clients.entries()) {
      const hop = `172.31.${index >> 8}.${index & 255}`;
      scene.announce(id, [`10.${index >> 8}.${index & 255}.0/24`], attributesOf([], hop, INTERNAL));
    }
    scene.settle();
    for (const [index, id] of clients.entries()) {
      const routes = scene.told.get(id)?.routes;
      expect(routes?.size).toBe(COUNT - 1);
      expect(routes?.has(`10.${index >> 8}.${index & 255}.0/24`)).toBe(false);
    }
    // For each what stands before and behind its own, and a first small buffer.
    expect(scene.pieces - before).toBeLessThanOrEqual(3 * COUNT);
  });
});
