/**
 * The `ipam` section of a network configuration, where its type is `manx-ipam`.
 *
 * The section is all ours, so a key that we do not know is refused by name: taken for another plugin's,
 * it would be ignored in silence. By hand and not by a schema library: this runs for every pod.
 */

import { AddressError, type Family } from "../lib/address.ts";
import { equalPrefix, formatPrefix, type Prefix, parsePrefix, sizeOf } from "../lib/prefix.ts";
import type { Cooldown, Exhausted } from "./allocate.ts";
import { blockFault } from "./block.ts";
import type { Files } from "./files.ts";
import { NODE_FILE, type NodeBlock, NodeFileError, readNodeFile } from "./node.ts";
import { CniError, CODE } from "./protocol/error.ts";
import { isObject, type JsonObject, type Request } from "./protocol/request.ts";
import { type ResultRoute, routeFromJson } from "./protocol/result.ts";
import { DATA_DIRECTORY } from "./records-files.ts";
import type { Scope } from "./scope.ts";

export type IpamConfig = {
  /** The node's blocks, when the configuration has them and not the node file. */
  readonly blocks: readonly Prefix[] | undefined;
  /** The first and the last address of each block go to nobody, whatever the node file says. */
  readonly skipFirstAndLast: boolean;
  readonly nodeFile: string;
  readonly dataDirectory: string;
  readonly cooldown: Cooldown;
  /** Routes to hand to the plugin that asked. */
  readonly routes: readonly ResultRoute[];
};

/** Where to take addresses from. */
export type Supply = {
  /** In order of preference; one family's or both. */
  readonly blocks: readonly NodeBlock[];
  /** What somebody turns who wants more of them. */
  readonly knobs: Readonly<Record<Family, string>>;
  /** Of pods' interfaces, where a node file says it. */
  readonly mtu?: number;
};

const KEYS = [
  "type",
  "blocks",
  "nodeFile",
  "dataDir",
  "routes",
  "cooldown",
  "strictCooldown",
  "skipFirstAndLast",
] as const;
/** Seconds. An hour is longer than anything that still sends to an old address. */
export const COOLDOWN = { usual: 30, most: 3600 } as const;

/** Read `ipam` of a configuration. Throws code 7 that lists every fault. */
export function parseIpamConfig(config: JsonObject): IpamConfig {
  const section = config.ipam;
  if (!isObject(section)) {
    throw new CniError(CODE.invalidConfig, 'the configuration has no "ipam" object');
  }
  const faults: string[] = [];
  for (const key in section) {
    if (isKey(key)) continue;
    faults.push(`ipam.${key} is no key of manx-ipam: expected ${KEYS.join(", ")}`);
  }
  const parsed = {
    blocks: section.blocks === undefined ? undefined : parseBlocks(section.blocks, faults),
    nodeFile: parsePath(section, "nodeFile", NODE_FILE, faults),
    dataDirectory: parsePath(section, "dataDir", DATA_DIRECTORY, faults),
    cooldown: parseCooldown(section, faults),
    skipFirstAndLast: parseSkip(section, faults),
    routes: parseRoutes(section.routes, faults),
  };
  for (const block of parsed.skipFirstAndLast ? (parsed.blocks ?? []) : []) {
    if (sizeOf(block) > 2) continue;
    faults.push(`ipam.skipFirstAndLast leaves no address in ${formatPrefix(block)}`);
  }
  if (faults.length > 0) throw new CniError(CODE.invalidConfig, faults.join("; "));
  return parsed;
}

/**
 * The blocks to take an address from: the configuration's, or the node file's. Throws code 11 while
 * there are none.
 */
export function supplyOf(config: IpamConfig, files: Files): Supply {
  if (config.blocks !== undefined) {
    const knob = 'add one to "blocks" in the ipam section';
    return { blocks: skipping(config, config.blocks), knobs: { 4: knob, 6: knob } };
  }
  try {
    const { node, blocks, growth, mtu } = readNodeFile(config.nodeFile, files);
    const all = [...blocks.ipv4, ...blocks.ipv6];
    const usual = `add one to spec.blocks of the Node ${node}`;
    const knobs = { 4: growth?.ipv4 ?? usual, 6: growth?.ipv6 ?? usual };
    if (all.length > 0) return { blocks: skipping(config, all), knobs, mtu };
    throw new CniError(
      CODE.tryAgainLater,
      `node ${node} has no block (${config.nodeFile}): ${eitherOf(knobs)}`,
    );
  } catch (cause) {
    if (!(cause instanceof NodeFileError)) throw cause;
    throw new CniError(
      CODE.tryAgainLater,
      `${cause.message}: manx bgpd writes it; start it, or put "blocks" into the ipam section`,
      { cause },
    );
  }
}

