/**
 * Pools: how one is cut into blocks, and the order in which a node tries them.
 *
 * Pure. A pool may be as large as an IPv6 site, so that nothing here counts its blocks one by one: what is taken is
 * stepped over as a whole. Who has which block is `claim.ts`.
 */

import { type Address, addToAddress, compareAddress } from "../lib/address.ts";
import { comparePrefix, lastAddressOf, overlaps, type Prefix, prefixOf } from "../lib/prefix.ts";

/** A pool and the length of the blocks in it, which is at least the pool's own. */
export type Cut = { readonly prefix: Prefix; readonly length: number };

/** Addresses that nobody may have, and the name of the IPReservation that says so. */
export type Reservation = { readonly prefix: Prefix; readonly name: string };

/** FNV-1a's offset basis and prime, 32 bits. */
const OFFSET_BASIS = 0x811c_9dc5;
const PRIME = 0x0100_0193;

/** How many blocks there are; exact up to 2^53. */
export function blockCount({ prefix, length }: Cut): number {
  return 2 ** (length - prefix.length);
}

/** Where the node begins: by a hash of its name, so that nodes do not all try the same block. */
export function firstTried({ prefix, length }: Cut, node: string): Prefix {
  const spread: Address = {
    family: prefix.family,
    w0: hash(node, 0),
    w1: hash(node, 1),
    w2: hash(node, 2),
    w3: hash(node, 3),
  };
  const above = prefixOf(spread, prefix.length);
  return prefixOf(
    {
      family: prefix.family,
      w0: (prefix.w0 | (spread.w0 ^ above.w0)) >>> 0,
      w1: (prefix.w1 | (spread.w1 ^ above.w1)) >>> 0,
      w2: (prefix.w2 | (spread.w2 ^ above.w2)) >>> 0,
      w3: (prefix.w3 | (spread.w3 ^ above.w3)) >>> 0,
    },
    length,
  );
}

/**
 * The blocks of a pool that have no address in common with anything `taken`, in the order in which the node tries
 * them: from its own beginning to the pool's end, and on from the pool's. They are computed as they are asked for.
 */
export function* freeBlocks(cut: Cut, node: string, taken: readonly Prefix[]): Generator<Prefix> {
  const obstacles = taken.filter((other) => overlaps(other, cut.prefix)).sort(comparePrefix);
  const start = firstTried(cut, node);
  const first = prefixOf(cut.prefix, cut.length);
  yield* freeBetween(start, lastAddressOf(cut.prefix), obstacles);
  if (compareAddress(first, start) === 0) return;
  yield* freeBetween(first, addToAddress(start, -1), obstacles);
}

/** Of each reservation the part that lies in the block. */
export function reservationsIn(
  block: Prefix,
  reservations: readonly Reservation[],
): readonly Reservation[] {
  return reservations
    .filter(({ prefix }) => overlaps(prefix, block))
    .map(({ prefix, name }) => ({ prefix: prefix.length < block.length ? block : prefix, name }));
}

/** Blocks of the length of `first`, from it on up to the address `end`. */
function* freeBetween(
  first: Prefix,
  end: Address,
  obstacles: readonly Prefix[],
): Generator<Prefix> {
  let at = 0;
  for (let block = first; ; ) {
    const last = lastAddressOf(block);
    // What ends before this block is in nobody's way any more: blocks only ascend.
    while (endsBefore(obstacles[at], block)) at++;
    const obstacle = obstacles[at];
    const isFree = obstacle === undefined || compareAddress(obstacle, last) > 0;
    if (isFree) yield block;
    const covered = isFree ? last : lastAddressOf(obstacle);
    const passed = compareAddress(covered, last) > 0 ? covered : last;
    if (compareAddress(passed, end) >= 0) return;
    block = prefixOf(addToAddress(passed, 1), first.length);
  }
}

function endsBefore(prefix: Prefix | undefined, block: Prefix): boolean {
  return prefix !== undefined && compareAddress(lastAddressOf(prefix), block) < 0;
}

/** FNV-1a over the salt and the text, its bits mixed so that each depends on all (MurmurHash3's last step). */
function hash(text: string, salt: number): number {
  let mixed = Math.imul(OFFSET_BASIS ^ salt, PRIME);
  for (let at = 0; at < text.length; at++) mixed = Math.imul(mixed ^ text.charCodeAt(at), PRIME);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
