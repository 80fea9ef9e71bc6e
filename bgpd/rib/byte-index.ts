/**
 * Entries by their octets: a hash table that is asked with octets where they lie, so that asking makes no key.
 *
 * Open addressing; the hash is seeded, for the octets are the peers' to choose.
 */

const FIRST_CAPACITY = 1024;

export type Indexed = { readonly bytes: Uint8Array; readonly hash: number };

export class ByteIndex<Entry extends Indexed> {
  readonly #seed = crypto.getRandomValues(new Int32Array(1))[0] ?? 0;
  /** Twice the entries at least, so that probes stay short. */
  #slots: (Entry | undefined)[] = Array<undefined>(FIRST_CAPACITY).fill(undefined);
  size = 0;

  /** Of the first `length` octets. */
  hash(bytes: Uint8Array, length: number): number {
    let hash = this.#seed ^ length;
    for (let at = 0; at < length; at += 4) {
      // Behind the end there are zeros, or what belongs to nobody: the length tells them apart.
      const word =
        (bytes[at] ?? 0) |
        (at + 1 < length ? (bytes[at + 1] ?? 0) << 8 : 0) |
        (at + 2 < length ? (bytes[at + 2] ?? 0) << 16 : 0) |
        (at + 3 < length ? (bytes[at + 3] ?? 0) << 24 : 0);
      hash = Math.imul(hash ^ word, 0x9e37_79b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  /** The entry of the first `length` octets, whose hash is given; undefined when there is none. */
  find(bytes: Uint8Array, length: number, hash: number): Entry | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot];
      if (entry === undefined) return undefined;
      if (entry.hash === hash && isSame(entry.bytes, bytes, length)) return entry;
    }
  }

  /** Put in an entry that is not there. */
  add(entry: Entry): void {
    if (2 * this.size >= this.#slots.length) this.#grow();
    this.size++;
    place(this.#slots, entry);
  }

  /** Take out an entry that is there. */
  remove(entry: Entry): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = entry.hash & mask;
    while (slots[hole] !== entry) hole = (hole + 1) & mask;
    // Backward shift: entries behind the hole move up, so that no tombstone is needed.
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const other = slots[slot];
      if (other === undefined) break;
      if (((slot - other.hash) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = other;
        hole = slot;
      }
    }
    slots[hole] = undefined;
    this.size--;
  }

  *entries(): Generator<Entry> {
    for (const entry of this.#slots) if (entry !== undefined) yield entry;
  }

  #grow(): void {
    const slots = Array<Entry | undefined>(2 * this.#slots.length).fill(undefined);
    for (const entry of this.entries()) place(slots, entry);
    this.#slots = slots;
  }
}

function place<Entry extends Indexed>(slots: (Entry | undefined)[], entry: Entry): void {
  const mask = slots.length - 1;
  let slot = entry.hash & mask;
  while (slots[slot] !== undefined) slot = (slot + 1) & mask;
  slots[slot] = entry;
}

function isSame(own: Uint8Array, bytes: Uint8Array, length: number): boolean {
  if (own.length !== length) return false;
  for (let at = 0; at < length; at++) if (own[at] !== bytes[at]) return false;
  return true;
}
