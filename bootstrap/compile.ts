/**
 * `bun bootstrap/compile.ts OUTFILE`: the executable, with the plugin bundled for itself first.
 *
 * Modules that the plugin shares with other roles would be cut into a dozen small pieces, one for each set of
 * roles that uses them, and loading those takes the plugin's process a tenth of an ADD. So it gets its own copy
 * of what it uses, and its bytecode lies in the order in which its calls need it.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BunPlugin } from "bun";
import { CALLS } from "./profile.ts";

const ROOT = join(import.meta.dir, "..");
const PLUGIN = join(ROOT, "cni/main.ts");
/** What `new Worker` starts, by its path from the root. */
const THREADS = [join(ROOT, "bgpd/bfd/worker.ts")];

const [outfile = join(ROOT, "dist/manx")] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "manx-build-"));
try {
  await bundlePlugin();
  await compile(null);
  await compile(profile());
} finally {
  rmSync(folder, { recursive: true });
}

/** Bundle the plugin, with what its rarer verbs load in files of their own. */
async function bundlePlugin(): Promise<void> {
  await Bun.build({
    entrypoints: [PLUGIN],
    outdir: folder,
    target: "bun",
    format: "esm",
    splitting: true,
    minify: true,
  });
}

/** The order in which its calls need the bytecode; null where this machine allows no namespaces to try them in. */
function profile(): string[] | null {
  const command = [process.execPath, join(import.meta.dir, "profile.ts"), outfile, folder];
  if (Bun.spawnSync(command).exitCode !== 0) return null;
  return CALLS.map((name) => join(folder, name));
}

async function compile(bytecodeOrder: string[] | null): Promise<void> {
  const useBundle: BunPlugin = {
    name: "the plugin's bundle in the place of its source",
    setup(build) {
      // As main.ts names it: a path that ends so may be main.ts itself, in a checkout that is called cni.
      build.onResolve({ filter: /^\.\/cni\/main\.ts$/ }, () => ({ path: join(folder, "main.js") }));
    },
  };
  await Bun.build({
    entrypoints: [join(ROOT, "main.ts"), ...THREADS],
    target: "bun",
    format: "esm",
    splitting: true,
    minify: true,
    bytecode: true,
    plugins: [useBundle],
    compile: {
      outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
      // Code that runs once is not worth compiling. Daemons set it back to 1.
      jitPolicy: 8,
      bytecodeOrder,
    },
  });
}
