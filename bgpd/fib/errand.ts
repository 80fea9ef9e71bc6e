/** What the kernel must be told of one prefix. Pure. */

import type { Route, RoutingRequest } from "../../kernel/kernel.ts";
import { BLACKHOLE, type HopSet, type HopSets, objectOf } from "./hop.ts";
import { isOurs } from "./objects.ts";
import { NONE, OTHERWISE, type Rows } from "./rows.ts";

/** What all routes of ours have in common. */
export type RoutePlace = {
  readonly protocol: number;
  readonly metric: number;
  readonly table: number;
};

/** A request, the row that it is for, and what is present once it is done. */
export type Errand = {
  readonly row: number;
  readonly object: number;
  readonly request: RoutingRequest;
};

/** The errand of a row; undefined where the kernel has what is wanted, or will without a word. */
export function errandOf(
  rows: Rows,
  row: number,
  sets: HopSets,
  { protocol, metric, table }: RoutePlace,
): Errand | undefined {
  if (rows.isStale(row)) return undefined;
  const [wanted, present] = [rows.wanted.get(row), rows.present.get(row)];
  const set = sets.get(wanted);
  const object = set === undefined ? wanted : objectOf(set) || NONE;
  const isDoubtful = object === NONE && rows.isDoubtful(row);
  if (object === present && !isDoubtful) {
    rows.setLost(row, false);
    return undefined;
  }
  // A record of its own for each: spreading one costs more than the rest of this.
  const destination = rows.prefix(row);
  if (object === NONE) {
    // Of a dead next hop's object all routes go at once.
    const isDying = set !== undefined && present > OTHERWISE && isOf(set, present);
    if ((present === NONE && !isDoubtful) || isDying) return undefined;
    // Whatever shape it has: there is one of ours by this destination and metric.
    const route = { destination, table, protocol, metric };
    return { row, object, request: { type: "delete route", route } };
  }
  const type = present === NONE ? "add route" : "replace route";
  if (object === BLACKHOLE) {
    const route = { destination, table, protocol, metric, type: "blackhole" } as const;
    return { row, object, request: { type, route } };
  }
  const route = { destination, table, protocol, metric, nexthop: object };
  return { row, object, request: { type, route } };
}

/** How a route of ours leads, as `Rows.present` has it. */
export function shapeOf({ type, nexthop }: Route): number {
  if (nexthop !== undefined) return isOurs(nexthop) ? nexthop : OTHERWISE;
  return type === "blackhole" ? BLACKHOLE : OTHERWISE;
}

function isOf({ id, shares }: HopSet, object: number): boolean {
  return id === object || (shares.length === 1 && shares[0]?.hop.id === object);
}
