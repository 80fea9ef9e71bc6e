/**
 * Which ordinals of a block nobody may have, and why. It is on the path of every ADD, and nearly always nothing.
 */

import { sizeOf } from "../lib/prefix.ts";
import { ordinalOf } from "./block.ts";
import type { NodeBlock } from "./node.ts";

/**
 * What the address is for: "host", where a pod has it alone (/32) and each one of a block is usable, or
 * "subnet", where the block is a subnet with a gateway and a broadcast address.
 */
export type Use = "host" | "subnet";

/** Ordinals from `first` to `last`. */
export type Reserved = { readonly first: number; readonly last: number; readonly why: string };

const SUBNET = "a subnet's own name, gateway and broadcast address";
const ENDS = "skipFirstAndLast";

/** What is reserved in the block; parts may overlap. */
export function reservedIn(block: NodeBlock, use: Use): readonly Reserved[] {
  const parts: Reserved[] = [];
  const last = sizeOf(block) - 1;
  if (use === "subnet") {
    // Its name and the gateway (`gatewayOf`), which are one where there is no room to leave them out (/31, /32).
    parts.push({ first: 0, last: last > 1 ? 1 : 0, why: SUBNET });
    if (last > 1) parts.push({ first: last, last, why: SUBNET });
  }
  if (block.skipFirstAndLast === true) {
    parts.push({ first: 0, last: 0, why: ENDS }, { first: last, last, why: ENDS });
  }
  if (block.reserved === undefined) return parts;
  for (const { prefix, name } of block.reserved) {
    const first = ordinalOf(block, prefix) ?? 0;
    const count = Math.min(sizeOf(prefix), sizeOf(block));
    parts.push({ first, last: first + count - 1, why: `IPReservation ${name}` });
  }
  return parts;
}

/** Why nobody may have this ordinal; undefined when it is for anybody. */
export function reasonOf(parts: readonly Reserved[], ordinal: number): string | undefined {
  for (const { first, last, why } of parts) if (ordinal >= first && ordinal <= last) return why;
  return undefined;
}

/** The ordinals of a block that somebody may have, ascending. */
export function usableOrdinals(block: NodeBlock, parts: readonly Reserved[]): readonly number[] {
  const closed = new Uint8Array(sizeOf(block));
  for (const { first, last } of parts) closed.fill(1, first, last + 1);
  const usable: number[] = [];
  for (let ordinal = 0; ordinal < closed.length; ordinal++) {
    if (closed[ordinal] === 0) usable.push(ordinal);
  }
  return usable;
}
