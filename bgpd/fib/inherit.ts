/**
 * Groups that change hands: where all routes over a set's group come to want one and the same other set, and it has
 * no others, the group gets the other's ways, and no route moves. That makes one message of a next hop that joins or
 * leaves many routes at once.
 */

import { type HopSet, type HopSets, isAlive } from "./hop.ts";
import type { Rows } from "./rows.ts";

type Estate = { readonly set: HopSet; heir: number | undefined; routes: number; isWhole: boolean };

/** Hand on the groups of sets that nobody wants any more. */
export function inherit(
  abandoned: Iterable<HopSet>,
  sets: HopSets,
  families: readonly Rows[],
): void {
  const estates = new Map<number, Estate>();
  for (const set of abandoned) {
    if (set.id === 0 || set.users > 0) continue;
    estates.set(set.id, { set, heir: undefined, routes: 0, isWhole: true });
  }
  if (estates.size === 0) return;
  for (const rows of families) {
    for (const row of rows.table.indices()) {
      const estate = estates.get(rows.present.get(row));
      if (estate === undefined) continue;
      const wanted = rows.wanted.get(row);
      estate.heir ??= wanted;
      estate.routes++;
      if (wanted !== estate.heir) estate.isWhole = false;
    }
  }
  for (const { set, heir: number, routes, isWhole } of estates.values()) {
    const heir = number === undefined ? undefined : sets.get(number);
    if (!isWhole || heir === undefined || heir.id !== 0 || heir.users !== routes) continue;
    if (!heir.shares.some(({ hop }) => isAlive(hop))) continue;
    heir.id = set.id;
    heir.present = set.present;
    set.id = 0;
    set.present = "";
  }
}
