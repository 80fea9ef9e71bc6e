/**
 * Begin and end of a table that is sent again on request (RFC 7313 section 3.2).
 */

import type { Family } from "../lib/address.ts";
import { encode } from "./wire/codec.ts";
import { REFRESH_BEGIN, REFRESH_END, SAFI_UNICAST } from "./wire/const.ts";
import { INITIAL_CONTEXT } from "./wire/context.ts";
import { afiOf } from "./wire/family.ts";

/** The message for a family; shared, as all that is sent. */
export function refreshMessage(what: "begin" | "end", family: Family): Uint8Array {
  return MESSAGES[what][family];
}

const MESSAGES = { begin: messagesOf(REFRESH_BEGIN), end: messagesOf(REFRESH_END) };

function messagesOf(subtype: number): Readonly<Record<Family, Uint8Array>> {
  const message = (family: Family): Uint8Array =>
    encode(
      { type: "route refresh", afi: afiOf(family), safi: SAFI_UNICAST, subtype },
      INITIAL_CONTEXT,
    );
  return { 4: message(4), 6: message(6) };
}
