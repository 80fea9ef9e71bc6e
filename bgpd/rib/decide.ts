/**
 * The decision process (RFC 4271 section 9.1.2.2; RFC 4456 section 9 for reflected routes; RFC 5004), and behind
 * it the identifiers of one peer's several paths (RFC 7911), which mean nothing but make the choice the same again.
 *
 * Candidates are eliminated step by step, in the RFC's order, until one is left. MULTI_EXIT_DISC
 * eliminates within a neighbour AS and over the whole set, so that the order of arrival means nothing.
 * Each loser remembers the step at which it fell, and the values that were compared there.
 *
 * Which of the equal ones share the traffic is `multipath.ts`.
 */

import { address4, compareAddress, formatAddress } from "../../lib/address.ts";
import type { AttributeSet } from "./attribute-set.ts";
import type { DecisionRule, PathSelection, RibPeer } from "./route.ts";

/** A usable path, with what the steps compare. */
export type Candidate = {
  readonly set: AttributeSet;
  /** Undefined for a route of our own. */
  readonly peer: RibPeer | undefined;
  /** Unsigned; tells apart what one peer offers. */
  readonly pathId: number;
  /** Cost to NEXT_HOP. */
  readonly cost: number;
  /** The decision before chose its peer's path. */
  readonly isBest: boolean;
};

/** Which step, and the values of winner and loser there ("1 < 2"). */
export type Decided = { readonly rule: DecisionRule; readonly values: string };

type Step = {
  readonly rule: DecisionRule;
  /** Smaller is better. */
  readonly rank: (candidate: Candidate) => number;
  readonly text: (candidate: Candidate) => string;
  readonly sign: "<" | ">" | "";
};

const ORIGINS = ["IGP", "EGP", "INCOMPLETE"] as const;
const WORST_MED = 0xffff_ffff;

/** What comes before the AIGP (RFC 7311 section 4.1); before everything, RFC 9494 section 4.4. */
const FIRST: readonly Step[] = [
  {
    rule: "not long-lived stale",
    rank: ({ set }) => (set.longLivedStale ? 1 : 0),
    text: () => "",
    sign: "",
  },
  {
    rule: "locally originated",
    rank: ({ peer }) => (peer === undefined ? 0 : 1),
    text: () => "",
    sign: "",
  },
  {
    rule: "higher LOCAL_PREF",
    rank: ({ set }) => -set.localPref,
    text: ({ set }) => `${set.localPref}`,
    sign: ">",
  },
];

/** Steps a and b before, d and e after the one on MULTI_EXIT_DISC. */
const BEFORE: readonly Step[] = [
  {
    rule: "shorter AS_PATH",
    rank: ({ set }) => set.pathLength,
    text: ({ set }) => `${set.pathLength}`,
    sign: "<",
  },
  {
    rule: "lower ORIGIN",
    rank: ({ set }) => set.origin,
    text: ({ set }) => ORIGINS[set.origin],
    sign: "<",
  },
];

const AFTER: readonly Step[] = [
  {
    rule: "external over internal",
    rank: ({ peer }) => (peer === undefined || peer.external ? 0 : 1),
    text: () => "",
    sign: "",
  },
  {
    rule: "lower cost to NEXT_HOP",
    rank: ({ cost }) => cost,
    text: ({ cost }) => `${cost}`,
    sign: "<",
  },
];

/** Step f: these say nothing of how good a path is, and only make the choice the same everywhere. */
const LAST: readonly Step[] = [
  {
    rule: "lower BGP Identifier",
    rank: identifierOf,
    text: (candidate) => formatAddress(address4(identifierOf(candidate))),
    sign: "<",
  },
  {
    rule: "shorter CLUSTER_LIST",
    rank: ({ set }) => set.clusters,
    text: ({ set }) => `${set.clusters}`,
    sign: "<",
  },
];

/** Behind step g. */
const PATH_ID: Step = {
  rule: "lower path identifier",
  rank: ({ pathId }) => pathId,
  text: ({ pathId }) => `${pathId}`,
  sign: "<",
};

