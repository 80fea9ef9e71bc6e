/** How much one prefix that comes or goes has the table do, counted in reads of its columns: none waits for a whole table. */

import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { Column } from "../../../bgpd/rib/column.ts";
import { PrefixTable } from "../../../bgpd/rib/prefix-table.ts";
import type { Family } from "../../../lib/address.ts";
import { type Prefix, prefixOf } from "../../../lib/prefix.ts";

/** Room of a table that was enlarged twice. */
const ROOM = 16_384;
/** Room of one that is new. */
const FIRST_ROOM = 1024;
/** Eight places anew, of five words and a state each, and as much again for prefixes that share a place. */
const MOST_READS = 2 * 8 * 6;

let reads: { mockClear(): void; mockRestore(): void; readonly mock: { readonly calls: unknown[] } };
let most: number;

beforeEach(() => {
  reads = spyOn(Column.prototype, "get");
  most = 0;
});

afterEach(() => reads.mockRestore());

function counted<Result>(run: () => Result): Result {
  reads.mockClear();
  const result = run();
  most = Math.max(most, reads.mock.calls.length);
  return result;
}

const prefixIn = (family: Family, n: number): Prefix =>
  prefixOf({ family, w0: (n << 8) >>> 0, w1: n, w2: 0, w3: 0 }, 24);

/** Indices of as many prefixes. */
const fill = (table: PrefixTable, count: number): number[] =>
  Array.from({ length: count }, (_, n) => counted(() => table.insert(prefixIn(table.family, n))));

describe.each([4, 6] as const)(
  "of IPv%d prefixes, one has a few others given their places",
  (family) => {
    test("while the table grows", () => {
      fill(new PrefixTable(family), ROOM + 4000);
      expect(most).toBeLessThanOrEqual(MOST_READS);
    });

    test("when it goes, the last one included", () => {
      const table = new PrefixTable(family);
      const indices = fill(table, ROOM);
      most = 0;
      for (const index of indices) counted(() => table.remove(index));
      expect(table.size).toBe(0);
      expect(most).toBeLessThanOrEqual(2);
    });

    test.each([
      ["half of all", ROOM / 2],
      ["a quarter", ROOM / 4],
      ["few", 100],
      ["none", 0],
    ])("when there is room for %s, and most of the others have gone", (_, room) => {
      const table = new PrefixTable(family);
      const indices = fill(table, ROOM - room);
      for (const index of indices.slice(0, (3 * ROOM) / 8)) table.remove(index);
      for (const index of indices.slice(-ROOM / 8)) table.remove(index);
      for (let n = 0; n < 2 * ROOM; n++) counted(() => table.insert(prefixIn(family, ROOM + n)));
      expect(most).toBeLessThanOrEqual(MOST_READS);
    });
  },
);

/** So many prefixes, while others come and go. */
const ALIVE = 400;

test.each([
  ["were cleared away", (n: number) => n - ALIVE],
  ["came back", () => 0],
])("those that have gone and %s do not count as gone", (_, goneAt) => {
  const table = new PrefixTable(4);
  fill(table, ALIVE);
  for (let n = ALIVE; n < 20 * FIRST_ROOM; n++) {
    const gone = goneAt(n);
    table.remove(table.find(prefixIn(4, gone)));
    table.insert(prefixIn(4, gone === 0 ? 0 : n));
  }
  reads.mockClear();
  for (let n = 0; n < 1200; n++) table.insert(prefixIn(4, 100_000 + n));
  // A place is given anew when the last that went are cleared away, and when the table is enlarged.
  expect(reads.mock.calls.length).toBeLessThanOrEqual(8 * FIRST_ROOM);
});
