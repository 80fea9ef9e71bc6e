/**
 * Small decimal numbers in text, read by hand: a regular expression would cost the plugin's process more than
 * the number.
 */

const ZERO = 48;

/**
 * The number that `text[start..end)` spells, from 0 to `most` (at most 2^31); undefined for anything but digits,
 * and for a leading zero, which is octal to some readers and decimal to others (RFC 6943 section 3.1.1).
 */
export function decimalFromText(
  text: string,
  start: number,
  end: number,
  most: number,
): number | undefined {
  if (start >= end || (text.charCodeAt(start) === ZERO && end > start + 1)) return undefined;
  let number = 0;
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    number = 10 * number + digit;
    if (number > most) return undefined;
  }
  return number;
}
