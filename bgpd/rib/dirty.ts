/**
 * Prefixes that wait for a decision, each once, in the order in which they changed.
 */

import { Column } from "./column.ts";

const WAITING = 1;
const CLEAN = 0;
/** Taken entries are cut off when this many have gathered. */
const TAKEN = 65_536;

export class Dirty {
  readonly #state = new Column();
  #queue: number[] = [];
  #next = 0;

  get isEmpty(): boolean {
    return this.#next === this.#queue.length;
  }

  /** How many wait. */
  get size(): number {
    return this.#queue.length - this.#next;
  }

  add(prefix: number): void {
    if (this.#state.get(prefix) === WAITING) return;
    this.#state.set(prefix, WAITING);
    this.#queue.push(prefix);
  }

  has(prefix: number): boolean {
    return this.#state.get(prefix) === WAITING;
  }

  /** The next prefix, or undefined when none waits. */
  take(): number | undefined {
    const prefix = this.#queue[this.#next];
    if (prefix === undefined) return undefined;
    this.#next++;
    this.#state.set(prefix, CLEAN);
    if (this.isEmpty) {
      this.#queue = [];
      this.#next = 0;
    } else if (this.#next === TAKEN) {
      this.#queue = this.#queue.slice(TAKEN);
      this.#next = 0;
    }
    return prefix;
  }
}
