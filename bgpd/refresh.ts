/**
 * Begin and end of a table that is sent again on request (RFC 7313 section 3.2), for IPv4 unicast.
 */

import { encode } from "./wire/codec.ts";
import { AFI_IPV4, REFRESH_BEGIN, REFRESH_END, SAFI_UNICAST } from "./wire/const.ts";
import { INITIAL_CONTEXT } from "./wire/context.ts";

/** The message; shared, as all that is sent. */
export function refreshMessage(what: "begin" | "end"): Uint8Array {
  return what === "begin" ? BEGIN : END;
}

const BEGIN = messageOf(REFRESH_BEGIN);
const END = messageOf(REFRESH_END);

function messageOf(subtype: number): Uint8Array {
  const family = { afi: AFI_IPV4, safi: SAFI_UNICAST };
  return encode({ type: "route refresh", ...family, subtype }, INITIAL_CONTEXT);
}
