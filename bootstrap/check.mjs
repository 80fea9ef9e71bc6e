/** Types, lint and format, import table: seconds, no network, no build. */

import { spawnSync } from "node:child_process";
import { BUN, ROOT, say } from "./place.mjs";

export const CHECKS = [
  { name: "types (tsc)", program: "node_modules/.bin/tsc", args: ["-p", "."] },
  { name: "lint and format (biome)", program: "node_modules/.bin/biome", args: ["ci", "."] },
  { name: "import table", program: BUN, args: ["test", "test/imports.test.ts"] },
];

/** Run all of them, also after a failure; true when all passed. */
export function check() {
  const failed = CHECKS.filter(({ name, program, args }) => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: "utf8" });
    say(`${status === 0 ? "passed" : "FAILED"}: ${name}`);
    if (status !== 0) console.error(`${stdout}${stderr}`);
    return status !== 0;
  });
  return failed.length === 0;
}
