/**
 * Rooms: a network namespace each, and for nodes a mount namespace with a `/run/manx` of its own.
 *
 * Network namespaces are named in /run/netns, as ip(8) does it. Mount namespaces are held by open
 * descriptors and not by name: Linux 6.18 compares namespace ids that are handed out per processor
 * when one is bound to a file, and refuses every now and then.
 *
 * Entering is for the main thread and for synchronous work only. A child that is spawned there stays
 * there; a socket that is opened there stays there.
 */

import { chmodSync, mkdirSync, openSync } from "node:fs";
import { mount, setns, unshare } from "../kernel/libc.ts";
import { createNamespace, insideNamespace } from "../kernel/netns.ts";
import { NETWORKS_FOLDER, runFolderOf } from "./place.ts";

/** sched.h */
const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x0002_0000;
/** sys/mount.h */
const MS_BIND = 0x1000;

export type Room = {
  readonly name: string;
  /** In /run/netns. */
  readonly path: string;
  /** Open descriptor of the network namespace. */
  readonly network: number;
  /** Open descriptor of the mount namespace; absent: the lab's own mounts. */
  readonly mount?: number;
};

export type NodeRoom = Room & {
  readonly mount: number;
  /** The node's `/run/manx`, as seen from the lab. */
  readonly runFolder: string;
};

/** A /run of the lab's own, that ends with it. */
export function mountRun(): void {
  mount("tmpfs", "/run", "tmpfs", 0);
  chmodSync("/run", 0o755);
  mkdirSync("/run/manx");
}

/** Make `target`, an existing file, show what `source` is. */
export function bindFile(source: string, target: string): void {
  mount(source, target, "none", MS_BIND);
}

/** A new network namespace of that name. */
export function createRoom(name: string): Room {
  const path = `${NETWORKS_FOLDER}/${name}`;
  createNamespace(path);
  return { name, path, network: openSync(path, "r") };
}

/** The room with mounts of its own: a copy of the lab's as they are now, and its own /run/manx. */
export function createNodeRoom(room: Room): NodeRoom {
  const runFolder = runFolderOf(room.name);
  mkdirSync(runFolder, { recursive: true });
  const descriptor = withOtherMounts(() => {
    unshare(CLONE_NEWNS);
    bindFile(runFolder, "/run/manx");
    return openSync("/proc/thread-self/ns/mnt", "r");
  });
  return { ...room, mount: descriptor, runFolder };
}

/** Run something synchronous in the room. */
export function within<Result>(room: Room, run: () => Result): Result {
  const { mount: mounts, network } = room;
  if (mounts === undefined) return insideNamespace(network, run);
  return withOtherMounts(() => {
    enterMounts(mounts);
    return insideNamespace(network, run);
  });
}

/** Descriptor of the lab's own mounts, once they are needed. */
let home: number | undefined;

/** Run something that puts this thread into another mount namespace, and come back. */
function withOtherMounts<Result>(run: () => Result): Result {
  home ??= openSync("/proc/thread-self/ns/mnt", "r");
  try {
    return run();
  } finally {
    enterMounts(home);
  }
}

function enterMounts(descriptor: number): void {
  // A thread that shares its root and working directory may not change its mounts, and every thread
  // that Bun starts from this one shares them.
  unshare(CLONE_FS);
  setns(descriptor, CLONE_NEWNS);
}
