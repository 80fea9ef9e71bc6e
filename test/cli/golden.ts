/**
 * Text that is compared with a file beside the tests; `UPDATE_GOLDEN=1` writes the files anew.
 */

import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Expect `text` to be what `golden/NAME.txt` holds. */
export function expectGolden(name: string, text: string): void {
  const path = join(import.meta.dir, "golden", `${name}.txt`);
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, "utf8"));
}
