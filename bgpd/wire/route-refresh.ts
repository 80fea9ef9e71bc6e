/**
 * ROUTE-REFRESH (RFC 2918 section 3; the subtype is RFC 7313's, 0 for a plain request).
 *
 *     |       AFI (2)       |   Subtype (1)  |   SAFI (1)   |
 */

import { Reader, Writer } from "../../lib/bytes.ts";
import type { RouteRefreshMessage } from "./message.ts";

/** Read the body; its length was checked with the header. */
export function decodeRouteRefresh(body: Uint8Array): RouteRefreshMessage {
  const reader = new Reader(body);
  const afi = reader.u16();
  const subtype = reader.u8();
  return { type: "route refresh", afi, safi: reader.u8(), subtype };
}

/** The body. */
export function encodeRouteRefresh({ afi, safi, subtype }: RouteRefreshMessage): Uint8Array {
  return new Writer().u16(afi).u8(subtype).u8(safi).toBytes();
}
