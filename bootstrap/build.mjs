/** `dist/manx`, built again only when a source changed, and its link `dist/manx-ipam`. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
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

export function build() {
  const sources = digest([
    "package.json",
    "package-lock.json",
    "bootstrap/build.mjs",
    ...SOURCES.flatMap(filesBelow),
  ]);
  if (isDone("built", sources) && existsSync(EXECUTABLE)) return;
  say("building dist/manx");
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  const { status, stdout, stderr } = spawnSync(
    BUN,
    [
      "build",
      "--compile",
      "--minify",
      "--bytecode",
      "--splitting",
      "--format=esm",
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      // Code that runs once is not worth compiling: a tenth of an ADD. Daemons set it back to 1.
      "--compile-jit-policy=8",
      "--outfile",
      EXECUTABLE,
      "main.ts",
    ],
    { cwd: ROOT, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`bun build failed:\n${stdout}${stderr}`);
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
