/**
 * Profiles as `bun --cpu-prof` writes them (the `.cpuprofile` of the Chrome DevTools protocol, domain Profiler): which
 * part of the sources the daemon's thread was in. Pure.
 */

type Node = {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
};

/** Times are µs, `startTime` since 1970. */
export type CpuProfile = {
  readonly nodes: readonly Node[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

/** ms since 1970. */
export type Span = readonly [begin: number, end: number];

/** Of all that was sampled in a span, parts from 0 to 1, the largest first. */
export type Shares = {
  readonly areas: readonly (readonly [area: string, share: number])[];
  readonly functions: readonly (readonly [name: string, share: number])[];
};

/** By the beginning of a source's path in the tree; the first that fits. */
const AREAS: readonly (readonly [prefix: string, area: string])[] = [
  ["bgpd/wire/", "messages"],
  ["bgpd/rib/", "tables"],
  ["bgpd/policy/", "policy"],
  ["bgpd/fib/", "routes to the kernel"],
  ["kernel/", "routes to the kernel"],
  ["bgpd/metrics/", "metrics"],
  ["bgpd/", "sessions"],
];
const NATIVE = "engine and system calls";
const REST = "everything else";
/** All that `Shares` may name. */
export const AREA_NAMES: readonly string[] = [
  ...new Set(AREAS.map(([, area]) => area)),
  NATIVE,
  REST,
];
/** Below it is what runs; in it alone the thread waits. */
const ROOT = "(root)";

/** Who was at work in the span, by the innermost function; `root` is the folder of the sources. */
export function sharesOf(profile: CpuProfile, [begin, end]: Span, root: string): Shares {
  const byId = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const areas = new Map<string, number>();
  const functions = new Map<string, number>();
  let at = profile.startTime;
  let count = 0;
  for (const [index, id] of profile.samples.entries()) {
    at += profile.timeDeltas[index] ?? 0;
    const frame = byId.get(id);
    if (frame === undefined || frame.functionName === ROOT) continue;
    if (at < begin * 1000 || at > end * 1000) continue;
    // Samples count, and not the time between them, in which the thread may have waited.
    count++;
    const source = pathIn(frame.url, root);
    add(areas, areaOf(source));
    add(functions, `${frame.functionName || "(anonymous)"} ${source ?? ""}`.trim());
  }
  return { areas: largest(areas, count), functions: largest(functions, count) };
}

function pathIn(url: string, root: string): string | undefined {
  const path = url.replace(/^file:\/\//, "");
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined;
}

function areaOf(path: string | undefined): string {
  if (path === undefined) return NATIVE;
  return AREAS.find(([prefix]) => path.startsWith(prefix))?.[1] ?? REST;
}

function add(sums: Map<string, number>, name: string): void {
  sums.set(name, (sums.get(name) ?? 0) + 1);
}

function largest(sums: ReadonlyMap<string, number>, count: number): [string, number][] {
  return [...sums]
    .map(([name, value]): [string, number] => [name, value / count])
    .sort((a, b) => b[1] - a[1]);
}
