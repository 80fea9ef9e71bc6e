/**
 * How much of a node's blocks is in use, by the names of the records alone: for the daemon, which looks often.
 */

import { type Address, tryParseAddress } from "../lib/address.ts";
import { containsAddress, type Prefix } from "../lib/prefix.ts";
import { nodeFiles } from "./files-node.ts";
import type { RecordsFolder } from "./scope.ts";

/** Addresses in use, each once: of the node's blocks, and of those that networks have of their own. */
export type Usage = readonly Address[];

/** How many addresses of the block are in use. */
export function usedOf(usage: Usage, block: Prefix): number {
  return usage.filter((address) => containsAddress(block, address)).length;
}

/** What is in use now. */
export function usageOf(folders: readonly Pick<RecordsFolder, "path">[]): Usage {
  const names = new Set(folders.flatMap(({ path }) => nodeFiles.list(`${path}/address`)));
  return [...names].flatMap((name) => tryParseAddress(name) ?? []);
}
