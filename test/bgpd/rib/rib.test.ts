import { describe, expect, test } from "bun:test";
import type { PolicyVerdict, RoutePolicy } from "../../../bgpd/rib/route.ts";
import { PLAIN_RULES } from "../../../bgpd/rib/rules.ts";
import { NO_ADVERTISE, NO_EXPORT } from "../../../bgpd/wire/const.ts";
import { BgpError } from "../../../bgpd/wire/error.ts";
import { parseAddress } from "../../../lib/address.ts";
import { formatPrefix, parsePrefix } from "../../../lib/prefix.ts";
import { ACCEPT, attributesOf, brief, OUR_AS, peerAt, Scene } from "./scene.ts";

const OURS = { origin: 0, asPath: [] } as const;
const REFUSED: PolicyVerdict = { accept: false, reason: "refused by the test" };

describe("what peers are told", () => {
  test("our own routes with our address as next hop, then End-of-RIB", () => {
    const scene = new Scene();
    scene.rib.originate(parsePrefix("10.244.1.0/24"), OURS);
    const internal = scene.add(peerAt(2, "internal"));
    const external = scene.add(peerAt(9, "external"));
    scene.settle();
    expect(scene.tells(internal)).toEqual(["10.244.1.0/24 via 172.30.0.1 path [] pref 100"]);
    expect(scene.tells(external)).toEqual([`10.244.1.0/24 via 172.30.0.1 path [${OUR_AS}]`]);
    expect(scene.told.get(internal)?.endsOfRib).toEqual([4, 6]);
  });

  test("external routes keep their next hop to internal peers, internal ones do not go to internal peers", () => {
    const scene = new Scene();
    const [a, b] = [scene.add(peerAt(2, "internal")), scene.add(peerAt(3, "internal"))];
    const tor = scene.add(peerAt(9, "external"));
    scene.announce(
      tor,
      ["192.0.2.0/24"],
      attributesOf([65_009, 7], "172.30.0.9", { multiExitDisc: 4 }),
    );
    scene.announce(a, ["10.244.2.0/24"], attributesOf([], "172.30.0.2", { localPref: 100 }));
    scene.settle();
    expect(scene.tells(b)).toEqual(["192.0.2.0/24 via 172.30.0.9 path [65009 7] pref 100"]);
    expect(scene.tells(tor)).toEqual([`10.244.2.0/24 via 172.30.0.1 path [${OUR_AS}]`]);
    expect(scene.told.get(b)?.routes.get("192.0.2.0/24")?.multiExitDisc).toBe(4);
    const [line] = scene.rib.advertisedTo(b, parsePrefix("10.244.2.0/24"));
    expect(line?.reason).toContain("learned from an internal peer");
  });

  test.each([
    ["plain", {}],
    ["with an extended community", { extendedCommunities: ["0002fde800000064"] }],
  ])(
    "what lies behind us has our next hop for everybody who does not keep next hops: %s",
    (_, more) => {
      const scene = new Scene();
      const inside = scene.add(peerAt(2, "internal"));
      const keeps = scene.add(
        peerAt(3, "internal", { rules: { ...PLAIN_RULES, nextHop: "Keep" }, exportKey: "keeps" }),
      );
      const tor = scene.add(peerAt(9, "external"));
      const other = scene.add(peerAt(8, "external", { remoteAs: 65_007 }));
      const pod = scene.add(peerAt(7, "external", { behindUs: true }));
      // Two that tell the same of the same next hop: what is told of the one is not what is told of the other.
      const told = attributesOf([65_007], "172.30.0.7", more);
      scene.announce(other, ["198.51.100.0/24"], told);
      scene.announce(pod, ["10.123.0.0/26"], told);
      scene.settle();
      const hopOf = (peer: number, prefix: string): string =>
        scene
          .tells(peer)
          .find((line) => line.startsWith(`${prefix} `))
          ?.split(" ")[2] ?? "none";
      expect([inside, keeps, tor].map((peer) => hopOf(peer, "10.123.0.0/26"))).toEqual([
        "172.30.0.1",
        "172.30.0.7",
        "172.30.0.1",
      ]);
      expect([inside, keeps, tor].map((peer) => hopOf(peer, "198.51.100.0/24"))).toEqual([
        "172.30.0.7",
        "172.30.0.7",
        "172.30.0.1",
      ]);
      expect(scene.best.get("10.123.0.0/26")?.source).toBe("external");
    },
  );

  test.each([
    ["plain", {}],
    ["with an extended community", { extendedCommunities: ["0002fde800000064"] }],
  ])("another AS's MULTI_EXIT_DISC is for our own AS, and no third one's: %s", (_, more) => {
    const scene = new Scene();
    const from = scene.add(peerAt(9, "external"));
    const [inside, outside] = [scene.add(peerAt(2, "internal")), scene.add(peerAt(8, "external"))];
    const told = attributesOf([65_009], "172.30.0.9", { multiExitDisc: 4, ...more });
    scene.announce(from, ["192.0.2.0/24"], told);
    scene.rib.originate(parsePrefix("10.244.1.0/24"), { ...OURS, multiExitDisc: 5 });
    scene.settle();
    const medOf = (id: number, prefix: string) =>
      scene.told.get(id)?.routes.get(prefix)?.multiExitDisc;
    expect([inside, outside].map((id) => medOf(id, "192.0.2.0/24"))).toEqual([4, undefined]);
    expect([inside, outside].map((id) => medOf(id, "10.244.1.0/24"))).toEqual([5, 5]);
  });

  test("a peer's own route is never told to it, and when the best moves each gets what it lacks", () => {
    const scene = new Scene();
    const [a, b, c] = [5, 6, 7].map((n) => scene.add(peerAt(n, "external", { exportKey: "x" })));
    if (a === undefined || b === undefined || c === undefined) throw new Error("three peers");
    scene.announce(a, ["198.51.100.0/24"], attributesOf([65_005, 1], "172.30.0.5"));
    scene.settle();
    expect(scene.tells(a)).toEqual([]);
    expect(scene.tells(b)).toEqual([`198.51.100.0/24 via 172.30.0.1 path [${OUR_AS} 65005 1]`]);
    scene.announce(b, ["198.51.100.0/24"], attributesOf([65_006], "172.30.0.6"));
    scene.settle();
    const now = [`198.51.100.0/24 via 172.30.0.1 path [${OUR_AS} 65006]`];
    expect([a, b, c].map((id) => scene.tells(id))).toEqual([now, [], now]);
    expect(scene.rib.advertisedTo(b, parsePrefix("198.51.100.0/24"))[0]?.reason).toBe(
      "learned from this peer",
    );
    // One for each family.
    expect(scene.rib.counts().updateGroups).toBe(2);
  });

  test("the well-known communities of RFC 1997 hold routes back", () => {
    const scene = new Scene();
    const [internal, other] = [scene.add(peerAt(2, "internal")), scene.add(peerAt(8, "external"))];
    const tor = scene.add(peerAt(9, "external"));
    const tell = (prefix: string, community: number) =>
      scene.announce(
        tor,
        [prefix],
        attributesOf([65_009], "172.30.0.9", { communities: [community] }),
      );
    tell("10.1.0.0/16", NO_EXPORT);
    tell("10.2.0.0/16", NO_ADVERTISE);
    scene.settle();
    expect(scene.tells(internal).map((line) => line.split(" ")[0])).toEqual(["10.1.0.0/16"]);
    expect(scene.tells(other)).toEqual([]);
    const why = scene.rib.advertised(other).map(({ reason }) => reason);
    expect(why).toEqual(["it carries NO_EXPORT (RFC 1997)", "it carries NO_ADVERTISE (RFC 1997)"]);
  });

  test("a refresh sends everything again, without End-of-RIB", () => {
    const scene = new Scene();
    scene.rib.originate(parsePrefix("10.244.1.0/24"), OURS);
    const peer = scene.add(peerAt(2, "internal"));
    scene.settle();
    scene.rib.refresh(peer, 4);
    scene.settle();
    expect(scene.told.get(peer)?.updates.map(({ announced }) => announced.length)).toEqual([
      1, 0, 0, 1,
    ]);
  });

  test("a new policy sends only the difference", () => {
    const scene = new Scene();
    const peer = scene.add(peerAt(9, "external"));
    for (const n of [1, 2, 3]) scene.rib.originate(parsePrefix(`10.244.${n}.0/24`), OURS);
    scene.settle();
    const before = scene.told.get(peer)?.updates.length ?? 0;
    const exportPolicy: RoutePolicy = ({ prefix }) =>
      formatPrefix(prefix) === "10.244.2.0/24" ? REFUSED : ACCEPT({} as never);
    scene.rib.setPolicies(peer, {
      importPolicy: ACCEPT,
      exportPolicy,
      exportKey: "other",
      rules: PLAIN_RULES,
    });
    scene.settle();
    const sent = scene.told.get(peer)?.updates.slice(before) ?? [];
    expect(sent.map(({ withdrawn }) => withdrawn.map(formatPrefix))).toEqual([["10.244.2.0/24"]]);
    expect(sent.flatMap(({ announced }) => announced)).toEqual([]);
    expect(scene.rib.advertised(peer).find(({ advertised }) => !advertised)?.reason).toBe(
      "refused by the test",
    );
  });

  test("prefixes of one set share messages, each filled to the session's length", () => {
    const scene = new Scene();
    const peer = scene.add(peerAt(2, "internal"));
    for (let n = 0; n < 5000; n++) {
      scene.rib.originate(parsePrefix(`10.${n >> 8}.${n & 255}.0/24`), OURS);
    }
    scene.settle();
    const updates = scene.told.get(peer)?.updates.filter(({ announced }) => announced.length > 0);
    // 4096 octets hold 19 + 4 + 21 octets of header and attributes, and 1012 prefixes of 4 octets.
    expect(updates?.length).toBeLessThanOrEqual(Math.ceil(5000 / 1010));
    expect(scene.told.get(peer)?.routes.size).toBe(5000);
  });
});

