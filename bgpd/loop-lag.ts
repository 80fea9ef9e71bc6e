/**
 * How late the event loop turns: a timer that says how much after its time it was called.
 *
 * What it measures is what anything waits that happens at a random instant, a KEEPALIVE or a request. Node's
 * `monitorEventLoopDelay` keeps percentiles since the start, which nobody can take apart by time; a
 * histogram that only grows lets each reader look at the window that he likes.
 */

import type { Clock, Timer } from "../lib/clock.ts";
import { createHistogram, type Histogram, observe } from "../lib/histogram.ts";

/** Between two looks, ms: an idle daemon shall stay idle. */
const PERIOD = 200;

/** Upper bounds in seconds: from what a timer is off by to what a peer notices. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export type LoopLag = {
  /** Seconds. */
  readonly histogram: Histogram;
  /** The last one, in seconds. */
  readonly last: number;
  stop(): void;
};

/** Measure until `stop`. */
export function watchLoop(clock: Clock): LoopLag {
  const histogram = createHistogram(BOUNDS);
  let last = 0;
  let timer: Timer;
  const look = (): void => {
    const due = clock.now() + PERIOD;
    timer = clock.after(PERIOD, () => {
      last = Math.max(0, clock.now() - due) / 1000;
      observe(histogram, last);
      look();
    });
  };
  look();
  return {
    histogram,
    get last() {
      return last;
    },
    stop: () => timer.cancel(),
  };
}
