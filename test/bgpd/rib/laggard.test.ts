/** Peers that do not take what they are sent, and tables that are sent again. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { attributesOf, peerAt, Scene } from "./scene.ts";

const PREFIXES = Array.from({ length: 12 }, (_, index) => `10.${index}.0.0/16`);
const A = attributesOf([65_011], "172.30.0.11");
const B = attributesOf([65_011, 7], "172.30.0.11");

/** One source, one peer that always listens and one that lags, all external, in one update group. */
function stage() {
  const scene = new Scene();
  const source = scene.add(peerAt(11, "external"));
  const prompt = scene.add(peerAt(12, "external"));
  const slow = scene.add(peerAt(13, "external"));
  scene.settle();
  return { scene, source, prompt, slow };
}

describe("a peer that lags", () => {
  test("is sent nothing, and then once what has changed", () => {
    const { scene, source, slow } = stage();
    scene.announce(source, PREFIXES.slice(0, 3), A);
    scene.settle();
    const told = scene.told.get(slow)!;
    const before = told.updates.length;
    scene.rib.lag(slow);
    for (let round = 0; round < 50; round++) {
      scene.announce(source, PREFIXES.slice(1, 5), round % 2 === 0 ? B : A);
      scene.settle();
      scene.withdraw(source, PREFIXES.slice(2, 5));
      scene.settle();
    }
    expect(told.updates.length).toBe(before);
    scene.rib.catchUp(slow);
    scene.settle();
    expect(told.updates.slice(before).flatMap(({ withdrawn }) => withdrawn)).toHaveLength(1);
    expect(told.updates.slice(before).flatMap(({ announced }) => announced)).toHaveLength(1);
    expect(scene.tells(slow)).toHaveLength(2);
  });

  test("misses both families, and is told both", () => {
    const { scene, source, slow } = stage();
    const over6 = attributesOf([65_011], "fd00:30::11");
    scene.announce(source, ["10.0.0.0/16"], A);
    scene.announce(source, ["2001:db8:1::/48"], over6);
    scene.settle();
    scene.rib.lag(slow);
    scene.withdraw(source, ["10.0.0.0/16", "2001:db8:1::/48"]);
    scene.announce(source, ["10.1.0.0/16"], A);
    scene.announce(source, ["2001:db8:2::/48"], over6);
    scene.settle();
    expect(scene.rib.counts().byFamily).toEqual({ 4: 2, 6: 2 });
    scene.rib.catchUp(slow);
    scene.settle();
    expect(scene.tells(slow).map((line) => line.split(" ")[0])).toEqual([
      "10.1.0.0/16",
      "2001:db8:2::/48",
    ]);
    expect(scene.rib.counts().byFamily).toEqual({ 4: 1, 6: 1 });
  });

  test("costs no more than the table, whatever comes and goes meanwhile", () => {
    const { scene, source, slow } = stage();
    scene.announce(source, ["10.0.0.0/16"], A);
    scene.settle();
    scene.rib.lag(slow);
    scene.withdraw(source, ["10.0.0.0/16"]);
    for (let index = 0; index < 2000; index++) {
      const prefix = `20.${index >> 8}.${index & 255}.0/24`;
      scene.announce(source, [prefix], A);
      scene.settle();
      scene.withdraw(source, [prefix]);
      scene.settle();
    }
    // What it knows and has lost is kept for it, and none of what it never heard of.
    expect(scene.rib.counts().prefixes).toBe(1);
    scene.rib.catchUp(slow);
    scene.settle();
    expect(scene.tells(slow)).toEqual([]);
    expect(scene.rib.counts()).toMatchObject({ prefixes: 0, attributeSets: 0 });
  });

  test("that goes away is waited for no more", () => {
    const { scene, source, slow } = stage();
    scene.announce(source, PREFIXES, A);
    scene.settle();
    scene.rib.lag(slow);
    scene.withdraw(source, PREFIXES);
    scene.settle();
    expect(scene.rib.counts().prefixes).toBe(PREFIXES.length);
    scene.remove(slow);
    scene.settle();
    expect(scene.rib.counts()).toMatchObject({ prefixes: 0, attributeSets: 0 });
  });

  test("stands where the others stand once it has caught up, whatever happened", () => {
    const change = fc.record({
      type: fc.constantFrom("announce", "withdraw", "lag", "catch up", "own", "settle", "policy"),
      prefixes: fc.uniqueArray(fc.constantFrom(...PREFIXES), { minLength: 1, maxLength: 4 }),
      isLong: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const { scene, source, prompt, slow } = stage();
        let key = 0;
        for (const { type, prefixes, isLong } of changes) {
          if (type === "announce") scene.announce(source, prefixes, isLong ? B : A);
          if (type === "withdraw") scene.withdraw(source, prefixes);
          if (type === "own") scene.announce(slow, prefixes, attributesOf([65_013], "172.30.0.13"));
          if (type === "lag") scene.rib.lag(slow);
          if (type === "catch up") scene.rib.catchUp(slow);
          if (type === "policy") {
            const { rules, importPolicy, exportPolicy } = peerAt(13, "external");
            const policies = { rules, importPolicy, exportPolicy, exportKey: `key ${++key % 2}` };
            scene.rib.setPolicies(slow, policies);
          }
          if (type === "settle") scene.settle();
        }
        scene.settle();
        scene.rib.catchUp(slow);
        scene.settle();
        const view = scene.rib.advertised(slow).filter(({ advertised }) => advertised);
        expect(scene.tells(slow)).toHaveLength(view.length);
        scene.rib.lag(prompt);
        scene.rib.catchUp(prompt);
        expect(scene.tells(prompt)).toHaveLength(
          scene.rib.advertised(prompt).filter(({ advertised }) => advertised).length,
        );
        scene.withdraw(source, PREFIXES);
        scene.withdraw(slow, PREFIXES);
        scene.settle();
        expect(scene.tells(slow)).toEqual([]);
        expect(scene.rib.counts()).toMatchObject({ prefixes: 0, attributeSets: 0 });
      }),
      { numRuns: 300 },
    );
  });
});

