/**
 * `manx ipam show`: every address in use, one address with all that is known of it, or blocks as maps.
 */

import { ordinalOf } from "../ipam/block.ts";
import { endsOf } from "../ipam/ends.ts";
import type { TakenAddress } from "../ipam/inspection.ts";
import { describeHolder } from "../ipam/record.ts";
import { type Address, equalAddress, formatAddress } from "../lib/address.ts";
import { containsAddress, equalPrefix, formatPrefix, type Prefix } from "../lib/prefix.ts";
import { type BlockView, type IpamView, showIpam, viewIpam } from "./ipam.ts";
import { looked } from "./ipam-check.ts";
import { lookAtMachine, type MachineLook } from "./ipam-look.ts";
import { type Cell, coolsFor, formatMap } from "./ipam-map.ts";
import type { IpamShowOptions } from "./options.ts";
import { CommandError, EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { type Look, type Styled, styled } from "./style.ts";
import { formatFacts } from "./table.ts";
import { parseTarget } from "./target.ts";

/** Who has an address, within one network. */
export type HolderAnswer = {
  /** Null where nothing says it. */
  readonly network: string | null;
  /** Null where the record cannot be read, and the file's name does not say it. */
  readonly container: string | null;
  readonly interface: string | null;
  readonly pod: { readonly namespace: string; readonly name: string } | null;
  /** ISO 8601; null where the record cannot be read. */
  readonly since: string | null;
  /** Why the record cannot be read; empty when it can. */
  readonly fault: string;
  /** Name of the host end; null where there is none. */
  readonly hostEnd: string | null;
  /** Where the pod's end, or another link with the address, was seen; null: nowhere. */
  readonly namespace: string | null;
};

export type AddressAnswer = {
  readonly address: string;
  readonly state: Cell | "not of this node";
  /** Of the node file or a record; null when it lies in none. */
  readonly block: string | null;
  readonly pool: string | null;
  readonly holders: readonly HolderAnswer[];
  /** For how many ms it is still left alone; 0 when it does not cool. */
  readonly coolsFor: number;
  /** What could not be looked at. */
  readonly unseen: readonly string[];
};

export type MapAnswer = {
  readonly block: string;
  readonly network: string | null;
  readonly pool: string | null;
  /** By ordinal. */
  readonly cells: readonly Cell[];
};

/** Look and print. Throws `CommandError`. */
export function showTarget(options: IpamShowOptions, output: Output): ExitCode {
  const { target: text, map } = options;
  if (text === undefined && map === undefined) return showIpam({ ...options, each: true }, output);
  const target = text === undefined ? undefined : parseTarget(text);
  const view = viewIpam(options);
  if (target?.type === "address") {
    const look = looked(() => lookAtMachine(options.dataDir));
    const answer = addressAnswer(target.address, view, look);
    if (options.json) writeJson(output, answer);
    else output.out(formatAddressAnswer(answer, output.look));
    return EXIT.ok;
  }
  const blocks = target === undefined ? view.blocks : blocksAt(target.prefix, view);
  const maps = blocks.map(
    ({ block, network, pool, cells }): MapAnswer => ({
      block: formatPrefix(block),
      network,
      pool,
      cells,
    }),
  );
  if (options.json) writeJson(output, maps);
  else if (blocks.length === 0) output.out("this node has no block\n");
  else output.out(blocks.map((block) => formatMap(block, output.look)).join("\n"));
  return EXIT.ok;
}

function blocksAt(prefix: Prefix, { blocks, notice }: IpamView): BlockView[] {
  const found = blocks.filter(({ block }) => equalPrefix(block, prefix));
  if (found.length > 0) return found;
  const known = [...new Set(blocks.map(({ block }) => formatPrefix(block)))].join(", ");
  throw new CommandError(
    `${formatPrefix(prefix)} is no block of this node: ${known === "" ? "none is known" : `there are ${known}`}${notice === "" ? "" : ` (${notice})`}`,
    EXIT.failed,
  );
}

/** What is known of one address. */
export function addressAnswer(
  address: Address,
  { blocks, taken }: IpamView,
  { view }: Pick<MachineLook, "view">,
): AddressAnswer {
  const inside = blocks.filter(({ block }) => containsAddress(block, address));
  const held = taken.filter((entry) => equalAddress(entry.address, address));
  const stateOf = (block: BlockView): Cell =>
    block.cells[ordinalOf(block.block, address) ?? 0] ?? "free";
  const cools = inside.map(({ block, state }) => coolsFor(state, ordinalOf(block, address) ?? 0));
  const [fault] = held.flatMap((entry) => (entry.fault === "" ? [] : [entry.fault]));
  const quiet = inside.map(stateOf).find((cell) => cell !== "free") ?? "free";
  return {
    address: formatAddress(address),
    state:
      fault !== undefined
        ? "unreadable"
        : held.length > 0
          ? "used"
          : inside.length === 0
            ? "not of this node"
            : quiet,
    block: inside[0] === undefined ? null : formatPrefix(inside[0].block),
    pool: inside[0]?.pool ?? null,
    holders: held.map((entry) => holderAnswer(entry, view)),
    coolsFor: held.length > 0 ? 0 : Math.max(0, ...cools),
    unseen: view.unknown,
  };
}

function holderAnswer(
  { network, holder, record, fault, address }: TakenAddress,
  view: MachineLook["view"],
): HolderAnswer {
  const link =
    holder === undefined || network === undefined
      ? undefined
      : view.link(endsOf({ network, ...holder }).hostEnd);
  const pod = link === undefined ? undefined : view.podEnd(link);
  return {
    network: network ?? null,
    container: holder?.container ?? null,
    interface: holder?.interfaceName ?? null,
    pod: record?.pod ?? null,
    since: record?.time ?? null,
    fault,
    hostEnd: link?.name ?? null,
    namespace: pod === undefined ? (view.inNamespaces(address)[0] ?? null) : pod.path,
  };
}

/** Facts of the address, and of each holder. */
export function formatAddressAnswer(answer: AddressAnswer, look: Look): string {
  const { address, state, block, pool, holders, unseen } = answer;
  const cools =
    answer.coolsFor === 0
      ? []
      : [["cools for", `${(answer.coolsFor / 1000).toFixed(0)} s more`] as const];
  const facts = [
    ["address", styled(address, "strong")] as const,
    ["state", stateText(state)] as const,
    ...cools,
    ["block", block ?? "none of this node's"] as const,
    ["pool", pool ?? "-"] as const,
    ...holders.flatMap(holderFacts),
    ["not seen", holders.length === 0 ? [] : unseen] as const,
  ];
  return formatFacts(facts, look);
}

function stateText(state: AddressAnswer["state"]): Styled {
  if (state === "used") return styled(state, "good");
  return state === "unreadable" ? styled("its record cannot be read", "bad") : state;
}

function holderFacts(holder: HolderAnswer) {
  const {
    network,
    container,
    interface: interfaceName,
    pod,
    since,
    fault,
    hostEnd,
    namespace,
  } = holder;
  const who =
    container === null || interfaceName === null
      ? "not known"
      : describeHolder({ holder: { container, interfaceName }, ...(pod === null ? {} : { pod }) });
  return [
    ["holder", who] as const,
    ["container", container ?? "not known"] as const,
    ["network", network ?? "not known"] as const,
    ["since", since ?? styled(fault, "bad")] as const,
    ["host end", hostEnd ?? "none"] as const,
    ["namespace", namespace === null ? "none that is seen" : `lives: ${namespace}`] as const,
  ];
}
