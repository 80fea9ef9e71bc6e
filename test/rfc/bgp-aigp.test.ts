/** RFC 7311: where AIGP goes, what is added to it, and what it decides. */

import { describe, expect, test } from "bun:test";
import { PLAIN_RULES } from "../../bgpd/rib/rules.ts";
import { aigpMetric } from "../../bgpd/wire/aigp.ts";
import { formatAddress } from "../../lib/address.ts";
import { attributesOf, peerAt, Scene } from "../bgpd/rib/scene.ts";

const PREFIX = "198.51.100.0/24";
const METRIC_100 = "01000b0000000000000064";
const AIGP_WIRE = {
  fourOctetAs: true,
  external: true,
  maxLength: 4096,
  families: [4],
  extendedNextHop: false,
  aigp: true,
} as const;

function metricOf(scene: Scene, id: number): number | undefined {
  const { aigp } = scene.told.get(id)?.routes.get(PREFIX) ?? {};
  return aigp === undefined ? undefined : Number(aigpMetric(aigp));
}

describe("3.3 AIGP_SESSION", () => {
  test("external peers are told it only where it is on, internal ones always", () => {
    const scene = new Scene();
    const from = scene.add(peerAt(9, "external", { wire: AIGP_WIRE }));
    const inside = scene.add(peerAt(2, "internal"));
    const off = scene.add(peerAt(7, "external"));
    const on = scene.add(peerAt(8, "external", { wire: AIGP_WIRE }));
    // As one reads it that would take what it must not be told.
    scene.peers.set(off, peerAt(7, "external", { wire: AIGP_WIRE }));
    scene.announce(from, [PREFIX], attributesOf([65_009], "172.30.0.9", { aigp: METRIC_100 }));
    scene.settle();
    expect([inside, off, on].map((id) => metricOf(scene, id))).toEqual([100, undefined, 100]);
    expect(scene.tells(off)).toHaveLength(1);
  });
});

describe("3.4.3 with another next hop", () => {
  function started() {
    const costs = new Map([["172.30.0.9", 20]]);
    const scene = new Scene((nextHop) => ({
      reachable: true,
      cost: costs.get(formatAddress(nextHop)) ?? 0,
    }));
    const from = scene.add(peerAt(9, "external", { wire: AIGP_WIRE }));
    const kept = scene.add(peerAt(2, "internal"));
    const self = scene.add(
      peerAt(3, "internal", { exportKey: "self", rules: { ...PLAIN_RULES, nextHop: "Self" } }),
    );
    const outside = scene.add(peerAt(8, "external", { wire: AIGP_WIRE }));
    scene.announce(from, [PREFIX], attributesOf([65_009], "172.30.0.9", { aigp: METRIC_100 }));
    scene.settle();
    return { scene, costs, kept, self, outside };
  }

  test("the cost to the one before is added, and with the same next hop nothing is", () => {
    const { scene, kept, self, outside } = started();
    expect([kept, self, outside].map((id) => metricOf(scene, id))).toEqual([100, 120, 120]);
  });

  test("peers are told anew when that cost is another, and only those who know it", () => {
    const { scene, costs, kept, self, outside } = started();
    const before = scene.told.get(kept)?.updates.length;
    costs.set("172.30.0.9", 7);
    scene.rib.nextHopsChanged();
    scene.settle();
    expect([kept, self, outside].map((id) => metricOf(scene, id))).toEqual([100, 107, 107]);
    expect(scene.told.get(kept)?.updates.length).toBe(before);
    const sets = scene.rib.counts().attributeSets;
    for (const cost of [8, 9, 10, 7]) {
      costs.set("172.30.0.9", cost);
      scene.rib.nextHopsChanged();
      scene.settle();
    }
    expect(scene.rib.counts().attributeSets).toBe(sets);
  });
});

describe("4.1 the decision", () => {
  test("a route with AIGP beats one without, however short its path", () => {
    const scene = new Scene();
    const [a, b] = [8, 9].map((n) => scene.add(peerAt(n, "external", { wire: AIGP_WIRE })));
    if (a === undefined || b === undefined) throw new Error("two peers");
    scene.announce(a, [PREFIX], attributesOf([65_008], "172.30.0.8"));
    const longer = attributesOf([65_009, 1, 2], "172.30.0.9", { aigp: METRIC_100 });
    scene.announce(b, [PREFIX], longer);
    scene.settle();
    expect(scene.best.get(PREFIX)?.peer).toBe("external 9");
    const [, loser] = scene.rib.routes()[0]?.paths ?? [];
    expect(loser?.reason).toBe("lower AIGP metric: 100 < none");
  });

  test("LOCAL_PREF comes before it", () => {
    const scene = new Scene();
    const [a, b] = [scene.add(peerAt(2, "internal")), scene.add(peerAt(3, "internal"))];
    scene.announce(a, [PREFIX], attributesOf([], "172.30.0.2", { localPref: 200 }));
    const more = { localPref: 100, aigp: METRIC_100 };
    scene.announce(b, [PREFIX], attributesOf([], "172.30.0.3", more));
    scene.settle();
    expect(scene.best.get(PREFIX)?.peer).toBe("internal 2");
  });

  test("metrics beyond what a number holds exactly are told apart", () => {
    const scene = new Scene();
    const wire = { wire: AIGP_WIRE };
    const [a, b] = [scene.add(peerAt(1, "external", wire)), scene.add(peerAt(9, "external", wire))];
    const large = (last: string) => ({ aigp: `01000b00ffffffffff${last}` });
    scene.announce(a, [PREFIX], attributesOf([65_001], "172.30.0.2", large("02fe")));
    scene.announce(b, [PREFIX], attributesOf([65_009], "172.30.0.9", large("02fd")));
    scene.settle();
    expect(scene.best.get(PREFIX)?.peer).toBe("external 9");
  });
});
