/**
 * Routes of ours that stay behind where the metric of a family has become another: they carry the traffic until those
 * that take their place are there, and go then.
 */

import type { Kernel, Request } from "../../kernel/kernel.ts";
import type { Family } from "../../lib/address.ts";

const BATCH = 512;

export class Behind {
  readonly #metrics: Readonly<Record<Family, Set<number>>> = { 4: new Set(), 6: new Set() };
  /** What is still to be sent; undefined before anybody has looked. */
  #requests: Request[] | undefined;

  /** From now on the family's routes have another metric than `before`. */
  leave(family: Family, before: number, after: number): void {
    this.#metrics[family].add(before);
    this.#metrics[family].delete(after);
    this.#requests = undefined;
  }

  /** Whether routes of the family with this metric stay behind. */
  has(family: Family, metric: number): boolean {
    return this.#metrics[family].has(metric);
  }

  get isEmpty(): boolean {
    return this.#metrics[4].size === 0 && this.#metrics[6].size === 0;
  }

  /** Take them out of the kernel, until it `isTime`; false where it had no room, and nobody knows which are left. */
  remove(
    kernel: Kernel,
    place: { readonly protocol: number; readonly table: number },
    isTime: () => boolean,
  ): boolean {
    const requests = this.#requests ?? this.#find(kernel, place);
    this.#requests = requests;
    while (requests.length > 0) {
      const outcomes = kernel.applyAll(requests.splice(0, BATCH));
      if (outcomes.some((error) => error?.code === "ENOBUFS")) {
        this.#requests = undefined;
        return false;
      }
      if (isTime()) break;
    }
    if (requests.length > 0) return true;
    for (const family of [4, 6] as const) this.#metrics[family].clear();
    this.#requests = undefined;
    return true;
  }

  #find(
    kernel: Kernel,
    { protocol, table }: { readonly protocol: number; readonly table: number },
  ): Request[] {
    return kernel
      .routes({ protocol })
      .filter((route) => route.table === table)
      .filter(({ destination, metric }) => this.#metrics[destination.family].has(metric))
      .map(({ destination, metric }) => {
        const route = { destination, table, protocol, metric };
        return { type: "delete route", route };
      });
  }
}
