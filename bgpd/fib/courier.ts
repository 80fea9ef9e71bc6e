/**
 * What the FIB tells the kernel. Where many routes are, one request may take Linux a second: it makes its table of IPv4
 * twice as large, or removes every route over an object. So another thread tells it, and whoever sends has his turns
 * meanwhile; handing over costs 50 µs, which little work is not worth.
 */

import type { Kernel, KernelError, RoutingRequest, Undertaking } from "../../kernel/kernel.ts";

/** Where there are no more routes, none of Linux's requests takes more than some tens of milliseconds. */
const FEW = 1 << 15;
/** How long an answer is waited for before others have their turns, ms: a batch mostly takes less. */
const PATIENCE = 2;

/** What became of each request; undefined where it succeeded. */
export type Outcomes = readonly (KernelError | undefined)[];

export class Courier {
  readonly #kernel: Kernel;
  readonly #count: () => number;
  readonly #few: number;

  /** `count`: how many routes there are; with no more than `few` it waits for each answer. */
  constructor(kernel: Kernel, count: () => number, few = FEW) {
    this.#kernel = kernel;
    this.#count = count;
    this.#few = few;
  }

  /** Send, and come to the outcomes: with every step that is none, others may have their turns. One at a time. */
  *send(requests: readonly RoutingRequest[]): Generator<void, Outcomes> {
    if (this.#count() <= this.#few) return this.#kernel.applyAll(requests);
    const undertaking: Undertaking = this.#kernel.applyLater(requests);
    for (;;) {
      const outcomes = undertaking.outcomes(PATIENCE);
      if (outcomes !== undefined) return outcomes;
      yield;
    }
  }
}
