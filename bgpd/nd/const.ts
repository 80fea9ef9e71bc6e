/** Numbers of Neighbor Discovery (RFC 4861), times in ms. */

import { parseAddress } from "../../lib/address.ts";

/** Section 4.1 and 4.2: ICMPv6 types. */
export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;

/** Section 4.6.1. */
export const SOURCE_LINK_LAYER_ADDRESS = 1;

/** Section 6.1: who has crossed a router has less. */
export const FULL_HOPS = 255;

export const ALL_NODES = parseAddress("ff02::1");
export const ALL_ROUTERS = parseAddress("ff02::2");

/** Section 6.2.1. The default of 600 s is for hosts that have a router; here neighbours wait to be found. */
export const MAX_RTR_ADV_INTERVAL = 10_000;
export const MIN_RTR_ADV_INTERVAL = 0.33 * MAX_RTR_ADV_INTERVAL;

/** Section 10. */
export const MIN_DELAY_BETWEEN_RAS = 3000;
export const MAX_RA_DELAY_TIME = 500;
export const RTR_SOLICITATION_INTERVAL = 4000;
export const MAX_RTR_SOLICITATIONS = 3;
