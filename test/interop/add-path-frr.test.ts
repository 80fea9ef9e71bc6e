/**
 * ADD-PATH (RFC 7911) with FRR, in both families: it takes the paths that we reflect to it, and reflects them on to
 * another of ours, with identifiers of its own.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { PeerAnswer } from "../../resource/answer.ts";
import {
  address4,
  addressFor,
  createScene,
  hopsOf,
  PREFIXES,
  pathsAt,
  REFLECTOR,
  type Scene,
} from "./add-path-scene.ts";
import { hasBird } from "./bird.ts";
import { type Frr, type FrrPath, frrOn, frrText, hasFrr } from "./frr.ts";
import { hasManx } from "./manx.ts";
import { eventually } from "./network.ts";

const CLIENTS = [
  ...["rr", "n1"].map((name) => `neighbor ${address4(name)} route-reflector-client`),
  `neighbor ${address4("n1")} addpath-tx-all-paths`,
];

const CONFIGURATION = frrText({
  asNumber: 64_512,
  id: address4("far"),
  neighbours: { [address4("rr")]: 64_512, [address4("n1")]: 64_512 },
  ipv4: CLIENTS,
  ipv6: CLIENTS,
});

let scene: Scene;

beforeEach(() => {
  scene = createScene();
});

afterEach(async () => {
  await scene.network.remove();
});

/** Identifiers and next hops of the paths that FRR has from us. */
function pathsAtFrr(frr: Frr, prefix: string): (readonly [id: number, hop: string | undefined])[] {
  const paths: readonly (FrrPath & { readonly addpathRxId?: number })[] = frr.paths(prefix);
  return paths
    .map(({ addpathRxId = 0, nexthops: [first] }) => [addpathRxId, first?.ip] as const)
    .sort((a, b) => String(a[1]).localeCompare(String(b[1])));
}

describe.skipIf(!hasManx || !hasBird || !hasFrr)("ADD-PATH with FRR", () => {
  test("takes our several paths, gives us several, and both are withdrawn one by one", async () => {
    const frr = frrOn(scene.network, "far");
    await frr.start({ configuration: CONFIGURATION });
    const rr = scene.startManx("rr", { e1: "", e2: "", far: "{ send: All }" }, REFLECTOR);
    const n1 = scene.startManx("n1", { far: "{ receive: true }" });
    const { e1 } = scene.startEdges();
    for (const prefix of PREFIXES) {
      const seen = await eventually(`FRR has both paths to ${prefix}`, () => {
        const paths = pathsAtFrr(frr, prefix);
        return paths.length === 2 && paths;
      });
      expect(seen.map(([, hop]) => hop)).toEqual(hopsOf(prefix));
      expect(new Set(seen.map(([id]) => id)).size).toBe(2);
      const far = await eventually(`n1 has both paths to ${prefix}`, () => {
        const paths = pathsAt(n1, prefix);
        return paths.length === 2 && paths;
      });
      expect(far.map(([, hop]) => hop)).toEqual(hopsOf(prefix));
      expect(far.every(([id]) => id !== undefined)).toBe(true);
    }
    e1.ask("disable", '"mine*"');
    for (const prefix of PREFIXES) {
      const left = addressFor(prefix, "e2");
      await eventually(`FRR has one path to ${prefix}`, () => {
        const hops = pathsAtFrr(frr, prefix).map(([, hop]) => hop);
        return `${hops}` === left;
      });
      await eventually(`n1 has one path to ${prefix}`, () => {
        const hops = pathsAt(n1, prefix).map(([, hop]) => hop);
        return `${hops}` === left;
      });
    }
    for (const manx of [rr, n1]) {
      expect(manx.ask<PeerAnswer[]>("peers").every(({ flaps }) => flaps === 0)).toBe(true);
    }
  });
});
