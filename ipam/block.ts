/**
 * Arithmetic of one block: the addresses that a node may give to its pods, by ordinal.
 *
 * A /24 has ordinals 0 to 255 and all of them are usable, the first and the last as well: a pod has a
 * /32 and no subnet in which they would mean something (`reserved.ts` has the exceptions). Which ordinal is
 * next is decided here, on plain data; who holds which is `records.ts`.
 */

import { type Address, addToAddress, bitsOf, formatAddress } from "../lib/address.ts";
import { containsAddress, formatPrefix, type Prefix, sizeOf } from "../lib/prefix.ts";

/** Largest block: 2^12 addresses (/20, /116), so that reading the order of one stays cheap. */
const LARGEST_BITS = 12;

/**
 * What is known of each ordinal's past, as a number: 0 when it was never used, the time when it was
 * given back (ms since boot), or `IN_USE`. A preference and no truth: the records are the truth.
 */
export type Order = Float64Array;

export const IN_USE = Number.POSITIVE_INFINITY;

/** Why a prefix cannot be a block, in words; undefined when it can. */
export function blockFault(prefix: Prefix): string | undefined {
  const longest = bitsOf(prefix.family);
  const shortest = longest - LARGEST_BITS;
  if (prefix.length >= shortest) return undefined;
  return `${formatPrefix(prefix)} is too large for a block: expected /${shortest} to /${longest}, cut it into several`;
}

/** The address with this ordinal. */
export function addressAt(block: Prefix, ordinal: number): Address {
  return addToAddress(block, ordinal);
}

/** The ordinal of an address, or undefined when it is outside. */
export function ordinalOf(block: Prefix, address: Address): number | undefined {
  if (!containsAddress(block, address)) return undefined;
  return block.family === 4 ? address.w0 - block.w0 : address.w3 - block.w3;
}

/** The order of a block of which nothing was ever used. */
export function freshOrder(block: Prefix): Order {
  return new Float64Array(sizeOf(block));
}

/** The ordinal that has been free for longest, the lowest of equals; undefined when none is free. */
export function longestFree(order: Order): number | undefined {
  let best: number | undefined;
  let since = IN_USE;
  for (let ordinal = 0; ordinal < order.length; ordinal++) {
    const time = order[ordinal] ?? IN_USE;
    // What is no number (a damaged file) is no time.
    if (!(time < since)) continue;
    best = ordinal;
    since = time;
    // Never used: nothing has been free for longer.
    if (time === 0) break;
  }
  return best;
}

/**
 * The first address that a subnet's members may have: what a plugin with a subnet (bridge, ptp) takes
 * as gateway. The lowest one where there is no room to leave it out (/31, /32).
 */
export function gatewayOf(block: Prefix): Address {
  return addressAt(block, sizeOf(block) > 2 ? 1 : 0);
}

/** `10.244.1.7/24`: an address with its block's length. */
export function formatInBlock(address: Address, block: Prefix): string {
  return `${formatAddress(address)}/${block.length}`;
}
