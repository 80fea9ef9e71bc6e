/**
 * The decision between two paths at a time, as `decide.ts` has it, without its words: nearly all prefixes that have
 * several paths can be decided so, and each look costs a few compares of numbers.
 *
 * What looks at more than two at once is not for here: AIGP, MULTI_EXIT_DISCs that differ, long-lived stale routes, the
 * older external path, paths that share the traffic.
 */

import { type Address, address4, compareAddress } from "../../lib/address.ts";
import type { AttributeSet } from "./attribute-set.ts";
import type { PathSelection, RibPeer } from "./route.ts";

/** A path, with what is compared; a record that is written over and over. */
export type Rival = {
  set: AttributeSet;
  peer: RibPeer | undefined;
  cost: number;
  pathId: number;
};

const NOWHERE: Address = address4(0);

/** Whether pairs can be compared at all by such a selection. */
export function isPairwise({ maximumPaths, preferOldestExternal }: PathSelection): boolean {
  return maximumPaths === 1 && !preferOldestExternal;
}

/** Whether these two can be: the others of their prefix must be asked for as well. */
export function areComparable(a: AttributeSet, b: AttributeSet): boolean {
  return a.isOrdinary && b.isOrdinary && a.multiExitDisc === b.multiExitDisc;
}

/** Negative where the first is the better one; 0 only for a path and itself. */
export function compareRivals(a: Rival, b: Rival): number {
  return (
    localOf(a) - localOf(b) ||
    a.set.rank - b.set.rank ||
    internalOf(a) - internalOf(b) ||
    a.cost - b.cost ||
    identifierOf(a) - identifierOf(b) ||
    a.set.clusters - b.set.clusters ||
    compareAddress(a.peer?.address ?? NOWHERE, b.peer?.address ?? NOWHERE) ||
    a.pathId - b.pathId
  );
}

function localOf({ peer }: Rival): number {
  return peer === undefined ? 0 : 1;
}

function internalOf({ peer }: Rival): number {
  return peer === undefined || peer.external ? 0 : 1;
}

/** ORIGINATOR_ID stands for the identifier of the speaker that reflected it (RFC 4456 section 9). */
function identifierOf({ set, peer }: Rival): number {
  return set.originatorId ?? peer?.identifier ?? 0;
}
