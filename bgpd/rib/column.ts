/**
 * A column of 32-bit integers that grows by doubling and reads -1 where nothing was written.
 *
 * One more than the value is stored, so that memory that nobody has touched reads -1 by itself.
 */
export class Column {
  #values: Int32Array;

  constructor(capacity = 1024) {
    this.#values = new Int32Array(capacity);
  }

  get(index: number): number {
    return ((this.#values[index] ?? 0) - 1) | 0;
  }

  set(index: number, value: number): void {
    if (index >= this.#values.length) this.#grow(index);
    this.#values[index] = value + 1;
  }

  #grow(index: number): void {
    let capacity = this.#values.length;
    while (capacity <= index) capacity *= 2;
    const larger = new Int32Array(capacity);
    larger.set(this.#values);
    this.#values = larger;
  }
}
