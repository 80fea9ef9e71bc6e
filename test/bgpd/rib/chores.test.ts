import { expect, test } from "bun:test";
import { Chores } from "../../../bgpd/rib/chores.ts";
import type { NextHopEntry } from "../../../bgpd/rib/next-hops.ts";
import { NONE, PathTable } from "../../../bgpd/rib/path-table.ts";

const STRIDE = 4;
const NOTHING: ReadonlySet<NextHopEntry> = new Set();

test("every prefix is reviewed, also when there are fewer than there were", () => {
  const paths = new PathTable();
  const reviewed: number[] = [];
  const chores = new Chores({
    paths,
    stride: STRIDE,
    visit: () => {},
    remove: () => {},
    review: (prefix) => reviewed.push(prefix),
  });
  const rows = Array.from({ length: 10 }, (_, prefix) => paths.add(prefix, 1, NONE));
  chores.review(NOTHING, 10);
  chores.work(() => true);
  // Once more, from there.
  chores.review(NOTHING, 10);
  while (chores.work(() => false));
  expect(reviewed).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3]);
  for (const row of rows) paths.remove(row);
  for (const prefix of [0, 1]) paths.add(prefix, 1, NONE);
  reviewed.length = 0;
  chores.review(NOTHING, 2);
  while (chores.work(() => false));
  expect(reviewed).toEqual([0, 1]);
});
