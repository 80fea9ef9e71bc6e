/**
 * IP prefixes of both families: an address whose host bits are zero, and a length.
 *
 * A `Prefix` is an `Address` with one more field, so every function on addresses takes it too.
 */

import {
  type Address,
  AddressError,
  bitsOf,
  compareAddress,
  equalAddress,
  type Family,
  formatAddress,
  tryParseAddress,
} from "./address.ts";
import { decimalFromText } from "./decimal.ts";

/** A prefix; bits beyond `length` (0-32 or 0-128) are zero. */
export type Prefix = Address & { readonly length: number };

/** The word with all but its first `bits` bits cleared; `bits` may be outside 0-32. */
function keep(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : (word & (0xffff_ffff << (32 - bits))) >>> 0;
}

/** The word with all but its first `bits` bits set; `bits` may be outside 0-32. */
function fill(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0xffff_ffff : (word | (0xffff_ffff >>> bits)) >>> 0;
}

/** The prefix of `length` bits that holds `address`; its host bits are cleared. */
export function prefixOf(address: Address, length: number): Prefix {
  return {
    family: address.family,
    w0: keep(address.w0, length),
    w1: keep(address.w1, length - 32),
    w2: keep(address.w2, length - 64),
    w3: keep(address.w3, length - 96),
    length,
  };
}

/** The /32 or /128 of one address. */
export function hostPrefix(address: Address): Prefix {
  return prefixOf(address, bitsOf(address.family));
}

/** 0.0.0.0/0 or ::/0. */
export function defaultPrefix(family: Family): Prefix {
  return { family, w0: 0, w1: 0, w2: 0, w3: 0, length: 0 };
}

/** Parse `ADDRESS/LENGTH` with its host bits zero. Throws `AddressError`, saying what is wrong. */
export function parsePrefix(text: string): Prefix {
  const { address, length } = parseInterfaceAddress(text);
  const prefix = prefixOf(address, length);
  if (!equalAddress(prefix, address)) {
    throw new AddressError(
      `${JSON.stringify(text)} has bits set beyond its length: did you mean ${formatPrefix(prefix)}?`,
    );
  }
  return prefix;
}

/** Parse `ADDRESS/LENGTH` where host bits may be set, as on an interface. Throws `AddressError`. */
export function parseInterfaceAddress(text: string): { address: Address; length: number } {
  const slash = text.lastIndexOf("/");
  const address = slash < 0 ? undefined : tryParseAddress(text.slice(0, slash));
  const longest = address === undefined ? 0 : bitsOf(address.family);
  const length = decimalFromText(text, slash + 1, text.length, longest);
  if (address === undefined || length === undefined) {
    throw new AddressError(
      `${JSON.stringify(text)} is not a prefix: expected ADDRESS/LENGTH such as 10.244.0.0/16 or fd00::/64`,
    );
  }
  return { address, length };
}

/** `ADDRESS/LENGTH`. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** Whether both are the same prefix. */
export function equalPrefix(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && equalAddress(a, b);
}

/** Total order: by address, then the shorter first. Negative, 0 or positive. */
export function comparePrefix(a: Prefix, b: Prefix): number {
  return compareAddress(a, b) || a.length - b.length;
}

/** Whether `address` lies inside `prefix`. */
export function containsAddress(prefix: Prefix, address: Address): boolean {
  return (
    prefix.family === address.family &&
    prefix.w0 === keep(address.w0, prefix.length) &&
    prefix.w1 === keep(address.w1, prefix.length - 32) &&
    prefix.w2 === keep(address.w2, prefix.length - 64) &&
    prefix.w3 === keep(address.w3, prefix.length - 96)
  );
}

/** Whether `inner` is `outer` or a more specific prefix of it. */
export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  return inner.length >= outer.length && containsAddress(outer, inner);
}

/** Whether they have an address in common. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? containsAddress(a, b) : containsAddress(b, a);
}

/** The last address of the prefix: all bits beyond its length are set. */
export function lastAddressOf({ family, w0, w1, w2, w3, length }: Prefix): Address {
  if (family === 4) return { family, w0: fill(w0, length), w1, w2, w3 };
  return {
    family,
    w0: fill(w0, length),
    w1: fill(w1, length - 32),
    w2: fill(w2, length - 64),
    w3: fill(w3, length - 96),
  };
}

/** Number of addresses in the prefix; exact up to 2^53, as all our blocks are. */
export function sizeOf(prefix: Prefix): number {
  return 2 ** (bitsOf(prefix.family) - prefix.length);
}
