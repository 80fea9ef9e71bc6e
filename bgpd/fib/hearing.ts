/**
 * What others do to routes, by the kernel's events: each may be older than what we have sent since, and what it says of
 * ours is believed as far as the next request will prove it.
 */

import type { KernelEvent } from "../../kernel/kernel.ts";
import type { Prefix } from "../../lib/prefix.ts";
import { shapeOf } from "./errand.ts";
import type { Routes } from "./routes.ts";
import { NONE, OTHERWISE } from "./rows.ts";
import type { Survey } from "./survey.ts";

type RouteEvent = Extract<KernelEvent, { readonly type: "route" }>;

export type Hearing = {
  readonly routes: Routes;
  /** rtm_protocol of ours. */
  readonly protocol: number;
  /** The comparison that is under way. */
  readonly survey: Survey | undefined;
};

/** Take in what another did to a route of ours, or in the place of one; true when there is something to mend. */
export function hear({ change, route }: RouteEvent, hearing: Hearing): boolean {
  const { routes, protocol, survey } = hearing;
  const { table, metric, destination } = route;
  const place = routes.places[destination.family];
  if (table !== place.table || metric !== place.metric) return false;
  const rows = routes.of[destination.family];
  const isOfOurs = route.protocol === protocol;
  const row = rowOf(destination, hearing, isOfOurs || change === "new");
  if (row === NONE) return false;
  if (!isOfOurs && change === "deleted") {
    // It may have been in the way.
    if (!rows.errors.has(row)) return false;
  } else {
    // Deleted, or perhaps overwritten: adding it exclusively will tell, or deleting what is not wanted.
    const shape = isOfOurs && change === "new" ? shapeOf(route) : NONE;
    survey?.note(rows, row);
    const before = rows.present.get(row);
    // Ours we may have put back since, but for what an earlier daemon left.
    const isDoubtful = !isOfOurs || (change === "deleted" && !rows.isStale(row));
    if (!isDoubtful) rows.setDoubtful(row, false);
    // It may have been in the way as well.
    const wasRefused = change === "deleted" && rows.errors.has(row);
    if (before === shape && !wasRefused) return false;
    if (isDoubtful) rows.setDoubtful(row, true);
    // Whatever it was, we may have removed it since: it is told anew.
    const isUncertain = shape !== NONE && !rows.isStale(row);
    routes.setPresent(rows, row, isUncertain ? OTHERWISE : shape);
    if (shape === NONE) rows.setLost(row, rows.wanted.get(row) !== NONE);
  }
  rows.errors.delete(row);
  rows.dirty.add(row);
  return true;
}

/** The row of what an event tells of. While a dump is being read, which may tell otherwise, it needs one. */
function rowOf(destination: Prefix, { routes, survey }: Hearing, isTelling: boolean): number {
  const { table } = routes.of[destination.family];
  if (!isTelling || survey?.isReading !== true) return table.find(destination);
  return routes.insert(destination);
}
