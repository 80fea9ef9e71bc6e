/** How much the tables of one family hold, so that no index comes to its end and nobody fills the memory without bound. */

import type { AttributeSets } from "./attribute-sets.ts";
import type { PathTable } from "./path-table.ts";
import type { PrefixTable } from "./prefix-table.ts";

/** Prefixes, paths and attribute sets: half of what `PrefixTable` has indices for, as the FIB has routes on their way out too. */
export const MOST = 2 ** 26;

/** Thrown before a path is taken that there is no room for; what was taken before it stays. */
export class NoRoom extends Error {
  override readonly name = "NoRoom";

  constructor(most: number) {
    super(`no room for another path: of prefixes, paths or attribute sets there are ${most}`);
  }
}

/** Whether there are fewer than `most` of each. */
export function hasRoom(
  { table, paths, sets }: { table: PrefixTable; paths: PathTable; sets: AttributeSets },
  most: number,
): boolean {
  return table.size < most && paths.size + paths.removed < most && sets.size < most;
}
