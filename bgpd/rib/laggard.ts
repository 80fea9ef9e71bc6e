/**
 * A member of an update group whose connection does not take what it is sent: it is sent nothing more, and
 * what it misses is remembered by prefix. However long that lasts and whatever changes meanwhile, it is
 * never more than the prefixes that it knows and those that there are.
 */

import { NONE } from "./path-table.ts";

export class Laggard {
  /** Whether it had been told the prefix before; a prefix that it need not be told of is not in here. */
  readonly #missed = new Map<number, boolean>();

  /** What it would have been told of a prefix goes from one set to another; NONE is nothing. */
  miss(prefix: number, before: number, after: number): void {
    if (before === after) return;
    const wasTold = this.#missed.get(prefix) ?? before !== NONE;
    if (after === NONE && !wasTold) this.#missed.delete(prefix);
    else this.#missed.set(prefix, wasTold);
  }

  misses(prefix: number): boolean {
    return this.#missed.has(prefix);
  }

  /** The prefixes that have changed for it. */
  get prefixes(): Iterable<number> {
    return this.#missed.keys();
  }
}
