/**
 * Word that a configuration has changed, be it one file or a directory of them.
 *
 * What is watched is every place that decides what a reader of the path would find: each folder on the way for
 * the one name that leads on, the folders behind symbolic links, and the directory itself. So it does not matter
 * whether a file is written, replaced by rename, or reached through a link that is swapped (Kubernetes' mounts),
 * or whether the path is there yet. Then the contents decide: without another content there is no word.
 */

import { type FSWatcher, lstatSync, readdirSync, readlinkSync, watch } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readDirectory } from "../../resource/directory.ts";

/** Editors and mounts change several things in a row; they are looked at once, this many ms after the first. */
const SETTLE = 100;
/** Readings are apart so many times as long as one takes, so that a large folder that never rests leaves time for the rest. */
const REST = 5;
/** How often to look where the kernel tells nothing (no permission, no watches left), in ms. */
const RETRY = 10_000;
/** Links in a row, as Linux has it. */
const MOST_LINKS = 40;

/** Call `changed` each time after what `readDirectory(path)` would read has become something else. */
export function watchDirectory(path: string, changed: () => void): { close(): void } {
  let watchers: FSWatcher[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  let rested = 0;

  const look = (): void => {
    const begin = performance.now();
    arm();
    const content = contentOf(path);
    if (content !== known) {
      known = content;
      changed();
    }
    const end = performance.now();
    rested = end + REST * (end - begin);
  };
  const lookAfter = (delay: number): void => {
    if (isClosed) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      const left = rested - performance.now();
      if (left > 0) lookAfter(left);
      else look();
    }, delay);
  };
  const release = (): void => {
    for (const watcher of watchers) watcher.close();
    watchers = [];
  };
  /** Closes before it opens: Bun keeps one watch a path, and that of a folder which is gone stays mute. */
  const arm = (): void => {
    let places = placesOf(path);
    for (let round = 0; round < 3; round++) {
      release();
      for (const [folder, names] of places) open(folder, names);
      // What changed before its folder was watched shows as other places.
      const now = placesOf(path);
      if (isSame(places, now)) return;
      places = now;
    }
    lookAfter(SETTLE);
  };
  const open = (folder: string, names: Names): void => {
    try {
      const watcher = watch(folder, (_event, name) => {
        if (names === ALL || name === null || names.has(name)) lookAfter(SETTLE);
      });
      watcher.on("error", () => lookAfter(RETRY));
      watchers.push(watcher);
    } catch {
      lookAfter(RETRY);
    }
  };

  arm();
  let known = contentOf(path);
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
      release();
    },
  };
}

const ALL = "all";

/** The entries of a folder that matter. */
type Names = Set<string> | typeof ALL;

type Places = Map<string, Names>;

function placesOf(path: string): Places {
  const places: Places = new Map();
  const end = follow(resolve(path), places);
  if (end === undefined) return places;
  for (const { name, isLink } of entriesOf(end)) {
    if (isLink) follow(join(end, name), places);
  }
  if (isDirectory(end)) places.set(end, ALL);
  return places;
}

/** Note each folder that is asked on the way to `path`, and by which name; where it ends, if it does. */
function follow(path: string, places: Places): string | undefined {
  let folder = "/";
  let links = 0;
  const rest = path.split("/");
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      folder = dirname(folder);
      continue;
    }
    const names = places.get(folder) ?? new Set();
    if (names !== ALL) places.set(folder, names.add(name));
    const entry = join(folder, name);
    const target = linkAt(entry);
    if (target === "nothing" || links > MOST_LINKS) return undefined;
    if (target === "no link") {
      folder = entry;
      continue;
    }
    links++;
    if (target.text.startsWith("/")) folder = "/";
    rest.unshift(...target.text.split("/"));
  }
  return folder;
}

function linkAt(path: string): "nothing" | "no link" | { readonly text: string } {
  try {
    return lstatSync(path).isSymbolicLink() ? { text: readlinkSync(path) } : "no link";
  } catch {
    // Gone, or not for us to see: the next look finds out.
    return "nothing";
  }
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function entriesOf(folder: string): { readonly name: string; readonly isLink: boolean }[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      isLink: entry.isSymbolicLink(),
    }));
  } catch {
    // A file, or gone meanwhile.
    return [];
  }
}

function isSame(a: Places, b: Places): boolean {
  const text = (places: Places): string =>
    JSON.stringify([...places].map(([folder, names]) => [folder, [...names]]));
  return text(a) === text(b);
}

/** A digest: what is read may be long, and have keys in it. */
function contentOf(path: string): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(readDirectory(path))).digest("hex");
}
