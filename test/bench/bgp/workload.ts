/**
 * What the neighbours announce: prefixes and attribute sets like those of the Internet's table.
 *
 * Prefixes are numbered. All is in flat arrays, for there may be millions.
 */

import { createRandom, type Random } from "./random.ts";

export type Workload = {
  readonly size: number;
  /** IPv4 networks as words, by prefix. */
  readonly network: Uint32Array;
  readonly length: Uint8Array;
  /** Which attribute set a prefix has, by prefix. */
  readonly setOf: Uint32Array;
  readonly sets: readonly AttributeSet[];
  /** Where each UPDATE begins in the order of prefixes; one more at the end. All its prefixes have one set. */
  readonly updates: Uint32Array;
  /** The number of a prefix, or -1. */
  find(network: number, length: number): number;
};

export type AttributeSet = {
  /** Behind the neighbour's own AS. */
  readonly asPath: readonly number[];
  readonly communities: readonly number[];
};

/** Shares of prefix lengths in the IPv4 table, in thousandths. */
const LENGTHS = [
  [24, 600],
  [23, 100],
  [22, 115],
  [21, 45],
  [20, 45],
  [19, 30],
  [18, 20],
  [17, 12],
  [16, 33],
] as const;

/** Prefixes for each attribute set. */
const PER_SET = 10;
const MOST_PER_UPDATE = 50;

/**
 * `size` prefixes below 32.0.0.0/3, nobody's special ones; the same for the same seed. No UPDATE has prefixes of two
 * shares.
 */
export function createWorkload(size: number, seed: number, share = size): Workload {
  const random = createRandom(seed);
  const network = new Uint32Array(size);
  const length = new Uint8Array(size);
  const slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(2, size * 2))));
  const find = (word: number, bits: number): number => {
    for (let slot = slotOf(word, bits, slots.length); ; slot = (slot + 1) & (slots.length - 1)) {
      const index = (slots[slot] ?? 0) - 1;
      if (index < 0 || (network[index] === word && length[index] === bits)) return index;
    }
  };
  for (let index = 0; index < size; ) {
    const bits = lengthFrom(random);
    const word = (0x2000_0000 + random.next() * 0x2000_0000) & (-1 << (32 - bits));
    if (find(word >>> 0, bits) >= 0) continue;
    network[index] = word;
    length[index] = bits;
    let slot = slotOf(word >>> 0, bits, slots.length);
    while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
    slots[slot] = ++index;
  }
  const sets = Array.from({ length: Math.ceil(size / PER_SET) }, () => setFrom(random));
  const setOf = new Uint32Array(size);
  const updates: number[] = [];
  for (let index = 0; index < size; ) {
    updates.push(index);
    const set = random.between(0, sets.length - 1);
    const shareEnd = index - (index % share) + share;
    const end = Math.min(size, shareEnd, index + countFrom(random));
    for (; index < end; index++) setOf[index] = set;
  }
  return {
    size,
    network,
    length,
    setOf,
    sets,
    updates: Uint32Array.from([...updates, size]),
    find,
  };
}

function slotOf(word: number, bits: number, slots: number): number {
  const hash = Math.imul(word ^ (bits << 24), 0x9e37_79b1);
  return ((hash ^ (hash >>> 15)) >>> 0) & (slots - 1);
}

function lengthFrom(random: Random): number {
  let left = random.between(0, 999);
  for (const [bits, share] of LENGTHS) {
    if (left < share) return bits;
    left -= share;
  }
  return 24;
}

/** Prefixes of one UPDATE: 5.5 on average, most of them one or two, some fifty. */
function countFrom(random: Random): number {
  return Math.max(1, Math.min(MOST_PER_UPDATE, Math.ceil(-5.3 * Math.log(1 - random.next()))));
}

function setFrom(random: Random): AttributeSet {
  const hops = random.between(1, 7);
  const asPath = Array.from({ length: hops }, () => random.between(1, 4_199_999_999));
  const count = random.between(0, 4);
  const communities = Array.from({ length: count }, () => random.between(0x0001_0000, 0xfffe_ffff));
  return { asPath, communities };
}
