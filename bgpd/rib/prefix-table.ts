/**
 * Prefixes of one family to small integers: open addressing over typed arrays, no object per prefix.
 *
 * An index stays the prefix's own until `remove`; freed ones are used again. The columns of other tables
 * (paths, adj-out) are addressed by the same index.
 *
 * A prefix that is removed keeps its place and finds its index there if it comes back, as those that flap do. When all
 * places are taken they are given anew, to those that are left, and there are more of them unless more have gone than
 * are left. So neither coming nor going moves another. Places are given a few at a time, as prefixes come, and until all
 * have theirs the old ones count too: no table is so large that one prefix more would take long.
 */

import type { Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import { createScratch, type PrefixScratch } from "../wire/nlri.ts";
import { Column } from "./column.ts";

/** Twice the indices at least, so that probes stay short. */
const FIRST_SLOTS = 2048;
const NONE = -1;
/** States of an index. */
const FREE = 0;
const LIVE = 1;
const GONE = 2;
/** Times as many places when there is no room left: a prefix changes its place a third of a time, on average. */
const GROWTH = 4;
/** So many are given their places anew with each that comes. */
const STEP = 8;
/** The prefix length, and above it the state. */
const LENGTH_BITS = 8;
const LENGTH = 2 ** LENGTH_BITS - 1;
/** A slot is 0, or an index + 1 with bits of the hash above it, which tell most others apart without a look. */
const INDEX_BITS = 27;
const INDEX = 2 ** INDEX_BITS - 1;

export class PrefixTable {
  readonly family: Family;
  size = 0;
  readonly #w0 = new Column();
  readonly #w1 = new Column();
  readonly #w2 = new Column();
  readonly #w3 = new Column();
  /** Length and state in one. */
  readonly #lengths = new Column();
  #free: number[] = [];
  #used = 0;
  #gone = 0;
  /** While places are given anew: the old ones, of the indices from `#moved` to `#end`. */
  #old: Int32Array | undefined;
  #moved = 0;
  #end = 0;
  /** Free indices among those to be moved that came to be used meanwhile: they have new places already. */
  #early = new Set<number>();
  readonly #scratch: PrefixScratch;
  /** Prefixes are the peers' to choose: nobody else knows which share a place. */
  readonly #seed = secret();
  readonly #multiplier = secret() | 1;
  #slots = new Int32Array(FIRST_SLOTS);

  constructor(family: Family) {
    this.family = family;
    this.#scratch = createScratch(family);
  }

  /** Indices are below this. */
  get capacity(): number {
    return this.#used;
  }

  /** The prefix's index, or -1. */
  find(prefix: Prefix): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const hash = this.#hash(prefix);
    const tag = hash >>> INDEX_BITS;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] ?? 0;
      if (entry === 0) break;
      if (entry >>> INDEX_BITS !== tag) continue;
      const index = (entry & INDEX) - 1;
      if (this.#is(index, prefix)) return this.#stateOf(index) === LIVE ? index : NONE;
    }
    const old = this.#old === undefined ? NONE : this.#findOld(this.#old, prefix, hash);
    return old !== NONE && this.#stateOf(old) === LIVE ? old : NONE;
  }

  /** The prefix's index, which it gets now if it has none. The prefix may be a scratch record. */
  insert(prefix: Prefix): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const hash = this.#hash(prefix);
    const tag = hash >>> INDEX_BITS;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] ?? 0;
      if (entry === 0) return this.#add(prefix, hash, slot);
      if (entry >>> INDEX_BITS !== tag) continue;
      const index = (entry & INDEX) - 1;
      if (!this.#is(index, prefix)) continue;
      this.#revive(index);
      return index;
    }
  }

  /** Forget the prefix of an index in use. */
  remove(index: number): void {
    this.#setState(index, GONE);
    this.#gone++;
    this.size--;
    if (this.size === 0 && this.#slots.length > FIRST_SLOTS) this.#clear();
  }

  /** Write the prefix of an index into a record, and return that. */
  read(index: number, target: PrefixScratch): PrefixScratch {
    target.w0 = this.#w0.get(index) >>> 0;
    if (this.family === 6) {
      target.w1 = this.#w1.get(index) >>> 0;
      target.w2 = this.#w2.get(index) >>> 0;
      target.w3 = this.#w3.get(index) >>> 0;
    }
    target.length = this.#lengths.get(index) & LENGTH;
    return target;
  }

  /** The prefix of an index, as a record of its own. */
  prefix(index: number): Prefix {
    return this.read(index, { family: this.family, w0: 0, w1: 0, w2: 0, w3: 0, length: 0 });
  }

  /** The next index in use behind one, or behind -1 the first; -1 behind the last. In no order of prefixes. */
  after(index: number): number {
    for (let next = index + 1; next < this.#used; next++) {
      if (this.#stateOf(next) === LIVE) return next;
    }
    return NONE;
  }

  /** Every index in use. */
  *indices(): Generator<number> {
    for (let index = this.after(NONE); index !== NONE; index = this.after(index)) yield index;
  }

  #is(index: number, { w0, w1, w2, w3, length }: Prefix): boolean {
    if (this.#w0.get(index) !== (w0 | 0)) return false;
    if ((this.#lengths.get(index) & LENGTH) !== length) return false;
    return (
      this.family === 4 ||
      (this.#w1.get(index) === (w1 | 0) &&
        this.#w2.get(index) === (w2 | 0) &&
        this.#w3.get(index) === (w3 | 0))
    );
  }

  #stateOf(index: number): number {
    return this.#lengths.get(index) >> LENGTH_BITS;
  }

  #setState(index: number, state: number): void {
    this.#lengths.set(index, (this.#lengths.get(index) & LENGTH) | (state << LENGTH_BITS));
  }

  #hash({ w0, w1, w2, w3, length }: Prefix): number {
    let hash = Math.imul(w0 ^ (length << 24) ^ this.#seed, this.#multiplier);
    if (this.family === 6) {
      hash = Math.imul(hash ^ w1, 0x85eb_ca77);
      hash = Math.imul(hash ^ w2, 0xc2b2_ae3d);
      hash = Math.imul(hash ^ w3, 0x27d4_eb2f);
    }
    return hash ^ (hash >>> 15);
  }

  /** The index whose old place the prefix has, unless it was freed; or NONE. */
  #findOld(slots: Int32Array, prefix: Prefix, hash: number): number {
    const mask = slots.length - 1;
    const tag = hash >>> INDEX_BITS;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] ?? 0;
      if (entry === 0) return NONE;
      if (entry >>> INDEX_BITS !== tag) continue;
      const index = (entry & INDEX) - 1;
      if (this.#is(index, prefix)) return this.#stateOf(index) === FREE ? NONE : index;
    }
  }

  #revive(index: number): void {
    if (this.#stateOf(index) === LIVE) return;
    this.#gone--;
    this.#setState(index, LIVE);
    this.size++;
  }

  /** A prefix that has no new place; where nothing is given anew it is not there, and its place is the empty slot. */
  #add(prefix: Prefix, hash: number, slot: number): number {
    const known = this.#old === undefined ? NONE : this.#findOld(this.#old, prefix, hash);
    if (known !== NONE) {
      this.#revive(known);
      return known;
    }
    if (this.#old !== undefined) this.#move();
    const slots = this.#slots;
    this.#makeRoom();
    const index = this.#free.pop() ?? this.#used++;
    this.#w0.set(index, prefix.w0);
    if (this.family === 6) {
      this.#w1.set(index, prefix.w1);
      this.#w2.set(index, prefix.w2);
      this.#w3.set(index, prefix.w3);
    }
    this.#lengths.set(index, prefix.length | (LIVE << LENGTH_BITS));
    this.size++;
    if (this.#old !== undefined && index >= this.#moved && index < this.#end)
      this.#early.add(index);
    // Others may have come to the empty slot.
    if (slots !== this.#slots || slots[slot] !== 0) this.#place(index, hash);
    else this.#slots[slot] = entryOf(index, hash);
    return index;
  }

  #place(index: number, hash: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = entryOf(index, hash);
  }

  /** For one more index. While places are given anew there is room enough: few come in so many steps. */
  #makeRoom(): void {
    const { length } = this.#slots;
    if (this.#old !== undefined || this.#used - this.#free.length < length / 2) return;
    this.#beginMove(this.#gone > this.size ? length : GROWTH * length);
  }

  /** Give every prefix its place anew, and free the indices of those that have gone. */
  #beginMove(slots: number): void {
    this.#old = this.#slots;
    this.#slots = new Int32Array(slots);
    this.#moved = 0;
    this.#end = this.#used;
    this.#move();
  }

  /** Give a few indices their places. */
  #move(): void {
    const scratch = this.#scratch;
    const end = Math.min(this.#end, this.#moved + STEP);
    for (let index = this.#moved; index < end; index++) {
      const state = this.#early.has(index) ? FREE : this.#stateOf(index);
      if (state === LIVE) this.#place(index, this.#hash(this.read(index, scratch)));
      if (state !== GONE) continue;
      this.#setState(index, FREE);
      this.#gone--;
      this.#free.push(index);
    }
    this.#moved = end;
    if (end === this.#end) this.#endMove();
  }

  /** The old places count no more. */
  #endMove(): void {
    this.#old = undefined;
    this.#early.clear();
  }

  /** Nobody is left: what it has held is given back. */
  #clear(): void {
    for (const column of [this.#w0, this.#w1, this.#w2, this.#w3, this.#lengths]) column.clear();
    this.#slots = new Int32Array(FIRST_SLOTS);
    this.#free = [];
    this.#used = 0;
    this.#gone = 0;
    this.#endMove();
  }
}

function secret(): number {
  return crypto.getRandomValues(new Int32Array(1))[0] ?? 0;
}

function entryOf(index: number, hash: number): number {
  return ((hash >>> INDEX_BITS) << INDEX_BITS) | (index + 1);
}
