/**
 * OPEN (RFC 4271 section 4.2). What is acceptable to a session is judged in `fsm/negotiate`.
 *
 *     |    Version    |     My Autonomous System      |           Hold Time           |
 *     |                         BGP Identifier (4 octets)                             |
 *     | Opt Parm Len  |   Optional Parameters (variable; RFC 9072: with lengths of two octets)
 */

import { Reader, Writer } from "../../lib/bytes.ts";
import { decodeParameters, encodeParameters } from "./capability.ts";
import { OPEN_MESSAGE_ERROR, UNSUPPORTED_VERSION, VERSION } from "./const.ts";
import { BgpError } from "./error.ts";
import type { OpenMessage } from "./message.ts";

/** Read the body of an OPEN. Throws `BgpError` 2/x. */
export function decodeOpen(body: Uint8Array): OpenMessage {
  const reader = new Reader(body);
  const version = reader.u8();
  if (version !== VERSION) {
    // Data: the largest version that we support below the peer's (section 6.2).
    const data = Uint8Array.of(0, VERSION);
    const words = `version ${version} is not supported, only ${VERSION}`;
    throw new BgpError(OPEN_MESSAGE_ERROR, UNSUPPORTED_VERSION, words, data);
  }
  const myAs = reader.u16();
  const holdTime = reader.u16();
  const identifier = reader.address(4);
  const capabilities = decodeParameters(reader.bytes(reader.left));
  return { type: "open", version, myAs, holdTime, identifier, capabilities };
}

/** The body of an OPEN. */
export function encodeOpen(open: OpenMessage): Uint8Array {
  return new Writer()
    .u8(open.version)
    .u16(open.myAs)
    .u16(open.holdTime)
    .address(open.identifier)
    .bytes(encodeParameters(open.capabilities))
    .toBytes();
}