/**
 * Indices of the candidates that are equal up to the cost to NEXT_HOP: the best first, the others in the
 * order of the steps behind. There must be one candidate at least. When `decided` is given, each candidate's
 * step is put there: for a loser the one at which it fell, for the best the last that took a rival away.
 */
export function decide(
  candidates: readonly Candidate[],
  selection: PathSelection,
  decided?: Decided[],
): readonly number[] {
  let alive: readonly number[] = candidates.map((_, index) => index);
  if (decided !== undefined) decided[0] = { rule: "only path", values: "" };
  const narrow = (step: Step): void => {
    alive = eliminate(candidates, alive, step, decided);
  };
  for (const step of FIRST) narrow(step);
  alive = eliminateByAigp(candidates, alive, decided);
  for (const step of BEFORE) narrow(step);
  alive = eliminateByMed(candidates, alive, selection, decided);
  for (const step of AFTER) narrow(step);
  if (alive.length === 1) return alive;
  const equal = alive;
  if (selection.preferOldestExternal) alive = eliminateByAge(candidates, alive, decided);
  for (const step of LAST) narrow(step);
  if (alive.length > 1) alive = eliminateByAddress(candidates, alive, decided);
  narrow(PATH_ID);
  const [best = 0] = alive;
  const others = equal.filter((index) => index !== best);
  others.sort((a, b) => compareLast(candidates[a] as Candidate, candidates[b] as Candidate));
  return [best, ...others];
}

/** ORIGINATOR_ID stands for the identifier of the speaker that reflected it (RFC 4456 section 9). */
function identifierOf({ set, peer }: Candidate): number {
  return set.originatorId ?? peer?.identifier ?? 0;
}

function compareLast(a: Candidate, b: Candidate): number {
  for (const { rank } of LAST) {
    const difference = rank(a) - rank(b);
    if (difference !== 0) return difference;
  }
  return compareAddress(addressOf(a), addressOf(b)) || a.pathId - b.pathId;
}

function addressOf({ peer }: Candidate) {
  return peer?.address ?? address4(0);
}

function eliminate(
  candidates: readonly Candidate[],
  alive: readonly number[],
  { rule, rank, text, sign }: Step,
  decided: Decided[] | undefined,
): readonly number[] {
  if (alive.length === 1) return alive;
  let best = Number.POSITIVE_INFINITY;
  let worst = Number.NEGATIVE_INFINITY;
  for (const index of alive) {
    const value = rank(candidates[index] as Candidate);
    best = Math.min(best, value);
    worst = Math.max(worst, value);
  }
  if (best === worst) return alive;
  const survivors = alive.filter((index) => rank(candidates[index] as Candidate) === best);
  if (decided !== undefined) {
    const winner = candidates[survivors[0] ?? 0] as Candidate;
    const compare = (loser: Candidate): string =>
      sign === "" ? "" : `${text(winner)} ${sign} ${text(loser)}`;
    note(candidates, alive, survivors, decided, (loser) => ({ rule, values: compare(loser) }));
  }
  return survivors;
}

/** Where one has an AIGP, only the lowest count, the cost to their next hops included. */
function eliminateByAigp(
  candidates: readonly Candidate[],
  alive: readonly number[],
  decided: Decided[] | undefined,
): readonly number[] {
  if (alive.length === 1) return alive;
  const metricOf = (index: number): bigint | undefined => {
    const { set, cost } = candidates[index] as Candidate;
    return set.aigp === undefined ? undefined : set.aigp + BigInt(cost);
  };
  let lowest: bigint | undefined;
  for (const index of alive) {
    const metric = metricOf(index);
    if (metric !== undefined && (lowest === undefined || metric < lowest)) lowest = metric;
  }
  if (lowest === undefined) return alive;
  const survivors = alive.filter((index) => metricOf(index) === lowest);
  if (decided !== undefined && survivors.length < alive.length) {
    note(candidates, alive, survivors, decided, ({ set, cost }) => ({
      rule: "lower AIGP metric",
      values: `${lowest} < ${set.aigp === undefined ? "none" : set.aigp + BigInt(cost)}`,
    }));
  }
  return survivors;
}

