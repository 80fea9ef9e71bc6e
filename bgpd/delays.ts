/**
 * How long a change takes to get through the daemon, measured once per batch and not per route.
 *
 * Work comes in batches: UPDATEs arrive, the RIB decides in slices, the FIB tells the kernel in slices. A
 * batch is marked with the time of its oldest change, the mark goes from stage to stage, and when the
 * last stage has nothing pending, what the mark says is counted. So each figure is that of the change
 * that waited longest, and costs one look at the clock however many routes came with it.
 *
 * Pure but for the time that it is given. Milliseconds in, seconds in the histograms.
 */

import type { Family } from "../lib/address.ts";
import { createHistogram, observe } from "../lib/histogram.ts";
import type { BestChange } from "./rib/route.ts";

/** Upper bounds in seconds: from one slice of work to the longest deadline of a start. */
const BOUNDS = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25],
  ...[0.5, 1, 2.5, 5, 10, 30, 60, 120],
];

/** How a turn of the daemon's work ended. */
export type Turn = {
  /** The RIB has more to decide. */
  readonly deciding: boolean;
  /** The FIB has more to tell the kernel. */
  readonly installing: boolean;
  /** Routes that the kernel has taken since the start; undefined without a FIB. */
  readonly installs: number | undefined;
};

export class Delays {
  /** A block of ours published → the first UPDATE with it handed to a session. */
  readonly announcement = createHistogram(BOUNDS);
  /** An UPDATE read → its route in the kernel. */
  readonly installation = createHistogram(BOUNDS);
  /** A session with routes in use lost → none of them in use any more, nor in the kernel. */
  readonly removal = createHistogram(BOUNDS);
  readonly #now: () => number;
  #published: number | undefined;
  /** The slice under way has chosen a route of ours: what is sent of that family tells of it. */
  #telling: Family | undefined;
  /** Marks of what the RIB has not decided, and of what it has. */
  #received: number | undefined;
  #decided: number | undefined;
  #lost: number | undefined;
  #leaving: number | undefined;
  /** Installs before the batch. */
  #installs = 0;

  /** `now` in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Prefixes of ours were put into the RIB. */
  published(): void {
    this.#published ??= this.#now();
  }

  /** What a slice of decisions has changed of one prefix, before any of it is sent. */
  chosen({ prefix, best }: BestChange): void {
    if (this.#published !== undefined && best?.source === "local") this.#telling = prefix.family;
  }

  /** An UPDATE of a family was handed to a session. */
  sent(family: Family): void {
    if (this.#telling !== family || this.#published === undefined) return;
    observe(this.announcement, (this.#now() - this.#published) / 1000);
    this.#published = undefined;
  }

  /** An UPDATE was read. */
  received(): void {
    this.#received ??= this.#now();
  }

  /** A session whose routes were in use is over. */
  lost(): void {
    this.#lost ??= this.#now();
  }

  /** A slice of decisions and a slice of installing are behind us. */
  turned({ deciding, installing, installs = this.#installs }: Turn): void {
    // Who was to be told has been: a session that comes up later gets its table, not this announcement.
    if (this.#telling !== undefined || !deciding) this.#published = undefined;
    this.#telling = undefined;
    if (!deciding) {
      this.#decided ??= this.#received;
      this.#leaving ??= this.#lost;
      this.#received = undefined;
      this.#lost = undefined;
    }
    if (!installing) {
      if (this.#decided !== undefined && installs !== this.#installs) {
        observe(this.installation, (this.#now() - this.#decided) / 1000);
        this.#installs = installs;
      }
      if (this.#leaving !== undefined) observe(this.removal, (this.#now() - this.#leaving) / 1000);
      this.#decided = undefined;
      this.#leaving = undefined;
    }
    if (this.#received === undefined && this.#decided === undefined) this.#installs = installs;
  }
}
