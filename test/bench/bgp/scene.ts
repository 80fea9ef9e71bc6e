/**
 * What scenarios have in common: who the daemon and its neighbours are, what they announce and what others must hold
 * then.
 */

import { type Announcer, END_OF_RIB, encodeTable } from "./encode.ts";
import { type Expected, pathHash } from "./judge.ts";
import type { Measure, Player } from "./play.ts";
import { DAEMON } from "./stage.ts";
import { type AttributeSet, createWorkload, type Workload } from "./workload.ts";

const SEED = 20_260_101;
export const CLUSTER_AS = 64512;
/** Of the first neighbour; the others follow. */
export const FIRST_AS = 65001;
export const DAEMON_WORD = word(DAEMON);

/** One step of a scenario. */
export type Step = Measure & {
  readonly step: string;
  /** What else was measured in it, by name; the unit is its last word. */
  readonly more?: Readonly<Record<string, number>>;
};

/** How large a scenario is played. */
export type Size = {
  /** Prefixes of the workload. */
  readonly prefixes: number;
  /** Neighbours that announce. */
  readonly peers: number;
  /** Seconds for each thing that is waited for. */
  readonly deadline: number;
};

let latest: { readonly key: string; readonly workload: Workload } | undefined;

/** The workload of that size: `share` prefixes for each neighbour. Daemons in turns get the same one. */
export function workloadOf(prefixes: number, share = prefixes): Workload {
  const key = `${prefixes}/${share}`;
  if (latest?.key !== key) latest = { key, workload: createWorkload(prefixes, SEED, share) };
  return latest.workload;
}

/** As whom a player announces. */
export function announcerOf({ asNumber, word: nextHop }: Player): Announcer {
  return { asNumber, internal: asNumber === CLUSTER_AS, nextHop };
}

/** A table for each player, its share of the workload, with End-of-RIB: from UPDATE `from` to before `to` of them all. */
export function sharesOf(
  players: readonly Player[],
  workload: Workload,
  from = 0,
  to = workload.updates.length - 1,
): Uint8Array[] {
  const cut = (index: number): number => from + Math.floor(((to - from) * index) / players.length);
  return players.map((player, index) => {
    const [first, after] = [cut(index), cut(index + 1)];
    const table = encodeTable(workload, announcerOf(player), undefined, first, after);
    return Buffer.concat([table, END_OF_RIB]);
  });
}

/** All prefixes, with the daemon as next hop. */
export function expectAll(
  workload: Workload,
  path: (set: AttributeSet) => readonly number[],
): Expected {
  const hashes = workload.sets.map((set) => pathHash(path(set)));
  return {
    path: workload.setOf.map((set) => hashes[set] ?? 0),
    nextHop: new Uint32Array(workload.size).fill(DAEMON_WORD),
    present: new Uint8Array(workload.size).fill(1),
  };
}

/** The same, but for the prefixes before `boundary`, which have another path. */
export function replacedBy(
  workload: Workload,
  expected: Expected,
  boundary: number,
  path: (set: AttributeSet) => readonly number[],
): Expected {
  const other = expectAll(workload, path);
  const mixed = Uint32Array.from(expected.path);
  mixed.set(other.path.subarray(0, boundary));
  return { ...expected, path: mixed };
}

function word(address: string): number {
  return address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
}
