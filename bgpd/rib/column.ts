/**
 * A column of 32-bit integers that grows by doubling and reads -1 where nothing was written.
 *
 * It keeps complements: what was never written is 0, so that a larger array is as it should be without being filled.
 */
export class Column {
  #complements: Int32Array;

  constructor(capacity = 1024) {
    this.#complements = new Int32Array(capacity);
  }

  get(index: number): number {
    return ~(this.#complements[index] ?? 0);
  }

  set(index: number, value: number): void {
    if (index >= this.#complements.length) this.#grow(index);
    this.#complements[index] = ~value;
  }

  #grow(index: number): void {
    let capacity = this.#complements.length;
    while (capacity <= index) capacity *= 2;
    const larger = new Int32Array(capacity);
    larger.set(this.#complements);
    this.#complements = larger;
  }
}
