/**
 * Dumps of the in-memory kernel that are taken in parts, each of which is what the table held when the one before was
 * taken, as Linux fills its next message when one is read.
 *
 * Between two parts Linux keeps the destination that it has come to in IPv4's table (fib_table_dump), and in IPv6's how
 * many routes it has passed, once another has changed something (fib6_dump_table): there one is missed when another
 * before it goes.
 */

import type { Family } from "../lib/address.ts";
import type { Route, RouteDump } from "./kernel.ts";
import { showRoute } from "./memory-route.ts";
import type { MemoryNamespace } from "./memory-state.ts";

export type MemoryDumpOptions = {
  readonly namespace: MemoryNamespace;
  readonly family: Family;
  /** Any when undefined, as `protocol`. */
  readonly table: number | undefined;
  readonly protocol: number | undefined;
  /** Routes of a part. */
  readonly size: number;
};

export function dumpInParts(options: MemoryDumpOptions): RouteDump {
  return new MemoryDump(options);
}

class MemoryDump implements RouteDump {
  readonly isTorn = false;
  readonly #options: MemoryDumpOptions;
  /** The last that was passed, and how many were. */
  #last: Route | undefined;
  #passed = 0;
  #ahead: Route[] | undefined;

  constructor(options: MemoryDumpOptions) {
    this.#options = options;
    this.#ahead = this.#fill();
  }

  next(): Route[] | undefined {
    const part = this.#ahead;
    if (part !== undefined) this.#ahead = this.#fill();
    return part;
  }

  close(): void {
    this.#ahead = undefined;
  }

  /** Undefined where nothing is left. */
  #fill(): Route[] | undefined {
    const { namespace, family, table, protocol, size } = this.#options;
    const all = [...namespace.routes]
      .filter((route) => route.destination.family === family)
      .filter((route) => table === undefined || route.table === table)
      .sort(compareRoutes);
    const last = this.#last;
    const first =
      last === undefined
        ? 0
        : family === 6
          ? this.#passed
          : all.filter((route) => compareRoutes(route, last) <= 0).length;
    let end = Math.min(first + size, all.length);
    // What is equal to it is at the same place.
    while (end < all.length && compareRoutes(all[end] as Route, all[end - 1] as Route) === 0) end++;
    const part = all.slice(first, end);
    if (part.length === 0) return undefined;
    this.#last = part.at(-1);
    this.#passed = first + part.length;
    return part
      .filter((route) => protocol === undefined || route.protocol === protocol)
      .map((route) => showRoute(namespace, route));
  }
}

/** The order of a table: tables, then destinations, then metrics. */
function compareRoutes(a: Route, b: Route): number {
  const words = ({ table, destination: { w0, w1, w2, w3, length }, metric }: Route): number[] => [
    table,
    w0,
    w1,
    w2,
    w3,
    length,
    metric,
  ];
  const other = words(b);
  for (const [index, word] of words(a).entries()) {
    const difference = word - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
