/**
 * How much of a node's blocks is in use, by the names of the records alone: for the daemon, which looks often.
 */

import { type FSWatcher, watch } from "node:fs";
import { type Address, tryParseAddress } from "../lib/address.ts";
import { containsAddress, type Prefix } from "../lib/prefix.ts";
import { nodeFiles } from "./files-node.ts";
import { addressFolder, DATA_DIRECTORY, listNetworks } from "./records-files.ts";

/** Addresses in use, network by network: each network may use the whole of a block. */
export type Usage = readonly (readonly Address[])[];

/** How many addresses of the block are in use in the network that has most of them. */
export function usedOf(usage: Usage, block: Prefix): number {
  const counts = usage.map(
    (taken) => taken.filter((address) => containsAddress(block, address)).length,
  );
  return Math.max(0, ...counts);
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
      const folders = listNetworks(directory).map((network) => addressFolder(network, directory));
      for (const folder of watchers.keys()) if (!folders.includes(folder)) forget(folder);
      for (const folder of folders) arm(folder);
      return folders.map((folder) =>
        nodeFiles.list(folder).flatMap((name) => tryParseAddress(name) ?? []),
      );
    },
    close() {
      for (const folder of [...watchers.keys()]) forget(folder);
    },
  };
}
