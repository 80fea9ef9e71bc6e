/**
 * ADD-PATH (RFC 7911) with GoBGP, both ways on one session and in both families: it takes the paths that we reflect to
 * it, and we take several of its own.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  address4,
  addressFor,
  createScene,
  EDGES,
  hopsOf,
  PREFIX,
  PREFIX6,
  pathsAt,
  REFLECTOR,
  type Scene,
} from "./add-path-scene.ts";
import { hasBird } from "./bird.ts";
import { type Gobgp, gobgpOn, hasGobgp } from "./gobgp.ts";
import { hasManx } from "./manx.ts";
import { eventually } from "./network.ts";

/** What it has of its own, by each edge. */
const OWN = { ipv4: "198.51.100.0/24", ipv6: "2001:db8:3::/48" } as const;
const FAMILIES = [
  ["ipv4", PREFIX],
  ["ipv6", PREFIX6],
] as const;

const family = (name: string): string => `
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${name}-unicast"
    [neighbors.afi-safis.add-paths.config]
      receive = true
      send-max = 8`;

const GOBGP = `
[global.config]
  as = 64512
  router-id = "${address4("far")}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${address4("rr")}"
    peer-as = 64512
  [neighbors.transport.config]
    local-address = "${address4("far")}"
    passive-mode = true${family("ipv4")}${family("ipv6")}
`;

let scene: Scene;

beforeEach(() => {
  scene = createScene();
});

afterEach(async () => {
  await scene.network.remove();
});

/** Next hops of the paths that it has from us. */
function hopsAt(gobgp: Gobgp, afi: keyof typeof OWN, prefix: string): string[] {
  const lines = gobgp.ask("neighbor", address4("rr"), "adj-in", "-a", afi).split("\n");
  return lines
    .filter((line) => line.includes(prefix))
    .flatMap((line) => hopsOf(prefix).filter((hop) => line.includes(` ${hop} `)))
    .sort();
}

function announce(gobgp: Gobgp, verb: "add" | "del", edge: (typeof EDGES)[number]): void {
  for (const [afi, prefix] of Object.entries(OWN)) {
    const identifier = `${EDGES.indexOf(edge) + 1}`;
    const words = [prefix, "identifier", identifier, "nexthop", addressFor(prefix, edge)];
    gobgp.ask("global", "rib", "-a", afi, verb, ...words);
  }
}

describe.skipIf(!hasManx || !hasBird || !hasGobgp)("ADD-PATH with GoBGP", () => {
  test("several paths go both ways in both families, and are withdrawn one by one", async () => {
    const gobgp = gobgpOn(scene.network, "far");
    gobgp.start(GOBGP);
    await gobgp.isUp();
    const others = { e1: "", e2: "", far: "{ receive: true, send: All }" };
    const rr = scene.startManx("rr", others, REFLECTOR);
    const { e2 } = scene.startEdges();
    for (const [afi, prefix] of FAMILIES) {
      const all = `${hopsOf(prefix)}`;
      await eventually(
        `GoBGP has both paths to ${prefix}`,
        () => `${hopsAt(gobgp, afi, prefix)}` === all,
      );
    }
    for (const edge of EDGES) announce(gobgp, "add", edge);
    for (const prefix of Object.values(OWN)) {
      const paths = await eventually(`we have both paths to ${prefix}`, () => {
        const seen = pathsAt(rr, prefix);
        return seen.length === 2 && seen;
      });
      expect(paths.map(([, hop]) => hop)).toEqual(hopsOf(prefix));
      expect(new Set(paths.map(([id]) => id)).size).toBe(2);
    }
    announce(gobgp, "del", "e1");
    e2.ask("disable", '"mine*"');
    for (const prefix of Object.values(OWN)) {
      await eventually(`we have one path to ${prefix}`, () => {
        const hops = pathsAt(rr, prefix).map(([, hop]) => hop);
        return `${hops}` === addressFor(prefix, "e2");
      });
    }
    for (const [afi, prefix] of FAMILIES) {
      const left = addressFor(prefix, "e1");
      await eventually(
        `GoBGP has one path to ${prefix}`,
        () => `${hopsAt(gobgp, afi, prefix)}` === left,
      );
    }
    const { flaps, families } = rr.peer("far");
    expect(flaps).toBe(0);
    expect(families.map(({ addPath }) => addPath)).toEqual([
      { receive: true, send: "All" },
      { receive: true, send: "All" },
    ]);
  });
});
