/** Routes of a family, read a part at a time, and once more where others have changed what IPv6's dump counts on. */

import type { Kernel, Route, RouteDump } from "../../kernel/kernel.ts";

/** IPv6's dump is taken so many times at most. */
const TRIES = 5;

export class Reading {
  readonly #kernel: Kernel;
  #dump: RouteDump | undefined;
  #isShaken = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Each route goes to `take`, after `begin`; a step is a part. Throws `KernelError`. */
  *read(
    filter: Parameters<Kernel["routesInParts"]>[0],
    take: (route: Route) => void,
    begin: () => void = () => {},
  ): Generator<void, void> {
    for (let tries = 1; tries <= TRIES; tries++) {
      this.#isShaken = false;
      begin();
      const dump = this.#kernel.routesInParts(filter);
      this.#dump = dump;
      for (let part = dump.next(); part !== undefined; part = dump.next()) {
        for (const route of part) take(route);
        yield;
      }
      if (!(this.#isShaken && filter.family === 6) && !dump.isTorn) return;
    }
  }

  /** Another has changed something in IPv6's tables. */
  shake(): void {
    this.#isShaken = true;
  }

  /** Break off. */
  end(): void {
    this.#dump?.close();
  }
}
