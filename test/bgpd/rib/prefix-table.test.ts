import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PrefixTable } from "../../../bgpd/rib/prefix-table.ts";
import { formatPrefix, parsePrefix, prefixOf } from "../../../lib/prefix.ts";
import { seeded } from "../../sim/world.ts";

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const prefix4 = fc
  .record({
    w0: fc.oneof(
      word,
      fc.integer({ min: 0, max: 7 }).map((n) => (n << 28) >>> 0),
    ),
    length: fc.integer({ min: 0, max: 32 }),
  })
  .map(({ w0, length }) => prefixOf({ family: 4, w0, w1: 0, w2: 0, w3: 0 }, length));
const prefix6 = fc
  .record({ w0: word, w1: word, w2: word, w3: word, length: fc.integer({ min: 0, max: 128 }) })
  .map(({ length, ...words }) => prefixOf({ family: 6, ...words }, length));

test.each([
  [4 as const, prefix4],
  [6 as const, prefix6],
])("IPv%d prefixes: insertion, removal and look-up agree with a Map", (family, prefix) => {
  const steps = fc.array(fc.tuple(fc.boolean(), prefix), { maxLength: 400 });
  fc.assert(
    fc.property(steps, (list) => {
      const table = new PrefixTable(family);
      const model = new Map<string, number>();
      for (const [insert, value] of list) {
        const key = formatPrefix(value);
        const known = model.get(key);
        expect(table.find(value)).toBe(known ?? -1);
        if (insert) {
          const index = table.insert(value);
          if (known !== undefined) expect(index).toBe(known);
          model.set(key, index);
        } else if (known !== undefined) {
          table.remove(known);
          model.delete(key);
        }
      }
      expect(table.size).toBe(model.size);
      expect(new Set([...table.indices()].map((i) => formatPrefix(table.prefix(i))))).toEqual(
        new Set(model.keys()),
      );
      for (const [key, index] of model) expect(table.find(parsePrefix(key))).toBe(index);
    }),
    { numRuns: 60 },
  );
});

test("ten thousand neighbours keep their indices while the table grows", () => {
  const table = new PrefixTable(4);
  const at = (n: number) => prefixOf({ family: 4, w0: n << 8, w1: 0, w2: 0, w3: 0 }, 24);
  const indices = Array.from({ length: 10_000 }, (_, n) => table.insert(at(n)));
  for (let n = 0; n < 10_000; n += 2) table.remove(indices[n] as number);
  for (let n = 0; n < 10_000; n++)
    expect(table.find(at(n))).toBe(n % 2 === 0 ? -1 : (indices[n] as number));
  expect(table.size).toBe(5000);
});

test("prefixes that come, go and come back while places are given anew agree with a Map", () => {
  const table = new PrefixTable(4);
  const at = (n: number) => prefixOf({ family: 4, w0: (n << 8) >>> 0, w1: 0, w2: 0, w3: 0 }, 24);
  const model = new Map<number, number>();
  const random = seeded(7);
  const check = (n: number): void => expect(table.find(at(n))).toBe(model.get(n) ?? -1);
  // Tides: the table grows at each, and more than half of it goes again.
  for (const [most, share] of [
    [3000, 0.9],
    [9000, 0.05],
    [20_000, 0.95],
    [20_000, 0.02],
    [20_000, 0.5],
  ] as const) {
    for (let step = 0; step < 2 * most; step++) {
      const n = Math.floor(random() * most);
      if (random() < share) {
        const index = table.insert(at(n));
        expect(index).toBe(model.get(n) ?? index);
        model.set(n, index);
      } else {
        const index = model.get(n);
        if (index !== undefined) table.remove(index);
        model.delete(n);
      }
      check(n);
      check(Math.floor(random() * most));
    }
    expect(table.size).toBe(model.size);
    expect(new Set(model.values()).size).toBe(model.size);
    expect([...table.indices()].toSorted((a, b) => a - b)).toEqual(
      [...model.values()].toSorted((a, b) => a - b),
    );
  }
});

test("prefixes that never come back leave their room to others, and the last one all of it", () => {
  const table = new PrefixTable(4);
  const at = (n: number) => prefixOf({ family: 4, w0: (n << 8) >>> 0, w1: 0, w2: 0, w3: 0 }, 24);
  const alive: number[] = [];
  for (let n = 0; n < 100_000; n++) {
    alive.push(table.insert(at(n)));
    if (alive.length > 500) table.remove(alive.shift() as number);
  }
  expect(table.size).toBe(500);
  expect(table.capacity).toBeLessThanOrEqual(4096);
  for (const index of alive) table.remove(index);
  expect(table.size).toBe(0);
  expect(table.insert(at(1))).toBeLessThan(table.capacity);
  expect(table.find(at(99_999))).toBe(-1);
  expect([...table.indices()]).toHaveLength(1);
});

test("a large table that has emptied begins anew", () => {
  const table = new PrefixTable(6);
  const at = (n: number) => prefixOf({ family: 6, w0: 1, w1: n, w2: 0, w3: 0 }, 64);
  const indices = Array.from({ length: 5000 }, (_, n) => table.insert(at(n)));
  for (const index of indices) table.remove(index);
  expect(table.capacity).toBe(0);
  for (let n = 0; n < 3000; n++) expect(table.insert(at(n))).toBe(n);
  expect(table.find(at(4000))).toBe(-1);
});

describe("while places are given anew,", () => {
  const at = (n: number) => prefixOf({ family: 4, w0: (n << 8) >>> 0, w1: 0, w2: 0, w3: 0 }, 24);
  /** Of a table that is new. */
  const ROOM = 1024;

  test("none is lost that others would take the place of", () => {
    // One table in eight has such a prefix.
    for (let tables = 0; tables < 200; tables++) {
      const table = new PrefixTable(4);
      for (let n = 0; n < ROOM + 200; n++) table.insert(at(n));
      for (let n = 0; n < ROOM + 200; n++) if (table.find(at(n)) !== n) expect(n).toBe(-1);
    }
  });

  test("indices that were free before are one prefix's each, whether it stays or flaps", () => {
    const table = new PrefixTable(4);
    const index = new Map<number, number>();
    let next = 0;
    const come = (n = next++): number => {
      index.set(n, table.insert(at(n)));
      return n;
    };
    const go = (n: number): void => {
      table.remove(index.get(n) as number);
      index.delete(n);
    };
    for (let count = 0; count < ROOM; count++) come();
    // Those behind go: until they are cleared away, others have indices behind theirs.
    for (let n = 400; n < ROOM; n++) go(n);
    while (index.size < ROOM - 1) {
      come();
      for (let n = 0; n < 400; n++) if (table.find(at(n)) !== n) expect(n).toBe(-1);
    }
    expect(table.capacity).toBeGreaterThan(ROOM);
    // Those in front stay: nothing is free but what was.
    for (let n = 100; n < 400; n++) go(n);
    for (let n = ROOM; n < ROOM + 400; n++) go(n);
    // The indices that are left free now are taken by some that go before anything has come to them.
    come();
    const flapping = [come(), come(), come(), come()];
    for (const n of flapping.slice(2)) go(n);
    for (let count = 0; count < 300; count++) come();
    for (const n of flapping.slice(2)) come(n);
    for (let count = 0; count < 3 * ROOM; count++) come();
    expect(new Set(index.values()).size).toBe(index.size);
    expect(table.size).toBe(index.size);
    for (const [n, known] of index) expect(table.find(at(n))).toBe(known);
  });
});
