/**
 * A member of an update group whose connection does not take what it is sent: it is sent nothing more, and
 * what it misses is remembered by route: a prefix, or with ADD-PATH a path. However long that lasts and whatever
 * changes meanwhile, it is never more than the routes that it knows and those that there are.
 */

import { NONE } from "./path-table.ts";

export class Laggard {
  /** Whether it had been told the route before; one that it need not be told of is not in here. */
  readonly #missed = new Map<number, boolean>();

  /** What it would have been told of a route goes from one set to another; NONE is nothing. */
  miss(number: number, before: number, after: number): void {
    if (before === after) return;
    const wasTold = this.#missed.get(number) ?? before !== NONE;
    if (after === NONE && !wasTold) this.#missed.delete(number);
    else this.#missed.set(number, wasTold);
  }

  misses(number: number): boolean {
    return this.#missed.has(number);
  }

  /** The routes that have changed for it. */
  get numbers(): Iterable<number> {
    return this.#missed.keys();
  }
}
