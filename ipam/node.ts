/**
 * The node file: what the daemon tells the plugin, `/run/manx/node.json`.
 *
 * The daemon publishes it whole (write, rename), so a reader sees one generation or the next and never
 * a part. It is the only thing the two share besides the kernel.
 */

import type { Family } from "../lib/address.ts";
import { formatPrefix, type Prefix, parsePrefix } from "../lib/prefix.ts";
import type { Files } from "./files.ts";
import { nodeFiles } from "./files-node.ts";
import type { Reservation } from "./pool.ts";

/** Where the file is unless a configuration says `nodeFile`. */
export const NODE_FILE = "/run/manx/node.json";

const FORMAT = 2;
/** Blocks were texts alone; a file of an older daemon serves until the newer one has started. */
const FORMAT_OF_TEXTS = 1;

/** A block of the node, and what holds for its addresses. */
export type NodeBlock = Prefix & {
  /** Name of the IPPool that it lies in. */
  readonly pool?: string;
  /** Its first and its last address go to nobody. */
  readonly skipFirstAndLast?: boolean;
  /** What nobody may have of it; within the block. */
  readonly reserved?: readonly Reservation[];
  /** An address of it goes only to who asks for that address (assignmentMode Manual). */
  readonly onlyAsked?: boolean;
  /** Why it gives no new address. */
  readonly closed?: string;
};

export type NodeFile = {
  /** Name of the node. */
  readonly node: string;
  /** Blocks to take pod addresses from, in order of preference. */
  readonly blocks: { readonly ipv4: readonly NodeBlock[]; readonly ipv6: readonly NodeBlock[] };
  /** How the node comes to another block of the family, for people. */
  readonly growth?: { readonly ipv4: string; readonly ipv6: string };
  /** MTU of pods' interfaces, bytes. */
  readonly mtu: number;
  /** Grows with every publication. */
  readonly generation: number;
  readonly ready: {
    readonly ok: boolean;
    /** Why it is as it is, for people. */
    readonly reason: string;
    /** ISO 8601: since when. */
    readonly since: string;
  };
  /** Who keeps the node's routes: holds the lock while he lives, and may be away for `grace` seconds. */
  readonly daemon?: { readonly lock: string; readonly grace: number };
};

/** The node file cannot be used; `code` is the file system's ("ENOENT"), or "EINVAL" for its content. */
export class NodeFileError extends Error {
  override readonly name = "NodeFileError";
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Read the node file. Throws `NodeFileError` that names the path and what is wrong. */
export function readNodeFile(path: string = NODE_FILE, files: Files = nodeFiles): NodeFile {
  let text: string;
  try {
    text = files.read(path);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "EIO";
    throw new NodeFileError(`cannot read ${path} (${code})`, code, { cause });
  }
  try {
    return decode(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NodeFileError(`${path} is no node file: ${reason}`, "EINVAL", { cause });
  }
}

/** Publish the node file: whole, or not at all. Its folder must exist. */
export function writeNodeFile(path: string, node: NodeFile): void {
  const { renameSync, rmSync, writeFileSync } = process.getBuiltinModule("node:fs");
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, encode(node));
    renameSync(temporary, path);
  } catch (fault) {
    rmSync(temporary, { force: true });
    throw fault;
  }
}

