/**
 * ADD-PATH (RFC 7911) with BIRD 2, both ways and in both families: it tells us several paths and our kernel uses them;
 * we reflect several to it, and one to who takes one.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { PeerAnswer, RouteAnswer, WhyAnswer } from "../../resource/answer.ts";
import {
  address4,
  address6,
  addressFor,
  createScene,
  EDGES,
  isReady,
  node,
  ORIGINATED,
  PREFIX,
  PREFIX6,
  PREFIXES,
  REFLECTOR,
  router,
  type Scene,
} from "./add-path-scene.ts";
import { eventually, isInside, withoutObjects } from "./network.ts";

/** Static routes to both prefixes by another machine. */
const by = (hop: string): string => `
protocol static by_${hop}_4 { ipv4; route ${PREFIX} via ${address4(hop)}; }
protocol static by_${hop}_6 { ipv6; route ${PREFIX6} via ${address6(hop)}; }
`;

let scene: Scene;

beforeEach(() => {
  scene = createScene();
});

afterEach(async () => {
  await scene.network.remove();
});

/** Identifier and next hop of each path of one of ours. */
function pathsAt(name: string, prefix: string): (readonly [number | undefined, string | null])[] {
  const route = scene.ask<RouteAnswer[]>(name, "routes").find((one) => one.prefix === prefix);
  return (route?.paths ?? [])
    .map(({ pathId, attributes: { nextHop } }) => [pathId, nextHop] as const)
    .sort((a, b) => String(a[1]).localeCompare(String(b[1])));
}

/** Next hops that a BIRD has of a prefix by BGP. */
function hopsAt(name: string, prefix: string): string[] {
  const text = scene.askBird(name, "show", "route", prefix, "all");
  return [...text.matchAll(/BGP\.next_hop: (\S+)/g)].map(([, hop = ""]) => hop).sort();
}

/** Gateways of the kernel's route of ours. */
function gatewaysAt(name: string, prefix: string): string[] {
  const family = prefix.includes(":") ? "-6" : "-4";
  const text = withoutObjects(
    scene.network.run(name, "ip", family, "route", "show", prefix, "proto", "77"),
  );
  return [...text.matchAll(/via (\S+)/g)].map(([, hop = ""]) => hop).sort();
}

describe.skipIf(!isInside || !isReady)("ADD-PATH with BIRD", () => {
  test("it tells several paths in both families: all are in use, and withdrawn one by one", async () => {
    scene.startBird("rr", router("rr", "n1", "add paths tx;", by("e1") + by("e2")));
    scene.startManx("n1", node("n1", { rr: "{ receive: true }" }));
    for (const prefix of PREFIXES) {
      const paths = await eventually(`two paths to ${prefix}`, () => {
        const seen = pathsAt("n1", prefix);
        return seen.length === 2 && seen;
      });
      expect(paths.map(([, hop]) => hop)).toEqual(EDGES.map((name) => addressFor(prefix, name)));
      expect(new Set(paths.map(([id]) => id)).size).toBe(2);
    }
    const [peer] = scene.ask<PeerAnswer[]>("n1", "peers");
    expect(peer?.capabilities).toContain(
      "ADD-PATH for IPv4 unicast (sends), ADD-PATH for IPv6 unicast (sends)",
    );
    expect(peer?.families.map(({ addPath }) => addPath)).toEqual([
      { receive: true, send: null },
      { receive: true, send: null },
    ]);
    await eventually("the kernel has both ways of both", () => {
      const ways = PREFIXES.map((prefix) => gatewaysAt("n1", prefix));
      return `${ways}` === `${EDGES.map(address4)},${EDGES.map(address6)}`;
    });
    scene.askBird("rr", "disable", '"by_e1_*"');
    for (const prefix of PREFIXES) {
      await eventually(`one path to ${prefix}`, () => {
        const hops = pathsAt("n1", prefix).map(([, hop]) => hop);
        return `${hops}` === addressFor(prefix, "e2");
      });
    }
    expect(scene.ask<PeerAnswer[]>("n1", "peers").map(({ flaps }) => flaps)).toEqual([0]);
  });

  test("we reflect several paths to who takes them, the best to who does not, and withdraw one by one", async () => {
    const told = { e1: "", e2: "", n1: "{ send: All }", n2: "" };
    scene.startManx("rr", node("rr", told, REFLECTOR));
    for (const edge of EDGES) scene.startBird(edge, router(edge, "rr", "", ORIGINATED));
    scene.startBird("n1", router("n1", "rr", "add paths rx;", ""));
    scene.startBird("n2", router("n2", "rr", "", ""));
    for (const prefix of PREFIXES) {
      const all = EDGES.map((name) => addressFor(prefix, name));
      await eventually(
        `n1 has both paths to ${prefix}`,
        () => `${hopsAt("n1", prefix)}` === `${all}`,
      );
      await eventually(`n2 has one path to ${prefix}`, () => hopsAt("n2", prefix).length === 1);
    }
    const { advertised } = scene.ask<WhyAnswer>("rr", "why", PREFIX);
    const toN1 = advertised.filter(({ peer }) => peer === "n1");
    expect(toN1.map((line) => line.advertised)).toEqual([true, true]);
    expect(new Set(toN1.map(({ pathId }) => pathId)).size).toBe(2);
    scene.askBird("e1", "disable", '"mine*"');
    for (const prefix of PREFIXES) {
      const left = addressFor(prefix, "e2");
      await eventually(
        `n1 has the other path to ${prefix}`,
        () => `${hopsAt("n1", prefix)}` === left,
      );
      await eventually(
        `n2 has the other path to ${prefix}`,
        () => `${hopsAt("n2", prefix)}` === left,
      );
    }
    scene.askBird("e1", "enable", '"mine*"');
    await eventually("n1 has both again", () => hopsAt("n1", PREFIX6).length === 2);
    // A refresh is answered with the same paths, and nothing is left behind.
    scene.askBird("n1", "reload", "in", "to_rr");
    await eventually("n1 has both still", () => hopsAt("n1", PREFIX).length === 2);
    expect(scene.ask<PeerAnswer[]>("rr", "peers").map(({ flaps }) => flaps)).toEqual([0, 0, 0, 0]);
  });

  test("both ways on one session: the best few of what others say, and none of what the peer says", async () => {
    const told = { e1: "", e2: "", n1: "{ receive: true, send: BestN, count: 1 }" };
    scene.startManx("rr", node("rr", told, REFLECTOR));
    for (const edge of EDGES) scene.startBird(edge, router(edge, "rr", "", ORIGINATED));
    scene.startBird(
      "n1",
      router("n1", "rr", "add paths;", by("n2").replaceAll(PREFIX, "198.51.100.0/24")),
    );
    await eventually("n1 has the best path", () => `${hopsAt("n1", PREFIX)}` === address4("e1"));
    const [path] = await eventually("we have what it says", () => {
      const seen = pathsAt("rr", "198.51.100.0/24");
      return seen.length === 1 && seen;
    });
    expect(path).toEqual([expect.any(Number), address4("n2")]);
    expect(hopsAt("n1", "198.51.100.0/24")).toEqual([]);
  });
});
