/** A column of 32-bit integers that grows by doubling and reads -1 where nothing was written. */
export class Column {
  #values: Int32Array;

  constructor(capacity = 1024) {
    this.#values = new Int32Array(capacity).fill(-1);
  }

  get(index: number): number {
    return this.#values[index] ?? -1;
  }

  set(index: number, value: number): void {
    if (index >= this.#values.length) this.#grow(index);
    this.#values[index] = value;
  }

  #grow(index: number): void {
    let capacity = this.#values.length;
    while (capacity <= index) capacity *= 2;
    const larger = new Int32Array(capacity).fill(-1);
    larger.set(this.#values);
    this.#values = larger;
  }
}
