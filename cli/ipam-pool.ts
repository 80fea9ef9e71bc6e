/** Which pool a block is of, by the IPPool documents; and the use of each. */

import { containsPrefix, type Prefix } from "../lib/prefix.ts";
import { readDirectory } from "../resource/directory.ts";
import { readDocuments } from "../resource/document.ts";
import { formatFault } from "../resource/fault.ts";
import { CommandError, EXIT } from "./output.ts";

export type PoolUse = {
  /** Null: of no pool that is known. */
  readonly pool: string | null;
  readonly blocks: number;
  readonly used: number;
  readonly cooling: number;
  readonly free: number;
};

/** The name of a block's pool. */
export type PoolOf = (block: Prefix) => string | null;

/** By the documents of a file or directory; without one no pool is known. Throws `CommandError`. */
export function poolsOf(path: string | undefined): PoolOf {
  if (path === undefined) return () => null;
  const { sources, faults: unreadable } = readDirectory(path);
  const { resources, faults } = readDocuments(sources);
  const all = [...unreadable, ...faults];
  if (all.length > 0) throw new CommandError(all.map(formatFault).join("\n"), EXIT.usage);
  const pools = resources.pools.map(({ resource }) => resource);
  return (block) => pools.find(({ prefix }) => containsPrefix(prefix, block))?.name ?? null;
}

/** The use of each pool's blocks, in the order in which they come. */
export function poolUses(
  blocks: readonly (Omit<PoolUse, "blocks"> & { readonly block: string })[],
): PoolUse[] {
  const uses = new Map<string | null, PoolUse>();
  const seen = new Set<string>();
  for (const { block, pool, used, cooling, free } of blocks) {
    const before = uses.get(pool) ?? { pool, blocks: 0, used: 0, cooling: 0, free: 0 };
    // A block that several networks use is one block.
    const isNew = !seen.has(block);
    seen.add(block);
    uses.set(pool, {
      pool,
      blocks: before.blocks + (isNew ? 1 : 0),
      used: before.used + used,
      cooling: before.cooling + cooling,
      free: isNew ? before.free + free : before.free - used - cooling,
    });
  }
  return [...uses.values()];
}