function encode(node: NodeFile): string {
  const { blocks, ...rest } = node;
  const json = {
    version: FORMAT,
    ...rest,
    blocks: { ipv4: blocks.ipv4.map(blockJson), ipv6: blocks.ipv6.map(blockJson) },
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

function blockJson(block: NodeBlock): object {
  const { pool, skipFirstAndLast, reserved, onlyAsked, closed } = block;
  return {
    cidr: formatPrefix(block),
    pool,
    skipFirstAndLast,
    reserved: reserved?.map(({ prefix, name }) => ({ cidr: formatPrefix(prefix), name })),
    onlyAsked,
    closed,
  };
}

function decode(text: string): NodeFile {
  const json = object(JSON.parse(text), "the file");
  if (json.version !== FORMAT && json.version !== FORMAT_OF_TEXTS) {
    throw new Error(`version is ${JSON.stringify(json.version)}, expected ${FORMAT}`);
  }
  const blocks = object(json.blocks, "blocks");
  const ready = object(json.ready, "ready");
  return {
    node: field(json, "node", "string"),
    blocks: { ipv4: blocksOf(blocks, "ipv4", 4), ipv6: blocksOf(blocks, "ipv6", 6) },
    ...(json.growth === undefined ? {} : { growth: growthOf(object(json.growth, "growth")) }),
    mtu: field(json, "mtu", "number"),
    generation: field(json, "generation", "number"),
    ready: {
      ok: field(ready, "ok", "boolean"),
      reason: field(ready, "reason", "string"),
      since: field(ready, "since", "string"),
    },
    ...(json.daemon === undefined ? {} : { daemon: daemonOf(object(json.daemon, "daemon")) }),
  };
}

function daemonOf(json: Json): { readonly lock: string; readonly grace: number } {
  return { lock: field(json, "lock", "string"), grace: field(json, "grace", "number") };
}

function growthOf(json: Json): { readonly ipv4: string; readonly ipv6: string } {
  return { ipv4: field(json, "ipv4", "string"), ipv6: field(json, "ipv6", "string") };
}

type Json = { readonly [key: string]: unknown };
type Named = { readonly string: string; readonly number: number; readonly boolean: boolean };

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function object(value: unknown, what: string): Json {
  if (!isJson(value)) throw new Error(`${what} is ${JSON.stringify(value)}, expected an object`);
  return value;
}

function field<Type extends keyof Named>(json: Json, key: string, type: Type): Named[Type] {
  const value = json[key];
  if (!isOfType(value, type)) {
    throw new Error(`${key} is ${JSON.stringify(value)}, expected a ${type}`);
  }
  return value;
}

function isOfType<Type extends keyof Named>(value: unknown, type: Type): value is Named[Type] {
  const found: string = typeof value;
  return found === type;
}

function blocksOf(json: Json, key: string, family: Family): NodeBlock[] {
  const entries = json[key];
  if (!Array.isArray(entries)) throw new Error(`blocks.${key} is not an array`);
  const blocks: NodeBlock[] = [];
  for (const entry of entries) {
    const block = isJson(entry) ? blockOf(entry) : parsePrefix(String(entry));
    if (block.family !== family) throw new Error(`blocks.${key} has ${formatPrefix(block)}`);
    blocks.push(block);
  }
  return blocks;
}

/** Plain: this runs for every pod, and most blocks have a pool and nothing else. */
function blockOf(json: Json): NodeBlock {
  const { pool, skipFirstAndLast, reserved, onlyAsked, closed } = json;
  return {
    ...parsePrefix(String(json.cidr)),
    ...(pool === undefined ? {} : { pool: field(json, "pool", "string") }),
    ...(skipFirstAndLast === undefined
      ? {}
      : { skipFirstAndLast: field(json, "skipFirstAndLast", "boolean") }),
    ...(reserved === undefined ? {} : { reserved: reservationsOf(reserved) }),
    ...(onlyAsked === undefined ? {} : { onlyAsked: field(json, "onlyAsked", "boolean") }),
    ...(closed === undefined ? {} : { closed: field(json, "closed", "string") }),
  };
}

function reservationsOf(value: unknown): Reservation[] {
  if (!Array.isArray(value)) throw new Error("reserved is not an array");
  const reservations: Reservation[] = [];
  for (const entry of value) {
    const json = object(entry, "an entry of reserved");
    reservations.push({
      prefix: parsePrefix(String(json.cidr)),
      name: field(json, "name", "string"),
    });
  }
  return reservations;
}
