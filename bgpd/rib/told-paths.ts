/**
 * Which paths of a prefix a peer is told that takes several (RFC 7911): all that can be used, the best few, or those
 * that the decision holds equal.
 */

import type { Family } from "../../lib/address.ts";
import { nlriForm } from "../wire/nlri.ts";
import { type Candidate, decide } from "./decide.ts";
import type { PathSelection, RibPeer } from "./route.ts";
import type { ToldPaths } from "./rules.ts";

/** Undefined: of each prefix the best path alone, without an identifier. */
export function toldPathsOf(
  { wire, rules }: Pick<RibPeer, "wire" | "rules">,
  family: Family,
): ToldPaths | undefined {
  return nlriForm(wire.addPath, "send", family) === "identified" ? rules.toldPaths : undefined;
}

/** Whether all of so many paths are told, whichever are the better ones. */
export function tellsAll(told: ToldPaths, count: number): boolean {
  return told.send === "All" || (told.send === "BestN" && count <= told.count);
}

/** Indices of those candidates that are told, where not all are. The best one is always among them. */
export function chooseTold(
  candidates: readonly Candidate[],
  selection: PathSelection,
  told: ToldPaths,
): readonly number[] {
  return told.send === "BestN"
    ? bestOf(candidates, selection, told.count)
    : decide(candidates, selection);
}

/** Why a path that could be used is not told. */
export function untoldReason(told: ToldPaths): string {
  return told.send === "BestN"
    ? `not one of the best ${told.count}, which are what this peer is told`
    : "not as good as the best path, and this peer is told those that are";
}

/**
 * The best, then the best of the others, and so on: MULTI_EXIT_DISC counts among paths of one neighbour AS, so there
 * is no order in which all of them stand.
 */
function bestOf(
  candidates: readonly Candidate[],
  selection: PathSelection,
  count: number,
): readonly number[] {
  const chosen: number[] = [];
  let left: readonly number[] = candidates.map((_, index) => index);
  while (chosen.length < count && left.length > 0) {
    const [first = 0] = decide(
      left.map((index) => candidates[index] as Candidate),
      selection,
    );
    const best = left[first] as number;
    chosen.push(best);
    left = left.filter((index) => index !== best);
  }
  return chosen;
}
