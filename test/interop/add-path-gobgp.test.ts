/**
 * ADD-PATH (RFC 7911) with GoBGP, both ways on one session and in both families: it takes the paths that we reflect to
 * it, and we take several of its own.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { which } from "bun";
import type { PeerAnswer, RouteAnswer } from "../../resource/answer.ts";
import {
  address4,
  addressFor,
  createScene,
  EDGES,
  isReady,
  node,
  ORIGINATED,
  PREFIX,
  PREFIX6,
  REFLECTOR,
  router,
  type Scene,
} from "./add-path-scene.ts";
import { eventually, isInside } from "./network.ts";

const gobgpd = which("gobgpd") ?? "";
const gobgp = which("gobgp") ?? "";

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

const askGobgp = (...words: string[]): string => scene.network.run("far", gobgp, ...words);

/** Next hops of the paths that it has from us. */
function hopsAtGobgp(afi: "ipv4" | "ipv6", prefix: string): string[] {
  const lines = askGobgp("neighbor", address4("rr"), "adj-in", "-a", afi).split("\n");
  return lines
    .filter((line) => line.includes(prefix))
    .flatMap((line) => EDGES.filter((name) => line.includes(` ${addressFor(prefix, name)} `)))
    .map((name) => addressFor(prefix, name))
    .sort();
}

/** Next hops of the paths that we have from it, and their identifiers. */
function ours(prefix: string): { readonly hops: (string | null)[]; readonly ids: Set<unknown> } {
  const route = scene.ask<RouteAnswer[]>("rr", "routes").find((one) => one.prefix === prefix);
  const paths = route?.paths ?? [];
  return {
    hops: paths.map(({ attributes: { nextHop } }) => nextHop).sort(),
    ids: new Set(paths.map(({ pathId }) => pathId)),
  };
}

function announce(verb: "add" | "del", edge: (typeof EDGES)[number]): void {
  for (const [afi, prefix] of Object.entries(OWN)) {
    const identifier = `${EDGES.indexOf(edge) + 1}`;
    const hop = addressFor(prefix, edge);
    const words = [prefix, "identifier", identifier, "nexthop", hop];
    askGobgp("global", "rib", "-a", afi, verb, ...words);
  }
}

const here = isInside && isReady && gobgpd !== "" && gobgp !== "";

describe.skipIf(!here)("ADD-PATH with GoBGP", () => {
  test("several paths go both ways in both families, and are withdrawn one by one", async () => {
    const file = scene.network.file("gobgp.toml", GOBGP);
    scene.network.start("far", "gobgpd", [gobgpd, "-f", file]);
    await eventually("GoBGP answers", () => askGobgp("neighbor").includes("64512"));
    const others = { e1: "", e2: "", far: "{ receive: true, send: All }" };
    scene.startManx("rr", node("rr", others, REFLECTOR));
    for (const name of EDGES) scene.startBird(name, router(name, "rr", "", ORIGINATED));
    for (const [afi, prefix] of FAMILIES) {
      const hops = EDGES.map((name) => addressFor(prefix, name));
      await eventually(
        `GoBGP has both paths to ${prefix}`,
        () => `${hopsAtGobgp(afi, prefix)}` === `${hops}`,
      );
    }
    for (const edge of EDGES) announce("add", edge);
    for (const prefix of Object.values(OWN)) {
      const hops = EDGES.map((name) => addressFor(prefix, name));
      await eventually(
        `we have both paths to ${prefix}`,
        () => `${ours(prefix).hops}` === `${hops}` && ours(prefix).ids.size === 2,
      );
    }
    announce("del", "e1");
    scene.askBird("e2", "disable", '"mine*"');
    for (const prefix of Object.values(OWN)) {
      const left = addressFor(prefix, "e2");
      await eventually(`we have one path to ${prefix}`, () => `${ours(prefix).hops}` === left);
    }
    for (const [afi, prefix] of FAMILIES) {
      const left = addressFor(prefix, "e1");
      await eventually(
        `GoBGP has one path to ${prefix}`,
        () => `${hopsAtGobgp(afi, prefix)}` === left,
      );
    }
    const peer = scene.ask<PeerAnswer[]>("rr", "peers").find(({ name }) => name === "far");
    expect(peer?.flaps).toBe(0);
    expect(peer?.families.map(({ addPath }) => addPath)).toEqual([
      { receive: true, send: "All" },
      { receive: true, send: "All" },
    ]);
  });
});
