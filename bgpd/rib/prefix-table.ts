/**
 * Prefixes of one family to small integers: open addressing over typed arrays, no object per prefix.
 *
 * An index stays the prefix's own until `remove`; freed ones are used again. The columns of other tables
 * (paths, adj-out) are addressed by the same index.
 */

import type { Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import type { PrefixScratch } from "../wire/nlri.ts";

const FIRST_CAPACITY = 1024;
const NONE = -1;

export class PrefixTable {
  readonly family: Family;
  /** Indices are below this; it only grows. */
  capacity = FIRST_CAPACITY;
  size = 0;
  #w0 = new Uint32Array(FIRST_CAPACITY);
  #w1 = new Uint32Array(0);
  #w2 = new Uint32Array(0);
  #w3 = new Uint32Array(0);
  /** 255: free. */
  #length = new Uint8Array(FIRST_CAPACITY).fill(255);
  #free: number[] = [];
  #used = 0;
  /** Index + 1, or 0; twice the capacity at least, so that probes stay short. */
  #slots = new Int32Array(2 * FIRST_CAPACITY);

  constructor(family: Family) {
    this.family = family;
    if (family === 6) {
      this.#w1 = new Uint32Array(FIRST_CAPACITY);
      this.#w2 = new Uint32Array(FIRST_CAPACITY);
      this.#w3 = new Uint32Array(FIRST_CAPACITY);
    }
  }

  /** The prefix's index, or -1. */
  find(prefix: Prefix): number {
    const mask = this.#slots.length - 1;
    for (let slot = this.#hash(prefix) & mask; ; slot = (slot + 1) & mask) {
      const index = (this.#slots[slot] ?? 0) - 1;
      if (index < 0 || this.#is(index, prefix)) return index;
    }
  }

  /** The prefix's index, which it gets now if it has none. The prefix may be a scratch record. */
  insert(prefix: Prefix): number {
    const known = this.find(prefix);
    if (known !== NONE) return known;
    if (this.#free.length === 0 && this.#used === this.capacity) this.#grow();
    const index = this.#free.pop() ?? this.#used++;
    this.#w0[index] = prefix.w0;
    if (this.family === 6) {
      this.#w1[index] = prefix.w1;
      this.#w2[index] = prefix.w2;
      this.#w3[index] = prefix.w3;
    }
    this.#length[index] = prefix.length;
    this.size++;
    this.#place(index, this.#hash(prefix));
    return index;
  }

  /** Forget the prefix of an index in use. */
  remove(index: number): void {
    const mask = this.#slots.length - 1;
    const scratch = this.read(index, {
      family: this.family,
      w0: 0,
      w1: 0,
      w2: 0,
      w3: 0,
      length: 0,
    });
    let hole = this.#hash(scratch) & mask;
    while (this.#slots[hole] !== index + 1) hole = (hole + 1) & mask;
    // Backward shift: entries behind the hole move up, so that no tombstone is needed.
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const other = (this.#slots[slot] ?? 0) - 1;
      if (other < 0) break;
      const home = this.#hash(this.read(other, scratch)) & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        this.#slots[hole] = other + 1;
        hole = slot;
      }
    }
    this.#slots[hole] = 0;
    this.#length[index] = 255;
    this.#free.push(index);
    this.size--;
  }

  /** Write the prefix of an index into a record, and return that. */
  read(index: number, target: PrefixScratch): PrefixScratch {
    target.w0 = this.#w0[index] ?? 0;
    if (this.family === 6) {
      target.w1 = this.#w1[index] ?? 0;
      target.w2 = this.#w2[index] ?? 0;
      target.w3 = this.#w3[index] ?? 0;
    }
    target.length = this.#length[index] ?? 0;
    return target;
  }

  /** The prefix of an index, as a record of its own. */
  prefix(index: number): Prefix {
    return this.read(index, { family: this.family, w0: 0, w1: 0, w2: 0, w3: 0, length: 0 });
  }

  /** Every index in use, in no order. */
  *indices(): Generator<number> {
    for (let index = 0; index < this.#used; index++) if (this.#length[index] !== 255) yield index;
  }

  #is(index: number, { w0, w1, w2, w3, length }: Prefix): boolean {
    if (this.#w0[index] !== w0 || this.#length[index] !== length) return false;
    return (
      this.family === 4 ||
      (this.#w1[index] === w1 && this.#w2[index] === w2 && this.#w3[index] === w3)
    );
  }

  #hash({ w0, w1, w2, w3, length }: Prefix): number {
    let hash = Math.imul(w0 ^ (length << 24), 0x9e37_79b1);
    if (this.family === 6) {
      hash = Math.imul(hash ^ w1, 0x85eb_ca77);
      hash = Math.imul(hash ^ w2, 0xc2b2_ae3d);
      hash = Math.imul(hash ^ w3, 0x27d4_eb2f);
    }
    return (hash ^ (hash >>> 15)) >>> 0;
  }

  #place(index: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = index + 1;
  }

  #grow(): void {
    this.capacity *= 2;
    this.#w0 = grown(this.#w0, this.capacity);
    if (this.family === 6) {
      this.#w1 = grown(this.#w1, this.capacity);
      this.#w2 = grown(this.#w2, this.capacity);
      this.#w3 = grown(this.#w3, this.capacity);
    }
    const length = new Uint8Array(this.capacity).fill(255);
    length.set(this.#length);
    this.#length = length;
    this.#slots = new Int32Array(2 * this.capacity);
    const scratch = this.prefix(0);
    for (const index of this.indices()) this.#place(index, this.#hash(this.read(index, scratch)));
  }
}

function grown(column: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(capacity);
  larger.set(column);
  return larger;
}
