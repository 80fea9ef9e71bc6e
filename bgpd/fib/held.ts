/** What came while an answer of the kernel's was waited for, and is done after it, as where nobody has to wait. */

import type { KernelEvent } from "../../kernel/kernel.ts";

/** Where more events come, nobody goes through them. */
const MOST = 10_000;

export type Release = {
  /** In their order; "too many": all has to be compared. */
  readonly events: readonly KernelEvent[] | "too many";
  /** Objects are to be looked for. */
  readonly isInspection: boolean;
};

export class Held {
  #events: KernelEvent[] = [];
  #isInspection = false;

  hear(event: KernelEvent): void {
    if (this.#events.length <= MOST) this.#events.push(event);
  }

  inspect(): void {
    this.#isInspection = true;
  }

  /** Everything is going to be read: what was told before is older. */
  forgetEvents(): void {
    this.#events = [];
  }

  /** All of it; then nothing is held. */
  release(): Release {
    const [events, isInspection] = [this.#events, this.#isInspection];
    this.#events = [];
    this.#isInspection = false;
    return { events: events.length > MOST ? "too many" : events, isInspection };
  }
}
