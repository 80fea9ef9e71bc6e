/** `Files` in memory, which can be stopped before any of its operations, as a killed process is. */

import type { Files } from "../../ipam/files.ts";

type Node = { text: Uint8Array; links: number };

/** Thrown in the place of the operation at which the process is "killed"; nothing runs after it. */
class Killed extends Error {}

export type MemoryFiles = Files & {
  /** Kill at the operation with this number, from 0; undefined never. */
  killAt(operation: number | undefined): void;
  /** Whether that operation was reached. */
  readonly killed: boolean;
  paths(): string[];
};

export const BOOT = "11111111-2222-4333-8444-555555555555";

export function memoryFiles(): MemoryFiles {
  const nodes = new Map<string, Node>();
  const folders = new Set<string>([""]);
  let uptime = 100;
  let left: number | undefined;
  let count = 0;
  let killed = false;

  /** What a dead process still asks for in its `catch` and `finally` does not happen. */
  const step = (): void => {
    if (killed || count === left) {
      killed = true;
      throw new Killed();
    }
    count++;
  };
  const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
  const make = (path: string, text: Uint8Array): Node => {
    if (!folders.has(parentOf(path))) throw fault("ENOENT");
    const node = { text, links: 1 };
    nodes.set(path, node);
    return node;
  };
  const get = (path: string): Node => {
    const node = nodes.get(path);
    if (node === undefined) throw fault("ENOENT");
    return node;
  };

  return {
    killAt(operation) {
      left = operation;
      count = 0;
      killed = false;
    },
    get killed() {
      return killed;
    },
    paths: () => [...nodes.keys()].sort(),

    read(path) {
      step();
      if (path === "/proc/sys/kernel/random/boot_id") return `${BOOT}\n`;
      if (path === "/proc/uptime") return `${++uptime}.00 1.00\n`;
      return new TextDecoder().decode(get(path).text);
    },
    readInto(path, bytes) {
      step();
      const node = nodes.get(path);
      bytes.set(node?.text.subarray(0, bytes.length) ?? []);
      return node?.text.length;
    },
    create(path, text) {
      step();
      if (nodes.has(path)) throw fault("EEXIST");
      const node = make(path, new Uint8Array());
      // A file that is there and has not its text yet: the instant between open and write.
      step();
      node.text = new TextEncoder().encode(text);
    },
    writeAt(path, bytes, position) {
      step();
      const node = nodes.get(path) ?? make(path, new Uint8Array());
      step();
      const text = new Uint8Array(Math.max(node.text.length, position + bytes.length));
      text.set(node.text);
      text.set(bytes, position);
      node.text = text;
    },
    link(existing, path) {
      step();
      const node = get(existing);
      if (nodes.has(path)) throw fault("EEXIST");
      if (!folders.has(parentOf(path))) throw fault("ENOENT");
      node.links++;
      nodes.set(path, node);
    },
    rename(path, other) {
      step();
      const node = get(path);
      if (!folders.has(parentOf(other))) throw fault("ENOENT");
      const old = nodes.get(other);
      if (old !== undefined) old.links--;
      nodes.set(other, node);
      nodes.delete(path);
    },
    unlink(path) {
      step();
      get(path).links--;
      nodes.delete(path);
    },
    links(path) {
      step();
      return folders.has(path) ? 2 : nodes.get(path)?.links;
    },
    isSame(path, other) {
      step();
      const node = nodes.get(path);
      return node !== undefined && node === nodes.get(other);
    },
    list(path) {
      step();
      const names = [...nodes.keys(), ...folders]
        .filter((other) => parentOf(other) === path && other !== path)
        .map((other) => other.slice(path.length + 1));
      return names.sort();
    },
    makeFolder(path) {
      step();
      for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
        folders.add(path.slice(0, at));
      }
      folders.add(path);
    },
    removeTree(path) {
      step();
      const inside = (other: string): boolean => other === path || other.startsWith(`${path}/`);
      for (const other of [...nodes.keys()].filter(inside)) nodes.delete(other);
      for (const other of [...folders].filter(inside)) folders.delete(other);
    },
  };
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}
