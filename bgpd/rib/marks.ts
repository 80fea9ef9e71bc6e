/** A set of small numbers, a bit for each. */
export class Marks {
  #words: Uint32Array;

  constructor(words = new Uint32Array(0)) {
    this.#words = words;
  }

  has(number: number): boolean {
    return ((this.#words[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0;
  }

  add(number: number): void {
    const at = number >>> 5;
    if (at >= this.#words.length) {
      const larger = new Uint32Array(Math.max(2 * this.#words.length, at + 1));
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[at] = (this.#words[at] ?? 0) | (1 << (number & 31));
  }

  copy(): Marks {
    return new Marks(this.#words.slice());
  }
}
