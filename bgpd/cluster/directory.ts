/**
 * Word that a configuration has changed, be it one file or a directory of them.
 */

import { type FSWatcher, realpathSync, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** Editors and mounts change several things in a row; they are read once, this many ms after the last. */
const SETTLE = 50;
/** While the path is missing, how often to look for it, in ms. */
const RETRY = 1000;

/**
 * Call `changed` after something at `path` changed: a file written or replaced by rename, files added to or
 * removed from a directory, a symbolic link swapped (Kubernetes' mounts).
 */
export function watchDirectory(path: string, changed: () => void): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  let watchers: FSWatcher[] = [];
  let isClosed = false;

  const later = (delay: number, act: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(act, delay);
  };
  const release = (): void => {
    for (const watcher of watchers) watcher.close();
    watchers = [];
  };
  const begin = (): boolean => {
    release();
    try {
      watchers = placesOf(path).map(({ folder, name }) =>
        watch(folder, (_event, file) => {
          if (name === undefined || file === null || file === name) later(SETTLE, again);
        }),
      );
      return true;
    } catch {
      release();
      return false;
    }
  };
  const again = (): void => {
    if (isClosed) return;
    // Anew each time: what was watched may be another inode now.
    if (!begin()) later(RETRY, again);
    changed();
  };

  if (!begin()) later(RETRY, again);
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
      release();
    },
  };
}

type Place = { readonly folder: string; readonly name: string | undefined };

/**
 * The folders to watch: a directory itself; of a file the folder that has it (a rename replaces the file and
 * not the folder); and the same of what a link points to.
 */
function placesOf(path: string): Place[] {
  return [...new Set([path, realpathSync(path)])].map((place) =>
    statSync(place).isDirectory()
      ? { folder: place, name: undefined }
      : { folder: dirname(place), name: basename(place) },
  );
}
