/**
 * Entries by their octets: a hash table that is asked with octets where they lie, so that asking makes no key.
 *
 * Open addressing. The octets are the peers' to choose, so the hash has two lanes with secret multipliers: the top bit
 * of a word goes through a multiplication as it is, whatever by, and is in the middle of the other lane's word.
 */

const FIRST_CAPACITY = 1024;
/** Of a word's octets, whether the first is the lowest. */
const IS_LITTLE = new Int8Array(Int32Array.of(1).buffer)[0] === 1;

export type Indexed = { readonly id: number; readonly bytes: Uint8Array; readonly hash: number };

export class ByteIndex<Entry extends Indexed> {
  readonly #secrets = crypto.getRandomValues(new Int32Array(4)).map((secret) => secret | 1);
  readonly #byId: readonly (Entry | undefined)[];
  /** Number + 1, or 0; twice the entries at least, so that probes stay short. */
  #slots = new Int32Array(FIRST_CAPACITY);
  /** Of the entries in the slots: no entry is looked at whose hash is another. */
  #hashes = new Int32Array(FIRST_CAPACITY);
  size = 0;

  /** Over entries that are in `byId` for as long as they are in here. */
  constructor(byId: readonly (Entry | undefined)[]) {
    this.#byId = byId;
  }

  /** Of the first `length` octets in these words, which are those of the machine. */
  hash(words: Int32Array, length: number): number {
    const [one = 1, other = 1, by = 1, otherBy = 1] = this.#secrets;
    let a = one ^ length;
    let b = other;
    const whole = length >>> 2;
    const left = length & 3;
    for (let at = 0; at <= whole; at++) {
      let word = words[at] ?? 0;
      if (at === whole) {
        if (left === 0) break;
        // Behind the end is what belongs to nobody.
        const surplus = 32 - 8 * left;
        word = IS_LITTLE ? word << surplus : word >>> surplus;
      }
      a = Math.imul(a ^ word, by);
      a ^= a >>> 15;
      b = Math.imul(b ^ ((word << 16) | (word >>> 16)), otherBy);
      b ^= b >>> 15;
    }
    return a ^ Math.imul(b, one);
  }

  /** The entry of the first `length` octets, whose hash is given; undefined when there is none. */
  find(bytes: Uint8Array, length: number, hash: number): Entry | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot] ?? 0;
      if (number === 0) return undefined;
      if (this.#hashes[slot] !== hash) continue;
      const entry = this.#byId[number - 1];
      if (entry !== undefined && isSame(entry.bytes, bytes, length)) return entry;
    }
  }

  /** Put in an entry that is not there. */
  add({ id, hash }: Entry): void {
    if (2 * this.size >= this.#slots.length) this.#grow();
    this.size++;
    this.#place(id + 1, hash);
  }

  /** Take out an entry that is there. */
  remove({ id, hash }: Entry): void {
    const slots = this.#slots;
    const hashes = this.#hashes;
    const mask = slots.length - 1;
    let hole = hash & mask;
    while (slots[hole] !== id + 1) hole = (hole + 1) & mask;
    // Backward shift: entries behind the hole move up, so that no tombstone is needed.
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = (hashes[slot] ?? 0) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = slots[slot] ?? 0;
      hashes[hole] = hashes[slot] ?? 0;
      hole = slot;
    }
    slots[hole] = 0;
    this.size--;
  }

  *entries(): Generator<Entry> {
    for (const entry of this.#byId) if (entry !== undefined) yield entry;
  }

  #place(number: number, hash: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = number;
    this.#hashes[slot] = hash;
  }

  #grow(): void {
    const slots = this.#slots;
    const hashes = this.#hashes;
    this.#slots = new Int32Array(2 * slots.length);
    this.#hashes = new Int32Array(2 * slots.length);
    for (let slot = 0; slot < slots.length; slot++) {
      const number = slots[slot] ?? 0;
      if (number !== 0) this.#place(number, hashes[slot] ?? 0);
    }
  }
}

function isSame(own: Uint8Array, bytes: Uint8Array, length: number): boolean {
  if (own.length !== length) return false;
  for (let at = 0; at < length; at++) if (own[at] !== bytes[at]) return false;
  return true;
}
