/**
 * Prefixes that wait for a decision, each once, in the order in which they changed.
 *
 * The queue is a list of pieces: nothing is moved as it grows and as it is taken from.
 */

import { Column } from "./column.ts";

const WAITING = 1;
const CLEAN = 0;
const PIECE = 4096;

export class Dirty {
  readonly #state = new Column();
  /** The last of them is being filled, the first is being taken from. */
  #pieces: Int32Array[] = [];
  #first = 0;
  #filled = PIECE;
  #taken = 0;
  /** How many wait. */
  size = 0;

  get isEmpty(): boolean {
    return this.size === 0;
  }

  add(prefix: number): void {
    if (this.#state.get(prefix) === WAITING) return;
    this.#state.set(prefix, WAITING);
    if (this.#filled === PIECE) {
      this.#pieces.push(new Int32Array(PIECE));
      this.#filled = 0;
    }
    const last = this.#pieces[this.#pieces.length - 1] as Int32Array;
    last[this.#filled++] = prefix;
    this.size++;
  }

  has(prefix: number): boolean {
    return this.#state.get(prefix) === WAITING;
  }

  /** The next prefix, or undefined when none waits. */
  take(): number | undefined {
    if (this.size === 0) return undefined;
    const prefix = this.#pieces[this.#first]?.[this.#taken++] ?? 0;
    this.#state.set(prefix, CLEAN);
    this.size--;
    if (this.#taken === PIECE) this.#endPiece();
    return prefix;
  }

  /** All of the first piece has been taken. */
  #endPiece(): void {
    this.#taken = 0;
    // The array itself is cut now and then, for that moves what is left of it.
    this.#pieces[this.#first++] = NOTHING;
    if (2 * this.#first < this.#pieces.length) return;
    this.#pieces = this.#pieces.slice(this.#first);
    this.#first = 0;
  }
}

const NOTHING = new Int32Array(0);
