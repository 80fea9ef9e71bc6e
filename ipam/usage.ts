/**
 * How much of a node's blocks is in use, by the names of the records alone: for the daemon, which looks often.
 */

import { type FSWatcher, watch } from "node:fs";
import { type Address, tryParseAddress } from "../lib/address.ts";
import { containsAddress, type Prefix } from "../lib/prefix.ts";
import { nodeFiles } from "./files-node.ts";
import { DATA_DIRECTORY } from "./records-files.ts";
import { listFolders } from "./scope.ts";

/** Addresses in use, each once: of the node's blocks, and of those that networks have of their own. */
export type Usage = readonly Address[];

/** How many addresses of the block are in use. */
export function usedOf(usage: Usage, block: Prefix): number {
  return usage.filter((address) => containsAddress(block, address)).length;
}

export type UsageWatch = {
  /** What is in use now. */
  read(): Usage;
  close(): void;
};

/**
 * Watch the records below `directory`: `changed` is called when an address was taken or given back. Folders that come
 * to be are found by the next `read`, so that somebody must read now and then.
 */
export function watchUsage(changed: () => void, directory: string = DATA_DIRECTORY): UsageWatch {
  const watchers = new Map<string, FSWatcher>();
  const forget = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  const arm = (folder: string): void => {
    if (watchers.has(folder)) return;
    try {
      const watcher = watch(folder, changed);
      watcher.on("error", () => forget(folder));
      watchers.set(folder, watcher);
    } catch {
      // Not there yet, or no watches left: whoever reads now and then sees it all the same.
    }
  };

  return {
    read() {
      const folders = listFolders(directory).map(({ path }) => `${path}/address`);
      for (const folder of watchers.keys()) if (!folders.includes(folder)) forget(folder);
      for (const folder of folders) arm(folder);
      const names = new Set(folders.flatMap((folder) => nodeFiles.list(folder)));
      return [...names].flatMap((name) => tryParseAddress(name) ?? []);
    },
    close() {
      for (const folder of [...watchers.keys()]) forget(folder);
    },
  };
}
