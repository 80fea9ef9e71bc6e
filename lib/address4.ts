/**
 * IPv4 text to an unsigned word and back. By hand: it is on the plugin's path, where `netmask` (which the tests
 * hold it against) and the regular expressions around it took a twentieth of an ADD.
 */

import { decimalFromText } from "./decimal.ts";

/** Parse a dotted quad without leading zeros; undefined when the text is none. */
export function word4FromText(text: string): number | undefined {
  let word = 0;
  let start = 0;
  for (let octets = 1; ; octets++) {
    const dot = text.indexOf(".", start);
    const end = dot < 0 ? text.length : dot;
    const octet = decimalFromText(text, start, end, 255);
    if (octet === undefined) return undefined;
    word = 256 * word + octet;
    if (dot < 0) return octets === 4 ? word : undefined;
    if (octets === 4) return undefined;
    start = dot + 1;
  }
}

/** Dotted quad of an unsigned word. */
export function word4ToText(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}
