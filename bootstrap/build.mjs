/** `dist/manx`, built again only when a source changed, and its link `dist/manx-ipam`. */

import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { BUN, digest, EXECUTABLE, isDone, markDone, ROOT, say } from "./place.mjs";

const SOURCES = [
  "main.ts",
  "bgpd",
  "cli",
  "cni",
  "conf",
  "ipam",
  "kernel",
  "lab",
  "lib",
  "resource",
];

const FRESH = `${EXECUTABLE}.new`;

export function build() {
  const sources = digest([
    "package.json",
    "package-lock.json",
    "bootstrap/build.mjs",
    "bootstrap/compile.ts",
    "bootstrap/profile.ts",
    ...SOURCES.flatMap(filesBelow),
  ]);
  if (isDone("built", sources) && existsSync(EXECUTABLE)) return;
  say("building dist/manx");
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  const { status, stdout, stderr } = spawnSync(BUN, ["bootstrap/compile.ts", FRESH], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`bootstrap/compile.ts failed:\n${stdout}${stderr}`);
  // What one call wrote lies in larger pieces in the page cache than what the linker wrote, and starts sooner.
  writeFileSync(`${FRESH}.copy`, readFileSync(FRESH), { mode: 0o755 });
  renameSync(`${FRESH}.copy`, EXECUTABLE);
  rmSync(FRESH);
  rmSync(`${EXECUTABLE}-ipam`, { force: true });
  symlinkSync("manx", `${EXECUTABLE}-ipam`);
  markDone("built", sources);
}

/** Every file at or below a path of the checkout, sorted, relative to it. */
function filesBelow(path) {
  const absolute = join(ROOT, path);
  if (!existsSync(absolute)) return [];
  if (statSync(absolute).isFile()) return [path];
  return readdirSync(absolute)
    .sort()
    .flatMap((name) => filesBelow(`${path}/${name}`));
}
