/**
 * The decision process (RFC 4271 section 9.1.2.2; RFC 4456 section 9 for reflected routes).
 *
 * Candidates are eliminated step by step, in the RFC's order, until one is left. MULTI_EXIT_DISC
 * eliminates within a neighbour AS and over the whole set, so that the order of arrival means nothing.
 * Each loser remembers the step at which it fell, and the values that were compared there.
 */

import { address4, compareAddress, formatAddress } from "../../lib/address.ts";
import type { AttributeSet } from "./attribute-set.ts";
import type { DecisionRule, RibPeer } from "./route.ts";

/** A usable path, with what the steps compare. */
export type Candidate = {
  readonly set: AttributeSet;
  /** Undefined for a route of our own. */
  readonly peer: RibPeer | undefined;
  /** Cost to NEXT_HOP. */
  readonly cost: number;
};

/** Which step, and the values of winner and loser there ("1 < 2"). */
export type Decided = { readonly rule: DecisionRule; readonly values: string };

type Step = {
  readonly rule: DecisionRule;
  /** Smaller is better; `worse` is given where "better" is not a number of one candidate alone. */
  readonly rank: (candidate: Candidate) => number;
  readonly text: (candidate: Candidate) => string;
  readonly sign: "<" | ">" | "";
};

const ORIGINS = ["IGP", "EGP", "INCOMPLETE"] as const;

/** What comes before the AIGP (RFC 7311 section 4.1). */
const FIRST: readonly Step[] = [
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

/** Steps a and b before, d to g after the one on MULTI_EXIT_DISC. */
const BEFORE: readonly Step[] = [
  {
    rule: "shorter AS_PATH",
    rank: ({ set }) => set.pathLength,
    text: ({ set }) => `${set.pathLength}`,
    sign: "<",
  },
  {
    rule: "lower ORIGIN",
    rank: ({ set }) => set.attributes.origin,
    text: ({ set }) => ORIGINS[set.attributes.origin],
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
  {
    rule: "lower BGP Identifier",
    rank: identifierOf,
    text: (candidate) => formatAddress(address4(identifierOf(candidate))),
    sign: "<",
  },
  {
    rule: "shorter CLUSTER_LIST",
    rank: ({ set }) => set.attributes.clusterList?.length ?? 0,
    text: ({ set }) => `${set.attributes.clusterList?.length ?? 0}`,
    sign: "<",
  },
];

/**
 * Index of the best candidate; there must be one at least. When `decided` is given, each candidate's
 * step is put there: for a loser the one at which it fell, for the best the last that took a rival away.
 */
export function decide(candidates: readonly Candidate[], decided?: Decided[]): number {
  let alive = candidates.map((_, index) => index);
  if (decided !== undefined) decided[0] = { rule: "only path", values: "" };
  if (alive.length === 1) return 0;
  const narrow = (step: Step): void => {
    alive = eliminate(candidates, alive, step, decided);
  };
  for (const step of FIRST) narrow(step);
  alive = eliminateByAigp(candidates, alive, decided);
  for (const step of BEFORE) narrow(step);
  alive = eliminateByMed(candidates, alive, decided);
  for (const step of AFTER) narrow(step);
  if (alive.length > 1) alive = eliminateByAddress(candidates, alive, decided);
  return alive[0] ?? 0;
}

/** ORIGINATOR_ID stands for the identifier of the speaker that reflected it (RFC 4456 section 9). */
function identifierOf({ set, peer }: Candidate): number {
  return set.attributes.originatorId ?? peer?.identifier ?? 0;
}

function eliminate(
  candidates: readonly Candidate[],
  alive: readonly number[],
  { rule, rank, text, sign }: Step,
  decided: Decided[] | undefined,
): number[] {
  if (alive.length === 1) return [...alive];
  const ranks = alive.map((index) => rank(candidates[index] as Candidate));
  const best = Math.min(...ranks);
  const survivors = alive.filter((_, position) => ranks[position] === best);
  if (decided !== undefined && survivors.length < alive.length) {
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
): number[] {
  const metricOf = (index: number): bigint | undefined => {
    const { set, cost } = candidates[index] as Candidate;
    return set.aigp === undefined ? undefined : set.aigp + BigInt(cost);
  };
  let lowest: bigint | undefined;
  for (const index of alive) {
    const metric = metricOf(index);
    if (metric !== undefined && (lowest === undefined || metric < lowest)) lowest = metric;
  }
  if (alive.length === 1 || lowest === undefined) return [...alive];
  const survivors = alive.filter((index) => metricOf(index) === lowest);
  if (decided !== undefined && survivors.length < alive.length) {
    note(candidates, alive, survivors, decided, ({ set, cost }) => ({
      rule: "lower AIGP metric",
      values: `${lowest} < ${set.aigp === undefined ? "none" : set.aigp + BigInt(cost)}`,
    }));
  }
  return survivors;
}

/** Step c: among routes of one neighbour AS, those with a higher MULTI_EXIT_DISC fall. */
function eliminateByMed(
  candidates: readonly Candidate[],
  alive: readonly number[],
  decided: Decided[] | undefined,
): number[] {
  if (alive.length === 1) return [...alive];
  const lowest = new Map<number, number>();
  for (const index of alive) {
    const { neighbourAs, multiExitDisc } = (candidates[index] as Candidate).set;
    lowest.set(neighbourAs, Math.min(lowest.get(neighbourAs) ?? multiExitDisc, multiExitDisc));
  }
  const lowestFor = ({ set }: Candidate): number => lowest.get(set.neighbourAs) ?? 0;
  const survivors = alive.filter((index) => {
    const candidate = candidates[index] as Candidate;
    return candidate.set.multiExitDisc === lowestFor(candidate);
  });
  if (decided !== undefined && survivors.length < alive.length) {
    note(candidates, alive, survivors, decided, (loser) => ({
      rule: "lower MULTI_EXIT_DISC from the same neighbour AS",
      values: `${lowestFor(loser)} < ${loser.set.multiExitDisc}`,
    }));
  }
  return survivors;
}

/** Step g. Two paths from one address cannot be: the address belongs to one peer. */
function eliminateByAddress(
  candidates: readonly Candidate[],
  alive: readonly number[],
  decided: Decided[] | undefined,
): number[] {
  const addressOf = (index: number) =>
    (candidates[index] as Candidate).peer?.address ?? address4(0);
  const [best = 0] = alive.toSorted((a, b) => compareAddress(addressOf(a), addressOf(b)));
  if (decided !== undefined) {
    const winner = formatAddress(addressOf(best));
    note(candidates, alive, [best], decided, (loser) => ({
      rule: "lower peer address",
      values: `${winner} < ${loser.peer === undefined ? "" : formatAddress(loser.peer.address)}`,
    }));
  }
  return [best];
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
