/**
 * What a Cease says besides its subcode: the Shutdown Communication (RFC 9003), text of whoever ended the
 * session, and what a Hard Reset holds (RFC 8538 section 3.1).
 *
 *     |  Length (1)  |  text in UTF-8
 */

import { ADMINISTRATIVE_RESET, ADMINISTRATIVE_SHUTDOWN, CEASE, HARD_RESET } from "./const.ts";
import { describeNotification } from "./notification.ts";

/** Longest text, in octets of UTF-8. */
export const LONGEST_COMMUNICATION = 255;

type Words = { readonly code: number; readonly subcode: number; readonly data: Uint8Array };

/** What a Hard Reset stands for; undefined where the NOTIFICATION is none, or does not say. */
export function heldBy({ code, subcode, data }: Words): Words | undefined {
  const [inner, innerSubcode = 0] = data;
  if (code !== CEASE || subcode !== HARD_RESET || inner === undefined) return undefined;
  // One level: a Hard Reset within a Hard Reset has no meaning.
  if (inner === CEASE && innerSubcode === HARD_RESET) return undefined;
  return { code: inner, subcode: innerSubcode, data: data.subarray(2) };
}

/** A NOTIFICATION in words, with the text that somebody wrote and what a Hard Reset stands for. */
export function describeCease(cease: Words): string {
  const { code, subcode, data } = cease;
  const name = describeNotification(code, subcode);
  if (code !== CEASE) return name;
  const held = heldBy(cease);
  if (held !== undefined) return `${name} (${describeCease(held)})`;
  if (subcode !== ADMINISTRATIVE_SHUTDOWN && subcode !== ADMINISTRATIVE_RESET) return name;
  const text = decodeCommunication(data);
  if (text === undefined) return `${name} (with a text that is no UTF-8 of its length)`;
  return text === "" ? name : `${name}: ${JSON.stringify(text)}`;
}

/**
 * The NOTIFICATION inside a Hard Reset, which ends a session with everything that it carried although the N bit is
 * agreed (RFC 8538 section 3.1).
 */
export function hardReset({ code, subcode, data }: Words): Words {
  return { code: CEASE, subcode: HARD_RESET, data: Uint8Array.of(code, subcode, ...data) };
}

/** The Cease that says somebody wanted the end, and why. Throws `RangeError` for too long a text. */
export function administrativeShutdown(text = "") {
  return { code: CEASE, subcode: ADMINISTRATIVE_SHUTDOWN, data: encodeCommunication(text) };
}

/** The Cease that says that we shall be back, and why we go. Throws `RangeError` for too long a text. */
export function administrativeReset(text = "") {
  return { code: CEASE, subcode: ADMINISTRATIVE_RESET, data: encodeCommunication(text) };
}

/** The Data field that carries the text. Throws `RangeError` beyond `LONGEST_COMMUNICATION` octets. */
export function encodeCommunication(text: string): Uint8Array {
  const octets = new TextEncoder().encode(text);
  if (octets.length > LONGEST_COMMUNICATION) {
    throw new RangeError(`a Shutdown Communication of ${octets.length} octets: 255 at most`);
  }
  return octets.length === 0 ? octets : Uint8Array.of(octets.length, ...octets);
}

/**
 * The text of a Data field, empty where there is none, undefined where length or encoding are wrong
 * (section 4: that is logged, and no error). It came from outside: what could steer a terminal or turn
 * the direction of writing is shown as its number.
 */
export function decodeCommunication(data: Uint8Array): string | undefined {
  const [length] = data;
  if (length === undefined) return "";
  if (length > data.length - 1) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(data.subarray(1, 1 + length));
    return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, numbered);
  } catch {
    return undefined;
  }
}

function numbered(character: string): string {
  return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
}
