/**
 * Watching the records of all networks: for the daemon, which has to know at once when an address is taken or given back.
 */

import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import { nodeFiles } from "./files-node.ts";
import { DATA_DIRECTORY } from "./records-files.ts";
import { listFolders, type RecordsFolder } from "./scope.ts";

export type RecordsWatch = {
  /** The folders that have records now. */
  folders(): readonly RecordsFolder[];
  close(): void;
};

/**
 * Watch the records below `directory`: `changed` is called when an address was taken or given back, and when there are
 * other folders. Where there is no folder to watch, or no watches are left, nothing is told: whoever asks for the
 * folders now and then finds out.
 */
export function watchRecords(
  changed: () => void,
  directory: string = DATA_DIRECTORY,
): RecordsWatch {
  const watchers = new Map<string, FSWatcher>();
  let isClosed = false;
  const forget = (path: string): void => {
    watchers.get(path)?.close();
    watchers.delete(path);
  };
  const arm = (path: string, isOfInterest: (name: string | null) => boolean): void => {
    if (watchers.has(path)) return;
    try {
      const watcher = watch(path, (_event, name) => {
        if (!isClosed && isOfInterest(name)) changed();
      });
      watcher.on("error", () => forget(path));
      watchers.set(path, watcher);
    } catch {
      // Not there yet, or no watches left.
    }
  };
  const look = (): readonly RecordsFolder[] => {
    const folders = listFolders(directory);
    const boots = [...new Set(folders.map(({ path }) => dirname(path)))];
    const addresses = folders.map(({ path }) => `${path}/address`);
    const above = [directory, ...boots, ...folders.map(({ path }) => path)];
    for (const path of watchers.keys()) {
      const isThere = [dirname(directory), ...above, ...addresses].includes(path);
      // A watch of a folder that was there before stays mute.
      if (!isThere || nodeFiles.links(path) === undefined) forget(path);
    }
    arm(dirname(directory), (name) => name === null || directory.endsWith(`/${name}`));
    for (const path of [...above, ...addresses]) arm(path, () => true);
    return folders;
  };

  return {
    folders() {
      const known = watchers.size;
      const folders = look();
      // What came to be before its folder was watched.
      return watchers.size === known ? folders : look();
    },
    close() {
      isClosed = true;
      for (const path of [...watchers.keys()]) forget(path);
    },
  };
}
