/**
 * Routes of ours that stay behind where the metric of a family has become another: they carry the traffic until those
 * that take their place are there, and go then.
 */

import type { Kernel, RoutingRequest } from "../../kernel/kernel.ts";
import type { Family } from "../../lib/address.ts";
import type { Courier, Outcomes } from "./courier.ts";

const BATCH = 512;
/** Where somebody changes routes all the time, some may be left. */
const MOST_LOOKS = 5;

type Place = { readonly protocol: number; readonly table: number };

/** Others may have their turns; "waiting": an answer is still to come, and nothing else may be sent. */
type Step = "waiting" | "working";

export class Behind {
  readonly #metrics: Readonly<Record<Family, Set<number>>> = { 4: new Set(), 6: new Set() };
  /** The removal that is under way. */
  #steps: Generator<Step, "removed" | "no room"> | undefined;
  /** Other metrics than those it removes stay behind since. */
  #isOutdated = false;

  /** From now on the family's routes have another metric than `before`. */
  leave(family: Family, before: number, after: number): void {
    this.#metrics[family].add(before);
    this.#metrics[family].delete(after);
    this.#isOutdated = this.#steps !== undefined;
  }

  /** Whether routes of the family with this metric stay behind. */
  has(family: Family, metric: number): boolean {
    return this.#metrics[family].has(metric);
  }

  get isEmpty(): boolean {
    return this.#metrics[4].size === 0 && this.#metrics[6].size === 0;
  }

  /** Take them out of the kernel, until it `isTime`; false where it had no room, and nobody knows which are left. */
  *remove(
    kernel: Kernel,
    courier: Courier,
    place: Place,
    isTime: () => boolean,
  ): Generator<void, boolean> {
    if (this.#isOutdated) this.#steps?.return("removed");
    if (this.#isOutdated || this.#steps === undefined) {
      this.#steps = this.#removal(kernel, courier, place);
    }
    this.#isOutdated = false;
    for (;;) {
      const step = this.#steps.next();
      if (step.done === true) {
        this.#steps = undefined;
        if (step.value === "no room") return false;
        if (this.#isOutdated) return true;
        for (const family of [4, 6] as const) this.#metrics[family].clear();
        return true;
      }
      if (step.value === "waiting") yield;
      else if (this.#isOutdated || isTime()) return true;
    }
  }

  /** Until a look finds none: a dump of IPv6 that others change meanwhile may miss some. */
  *#removal(
    kernel: Kernel,
    courier: Courier,
    place: Place,
  ): Generator<Step, "removed" | "no room"> {
    for (let looks = 0, isAgain = true; isAgain && looks < MOST_LOOKS; looks++) {
      const requests: RoutingRequest[] = [];
      isAgain = false;
      for (const family of [4, 6] as const) {
        if (this.#metrics[family].size === 0) continue;
        const isTorn = yield* this.#find(kernel, { ...place, family }, requests);
        isAgain ||= isTorn;
      }
      for (let at = 0; at < requests.length; at += BATCH) {
        const outcomes = yield* this.#sent(courier, requests.slice(at, at + BATCH));
        if (outcomes.some((error) => error?.code === "ENOBUFS")) return "no room";
        isAgain ||= outcomes.includes(undefined);
        yield "working";
      }
    }
    return "removed";
  }

  *#sent(courier: Courier, requests: readonly RoutingRequest[]): Generator<Step, Outcomes> {
    const sending = courier.send(requests);
    for (;;) {
      const { done, value } = sending.next();
      if (done === true) return value;
      yield "waiting";
    }
  }

  /** What is to be removed is put into `requests`; true where the dump may have missed some. */
  *#find(
    kernel: Kernel,
    place: Place & { readonly family: Family },
    requests: RoutingRequest[],
  ): Generator<Step, boolean> {
    const { family, table, protocol } = place;
    const dump = kernel.routesInParts(place);
    try {
      for (let part = dump.next(); part !== undefined; part = dump.next()) {
        for (const { destination, metric } of part) {
          if (!this.#metrics[family].has(metric)) continue;
          requests.push({ type: "delete route", route: { destination, table, protocol, metric } });
        }
        yield "working";
      }
      return dump.isTorn;
    } finally {
      dump.close();
    }
  }
}
