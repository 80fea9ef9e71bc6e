/**
 * How late things happen that were due at an instant: a count in buckets, and the worst.
 */

/** Upper bounds of the buckets in ms; what is later still falls into one more. */
export const LATENESS_BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500] as const;

export type Lateness = {
  readonly count: number;
  /** In ms. */
  readonly sum: number;
  readonly maximum: number;
  /** Events of each bucket, not summed up: one for each bound and one beyond. */
  readonly buckets: readonly number[];
};

/** Collects; reading it gives a copy. */
export class LatenessRecord {
  #sum = 0;
  #maximum = 0;
  readonly #buckets: number[] = new Array(LATENESS_BOUNDS.length + 1).fill(0);

  /** Something due at `due` happens at `now`, both ms. */
  note(due: number, now: number): void {
    const late = Math.max(0, now - due);
    this.#sum += late;
    this.#maximum = Math.max(this.#maximum, late);
    const index = LATENESS_BOUNDS.findIndex((bound) => late <= bound);
    const bucket = index < 0 ? LATENESS_BOUNDS.length : index;
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
  }

  read(): Lateness {
    const buckets = [...this.#buckets];
    const count = buckets.reduce((sum, events) => sum + events, 0);
    return { count, sum: this.#sum, maximum: this.#maximum, buckets };
  }
}
