/** IPv4 text to an unsigned word and back, on `netmask`. */

import { ip2long, long2ip } from "netmask";

const DOTTED_QUAD = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
// A leading zero is octal to some resolvers and decimal to others (RFC 6943 section 3.1.1).
const LEADING_ZERO = /(^|\.)0\d/;

/** Parse a dotted quad without leading zeros; undefined when the text is none. */
export function word4FromText(text: string): number | undefined {
  return DOTTED_QUAD.test(text) && !LEADING_ZERO.test(text) ? ip2long(text) : undefined;
}

/** Dotted quad of an unsigned word. */
export function word4ToText(word: number): string {
  return long2ip(word);
}
