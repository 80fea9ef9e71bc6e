/**
 * ADD-PATH (RFC 7911) with BIRD 2, both ways and in both families: it tells us several paths and our kernel uses them;
 * we reflect several to it, and one to who takes one.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { PeerAnswer, WhyAnswer } from "../../resource/answer.ts";
import {
  address4,
  address6,
  addressFor,
  createScene,
  EDGES,
  hopsOf,
  PREFIX,
  PREFIX6,
  PREFIXES,
  pathsAt,
  REFLECTOR,
  type Scene,
} from "./add-path-scene.ts";
import { type Bird, hasBird } from "./bird.ts";
import { hasManx, type Manx } from "./manx.ts";
import { eventually, withoutObjects } from "./network.ts";

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

/** Next hops that a BIRD has of a prefix by BGP. */
function hopsAt(bird: Bird, prefix: string): string[] {
  const text = bird.ask("show", "route", prefix, "all");
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

const flapsAt = (manx: Manx): number[] => manx.ask<PeerAnswer[]>("peers").map(({ flaps }) => flaps);

describe.skipIf(!hasManx || !hasBird)("ADD-PATH with BIRD", () => {
  test("it tells several paths in both families: all are in use, and withdrawn one by one", async () => {
    const rr = scene.startBird("rr", "n1", "add paths tx;", EDGES.map(by).join(""));
    const n1 = scene.startManx("n1", { rr: "{ receive: true }" });
    for (const prefix of PREFIXES) {
      const paths = await eventually(`two paths to ${prefix}`, () => {
        const seen = pathsAt(n1, prefix);
        return seen.length === 2 && seen;
      });
      expect(paths.map(([, hop]) => hop)).toEqual(hopsOf(prefix));
      expect(new Set(paths.map(([id]) => id)).size).toBe(2);
    }
    expect(n1.peer().capabilities).toContain(
      "ADD-PATH for IPv4 unicast (sends), ADD-PATH for IPv6 unicast (sends)",
    );
    expect(n1.peer().families.map(({ addPath }) => addPath)).toEqual([
      { receive: true, send: null },
      { receive: true, send: null },
    ]);
    await eventually("the kernel has both ways of both", () =>
      PREFIXES.every((prefix) => `${gatewaysAt("n1", prefix)}` === `${hopsOf(prefix)}`),
    );
    rr.ask("disable", '"by_e1_*"');
    for (const prefix of PREFIXES) {
      await eventually(`one path to ${prefix}`, () => {
        const hops = pathsAt(n1, prefix).map(([, hop]) => hop);
        return `${hops}` === addressFor(prefix, "e2");
      });
    }
    expect(flapsAt(n1)).toEqual([0]);
  });

  test("we reflect several paths to who takes them, the best to who does not, and withdraw one by one", async () => {
    const told = { e1: "", e2: "", n1: "{ send: All }", n2: "" };
    const rr = scene.startManx("rr", told, REFLECTOR);
    const { e1 } = scene.startEdges();
    const n1 = scene.startBird("n1", "rr", "add paths rx;");
    const n2 = scene.startBird("n2", "rr");
    for (const prefix of PREFIXES) {
      const all = `${hopsOf(prefix)}`;
      await eventually(`n1 has both paths to ${prefix}`, () => `${hopsAt(n1, prefix)}` === all);
      await eventually(`n2 has one path to ${prefix}`, () => hopsAt(n2, prefix).length === 1);
    }
    const { advertised } = rr.ask<WhyAnswer>("why", PREFIX);
    const toN1 = advertised.filter(({ peer }) => peer === "n1");
    expect(toN1.map((line) => line.advertised)).toEqual([true, true]);
    expect(new Set(toN1.map(({ pathId }) => pathId)).size).toBe(2);
    e1.ask("disable", '"mine*"');
    for (const prefix of PREFIXES) {
      const left = addressFor(prefix, "e2");
      for (const bird of [n1, n2]) {
        await eventually(`the other path to ${prefix}`, () => `${hopsAt(bird, prefix)}` === left);
      }
    }
    e1.ask("enable", '"mine*"');
    await eventually("n1 has both again", () => hopsAt(n1, PREFIX6).length === 2);
    // A refresh is answered with the same paths, and nothing is left behind.
    n1.ask("reload", "in", "to_rr");
    await eventually("n1 has both still", () => hopsAt(n1, PREFIX).length === 2);
    expect(flapsAt(rr)).toEqual([0, 0, 0, 0]);
  });

  test("both ways on one session: the best few of what others say, and none of what the peer says", async () => {
    const own = "198.51.100.0/24";
    const told = { e1: "", e2: "", n1: "{ receive: true, send: BestN, count: 1 }" };
    const rr = scene.startManx("rr", told, REFLECTOR);
    scene.startEdges();
    const n1 = scene.startBird("n1", "rr", "add paths;", by("n2").replaceAll(PREFIX, own));
    await eventually("n1 has the best path", () => `${hopsAt(n1, PREFIX)}` === address4("e1"));
    const [path] = await eventually("we have what it says", () => {
      const seen = pathsAt(rr, own);
      return seen.length === 1 && seen;
    });
    expect(path).toEqual([expect.any(Number), address4("n2")]);
    expect(hopsAt(n1, own)).toEqual([]);
  });
});
