/**
 * Whole messages, header included, to records and back.
 */

import { unreachable } from "../../lib/unreachable.ts";
import {
  BAD_MESSAGE_LENGTH,
  HEADER_LENGTH,
  KEEPALIVE,
  MARKER_LENGTH,
  MESSAGE_HEADER_ERROR,
  NOTIFICATION,
  OPEN,
  ROUTE_REFRESH,
  UPDATE,
} from "./const.ts";
import type { WireContext } from "./context.ts";
import { BgpError } from "./error.ts";
import { checkHeader, writeHeader } from "./header.ts";
import type { Message } from "./message.ts";
import { decodeNotification, encodeNotification } from "./notification.ts";
import { decodeOpen, encodeOpen } from "./open.ts";
import { decodeRouteRefresh, encodeRouteRefresh } from "./route-refresh.ts";
import { decodeUpdate, encodeUpdate } from "./update.ts";

/** Decode one message that fills `bytes`. Throws `BgpError`, and nothing else. */
export function decode(bytes: Uint8Array, context: WireContext): Message {
  const whole = bytes.length >= HEADER_LENGTH;
  if (!whole || checkHeader(bytes, 0, context.maxLength) !== bytes.length) {
    const data = bytes.slice(MARKER_LENGTH, MARKER_LENGTH + 2);
    const words = `the length field does not say ${bytes.length}`;
    throw new BgpError(MESSAGE_HEADER_ERROR, BAD_MESSAGE_LENGTH, words, data);
  }
  const body = bytes.subarray(HEADER_LENGTH);
  switch (bytes[MARKER_LENGTH + 2]) {
    case OPEN:
      return decodeOpen(body);
    case UPDATE:
      return decodeUpdate(body, context);
    case NOTIFICATION:
      return decodeNotification(body);
    case ROUTE_REFRESH:
      return decodeRouteRefresh(bytes);
    default:
      // The header check leaves only this one.
      return { type: "keepalive" };
  }
}

/** Encode one message. Throws `RangeError` when it would exceed the session's longest one. */
export function encode(message: Message, context: WireContext): Uint8Array {
  const { type, body } = encodeBody(message, context);
  const length = HEADER_LENGTH + body.length;
  if (length > context.maxLength) {
    throw new RangeError(
      `${message.type} of ${length} octets: the longest is ${context.maxLength}`,
    );
  }
  const bytes = new Uint8Array(length);
  bytes.set(body, writeHeader(bytes, 0, length, type));
  return bytes;
}

function encodeBody(message: Message, context: WireContext): { type: number; body: Uint8Array } {
  switch (message.type) {
    case "open":
      return { type: OPEN, body: encodeOpen(message) };
    case "update":
      return { type: UPDATE, body: encodeUpdate(message, context) };
    case "notification":
      return { type: NOTIFICATION, body: encodeNotification(message) };
    case "keepalive":
      return { type: KEEPALIVE, body: new Uint8Array() };
    case "route refresh":
      return { type: ROUTE_REFRESH, body: encodeRouteRefresh(message) };
    default:
      return unreachable(message);
  }
}
