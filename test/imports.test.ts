/**
 * Holds the import table of docs/architecture.md: which folder may import which.
 *
 * Type-only imports count. Cycles are biome's business (noImportCycles).
 */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = join(import.meta.dir, "..");

/** Folder (longest match wins) → folders it may import besides itself. */
const TABLE: Record<string, readonly string[]> = {
  lib: [],
  kernel: ["lib"],
  resource: ["lib"],
  "bgpd/bfd": ["kernel", "lib"],
  "bgpd/nd": ["kernel", "lib"],
  "bgpd/wire": ["lib"],
  "bgpd/fsm": ["bgpd/wire", "lib"],
  "bgpd/rib": ["bgpd/wire", "lib"],
  "bgpd/policy": ["bgpd/wire", "bgpd/cluster/speaker.ts", "resource", "lib"],
  "bgpd/fib": ["bgpd/rib", "kernel", "lib"],
  "bgpd/cluster": ["resource", "lib"],
  bgpd: [
    ...["bgpd/", "resource", "kernel", "lib", "ipam/node.ts", "ipam/reserved.ts", "ipam/usage.ts"],
    ...["ipam/records-watch.ts", "ipam/workload.ts"],
    ...["ipam/demand.ts", "ipam/claim.ts", "ipam/claim-block.ts", "ipam/claim-files.ts"],
  ],
  ipam: ["resource", "lib"],
  cni: ["ipam", "kernel", "lib"],
  cli: ["lib", "resource", "ipam", "kernel", "bgpd/wire", "bgpd/policy", "bgpd/cluster", "conf/"],
  lab: ["resource", "kernel", "lib"],
};

/** Which folder of the table a file belongs to. */
function folderOf(file: string): string | undefined {
  return Object.keys(TABLE)
    .filter((folder) => file.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length)[0];
}

function importsOf(file: string): string[] {
  const source = readFileSync(join(ROOT, file), "utf8");
  const specifiers = source.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*|\brequire\()"(\.[^"]+)"/g);
  return [...specifiers].map(([, path = ""]) => normalize(join(dirname(file), path)));
}

function isAllowed(from: string, to: string): boolean {
  if (folderOf(to) === from) return true;
  const allowed = TABLE[from] ?? [];
  return allowed.some((entry) =>
    entry.endsWith(".ts") || entry.endsWith("/")
      ? to === entry || (entry.endsWith("/") && to.startsWith(entry))
      : folderOf(to) === entry,
  );
}

const files = Object.keys(TABLE)
  .map((folder) => folder.split("/")[0] ?? "")
  .filter((folder, index, all) => all.indexOf(folder) === index)
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true }).map((name) => `${folder}/${name}`),
  )
  .filter((file) => file.endsWith(".ts"));

describe("import table", () => {
  test("there are sources to judge", () => {
    expect(files.length).toBeGreaterThan(10);
  });

  test("every folder imports only what the table allows it", () => {
    const offences = files.flatMap((file) =>
      importsOf(file)
        .filter((to) => to !== "package.json" && !isAllowed(folderOf(file) ?? "", to))
        .map((to) => `${file} imports ${to}`),
    );
    expect(offences).toEqual([]);
  });

  test("only kernel/libc*.ts touches bun:ffi", () => {
    const offences = files.filter(
      (file) =>
        !/^kernel\/libc/.test(file) &&
        readFileSync(join(ROOT, file), "utf8").includes('from "bun:ffi"'),
    );
    expect(offences).toEqual([]);
  });

  test("only bgpd's exposition loads prom-client, and nothing loads that before somebody scrapes", () => {
    const texts = files.map((file) => [file, readFileSync(join(ROOT, file), "utf8")] as const);
    const users = texts.filter(([, text]) => text.includes('"prom-client"')).map(([file]) => file);
    expect(users).toEqual(["bgpd/metrics/exposition.ts"]);
    const loaders = texts.filter(([, text]) => /^import (?!type).*exposition\.ts";$/m.test(text));
    expect(loaders.map(([file]) => file)).toEqual([]);
  });
});
