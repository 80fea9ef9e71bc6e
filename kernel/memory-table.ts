/** The in-memory kernel's routes of one namespace: by table and destination, lowest metric first. */

import { type Address, bitsOf } from "../lib/address.ts";
import { formatPrefix, type Prefix, prefixOf } from "../lib/prefix.ts";
import type { Route } from "./kernel.ts";

export class RouteTable {
  readonly #byKey = new Map<string, Route[]>();

  *[Symbol.iterator](): Generator<Route> {
    for (const routes of this.#byKey.values()) yield* routes;
  }

  /** Routes to exactly this destination. */
  at(table: number, destination: Prefix): readonly Route[] {
    return this.#byKey.get(keyOf(table, destination)) ?? [];
  }

  /** Routes that hold the address, the most specific first. */
  *covering(table: number, address: Address): Generator<Route> {
    for (let length: number = bitsOf(address.family); length >= 0; length--) {
      yield* this.at(table, prefixOf(address, length));
    }
  }

  /** Put a route behind those of its metric, or in the place of `old`. */
  insert(route: Route, old?: Route): void {
    const key = keyOf(route.table, route.destination);
    const routes = (this.#byKey.get(key) ?? []).map((one) => (one === old ? route : one));
    if (old === undefined) {
      const after = routes.findIndex(({ metric }) => metric > route.metric);
      routes.splice(after < 0 ? routes.length : after, 0, route);
    }
    this.#byKey.set(key, routes);
  }

  remove(route: Route): void {
    const key = keyOf(route.table, route.destination);
    const routes = (this.#byKey.get(key) ?? []).filter((one) => one !== route);
    if (routes.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, routes);
  }
}

function keyOf(table: number, destination: Prefix): string {
  return `${table} ${formatPrefix(destination)}`;
}
