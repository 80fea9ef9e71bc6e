/**
 * A column of 32-bit integers that grows and reads -1 where nothing was written.
 *
 * It grows by chunks, which stay where they are: a table that doubled by copying would stand still for that, all of its
 * columns at once. Only the first chunk doubles, so that a small table is small.
 *
 * It keeps complements: what was never written is 0, so that a larger array is as it should be without being filled.
 */

const BITS = 16;
const CHUNK = 1 << BITS;
const MASK = CHUNK - 1;
const FIRST = 1024;

export class Column {
  readonly #chunks: (Int32Array | undefined)[] = [];

  get(index: number): number {
    const chunk = this.#chunks[index >>> BITS];
    return chunk === undefined ? -1 : ~(chunk[index & MASK] ?? 0);
  }

  set(index: number, value: number): void {
    const chunk = this.#chunks[index >>> BITS];
    const at = index & MASK;
    if (chunk === undefined || at >= chunk.length) this.#room(index)[at] = ~value;
    else chunk[at] = ~value;
  }

  /** As if nothing had been written. */
  clear(): void {
    this.#chunks.length = 0;
  }

  /** A chunk with room for the index, which has none yet. */
  #room(index: number): Int32Array {
    const chunks = this.#chunks;
    const number = index >>> BITS;
    while (chunks.length <= number) chunks.push(undefined);
    const before = chunks[number];
    let length = number === 0 ? FIRST : CHUNK;
    while (length <= (index & MASK)) length *= 2;
    const chunk = new Int32Array(length);
    if (before !== undefined) chunk.set(before);
    chunks[number] = chunk;
    return chunk;
  }
}