/** Step c: among routes of one neighbour AS, or of all, those with a higher MULTI_EXIT_DISC fall. */
function eliminateByMed(
  candidates: readonly Candidate[],
  alive: readonly number[],
  { alwaysCompareMed, missingMedIsWorst }: PathSelection,
  decided: Decided[] | undefined,
): readonly number[] {
  const [first] = alive.map((index) => (candidates[index] as Candidate).set.multiExitDisc);
  const isSame = (index: number): boolean => candidates[index]?.set.multiExitDisc === first;
  if (alive.every(isSame)) return alive;
  const medOf = ({ set }: Candidate): number =>
    set.multiExitDisc ?? (missingMedIsWorst ? WORST_MED : 0);
  const groupOf = ({ set }: Candidate): number => (alwaysCompareMed ? 0 : set.neighbourAs);
  const lowest = new Map<number, Candidate>();
  for (const index of alive) {
    const candidate = candidates[index] as Candidate;
    const other = lowest.get(groupOf(candidate));
    if (other === undefined || medOf(candidate) < medOf(other)) {
      lowest.set(groupOf(candidate), candidate);
    }
  }
  const lowestFor = (candidate: Candidate): Candidate =>
    lowest.get(groupOf(candidate)) ?? candidate;
  const survivors = alive.filter((index) => {
    const candidate = candidates[index] as Candidate;
    return medOf(candidate) === medOf(lowestFor(candidate));
  });
  if (decided !== undefined && survivors.length < alive.length) {
    const text = ({ set }: Candidate): string => `${set.multiExitDisc ?? "none"}`;
    note(candidates, alive, survivors, decided, (loser) => ({
      rule: alwaysCompareMed
        ? "lower MULTI_EXIT_DISC"
        : "lower MULTI_EXIT_DISC from the same neighbour AS",
      values: `${text(lowestFor(loser))} < ${text(loser)}`,
    }));
  }
  return survivors;
}

/**
 * RFC 5004: an external path that is the best stays it. Not against other sessions with the same speaker,
 * whose addresses may have been chosen with the order in mind.
 */
function eliminateByAge(
  candidates: readonly Candidate[],
  alive: readonly number[],
  decided: Decided[] | undefined,
): readonly number[] {
  const best = candidates[alive.find((index) => candidates[index]?.isBest) ?? -1];
  if (best?.peer?.external !== true) return alive;
  const identifier = identifierOf(best);
  const survivors = alive.filter(
    (index) => identifierOf(candidates[index] as Candidate) === identifier,
  );
  if (decided !== undefined && survivors.length < alive.length) {
    note(candidates, alive, survivors, decided, () => ({
      rule: "older external path",
      values: "",
    }));
  }
  return survivors;
}

/** Step g. */
function eliminateByAddress(
  candidates: readonly Candidate[],
  alive: readonly number[],
  decided: Decided[] | undefined,
): readonly number[] {
  const at = (index: number) => addressOf(candidates[index] as Candidate);
  const [best = 0] = alive.toSorted((a, b) => compareAddress(at(a), at(b)));
  const survivors = alive.filter((index) => compareAddress(at(index), at(best)) === 0);
  if (decided !== undefined && survivors.length < alive.length) {
    const winner = formatAddress(at(best));
    note(candidates, alive, survivors, decided, (loser) => ({
      rule: "lower peer address",
      values: `${winner} < ${loser.peer === undefined ? "" : formatAddress(loser.peer.address)}`,
    }));
  }
  return survivors;
}

/** The losers of a step get it as theirs, and the survivors as the latest that they won by. */
function note(
  candidates: readonly Candidate[],
  alive: readonly number[],
  survivors: readonly number[],
  decided: Decided[],
  decidedBy: (loser: Candidate) => Decided,
): void {
  const losers = alive.filter((index) => !survivors.includes(index));
  for (const index of losers) decided[index] = decidedBy(candidates[index] as Candidate);
  const last = decided[losers.at(-1) ?? 0];
  if (last !== undefined) for (const index of survivors) decided[index] = last;
}
