/**
 * `bun bootstrap/compile.ts OUTFILE`: the executable, with the plugin bundled for itself first.
 *
 * Modules that the plugin shares with other roles would be cut into a dozen small pieces, one for each set of
 * roles that uses them, and loading those takes the plugin's process a tenth of an ADD. So it gets its own copy
 * of what it uses.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BunPlugin } from "bun";

const ROOT = join(import.meta.dir, "..");
const PLUGIN = join(ROOT, "cni/main.ts");

const [outfile = join(ROOT, "dist/manx")] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "manx-build-"));
try {
  await bundlePlugin();
  await compile();
} finally {
  rmSync(folder, { recursive: true });
}

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

async function compile(): Promise<void> {
  const useBundle: BunPlugin = {
    name: "the plugin's bundle in the place of its source",
    setup(build) {
      build.onResolve({ filter: /cni\/main\.ts$/ }, () => ({ path: join(folder, "main.js") }));
    },
  };
  await Bun.build({
    entrypoints: [join(ROOT, "main.ts")],
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
    },
  });
}
