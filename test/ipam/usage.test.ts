/** How much of blocks is in use, as the daemon sees it. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRecords } from "../../ipam/records-files.ts";
import { type RecordsWatch, watchRecords } from "../../ipam/records-watch.ts";
import { usageOf, usedOf } from "../../ipam/usage.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { BLOCK, recordOf } from "./records-suite.ts";

let directory: string;
let watch: RecordsWatch;
const read = () => usageOf(watch.folders());
let changes = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "manx-usage-"));
  watch = watchRecords(() => {
    changes++;
  }, directory);
});
afterAll(() => {
  watch.close();
  rmSync(directory, { recursive: true });
});

test("nothing is in use where nothing was ever taken", () => {
  expect(read()).toEqual([]);
  expect(usedOf(read(), BLOCK)).toBe(0);
});

test("counts each address once, whichever folders it is written in", () => {
  const [one, two] = ["one", "two"].map((network) => openRecords({ directory, network }));
  const node = openRecords({ directory, network: "one", scope: "node" });
  node.claim(recordOf(9, "d"));
  for (const ordinal of [1, 2, 3]) one!.claim(recordOf(ordinal, `a${ordinal}`));
  two!.claim(recordOf(1, "b"));
  two!.claim(recordOf(0, "c", parsePrefix("10.9.0.0/28")));
  expect(usedOf(read(), BLOCK)).toBe(4);
  expect(usedOf(read(), parsePrefix("10.9.0.0/28"))).toBe(1);
  expect(usedOf(read(), parsePrefix("fd00::/120"))).toBe(0);
});

test("says when an address is taken, and when one is given back", async () => {
  const records = openRecords({ directory, network: "one" });
  const next = async (act: () => void): Promise<boolean> => {
    const before = changes;
    act();
    for (const end = performance.now() + 5000; performance.now() < end; await Bun.sleep(5)) {
      if (changes > before) return true;
    }
    return false;
  };
  read();
  expect(await next(() => records.claim(recordOf(7, "x")))).toBe(true);
  expect(await next(() => records.release(recordOf(7, "x").holder, 4))).toBe(true);
});
