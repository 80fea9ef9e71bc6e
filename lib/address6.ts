/**
 * IPv6 text to words and back, on `ip-cidr`.
 *
 * The library is loaded at the first IPv6 address and not before: a CNI call of an IPv4 node must
 * not pay for it (0.6 ms of a 5 ms call).
 */

import type IPCIDR from "ip-cidr";
import { word4FromText } from "./address4.ts";

type Library = typeof IPCIDR;

let loaded: Library | undefined;

function library(): Library {
  if (loaded === undefined) {
    const module: Library & { readonly default?: Library } = require("ip-cidr");
    loaded = module.default ?? module;
  }
  return loaded;
}

/** The four words of an IPv6 address, most significant first. */
type Words = {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
};

const MASK = 0xffff_ffffn;

/** Parse RFC 4291 text without a zone; undefined when it is no IPv6 address. */
export function address6FromText(text: string): Words | undefined {
  if (text.includes("/") || text.includes("%")) return undefined;
  const groups = withoutDottedTail(text);
  const ipcidr = library();
  if (!ipcidr.isValidAddress(groups)) return undefined;
  const value = ipcidr.formatIP<bigint>(ipcidr.createAddress(groups), { type: "bigInteger" });
  const word = (shift: bigint): number => Number((value >> shift) & MASK);
  return { w0: word(96n), w1: word(64n), w2: word(32n), w3: word(0n) };
}

/** `::ffff:10.0.0.1` as `::ffff:a00:1`: the library takes the dotted form for an IPv4 address. */
function withoutDottedTail(text: string): string {
  const colon = text.lastIndexOf(":");
  const tail = word4FromText(text.slice(colon + 1));
  if (tail === undefined) return text;
  const hex = (half: number): string => half.toString(16);
  return `${text.slice(0, colon)}:${hex(tail >>> 16)}:${hex(tail & 0xffff)}`;
}

/** RFC 5952 text: lower case, the longest run of zero groups (two or more, the first) as `::`. */
export function address6ToText(address: Words): string {
  const groups = [address.w0, address.w1, address.w2, address.w3].flatMap((word) => [
    word >>> 16,
    word & 0xffff,
  ]);
  let best = 0;
  let length = 0;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > length) [best, length] = [start, end - start];
  }
  const text = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return length < 2 ? text(0, 8) : `${text(0, best)}::${text(best + length, 8)}`;
}
