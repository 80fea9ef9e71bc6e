/** Who attaches pods in the benchmarks, and where: in namespaces of their own. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { insideNamespace } from "../../kernel/netns.ts";
import { UNSHARE } from "../../lab/enclosure.ts";

/** `unshare --fork` made us the first of a pid namespace: a fact, where a variable could be set by mistake. */
export const isInside = (): boolean => process.pid === 1;

/** Of each executable. */
export const COPIES = 4;

export type Contender = {
  readonly name: string;
  readonly plugin: string;
  /** Path of its node's network namespace; absent: the one that the benchmark runs in. */
  readonly node?: string;
  readonly config: { readonly [key: string]: unknown };
};

/** Options of every one of these benchmarks, for `parseArgs`. */
export const PLACES = {
  manx: { type: "string", default: join(import.meta.dir, "../../dist/manx") },
  "plugin-dir": { type: "string", default: process.env.MANX_CNI_PLUGINS ?? "" },
} as const;

/** The first of the executables that is not there. */
export function missing(manx: string, plugins: string): string | undefined {
  return [manx, join(plugins, "ptp"), join(plugins, "host-local")].find(
    (file) => !existsSync(file),
  );
}

/**
 * Put both into fresh folders, as `manx install` does, and that several times: where an executable's pages came to
 * lie in the cache decides over a tenth of how soon it starts. The calls take turns over the copies.
 */
export function install(folder: string, manx: string, plugins: string): string[] {
  const nothing = compileNothing(folder);
  return Array.from({ length: COPIES }, (_, index) => {
    const copy = join(folder, String(index));
    mkdirSync(copy);
    for (const file of [manx, join(plugins, "ptp"), join(plugins, "host-local"), nothing]) {
      writeFileSync(join(copy, basename(file)), readFileSync(file), { mode: 0o755 });
    }
    return copy;
  });
}

/** A program of Bun's that does nothing: what of a call is not ours to save. */
function compileNothing(folder: string): string {
  const [source, outfile] = [join(folder, "nothing.ts"), join(folder, FLOOR.plugin)];
  writeFileSync(source, "");
  const words = ["build", "--compile", "--minify", "--bytecode", source, "--outfile", outfile];
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, ...words]);
  if (exitCode !== 0) throw new Error(`bun ${words.join(" ")}: ${stderr}`);
  return outfile;
}

/**
 * The benchmark `name` again, where it can do no harm. Root needs no user namespace, and some programs cannot give up
 * root in one.
 */
export function enter(name: string, args: readonly string[]): number {
  const isRoot = process.getuid?.() === 0;
  const unshare = UNSHARE.filter((word) => !isRoot || !USER.includes(word));
  const { exitCode } = Bun.spawnSync({
    cmd: [...unshare, process.execPath, join(import.meta.dir, "main.ts"), name, ...args],
    stdio: ["ignore", "inherit", "inherit"],
  });
  return exitCode;
}

const USER: readonly string[] = ["--user", "--map-root-user"];

export const PEER = "ptp + host-local";

/** Called for nothing but its start and its end. */
export const FLOOR: Contender = {
  name: "nothing, as a program of Bun",
  plugin: "nothing",
  config: { name: "nothing" },
};

export const CONTENDERS: readonly Contender[] = [
  {
    name: "manx + manx-ipam",
    plugin: "manx",
    config: {
      name: "ours",
      type: "manx",
      ipam: { type: "manx-ipam", blocks: ["10.7.0.0/24"], dataDir: "/run/ours" },
    },
  },
  {
    name: "manx + manx-ipam, both families",
    plugin: "manx",
    config: {
      name: "both",
      type: "manx",
      ipam: {
        type: "manx-ipam",
        blocks: ["10.9.0.0/24", "fd00:10:9::/120"],
        dataDir: "/run/ours",
      },
    },
  },
  {
    name: PEER,
    plugin: "ptp",
    config: {
      name: "theirs",
      type: "ptp",
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "10.8.0.0/24" }]],
        routes: [{ dst: "0.0.0.0/0" }],
        dataDir: "/run/theirs",
      },
    },
  },
];

export function namespaceOf({ config }: Contender, pod: string): string {
  return `/run/pods/${config.name}-${pod}`;
}

/** Start something on the contender's node; it stays there. */
export function onNode<Started>({ node }: Contender, start: () => Started): Started {
  return node === undefined ? start() : insideNamespace(node, start);
}

/** Environment of a call. */
export function environmentOf(
  contender: Contender,
  folder: string,
  verb: string,
  pod: string,
): Record<string, string> {
  return {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: pod,
    CNI_NETNS: namespaceOf(contender, pod),
    CNI_IFNAME: "eth0",
    CNI_PATH: folder,
  };
}
