/**
 * `npm run bench -- cni-density`: what an ADD and a DEL cost on a node that has few pods, many, and more than it should.
 *
 * Each contender has a node of its own for each number of pods, which it attached itself. On every one of them one more
 * pod comes and goes, in turns, so that whatever else the machine does meets all alike; whole processes from start to exit.
 */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mount } from "../../kernel/libc.ts";
import { createNamespace } from "../../kernel/netns.ts";
import { alignTable } from "../../lab/table.ts";
import { crowd } from "./cni-crowd.ts";
import {
  CONTENDERS,
  type Contender,
  enter,
  install,
  isInside,
  missing,
  namespaceOf,
  PEER,
  PLACES,
} from "./contender.ts";
import { call, cellsOf, type Figures, figuresOf, type Sample } from "./sample.ts";

const VERBS = ["ADD", "DEL"] as const;
type Verb = (typeof VERBS)[number];

/** Addresses of a block of ours, a /24. */
const BLOCK_SIZE = 256;
/** ADDs in flight while a node is filled. */
const IN_FLIGHT = 8;
/** The pod that comes and goes. */
const GUEST = "guest";
/**
 * CPU time of an ADD of ours that is so many times as large on the fullest node as on the emptiest one has grown. The
 * kernel's own part grows by a sixth of the whole, for a link among 4,000.
 */
const GROWN = 1.3;

export type DensityRow = {
  readonly verb: Verb;
  /** On the node before the ADD. */
  readonly pods: number;
  readonly name: string;
  readonly figures: Figures;
  /** Of the CPU time's median, which a busy machine changes least, to the same contender's with the fewest pods. */
  readonly growth: number;
  /** Of the median to that of ptp + host-local with as many pods. */
  readonly ratio: number;
};

type Measured = Omit<DensityRow, "growth" | "ratio">;

/** What `--json` prints. */
export type DensityAnswer = {
  readonly count: number;
  readonly rows: readonly DensityRow[];
};

/** Run it; 0 when our ADD costs the same with the most pods as with the fewest. */
export async function runDensityBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: "string", default: "100" },
      pods: { type: "string", default: "10,100,1000,4000" },
      ...PLACES,
      json: { type: "boolean", default: false },
    },
  });
  const { manx, json, "plugin-dir": plugins } = values;
  const absent = missing(manx, plugins);
  if (absent !== undefined) {
    console.error(`bench cni-density: ${absent} is not there`);
    return 2;
  }
  if (!isInside()) return enter("cni-density", args);
  const count = Number(values.count);
  const levels = values.pods.split(",").map(Number);
  const folder = mkdtempSync(join(tmpdir(), "manx-bench-"));
  const folders = install(folder, manx, plugins);
  mount("tmpfs", "/run", "tmpfs", 0);
  for (const name of ["pods", "nodes"]) mkdirSync(`/run/${name}`);
  const nodes = levels.flatMap((pods) => nodesOf(pods, count));
  for (const node of nodes) await fill(node, folders);
  const measured = measure(nodes, folders, count);
  rmSync(folder, { recursive: true });
  const rows = compare(measured);
  const answer: DensityAnswer = { count, rows };
  console.log(json ? JSON.stringify(answer) : table(rows));
  const ours = rows.filter(({ verb, name }) => verb === "ADD" && name !== PEER);
  return ours.every(({ growth }) => growth < GROWN) ? 0 : 1;
}

/** A contender on a node of its own. */
type Node = { readonly contender: Contender; readonly pods: number };

/** Ours with IPv4 and the peer, each with room for so many pods and the addresses that cool down meanwhile. */
function nodesOf(pods: number, count: number): Node[] {
  const blocks = Array.from(
    { length: Math.ceil((pods + count) / BLOCK_SIZE) },
    (_, index) => `10.7.${index}.0/24`,
  );
  return CONTENDERS.filter(({ config }) => config.name !== "both").map((contender) => {
    const room = contender.name === PEER ? { ranges: [[{ subnet: "10.8.0.0/16" }]] } : { blocks };
    const name = `${contender.config.name}-${pods}`;
    const ipam = Object.assign({}, contender.config.ipam, room);
    const config = { ...contender.config, name, ipam };
    return { contender: { ...contender, node: `/run/nodes/${name}`, config }, pods };
  });
}

/** Make the node, and attach its pods. */
async function fill({ contender, pods }: Node, [folder = ""]: readonly string[]): Promise<void> {
  const names = Array.from({ length: pods }, (_, index) => `p${index}`);
  createNamespace(contender.node ?? "");
  for (const pod of [...names, GUEST]) createNamespace(namespaceOf(contender, pod));
  await crowd(contender, folder, "ADD", names, IN_FLIGHT);
}

/** One more pod comes and goes `count` times on every node, on all of them in turns. */
function measure(nodes: readonly Node[], folders: readonly string[], count: number): Measured[] {
  const all = nodes.map((node) => ({
    ...node,
    samples: { ADD: [], DEL: [] } as Record<Verb, Sample[]>,
  }));
  for (let round = 0; round < count + folders.length; round++) {
    const folder = folders[round % folders.length] ?? "";
    for (const verb of VERBS) {
      // Whoever is first finds colder caches.
      for (let turn = 0; turn < all.length; turn++) {
        const next = all[(round + turn) % all.length];
        if (next === undefined) continue;
        const { sample } = call(next.contender, folder, verb, { pod: GUEST });
        // The first of each copy warms up.
        if (round >= folders.length) next.samples[verb].push(sample);
      }
    }
  }
  return VERBS.flatMap((verb) =>
    all.map(({ contender: { name }, pods, samples }) => {
      return { verb, pods, name, figures: figuresOf(samples[verb]) };
    }),
  );
}

function compare(measured: readonly Measured[]): DensityRow[] {
  const figuresFor = (wanted: Partial<Measured>): Figures | undefined =>
    measured.find(
      ({ verb, pods, name }) =>
        verb === wanted.verb &&
        name === wanted.name &&
        (wanted.pods === undefined || pods === wanted.pods),
    )?.figures;
  return measured.map((row) => {
    const { verb, name, pods } = row;
    const { cpu, median } = row.figures;
    const growth = cpu / (figuresFor({ verb, name })?.cpu ?? Number.NaN);
    const ratio = median / (figuresFor({ verb, pods, name: PEER })?.median ?? Number.NaN);
    return { ...row, growth, ratio };
  });
}

function table(rows: readonly DensityRow[]): string {
  const head = ["ms", "pods", "", "median", "p99", "least", "CPU median", "CPU growth", "ratio"];
  const lines = rows.map(({ verb, pods, name, figures, growth, ratio }) => [
    verb,
    String(pods),
    name,
    ...cellsOf(figures),
    growth.toFixed(2),
    name === PEER ? "" : ratio.toFixed(2),
  ]);
  return alignTable([head, ...lines], (column) =>
    column === 1 || column > 2 ? "right" : "left",
  ).join("\n");
}
