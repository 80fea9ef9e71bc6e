/**
 * What each address of a block is just now, and a block drawn as a map of sixteen columns.
 *
 * Pure. A state is a character before it is a colour, so that a map can be read in a pipe.
 */

import { addressAt, IN_USE, type Order } from "../ipam/block.ts";
import type { NodeBlock } from "../ipam/node.ts";
import { reasonOf, reservedIn } from "../ipam/reserved.ts";
import { formatAddress } from "../lib/address.ts";
import { formatPrefix, type Prefix, prefixOf, sizeOf } from "../lib/prefix.ts";
import { type Look, paint, type Style, styled } from "./style.ts";
import { wrapText } from "./table.ts";

/** What one address is. */
export type Cell = "free" | "used" | "cooling" | "unreadable" | "reserved" | "left out";

/** What is known of a block within one network. */
export type BlockState = {
  readonly block: NodeBlock;
  /** Ordinals in use, and those of them whose record cannot be read. */
  readonly used: ReadonlySet<number>;
  readonly unreadable: ReadonlySet<number>;
  readonly order: Order;
  /** Ms since boot, and for how long an address is left alone, in ms. */
  readonly now: number;
  readonly cooldown: number;
  /** The block is a subnet of other plugins: its name, gateway and broadcast address are left out. */
  readonly isSubnet: boolean;
};

/** Each address of a block, by its ordinal. */
export function cellsOf(state: BlockState): Cell[] {
  const use = state.isSubnet ? "subnet" : "host";
  const leftOut = reservedIn({ ...state.block, reserved: [] }, use);
  const reserved = reservedIn(state.block, use);
  return Array.from({ length: sizeOf(state.block) }, (_, ordinal): Cell => {
    if (state.unreadable.has(ordinal)) return "unreadable";
    if (state.used.has(ordinal)) return "used";
    if (reasonOf(leftOut, ordinal) !== undefined) return "left out";
    if (reasonOf(reserved, ordinal) !== undefined) return "reserved";
    return coolsFor(state, ordinal) > 0 ? "cooling" : "free";
  });
}

/** For how many ms an address is still left alone that was given back; 0 for any other. */
export function coolsFor({ order, now, cooldown }: BlockState, ordinal: number): number {
  const time = order[ordinal] ?? 0;
  if (!(time > 0) || time === IN_USE || time > now) return 0;
  return Math.max(0, time + cooldown - now);
}

/** A block to draw. */
export type BlockMap = {
  readonly block: Prefix;
  readonly network: string | null;
  readonly pool: string | null;
  readonly cells: readonly Cell[];
};

const SIGNS: Readonly<Record<Cell, readonly [sign: string, style: Style]>> = {
  free: [".", "faint"],
  used: ["#", "good"],
  cooling: ["~", "warning"],
  unreadable: ["!", "bad"],
  reserved: ["r", "strong"],
  "left out": ["-", "faint"],
};

const COLUMNS = 16;
/** Addresses in one map: sixteen rows. */
const MOST = COLUMNS * COLUMNS;

/** A title, the map, or one for each 256 addresses, and what its characters mean, with how many there are. */
export function formatMap({ block, network, pool, cells }: BlockMap, look: Look): string {
  const title = `${paint(styled(formatPrefix(block), "heading"), look)}  network ${network ?? "-"}  pool ${pool ?? "-"}`;
  const parts: string[] = [];
  for (let from = 0; from < cells.length; from += MOST) {
    const map = formatPart(block, cells, { from, end: Math.min(from + MOST, cells.length) }, look);
    const length = block.length + Math.log2(cells.length / MOST);
    const part = prefixOf(addressAt(block, from), length);
    parts.push(cells.length > MOST ? `${formatPrefix(part)}\n${map}` : map);
  }
  return `${title}\n${parts.join("\n")}${formatLegend(cells, look)}`;
}

function formatPart(
  block: Prefix,
  cells: readonly Cell[],
  { from, end }: { readonly from: number; readonly end: number },
  look: Look,
): string {
  const starts = Array.from(
    { length: Math.ceil((end - from) / COLUMNS) },
    (_, row) => from + COLUMNS * row,
  );
  const labels = starts.map((start) => formatAddress(addressAt(block, start)));
  const width = Math.max(...labels.map((label) => label.length));
  // As the last part of an address is written: IPv4's in tens, IPv6's in sixteens.
  const base = block.family === 4 ? 10 : 16;
  const columns = Math.min(COLUMNS, end - from);
  const heads = Array.from({ length: columns }, (_, column) => `+${column.toString(base)}`);
  const lines = starts.map((start, row) => {
    const signs = cells.slice(start, Math.min(start + COLUMNS, end)).map((cell) => {
      const [sign, style] = SIGNS[cell];
      return `${GAP}${paint(styled(sign, style), look)}`;
    });
    return `${(labels[row] ?? "").padEnd(width)}${signs.join("")}\n`;
  });
  const head = heads.map((text) => text.padStart(GAP.length + 1)).join("");
  return `${paint(styled(`${" ".repeat(width)}${head}`, "faint"), look)}\n${lines.join("")}`;
}

/** Before each character; a column's head may be as wide. */
const GAP = "   ";

function formatLegend(cells: readonly Cell[], look: Look): string {
  const counts = new Map<Cell, number>();
  for (const cell of cells) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  const text = Object.entries(SIGNS)
    .flatMap(([cell, [sign]]) => {
      const count = [...counts].find(([name]) => name === cell)?.[1] ?? 0;
      return count === 0 && cell !== "free" && cell !== "used" ? [] : [`${sign} ${cell}: ${count}`];
    })
    .join("  ");
  return wrapText(text, look.width)
    .map((line) => `${line}\n`)
    .join("");
}