describe("a table that is announced again (RFC 7313 section 4)", () => {
  test("what is not in it is gone at its end, and not before", () => {
    const { scene, source } = stage();
    scene.announce(source, PREFIXES, A);
    scene.settle();
    scene.rib.beginRefresh(source, 4);
    scene.announce(source, PREFIXES.slice(0, 4), A);
    scene.announce(source, PREFIXES.slice(4, 6), B);
    scene.settle();
    expect(scene.best.size).toBe(PREFIXES.length);
    scene.rib.endRefresh(source, 4);
    scene.settle();
    expect([...scene.best.keys()].sort()).toEqual(PREFIXES.slice(0, 6));
    expect(scene.rib.peerCounts(source).received).toBe(6);
  });

  test("one that begins anew counts from there", () => {
    const { scene, source } = stage();
    scene.announce(source, PREFIXES.slice(0, 3), A);
    scene.rib.beginRefresh(source, 4);
    scene.announce(source, PREFIXES.slice(0, 2), A);
    scene.rib.beginRefresh(source, 4);
    scene.announce(source, PREFIXES.slice(1, 2), A);
    scene.rib.endRefresh(source, 4);
    scene.settle();
    expect([...scene.best.keys()]).toEqual(PREFIXES.slice(1, 2));
  });

  test("each family is one by itself", () => {
    const { scene, source } = stage();
    const six = ["2001:db8:1::/48", "2001:db8:2::/48"];
    const over6 = attributesOf([65_011], "fd00:30::11");
    scene.announce(source, PREFIXES.slice(0, 2), A);
    scene.announce(source, six, over6);
    scene.rib.beginRefresh(source, 6);
    scene.announce(source, six.slice(0, 1), over6);
    scene.rib.endRefresh(source, 4);
    scene.settle();
    expect(scene.best.size).toBe(4);
    scene.rib.endRefresh(source, 6);
    scene.settle();
    expect([...scene.best.keys()].sort()).toEqual([...PREFIXES.slice(0, 2), "2001:db8:1::/48"]);
  });

  test("an end without a begin means nothing", () => {
    const { scene, source } = stage();
    scene.announce(source, PREFIXES, A);
    scene.rib.endRefresh(source, 4);
    scene.rib.beginRefresh(source, 4);
    scene.announce(source, PREFIXES, A);
    scene.rib.endRefresh(source, 4);
    scene.rib.endRefresh(source, 4);
    scene.settle();
    expect(scene.best.size).toBe(PREFIXES.length);
  });
});
