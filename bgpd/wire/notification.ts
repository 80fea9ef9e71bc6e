/**
 * NOTIFICATION (RFC 4271 section 4.5) and the names of its codes.
 */

import * as code from "./const.ts";
import type { NotificationMessage } from "./message.ts";

type Names = { readonly name: string; readonly subcodes: Readonly<Record<number, string>> };

/** IANA "BGP Error (Notification) Codes" and subcodes. */
const CODES: Readonly<Record<number, Names>> = {
  [code.MESSAGE_HEADER_ERROR]: {
    name: "Message Header Error",
    subcodes: {
      1: "Connection Not Synchronized",
      2: "Bad Message Length",
      3: "Bad Message Type",
    },
  },
  [code.OPEN_MESSAGE_ERROR]: {
    name: "OPEN Message Error",
    subcodes: {
      1: "Unsupported Version Number",
      2: "Bad Peer AS",
      3: "Bad BGP Identifier",
      4: "Unsupported Optional Parameter",
      6: "Unacceptable Hold Time",
      7: "Unsupported Capability",
      11: "Role Mismatch",
    },
  },
  [code.UPDATE_MESSAGE_ERROR]: {
    name: "UPDATE Message Error",
    subcodes: {
      1: "Malformed Attribute List",
      2: "Unrecognized Well-known Attribute",
      3: "Missing Well-known Attribute",
      4: "Attribute Flags Error",
      5: "Attribute Length Error",
      6: "Invalid ORIGIN Attribute",
      8: "Invalid NEXT_HOP Attribute",
      9: "Optional Attribute Error",
      10: "Invalid Network Field",
      11: "Malformed AS_PATH",
    },
  },
  [code.HOLD_TIMER_EXPIRED]: { name: "Hold Timer Expired", subcodes: {} },
  [code.FSM_ERROR]: {
    name: "Finite State Machine Error",
    subcodes: {
      1: "Unexpected Message in OpenSent State",
      2: "Unexpected Message in OpenConfirm State",
      3: "Unexpected Message in Established State",
    },
  },
  [code.CEASE]: {
    name: "Cease",
    subcodes: {
      1: "Maximum Number of Prefixes Reached",
      2: "Administrative Shutdown",
      3: "Peer De-configured",
      4: "Administrative Reset",
      5: "Connection Rejected",
      6: "Other Configuration Change",
      7: "Connection Collision Resolution",
      8: "Out of Resources",
      9: "Hard Reset",
      10: "BFD Down",
    },
  },
  [code.ROUTE_REFRESH_ERROR]: {
    name: "ROUTE-REFRESH Message Error",
    subcodes: { 1: "Invalid Message Length" },
  },
  [code.SEND_HOLD_TIMER_EXPIRED]: { name: "Send Hold Timer Expired", subcodes: {} },
};

/** `Cease/Administrative Shutdown`, or `Hold Timer Expired`; numbers where there is no name. */
export function describeNotification(number: number, subcode: number): string {
  const names = CODES[number];
  if (names === undefined) return `error ${number}/${subcode}`;
  if (subcode === 0) return names.name;
  return `${names.name}/${names.subcodes[subcode] ?? subcode}`;
}

/** The same of those that have names, and one word for all others: few words, whatever a peer sends. */
export function classifyNotification(number: number, subcode: number): string {
  const names = CODES[number];
  if (names === undefined) return "unknown";
  return subcode === 0 || names.subcodes[subcode] === undefined
    ? names.name
    : describeNotification(number, subcode);
}

/** Read the body; its length was checked with the header. */
export function decodeNotification(body: Uint8Array): NotificationMessage {
  return {
    type: "notification",
    code: body[0] ?? 0,
    subcode: body[1] ?? 0,
    data: body.slice(2),
  };
}

/** The body. */
export function encodeNotification({ code, subcode, data }: NotificationMessage): Uint8Array {
  return Uint8Array.of(code, subcode, ...data);
}
