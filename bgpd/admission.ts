/**
 * How many connections somebody may open: some at once, then one now and then. Who opens more is not
 * answered, so that a flood of them costs neither memory nor time.
 */

export class Admission {
  readonly #burst: number;
  readonly #interval: number;
  #left: number;
  /** When `#left` was right, in ms. */
  #counted: number;

  /** `burst` at once, and one more each `interval` ms. */
  constructor(burst: number, interval: number, now: number) {
    this.#burst = burst;
    this.#interval = interval;
    this.#left = burst;
    this.#counted = now;
  }

  /** Whether one more may come at `now`. */
  admit(now: number): boolean {
    const earned = (now - this.#counted) / this.#interval;
    this.#left = Math.min(this.#burst, this.#left + earned);
    this.#counted = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
