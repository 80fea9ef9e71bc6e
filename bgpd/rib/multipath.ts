/**
 * Multipath: which of the paths that the decision holds equal share a prefix's traffic, and in what proportion.
 *
 * No RFC says which. They are equal to the best one up to the cost to NEXT_HOP (`decide.ts`), lead to
 * different next hops, and have its AS_PATH unless that is relaxed; where there are more than may be, the
 * steps behind the cost choose, so that the same paths give the same set. The proportion is RFC 10005's.
 */

import { equalAddress } from "../../lib/address.ts";
import { isSamePath } from "../wire/as-path.ts";
import type { AttributeSet } from "./attribute-set.ts";
import type { Candidate } from "./decide.ts";
import { isDiscarded } from "./import.ts";
import type { PathSelection, Share } from "./route.ts";

/** The most that every kernel with nexthop objects takes: those of before Linux 6.12 refuse 256. */
const MOST_WEIGHT = 255;
/** Bandwidths are floats of 24 bits: so far off may be each of two that were compared. */
const ROUNDING = 2 ** -22;

/**
 * Those of `equal` (the best first, in the order of the decision) that share the traffic, the best first.
 * When `refusals` is given, the others' reasons are put there.
 */
export function chooseShares(
  candidates: readonly Candidate[],
  equal: readonly number[],
  selection: PathSelection,
  refusals?: Map<number, string>,
): readonly number[] {
  const [best = 0, ...others] = equal;
  if (selection.maximumPaths === 1 || others.length === 0) return [best];
  const chosen = [best];
  const members = [candidates[best] as Candidate];
  for (const index of others) {
    const candidate = candidates[index] as Candidate;
    const refusal = refusalOf(candidate, members, selection);
    if (refusal === undefined) {
      chosen.push(index);
      members.push(candidate);
    } else {
      refusals?.set(index, refusal);
    }
    // The rest has nobody to be told to.
    if (refusals === undefined && chosen.length === selection.maximumPaths) break;
  }
  return chosen;
}

/** The next hops of the paths that share, with weights where each has a bandwidth and they differ. */
export function sharesOf(sets: readonly AttributeSet[]): readonly Share[] {
  const weights = weightsOf(sets.map(({ bandwidth }) => bandwidth));
  return sets.flatMap(({ nextHop }, index) => {
    const weight = weights?.[index];
    if (nextHop === undefined) return [];
    return weight === undefined ? { address: nextHop } : { address: nextHop, weight };
  });
}

/** Why a path does not share the traffic with those chosen before it. */
function refusalOf(
  { set, peer }: Candidate,
  chosen: readonly Candidate[],
  { maximumPaths, relaxedAsPath }: PathSelection,
): string | undefined {
  const [best] = chosen;
  const { nextHop } = set;
  if (best?.peer === undefined || peer === undefined || nextHop === undefined) {
    return "only learned routes do";
  }
  if (isDiscarded(best.set, best.peer) || isDiscarded(set, peer)) {
    return "packets to one of them are to be dropped";
  }
  if (!relaxedAsPath && !isSamePath(set.attributes.asPath, best.set.attributes.asPath)) {
    return "another AS_PATH";
  }
  const twin = chosen.find((other) => {
    const hop = other.set.nextHop;
    return hop !== undefined && equalAddress(hop, nextHop);
  });
  if (twin !== undefined) return `the next hop of ${twin.peer?.name}`;
  return chosen.length < maximumPaths ? undefined : `maximumPaths is ${maximumPaths}`;
}

/** In proportion to the bandwidths, 1-255: the smallest whole numbers that do it, else the nearest. */
function weightsOf(bandwidths: readonly (number | undefined)[]): readonly number[] | undefined {
  const known = bandwidths.filter((bandwidth) => bandwidth !== undefined);
  const most = Math.max(...known);
  if (known.length < bandwidths.length || known.every((bandwidth) => bandwidth === most)) {
    return undefined;
  }
  for (let largest = 1; largest <= MOST_WEIGHT; largest++) {
    const isExact = known.every((bandwidth) => {
      const share = (bandwidth / most) * largest;
      return Math.abs(share - Math.round(share)) <= share * ROUNDING;
    });
    if (isExact) return known.map((bandwidth) => Math.round((bandwidth / most) * largest));
  }
  return known.map((bandwidth) => Math.max(1, Math.round((bandwidth / most) * MOST_WEIGHT)));
}
