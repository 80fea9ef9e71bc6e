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

import { mkdirSync, openSync, writeFileSync } from "node:fs";
import { mount, setns, unshare } from "../kernel/libc.ts";
import { NETWORKS_FOLDER, runFolderOf } from "./place.ts";

/** sched.h */
const CLONE_NEWNS = 0x0002_0000;
const CLONE_NEWNET = 0x4000_0000;
/** sys/mount.h */
const MS_BIND = 4096;

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
  mount({ source: "tmpfs", target: "/run", type: "tmpfs", data: "mode=755" });
  mkdirSync("/run/manx");
}

/** Make `target`, an existing file, show what `source` is. */
export function bindFile(source: string, target: string): void {
  mount({ source, target, flags: MS_BIND });
}

/** A new network namespace of that name. */
export function createRoom(name: string): Room {
  const path = `${NETWORKS_FOLDER}/${name}`;
  writeFileSync(path, "");
  returning(CLONE_NEWNET, () => {
    unshare(CLONE_NEWNET);
    bindFile("/proc/thread-self/ns/net", path);
  });
  return { name, path, network: openSync(path, "r") };
}

/** The room with mounts of its own: a copy of the lab's as they are now, and its own /run/manx. */
export function createNodeRoom(room: Room): NodeRoom {
  const runFolder = runFolderOf(room.name);
  mkdirSync(runFolder, { recursive: true });
  const descriptor = returning(CLONE_NEWNS, () => {
    unshare(CLONE_NEWNS);
    bindFile(runFolder, "/run/manx");
    return openSync("/proc/thread-self/ns/mnt", "r");
  });
  return { ...room, mount: descriptor, runFolder };
}

/** Run something synchronous in the room. */
export function within<Result>(room: Room, run: () => Result): Result {
  return returning(CLONE_NEWNET, () => {
    setns(room.network, CLONE_NEWNET);
    const { mount: mounts } = room;
    if (mounts === undefined) return run();
    return returning(CLONE_NEWNS, () => {
      setns(mounts, CLONE_NEWNS);
      return run();
    });
  });
}

/** Run something that changes this thread's namespace of that type, and come back. */
function returning<Result>(type: number, run: () => Result): Result {
  const home = homeOf(type);
  try {
    return run();
  } finally {
    setns(home, type);
  }
}

const homes = new Map<number, number>();

/** Descriptor of the namespace that the main thread is in when nobody entered another. */
function homeOf(type: number): number {
  const known = homes.get(type);
  if (known !== undefined) return known;
  const file = type === CLONE_NEWNET ? "/proc/thread-self/ns/net" : "/proc/thread-self/ns/mnt";
  const descriptor = openSync(file, "r");
  homes.set(type, descriptor);
  return descriptor;
}