/** Where the records of its addresses are kept. */
export function scopeOf({ blocks }: Pick<IpamConfig, "blocks">): Scope {
  return blocks === undefined ? "node" : "network";
}

/** What an ADD is refused with, and a STATUS answers, when no block has an address to give. */
export function describeShortage(
  { message, family }: Exhausted,
  { network }: Pick<Request, "network">,
  { knobs }: Supply,
): string {
  return `${message}; the network is ${network}. The node needs another block: ${knobs[family]}`;
}

function eitherOf(knobs: Supply["knobs"]): string {
  return knobs[4] === knobs[6] ? knobs[4] : `IPv4: ${knobs[4]}; IPv6: ${knobs[6]}`;
}

function skipping(
  { skipFirstAndLast }: IpamConfig,
  blocks: readonly NodeBlock[],
): readonly NodeBlock[] {
  if (!skipFirstAndLast) return blocks;
  return blocks.map((block) => ({ ...block, skipFirstAndLast }));
}

function parseBlocks(value: unknown, faults: string[]): Prefix[] {
  if (!Array.isArray(value) || value.length === 0) {
    faults.push(`ipam.blocks is ${JSON.stringify(value)}: expected ["10.244.1.0/24", ...]`);
    return [];
  }
  const blocks: Prefix[] = [];
  for (let index = 0; index < value.length; index++) {
    const block = parseBlock(value[index]);
    if (typeof block === "string") faults.push(`ipam.blocks[${index}]: ${block}`);
    else if (hasPrefix(blocks, block)) faults.push(`ipam.blocks has ${formatPrefix(block)} twice`);
    else blocks.push(block);
  }
  return blocks;
}

function hasPrefix(prefixes: readonly Prefix[], wanted: Prefix): boolean {
  for (const prefix of prefixes) if (equalPrefix(prefix, wanted)) return true;
  return false;
}

/** A block, or what is wrong with it. */
function parseBlock(text: unknown): Prefix | string {
  try {
    const block = parsePrefix(String(text));
    return blockFault(block) ?? block;
  } catch (fault) {
    if (fault instanceof AddressError) return fault.message;
    throw fault;
  }
}

function isKey(text: string): boolean {
  for (const key of KEYS) if (key === text) return true;
  return false;
}

function parseCooldown(section: JsonObject, faults: string[]): Cooldown {
  const { cooldown = COOLDOWN.usual, strictCooldown = false } = section;
  const seconds = Number(cooldown);
  if (typeof cooldown !== "number" || !(seconds >= 0 && seconds <= COOLDOWN.most)) {
    faults.push(
      `ipam.cooldown is ${JSON.stringify(cooldown)}: expected seconds from 0 to ${COOLDOWN.most}`,
    );
  }
  if (typeof strictCooldown !== "boolean") {
    faults.push(`ipam.strictCooldown is ${JSON.stringify(strictCooldown)}: expected true or false`);
  }
  return { time: 1000 * seconds, isStrict: strictCooldown === true };
}

function parseSkip(section: JsonObject, faults: string[]): boolean {
  const { skipFirstAndLast = false } = section;
  if (typeof skipFirstAndLast === "boolean") return skipFirstAndLast;
  const said = JSON.stringify(skipFirstAndLast);
  faults.push(`ipam.skipFirstAndLast is ${said}: expected true or false`);
  return false;
}

function parsePath(section: JsonObject, key: string, fallback: string, faults: string[]): string {
  const value = section[key] ?? fallback;
  if (typeof value === "string" && value.startsWith("/")) return value;
  faults.push(`ipam.${key} is ${JSON.stringify(value)}: expected an absolute path`);
  return fallback;
}

function parseRoutes(value: unknown, faults: string[]): readonly ResultRoute[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || !value.every(isObject)) {
    faults.push('ipam.routes is no list of objects: expected [{"dst": "0.0.0.0/0"}]');
    return [];
  }
  const routes = value.map((entry, index) => routeFromJson(entry, `ipam.routes[${index}]`, faults));
  const destinations = new Set<string>();
  for (const { dst } of routes) {
    if (destinations.has(dst)) faults.push(`ipam.routes has ${dst} twice`);
    destinations.add(dst);
  }
  return routes;
}
