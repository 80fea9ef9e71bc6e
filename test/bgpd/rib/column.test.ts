import { expect, test } from "bun:test";
import fc from "fast-check";
import { Column } from "../../../bgpd/rib/column.ts";
import { Dirty } from "../../../bgpd/rib/dirty.ts";

/** Around the ends of what grows by itself: 1,024 and its doubles, and 65,536 and its multiples. */
const index = fc.oneof(
  fc.integer({ min: 0, max: 300_000 }),
  fc
    .tuple(fc.constantFrom(1024, 2048, 32_768, 65_536, 131_072), fc.integer({ min: -2, max: 2 }))
    .map(([end, by]) => end + by),
);
const value = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

test("a column agrees with a Map, and reads -1 where nothing was written", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(index, value), { maxLength: 60 }), (writes) => {
      const column = new Column();
      const model = new Map<number, number>();
      for (const [at, what] of writes) {
        expect(column.get(at)).toBe(model.get(at) ?? -1);
        column.set(at, what);
        model.set(at, what);
        for (const near of [at - 1, at, at + 1, at + 65_536]) {
          expect(column.get(near)).toBe(model.get(near) ?? -1);
        }
      }
      for (const [at, what] of model) expect(column.get(at)).toBe(what);
      column.clear();
      for (const at of model.keys()) expect(column.get(at)).toBe(-1);
    }),
  );
});

test("what waits is taken in the order in which it came, each once", () => {
  const dirty = new Dirty();
  const model = new Set<number>();
  // More comes than goes, then all goes, over several pieces of the queue; and once more.
  for (const round of [0, 1]) {
    for (let step = 0; step < 30_000; step++) {
      const prefix = (step * 7919 + round) % 20_011;
      dirty.add(prefix);
      model.add(prefix);
      if (step % 3 === 0) takeOne();
      expect(dirty.size).toBe(model.size);
    }
    while (!dirty.isEmpty) takeOne();
    expect(dirty.take()).toBeUndefined();
    expect(model.size).toBe(0);
  }

  function takeOne(): void {
    const [first] = model;
    expect(dirty.take()).toBe(first);
    if (first === undefined) return;
    expect(dirty.has(first)).toBe(false);
    model.delete(first);
  }
});
