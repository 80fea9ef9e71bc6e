/** What a prefix should lead to, as the RIB says it. */

import type { Address } from "../../lib/address.ts";

/** A BGP next hop: where to, not how to get there. */
export type NextHop = {
  readonly address: Address;
  /** Relative share among several, 1-256; absent means 1. */
  readonly weight?: number;
  /** Index of the link that a link-local address is on. */
  readonly link?: number;
};

/** Next hops that share the traffic, at least one, or nowhere (the blackhole below our own blocks). */
export type Target = readonly NextHop[] | "blackhole";
