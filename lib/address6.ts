/**
 * IPv6 text to words and back (RFC 4291 section 2.2, RFC 5952). By hand: it is on the plugin's path, where a library
 * (which the tests hold it against) took a tenth of an ADD.
 */

import { word4FromText } from "./address4.ts";

/** The four words of an IPv6 address, most significant first. */
type Words = {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
};

const COLON = 58;
const GROUPS = 8;

/** Parse text without a zone; undefined when it is no IPv6 address. */
export function address6FromText(text: string): Words | undefined {
  const groups = new Uint16Array(GROUPS);
  let count = 0;
  /** Groups before the "::". */
  let gap = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    if (count === GROUPS) return undefined;
    const colon = text.indexOf(":", at);
    if (colon < 0 && text.includes(".", at)) {
      const tail = word4FromText(text.slice(at));
      if (tail === undefined || count > GROUPS - 2) return undefined;
      groups[count++] = tail >>> 16;
      groups[count++] = tail & 0xffff;
      break;
    }
    const end = colon < 0 ? text.length : colon;
    const group = hexadecimalFromText(text, at, end);
    if (group === undefined) return undefined;
    groups[count++] = group;
    if (colon < 0) break;
    at = colon + 1;
    if (at === text.length) return undefined;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return undefined;
      gap = count;
      at++;
    }
  }
  // "::" stands for one group at least.
  if (gap < 0 ? count !== GROUPS : count === GROUPS) return undefined;
  if (gap >= 0) moveToEnd(groups, gap, count);
  const word = (index: number): number =>
    (groups[index] ?? 0) * 0x1_0000 + (groups[index + 1] ?? 0);
  return { w0: word(0), w1: word(2), w2: word(4), w3: word(6) };
}

/** What was read after the "::" belongs to the end. */
function moveToEnd(groups: Uint16Array, gap: number, count: number): void {
  for (let from = count - 1, to = GROUPS - 1; from >= gap; from--, to--) {
    const group = groups[from] ?? 0;
    groups[from] = 0;
    groups[to] = group;
  }
}

/** One to four hexadecimal digits in `text[start..end)`. */
function hexadecimalFromText(text: string, start: number, end: number): number | undefined {
  if (start >= end || end > start + 4) return undefined;
  let number = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    // Bit 5 is what tells a small letter from a capital one.
    const digit = code <= 57 ? code - 48 : (code | 0x20) - 97 + 10;
    if (!(digit >= 0 && digit <= 15) || (code > 57 && digit < 10)) return undefined;
    number = 16 * number + digit;
  }
  return number;
}

/** RFC 5952 text: lower case, the longest run of zero groups (two or more, the first) as `::`. */
export function address6ToText({ w0, w1, w2, w3 }: Words): string {
  const groups = new Uint16Array(GROUPS);
  let next = 0;
  for (const word of [w0, w1, w2, w3]) {
    groups[next++] = word >>> 16;
    groups[next++] = word & 0xffff;
  }
  let best = 0;
  let length = 0;
  for (let start = 0; start < GROUPS; start++) {
    let end = start;
    while (end < GROUPS && groups[end] === 0) end++;
    if (end - start <= length) continue;
    best = start;
    length = end - start;
  }
  if (length < 2) return textOf(groups, 0, GROUPS);
  return `${textOf(groups, 0, best)}::${textOf(groups, best + length, GROUPS)}`;
}

function textOf(groups: Uint16Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) {
    text += `${at === from ? "" : ":"}${(groups[at] ?? 0).toString(16)}`;
  }
  return text;
}
