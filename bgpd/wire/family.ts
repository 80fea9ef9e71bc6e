/**
 * Address families on the wire (RFC 4760): what of AFI and SAFI this speaker knows.
 */

import type { Family } from "../../lib/address.ts";
import { AFI_IPV4, AFI_IPV6, SAFI_UNICAST } from "./const.ts";

/** The family whose unicast prefixes AFI and SAFI stand for; undefined for all others. */
export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== SAFI_UNICAST) return undefined;
  if (afi === AFI_IPV4) return 4;
  return afi === AFI_IPV6 ? 6 : undefined;
}

/** The AFI of a family. */
export function afiOf(family: Family): number {
  return family === 4 ? AFI_IPV4 : AFI_IPV6;
}

/** `IPv4 unicast`. */
export function describeFamily(family: Family): string {
  return `IPv${family} unicast`;
}
