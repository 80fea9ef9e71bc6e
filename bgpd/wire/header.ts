/**
 * The message header, and the table of messages (RFC 4271 section 4.1).
 *
 *     0                   1                   2                   3
 *     |                            Marker (16 octets, all ones)              |
 *     |          Length               |      Type     |
 */

import {
  BAD_MESSAGE_LENGTH,
  BAD_MESSAGE_TYPE,
  CONNECTION_NOT_SYNCHRONIZED,
  HEADER_LENGTH,
  KEEPALIVE,
  MARKER_LENGTH,
  MAX_EXTENDED_LENGTH,
  MAX_LENGTH,
  MESSAGE_HEADER_ERROR,
  NOTIFICATION,
  OPEN,
  ROUTE_REFRESH,
  UPDATE,
} from "./const.ts";
import { BgpError } from "./error.ts";

/**
 * Longest and shortest message of a type, header included (section 6.1, RFC 8654 section 3). A
 * ROUTE-REFRESH is judged by its decoder: what answers a wrong length depends on its subtype.
 */
type Row = {
  readonly type: number;
  readonly name: string;
  readonly min: number;
  readonly max: number;
};

export const MESSAGES: readonly Row[] = [
  { type: OPEN, name: "OPEN", min: 29, max: MAX_LENGTH },
  { type: UPDATE, name: "UPDATE", min: 23, max: MAX_EXTENDED_LENGTH },
  { type: NOTIFICATION, name: "NOTIFICATION", min: 21, max: MAX_EXTENDED_LENGTH },
  { type: KEEPALIVE, name: "KEEPALIVE", min: HEADER_LENGTH, max: HEADER_LENGTH },
  { type: ROUTE_REFRESH, name: "ROUTE-REFRESH", min: HEADER_LENGTH, max: MAX_EXTENDED_LENGTH },
];

const ROWS: readonly (Row | undefined)[] = Array.from({ length: 256 }, (_, type) =>
  MESSAGES.find((row) => row.type === type),
);

/**
 * Check the header at `offset`, which must be there whole, and return the message's length. Throws
 * `BgpError` 1/1, 1/2 (Data: the length field) or 1/3 (Data: the type field), in the RFC's order.
 */
export function checkHeader(buffer: Uint8Array, offset: number, maxLength: number): number {
  for (let i = offset; i < offset + MARKER_LENGTH; i++) {
    if (buffer[i] !== 0xff) {
      throw new BgpError(
        MESSAGE_HEADER_ERROR,
        CONNECTION_NOT_SYNCHRONIZED,
        "the marker is not all ones",
      );
    }
  }
  const high = buffer[offset + MARKER_LENGTH] ?? 0;
  const low = buffer[offset + MARKER_LENGTH + 1] ?? 0;
  const length = (high << 8) | low;
  const type = buffer[offset + MARKER_LENGTH + 2] ?? 0;
  const row = ROWS[type];
  const max = Math.min(maxLength, row?.max ?? maxLength);
  if (
    length < HEADER_LENGTH ||
    length > maxLength ||
    (row !== undefined && (length < row.min || length > max))
  ) {
    throw new BgpError(
      MESSAGE_HEADER_ERROR,
      BAD_MESSAGE_LENGTH,
      `a message of type ${row?.name ?? type} cannot be ${length} octets long`,
      Uint8Array.of(high, low),
    );
  }
  if (row === undefined) {
    throw new BgpError(
      MESSAGE_HEADER_ERROR,
      BAD_MESSAGE_TYPE,
      `message type ${type} is unknown`,
      Uint8Array.of(type),
    );
  }
  return length;
}

/** Write marker, length and type at `offset`; the offset after them. */
export function writeHeader(
  target: Uint8Array,
  offset: number,
  length: number,
  type: number,
): number {
  target.fill(0xff, offset, offset + MARKER_LENGTH);
  target[offset + MARKER_LENGTH] = length >>> 8;
  target[offset + MARKER_LENGTH + 1] = length & 0xff;
  target[offset + MARKER_LENGTH + 2] = type;
  return offset + HEADER_LENGTH;
}
