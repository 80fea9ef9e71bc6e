/**
 * A timer that is cheap to start again: a hold timer restarts with every UPDATE, a keepalive timer
 * with every message sent, and neither may cost a system timer each time.
 */

import type { Clock, Timer } from "../lib/clock.ts";

export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #run: () => void;
  #timer: Timer | undefined;
  /** When `#timer` fires; not later than the deadline. */
  #fires = 0;
  #deadline: number | undefined;

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  get isRunning(): boolean {
    return this.#deadline !== undefined;
  }

  /** Run once, `duration` ms from now; an earlier start is forgotten. */
  start(duration: number): void {
    const deadline = this.#clock.now() + duration;
    this.#deadline = deadline;
    // A timer that fires too early finds the deadline moved and is set again, once per period.
    if (this.#timer === undefined || this.#fires > deadline) this.#arm(duration);
  }

  stop(): void {
    this.#deadline = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(delay: number): void {
    this.#timer?.cancel();
    this.#fires = this.#clock.now() + delay;
    this.#timer = this.#clock.after(delay, () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    if (this.#deadline === undefined) return;
    const left = this.#deadline - this.#clock.now();
    if (left > 0) {
      // Whole milliseconds: a fraction can be too short for the clock to move at all.
      this.#arm(Math.ceil(left));
      return;
    }
    this.#deadline = undefined;
    this.#run();
  }
}
