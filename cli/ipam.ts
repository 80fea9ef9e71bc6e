/**
 * `manx ipam`: this node's blocks and pools, and each address in use and who holds it.
 *
 * Read from the node file and the records themselves: it needs no running daemon.
 */

import { ordinalOf } from "../ipam/block.ts";
import { uptime } from "../ipam/boot.ts";
import { COOLDOWN } from "../ipam/config.ts";
import { nodeFiles } from "../ipam/files-node.ts";
import type { Inspection, TakenAddress } from "../ipam/inspection.ts";
import { type NodeBlock, NodeFileError, readNodeFile } from "../ipam/node.ts";
import { type AddressRecord, describeHolder } from "../ipam/record.ts";
import { openRecords } from "../ipam/records-files.ts";
import type { Scope } from "../ipam/scope.ts";
import { formatAddress } from "../lib/address.ts";
import { containsAddress, equalPrefix, formatPrefix, type Prefix } from "../lib/prefix.ts";
import { inspectRecords } from "./ipam-look.ts";
import { type BlockState, type Cell, cellsOf } from "./ipam-map.ts";
import { type PoolOf, type PoolUse, poolsOf, poolUses } from "./ipam-pool.ts";
import type { IpamOptions } from "./options.ts";
import { EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { type Look, styled } from "./style.ts";
import { formatTable } from "./table.ts";

/** One block: the node's, or within one network that has it of its own. */
export type BlockUse = {
  readonly block: string;
  /** Null: of no pool that is known. */
  readonly pool: string | null;
  /** Whose alone its addresses are; null: every network's that takes of the node's blocks. */
  readonly network: string | null;
  readonly used: number;
  /** Given back so lately that others come first. */
  readonly cooling: number;
  readonly free: number;
};

export type AddressUse = {
  readonly address: string;
  /** Null: not known. */
  readonly network: string | null;
  readonly block: string;
  readonly container: string;
  readonly interface: string;
  readonly pod: { readonly namespace: string; readonly name: string } | null;
  /** ISO 8601. */
  readonly since: string;
};

/** A record that is damaged: its address stays taken. */
export type DamagedUse = {
  readonly address: string;
  /** Null: not known. */
  readonly network: string | null;
  readonly path: string;
  readonly reason: string;
};

export type IpamAnswer = {
  /** Null without a node file. */
  readonly node: string | null;
  readonly blocks: readonly BlockUse[];
  readonly pools: readonly PoolUse[];
  readonly addresses: readonly AddressUse[];
  readonly unreadable: readonly DamagedUse[];
  /** Why the node's own blocks are not known; empty when they are. */
  readonly notice: string;
};

/** A block of the node, or of a network, with the state of each of its addresses. */
export type BlockView = {
  readonly block: Prefix;
  readonly pool: string | null;
  readonly network: string | null;
  readonly state: BlockState;
  readonly cells: readonly Cell[];
};

/** What the files say now. */
export type IpamView = {
  readonly node: string | null;
  readonly blocks: readonly BlockView[];
  readonly taken: readonly TakenAddress[];
  readonly notice: string;
};

/** Look and print. */
export function showIpam(options: IpamOptions, output: Output): ExitCode {
  const answer = answerOf(viewIpam(options));
  if (options.json) writeJson(output, answer);
  else output.out(formatIpam(answer, options.each ? "addresses" : "blocks", output.look));
  return EXIT.ok;
}

/** Read the node file and the records. */
export function viewIpam({
  nodeFile,
  dataDir,
  config,
}: Pick<IpamOptions, "nodeFile" | "dataDir" | "config">): IpamView {
  const poolOf = poolsOf(config);
  const inspection = inspectRecords(dataDir);
  const { taken } = inspection;
  const { node, blocks, notice } = nodeBlocks(nodeFile);
  return { node, blocks: blockViews(blocks, inspection, { dataDir, poolOf }), taken, notice };
}

function answerOf({ node, blocks: views, taken, notice }: IpamView): IpamAnswer {
  const blocks = views.map(({ block, pool, network, cells }): BlockUse => {
    const count = (...wanted: Cell[]): number =>
      cells.filter((cell) => wanted.includes(cell)).length;
    return {
      block: formatPrefix(block),
      pool,
      network,
      used: count("used", "unreadable"),
      cooling: count("cooling"),
      free: count("free"),
    };
  });
  return {
    node,
    blocks,
    pools: poolUses(blocks),
    addresses: taken.flatMap(({ network, record, fault }) =>
      record === undefined || fault !== "" ? [] : [addressUse(network ?? null, record)],
    ),
    unreadable: taken.flatMap(({ address, network, path, fault }) =>
      fault === ""
        ? []
        : [{ address: formatAddress(address), network: network ?? null, path, reason: fault }],
    ),
    notice,
  };
}

/** Tables of pools and blocks, or one of addresses; what is damaged or missing below. */
export function formatIpam(answer: IpamAnswer, what: "blocks" | "addresses", look: Look): string {
  const tables =
    what === "addresses"
      ? [formatTable(answer.addresses, ADDRESS_COLUMNS, look)]
      : [
          formatTable(answer.pools, POOL_COLUMNS, look),
          formatTable(answer.blocks, BLOCK_COLUMNS, look),
        ];
  const none = what === "addresses" ? "no address is in use\n" : "this node has no block\n";
  const notes = [
    ...(answer.notice === "" ? [] : [answer.notice]),
    ...answer.unreadable.map(({ path, reason }) => `${path}: ${reason}: its address stays taken`),
  ];
  const table = tables.filter((text) => text !== "").join("\n");
  return `${table === "" ? none : table}${notes.map((note) => `${note}\n`).join("")}`;
}

const POOL_COLUMNS = [
  { title: "POOL", cell: ({ pool }: PoolUse) => pool ?? "-" },
  { title: "BLOCKS", cell: ({ blocks }: PoolUse) => `${blocks}`, align: "right" },
  { title: "USED", cell: ({ used }: PoolUse) => `${used}`, align: "right" },
  { title: "COOLING", cell: coolingText, align: "right", optional: true },
  { title: "FREE", cell: freeText, align: "right" },
] as const;

const BLOCK_COLUMNS = [
  { title: "BLOCK", cell: ({ block }: BlockUse) => block },
  { title: "POOL", cell: ({ pool }: BlockUse) => pool ?? "-" },
  { title: "NETWORK", cell: ({ network }: BlockUse) => network ?? "", optional: true },
  { title: "USED", cell: ({ used }: BlockUse) => `${used}`, align: "right" },
  { title: "COOLING", cell: coolingText, align: "right", optional: true },
  { title: "FREE", cell: freeText, align: "right" },
] as const;

function coolingText({ cooling }: { readonly cooling: number }): string {
  return cooling === 0 ? "" : `${cooling}`;
}

function freeText({ free }: { readonly free: number }) {
  return free === 0 ? styled("0", "bad") : `${free}`;
}

const ADDRESS_COLUMNS = [
  { title: "ADDRESS", cell: ({ address }: AddressUse) => address },
  { title: "NETWORK", cell: ({ network }: AddressUse) => network ?? "-" },
  { title: "BLOCK", cell: ({ block }: AddressUse) => block },
  { title: "SINCE", cell: ({ since }: AddressUse) => since },
  { title: "HOLDER", cell: holderText },
] as const;

function holderText({ container, interface: name, pod }: AddressUse): string {
  return describeHolder({ holder: { container, interfaceName: name }, ...(pod && { pod }) });
}

function nodeBlocks(nodeFile: string) {
  try {
    const { node, blocks } = readNodeFile(nodeFile);
    return { node, blocks: [...blocks.ipv4, ...blocks.ipv6], notice: "" };
  } catch (error) {
    if (!(error instanceof NodeFileError)) throw error;
    const notice = `${error.message}: blocks of which no address is in use are not listed (manx bgpd writes that file)`;
    return { node: null, blocks: [], notice };
  }
}

/** The node's blocks and those that records name, in their order, with their use. */
function blockViews(
  own: readonly NodeBlock[],
  { taken, past }: Pick<Inspection, "taken" | "past">,
  { dataDir, poolOf }: { readonly dataDir: string; readonly poolOf: PoolOf },
): BlockView[] {
  const now = uptime(nodeFiles);
  const view = (block: Prefix, network: string | null): BlockView => {
    const known: NodeBlock = own.find((other) => equalPrefix(other, block)) ?? block;
    const state = blockState(known, network, { taken, now, dataDir });
    return { block, pool: known.pool ?? poolOf(block), network, state, cells: cellsOf(state) };
  };
  const isOwn = (block: Prefix): boolean => own.some((other) => equalPrefix(other, block));
  // In the node's folder all networks take of one block.
  const used = [
    ...taken.flatMap(({ scope, network, record }) =>
      record === undefined ? [] : [{ scope, network, block: record.block }],
    ),
    ...past,
  ].map(({ scope, network, block }) => ({
    network: scope === "node" ? null : (network ?? null),
    block,
  }));
  const each = new Map(used.map((one) => [`${one.network} ${formatPrefix(one.block)}`, one]));
  const views = [...each.values()]
    .map(({ network, block }) => view(block, network))
    // Of a block that is the node's no more, only what is left of its use counts.
    .filter(({ block, cells }) => isOwn(block) || cells.some((cell) => cell !== "free"));
  const rest = own.filter((block) => !views.some((other) => equalPrefix(other.block, block)));
  return [...views, ...rest.map((block) => view(block, null))];
}

function blockState(
  block: NodeBlock,
  network: string | null,
  {
    taken,
    now,
    dataDir,
  }: { readonly taken: readonly TakenAddress[]; readonly now: number; readonly dataDir: string },
): BlockState {
  const scope: Scope = network === null ? "node" : "network";
  const inside = taken.filter(
    (entry) =>
      entry.scope === scope &&
      (network === null || entry.network === network) &&
      containsAddress(block, entry.address),
  );
  const ordinals = (entries: readonly TakenAddress[]) =>
    new Set(entries.flatMap(({ address }) => ordinalOf(block, address) ?? []));
  return {
    block,
    used: ordinals(inside),
    unreadable: ordinals(inside.filter(({ fault }) => fault !== "")),
    order: openRecords({ directory: dataDir, network: network ?? "", scope }).order(block),
    now,
    cooldown: 1000 * COOLDOWN.usual,
    isSubnet: inside.some(({ record }) => record?.use === "subnet"),
  };
}

function addressUse(network: string | null, { address, block, holder, pod, time }: AddressRecord) {
  return {
    address: formatAddress(address),
    network,
    block: formatPrefix(block),
    container: holder.container,
    interface: holder.interfaceName,
    pod: pod ?? null,
    since: time,
  };
}
