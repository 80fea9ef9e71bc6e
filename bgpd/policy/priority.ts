/**
 * Calico's priority of a route, a metric that is better when smaller, and what it is in BGP.
 *
 * Calico's nodes carry it between themselves as LOCAL_PREF = 2147483647 - priority.
 */

import type { Attributes } from "../wire/attributes.ts";
import type { PolicyRoute } from "./route.ts";

const MOST = 2_147_483_647;
/** LOCAL_PREF of routes that nobody prefers. */
const DEFAULT_LOCAL_PREF = 100;

/** LOCAL_PREF of a priority. */
export function localPrefOf(priority: number): number {
  return MOST - priority;
}

/**
 * The priority that Calico would see. Our own routes, and those of our own nodes, which say LOCAL_PREF 100,
 * have the `normal` one.
 */
export function priorityOf(
  { localPref = DEFAULT_LOCAL_PREF }: Attributes,
  source: PolicyRoute["source"],
  normal: number,
): number {
  const isNormal = localPref === DEFAULT_LOCAL_PREF && source !== "external";
  return isNormal ? normal : MOST - localPref;
}