describe("what peers say", () => {
  const refusals: [string, Parameters<typeof attributesOf>, string][] = [
    [
      "our own AS",
      [[65_009, OUR_AS], "172.30.0.9"],
      `AS loop: its path holds our own AS ${OUR_AS}`,
    ],
    [
      "a path of another AS",
      [[7], "172.30.0.9"],
      "its path begins with AS 7 and not with the peer's AS 65009",
    ],
    [
      "an empty path",
      [[], "172.30.0.9"],
      "its path begins with no AS and not with the peer's AS 65009",
    ],
    ["our own address", [[65_009], "172.30.0.1"], "its NEXT_HOP 172.30.0.1 is our own address"],
    [
      "an unreachable next hop",
      [[65_009], "10.9.9.9"],
      "next hop 10.9.9.9 cannot be used: no route to it",
    ],
  ];
  test.each(refusals)("%s is rejected with its reason", (_name, attributes, reason) => {
    const scene = new Scene();
    scene.unreachable.add("10.9.9.9");
    const tor = scene.add(peerAt(9, "external"));
    scene.announce(tor, ["192.0.2.0/24"], attributesOf(...attributes));
    scene.settle();
    expect(scene.best.size).toBe(0);
    const [path] = scene.rib.lookup(parsePrefix("192.0.2.0/24"))?.paths ?? [];
    expect(path).toMatchObject({ state: "rejected", reason, peer: "external 9" });
    expect(scene.rib.received(tor).map(({ path: { state } }) => state)).toEqual(["rejected"]);
  });

  test("our own identifier as ORIGINATOR_ID is a loop", () => {
    const scene = new Scene();
    const peer = scene.add(peerAt(2, "internal"));
    const originatorId = parseAddress("172.30.0.1").w0;
    scene.announce(
      peer,
      ["10.9.0.0/16"],
      attributesOf([], "172.30.0.2", { localPref: 100, originatorId }),
    );
    scene.settle();
    const view = scene.rib.lookup(parsePrefix("10.9.0.0/16"));
    expect(view?.paths[0]?.reason).toContain("reflection loop");
  });

  test("a next hop that comes and goes moves the best path", () => {
    const scene = new Scene();
    const [a, b] = [scene.add(peerAt(8, "external")), scene.add(peerAt(9, "external"))];
    scene.announce(a, ["192.0.2.0/24"], attributesOf([65_008], "172.30.0.8"));
    scene.announce(b, ["192.0.2.0/24"], attributesOf([65_009, 1], "172.30.0.9"));
    scene.settle();
    expect(scene.best.get("192.0.2.0/24")?.peer).toBe("external 8");
    scene.unreachable.add("172.30.0.8");
    scene.rib.nextHopsChanged();
    scene.settle();
    expect(scene.best.get("192.0.2.0/24")?.peer).toBe("external 9");
    scene.unreachable.clear();
    scene.rib.nextHopsChanged();
    scene.settle();
    expect(scene.best.get("192.0.2.0/24")?.peer).toBe("external 8");
  });

  test("an import policy that changes is applied to what was received before", () => {
    const scene = new Scene();
    const tor = scene.add(peerAt(9, "external", { importPolicy: () => REFUSED }));
    scene.announce(tor, ["192.0.2.0/24"], attributesOf([65_009], "172.30.0.9"));
    scene.settle();
    expect(scene.best.size).toBe(0);
    expect(scene.rib.peerCounts(tor)).toMatchObject({ received: 1, accepted: 0, best: 0 });
    scene.rib.setPolicies(tor, {
      importPolicy: ACCEPT,
      exportPolicy: ACCEPT,
      exportKey: "external",
      rules: PLAIN_RULES,
    });
    scene.settle();
    expect(scene.best.size).toBe(1);
    expect(scene.rib.peerCounts(tor)).toMatchObject({ received: 1, accepted: 1, best: 1 });
  });

  test("a rewrite is what the decision and the others see, and received stays as received", () => {
    const scene = new Scene();
    const verdict: PolicyVerdict = {
      accept: true,
      reason: "preferred",
      rewrite: (attributes) => ({ ...attributes, localPref: 300 }),
    };
    const tor = scene.add(peerAt(9, "external", { importPolicy: () => verdict }));
    const peer = scene.add(peerAt(2, "internal"));
    scene.announce(tor, ["192.0.2.0/24"], attributesOf([65_009], "172.30.0.9"));
    scene.settle();
    expect(scene.tells(peer)).toEqual(["192.0.2.0/24 via 172.30.0.9 path [65009] pref 300"]);
    const [path] = scene.rib.lookup(parsePrefix("192.0.2.0/24"))?.paths ?? [];
    expect([brief(path?.received ?? OURS), brief(path?.attributes ?? OURS)]).toEqual([
      "via 172.30.0.9 path [65009]",
      "via 172.30.0.9 path [65009] pref 300",
    ]);
  });

  test("attributes that RFC 7606 treats as withdrawal take the route away", () => {
    const scene = new Scene();
    const tor = scene.add(peerAt(9, "external"));
    scene.announce(tor, ["192.0.2.0/24"], attributesOf([65_009], "172.30.0.9"));
    scene.settle();
    // ORIGIN 7 does not exist.
    const attributes = Buffer.from(
      "40010107" + "4002060201" + "0000fdf1" + "400304" + "ac1e0009",
      "hex",
    );
    const update = Buffer.concat([
      Buffer.from([0, 0, 0, attributes.length]),
      attributes,
      Buffer.from([24, 192, 0, 2]),
    ]);
    const summary = scene.rib.receive(tor, update, 0, update.length);
    expect(summary.treatedAsWithdraw).toBe(1);
    expect(summary.faults[0]).toContain("ORIGIN");
    scene.settle();
    expect(scene.best.size).toBe(0);
    expect(scene.rib.counts()).toMatchObject({ prefixes: 0, paths: 0, attributeSets: 0 });
  });

  test("the same fault resets the session where no prefix says what to withdraw", () => {
    const scene = new Scene();
    const tor = scene.add(peerAt(9, "external"));
    const attributes = Buffer.from("40010107400206020100" + "00fdf1" + "400304ac1e0009", "hex");
    const update = Buffer.concat([Buffer.from([0, 0, 0, attributes.length]), attributes]);
    expect(() => scene.rib.receive(tor, update, 0, update.length)).toThrow(BgpError);
  });

  test("a malformed prefix resets the session", () => {
    const scene = new Scene();
    const tor = scene.add(peerAt(9, "external"));
    const update = Uint8Array.of(0, 2, 33, 1, 0, 0);
    let thrown: unknown;
    try {
      scene.rib.receive(tor, update, 0, update.length);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(BgpError);
    expect(thrown).toMatchObject({ code: 3, subcode: 10 });
  });

  test("the End-of-RIB marker is recognised", () => {
    const scene = new Scene();
    const peer = scene.add(peerAt(2, "internal"));
    expect(scene.rib.receive(peer, Uint8Array.of(0, 0, 0, 0), 0, 4).endOfRib).toBe(4);
  });

  test("the longest match is the most specific prefix with a best path", () => {
    const scene = new Scene();
    const tor = scene.add(peerAt(9, "external"));
    scene.announce(
      tor,
      ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16"],
      attributesOf([65_009], "172.30.0.9"),
    );
    scene.settle();
    const match = (text: string) => {
      const view = scene.rib.longestMatch(parseAddress(text));
      return view === undefined ? undefined : formatPrefix(view.prefix);
    };
    expect(["10.1.2.3", "10.2.2.3", "8.8.8.8"].map(match)).toEqual([
      "10.1.0.0/16",
      "10.0.0.0/8",
      "0.0.0.0/0",
    ]);
  });
});

test("work in small slices ends where work in one does", () => {
  const scene = new Scene();
  const tor = scene.add(peerAt(9, "external"));
  const peer = scene.add(peerAt(2, "internal"));
  scene.settle();
  const prefixes = Array.from({ length: 3000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);
  for (let n = 0; n < prefixes.length; n += 500) {
    scene.announce(tor, prefixes.slice(n, n + 500), attributesOf([65_009], "172.30.0.9"));
  }
  let slices = 1;
  while (scene.rib.work(0)) slices++;
  expect(slices).toBeGreaterThan(5);
  expect(scene.told.get(peer)?.routes.size).toBe(3000);
  expect(scene.best.size).toBe(3000);
});
