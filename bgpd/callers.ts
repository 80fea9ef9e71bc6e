/**
 * Whom a speaker that has restarted waits for without knowing them: the neighbours of ranges (RFC 4724 section 4.1).
 *
 * They are given the time in which a peer that lives calls, and each that came within it until it has told its table.
 * Pure but for the clock.
 */

import type { Clock, Timer } from "../lib/clock.ts";

export type CallersOptions = {
  readonly clock: Clock;
  /** Ms from now, within which they call. */
  readonly patience: number;
  /** The range's neighbours have told what they have. */
  readonly onOver: (range: string) => void;
};

export class Callers {
  readonly #options: CallersOptions;
  /** Neighbours that are there and have not told all, by range. */
  readonly #silent: ReadonlyMap<string, Set<string>>;
  readonly #over = new Set<string>();
  readonly #timer: Timer;
  #isPatient = true;

  /** `ranges` by name. */
  constructor(options: CallersOptions, ranges: readonly string[]) {
    const { clock, patience } = options;
    this.#options = options;
    this.#silent = new Map(ranges.map((range) => [range, new Set()]));
    this.#timer = clock.after(patience, () => {
      this.#isPatient = false;
      for (const range of ranges) this.#check(range);
    });
  }

  /** Whether the range's neighbours are waited for. */
  expects(range: string): boolean {
    return this.#silent.has(range) && !this.#over.has(range);
  }

  /** A neighbour has a session. True when it is waited for from now on. */
  up(range: string, name: string): boolean {
    if (!this.#isPatient || !this.expects(range)) return false;
    this.#silent.get(range)?.add(name);
    return true;
  }

  /** A neighbour has told its whole table, or has none any more to tell. */
  done(name: string): void {
    for (const [range, silent] of this.#silent) if (silent.delete(name)) this.#check(range);
  }

  /** Nobody is waited for any more. */
  cancel(): void {
    this.#timer.cancel();
  }

  #check(range: string): void {
    if (this.#isPatient || !this.expects(range)) return;
    if ((this.#silent.get(range)?.size ?? 0) > 0) return;
    this.#over.add(range);
    this.#options.onOver(range);
  }
}
