/**
 * ROUTE-REFRESH (RFC 2918 section 3; the subtype is RFC 7313's, 0 for a plain request).
 *
 *     |       AFI (2)       |   Subtype (1)  |   SAFI (1)   |
 */

import { Reader, Writer } from "../../lib/bytes.ts";
import {
  BAD_MESSAGE_LENGTH,
  HEADER_LENGTH,
  INVALID_MESSAGE_LENGTH,
  MARKER_LENGTH,
  MESSAGE_HEADER_ERROR,
  REFRESH_BEGIN,
  REFRESH_END,
  ROUTE_REFRESH_ERROR,
} from "./const.ts";
import { BgpError } from "./error.ts";
import type { RouteRefreshMessage } from "./message.ts";

const BODY_LENGTH = 4;

/**
 * Read the whole message. Throws `BgpError` for another length: 7/1 with the message where the subtype
 * is one of RFC 7313's (section 5), else 1/2.
 */
export function decodeRouteRefresh(bytes: Uint8Array): RouteRefreshMessage {
  const body = bytes.subarray(HEADER_LENGTH);
  if (body.length !== BODY_LENGTH) throw wrongLength(bytes, body[2]);
  const reader = new Reader(body);
  const afi = reader.u16();
  const subtype = reader.u8();
  return { type: "route refresh", afi, safi: reader.u8(), subtype };
}

/** The body. */
export function encodeRouteRefresh({ afi, safi, subtype }: RouteRefreshMessage): Uint8Array {
  return new Writer().u16(afi).u8(subtype).u8(safi).toBytes();
}

function wrongLength(bytes: Uint8Array, subtype: number | undefined): BgpError {
  const words = `a ROUTE-REFRESH cannot be ${bytes.length} octets long`;
  if (subtype !== REFRESH_BEGIN && subtype !== REFRESH_END) {
    const length = bytes.slice(MARKER_LENGTH, MARKER_LENGTH + 2);
    return new BgpError(MESSAGE_HEADER_ERROR, BAD_MESSAGE_LENGTH, words, length);
  }
  return new BgpError(ROUTE_REFRESH_ERROR, INVALID_MESSAGE_LENGTH, words, bytes.slice());
}
