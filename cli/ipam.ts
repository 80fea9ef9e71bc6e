/**
 * `manx ipam`: this node's blocks, and with `show` each address in use and who holds it.
 *
 * Read from the node file and the records themselves: it needs no running daemon.
 */

import { NodeFileError, readNodeFile } from "../ipam/node.ts";
import { type AddressRecord, describeHolder } from "../ipam/record.ts";
import type { UnreadableRecord } from "../ipam/records.ts";
import { listNetworks, openRecords } from "../ipam/records-files.ts";
import { formatAddress } from "../lib/address.ts";
import { containsAddress, formatPrefix, type Prefix, parsePrefix, sizeOf } from "../lib/prefix.ts";
import type { IpamOptions } from "./options.ts";
import { EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { type Look, styled } from "./style.ts";
import { formatTable } from "./table.ts";

/** One block, within one network where it is in use. */
export type BlockUse = {
  readonly block: string;
  /** Null: no network has taken anything of it. */
  readonly network: string | null;
  readonly used: number;
  readonly free: number;
};

export type AddressUse = {
  readonly address: string;
  readonly network: string;
  readonly block: string;
  readonly container: string;
  readonly interface: string;
  readonly pod: { readonly namespace: string; readonly name: string } | null;
  /** ISO 8601. */
  readonly since: string;
};

export type IpamAnswer = {
  /** Null without a node file. */
  readonly node: string | null;
  readonly blocks: readonly BlockUse[];
  readonly addresses: readonly AddressUse[];
  /** Records that are damaged: their addresses stay taken. */
  readonly unreadable: readonly UnreadableRecord[];
  /** Why the node's own blocks are not known; empty when they are. */
  readonly notice: string;
};

type Networks = ReadonlyMap<string, readonly AddressRecord[]>;

/** Look and print. */
export function showIpam(options: IpamOptions, output: Output): ExitCode {
  const answer = readIpam(options.nodeFile, options.dataDir);
  if (options.json) writeJson(output, answer);
  else output.out(formatIpam(answer, options.what === "show", output.look));
  return EXIT.ok;
}

/** What the files say now. */
export function readIpam(nodeFile: string, dataDirectory: string): IpamAnswer {
  const networks = new Map<string, readonly AddressRecord[]>();
  const unreadable: UnreadableRecord[] = [];
  for (const network of listNetworks(dataDirectory)) {
    const listing = openRecords({ directory: dataDirectory, network }).list();
    networks.set(network, listing.records);
    unreadable.push(...listing.unreadable);
  }
  const { node, blocks, notice } = nodeBlocks(nodeFile);
  return {
    node,
    blocks: blockUses(blocks, networks),
    addresses: [...networks].flatMap(([network, records]) =>
      records.map((record) => addressUse(network, record)),
    ),
    unreadable,
    notice,
  };
}

/** A table of blocks, or with `each` of addresses; what is damaged or missing below it. */
export function formatIpam(answer: IpamAnswer, each: boolean, look: Look): string {
  const table = each
    ? formatTable(answer.addresses, ADDRESS_COLUMNS, look)
    : formatTable(answer.blocks, BLOCK_COLUMNS, look);
  const none = each ? "no address is in use\n" : "this node has no block\n";
  const notes = [
    ...(answer.notice === "" ? [] : [answer.notice]),
    ...answer.unreadable.map(({ path, reason }) => `${path}: ${reason}: its address stays taken`),
  ];
  return `${table === "" ? none : table}${notes.map((note) => `${note}\n`).join("")}`;
}

const BLOCK_COLUMNS = [
  { title: "BLOCK", cell: ({ block }: BlockUse) => block },
  { title: "NETWORK", cell: ({ network }: BlockUse) => network ?? "", optional: true },
  { title: "USED", cell: ({ used }: BlockUse) => `${used}`, align: "right" },
  {
    title: "FREE",
    cell: ({ free }: BlockUse) => (free === 0 ? styled("0", "bad") : `${free}`),
    align: "right",
  },
] as const;

const ADDRESS_COLUMNS = [
  { title: "ADDRESS", cell: ({ address }: AddressUse) => address },
  { title: "NETWORK", cell: ({ network }: AddressUse) => network },
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
function blockUses(blocks: readonly Prefix[], networks: Networks): BlockUse[] {
  const uses: BlockUse[] = [];
  const unused = new Set(blocks.map(formatPrefix));
  for (const [network, records] of networks) {
    const named = new Set(records.map(({ block }) => formatPrefix(block)));
    for (const text of named) {
      const block = parsePrefix(text);
      const used = records.filter(({ address }) => containsAddress(block, address)).length;
      uses.push({ block: text, network, used, free: sizeOf(block) - used });
      unused.delete(text);
    }
  }
  for (const text of unused) {
    uses.push({ block: text, network: null, used: 0, free: sizeOf(parsePrefix(text)) });
  }
  return uses;
}

function addressUse(network: string, { address, block, holder, pod, time }: AddressRecord) {
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
