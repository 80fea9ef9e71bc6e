/**
 * IP addresses of both families as plain records of four 32-bit words.
 *
 * One shape serves every layer: the words are what a prefix table hashes, what a codec reads, and
 * what block arithmetic adds to, so that nothing on a hot path converts or allocates. An IPv4
 * address is `w0`; the other words are 0. All words are unsigned (`>>> 0`).
 *
 * A link-local address means something on one link only: where that is known, the address says which (the zone of
 * RFC 4007), and is another address than the same words on another link.
 *
 * Not here: prefixes (`prefix.ts`), anything about routes.
 */

import { word4FromText, word4ToText } from "./address4.ts";
import { address6FromText, address6ToText } from "./address6.ts";

/** IP version, which is also the number of our users' words: "IPv4" and "IPv6". */
export type Family = 4 | 6;

/** An IP address; `w0` is the most significant word in network order. */
export type Address = {
  readonly family: Family;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  /** Index of the link that a link-local address is on; absent where nothing says it. */
  readonly zone?: number;
};

/** Thrown by the parsers of this folder; the message names the text and what was expected. */
export class AddressError extends Error {
  override readonly name = "AddressError";
}

/** Number of bits in an address of the family. */
export function bitsOf(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** An IPv4 address from its unsigned 32-bit value. */
export function address4(word: number): Address {
  return { family: 4, w0: word >>> 0, w1: 0, w2: 0, w3: 0 };
}

/** Parse dotted-quad IPv4 or RFC 4291 IPv6 text. Throws `AddressError`. */
export function parseAddress(text: string): Address {
  const address = tryParseAddress(text);
  if (address === undefined) {
    throw new AddressError(
      `${JSON.stringify(text)} is not an IP address: expected four decimal numbers 0-255 such as 10.0.0.1, or IPv6 such as fd00::1`,
    );
  }
  return address;
}

/** Like `parseAddress`, but undefined when the text is no address. */
export function tryParseAddress(text: string): Address | undefined {
  const word = word4FromText(text);
  if (word !== undefined) return address4(word);
  const words = text.includes(":") ? address6FromText(text) : undefined;
  return words === undefined ? undefined : { family: 6, ...words };
}

/** Text of an address: dotted quad, or RFC 5952 for IPv6, with the zone's number (RFC 4007 section 11.2) if there is one. */
export function formatAddress(address: Address): string {
  if (address.family === 4) return word4ToText(address.w0);
  const text = address6ToText(address);
  return address.zone === undefined ? text : `${text}%${address.zone}`;
}

/** fe80::/10: it means something on one link only. */
export function isLinkLocal({ family, w0 }: Address): boolean {
  return family === 6 && w0 >>> 22 === 0x3fa;
}

/** Whether the address is `0.0.0.0` or `::`, which is nobody's. */
export function isUnspecified({ w0, w1, w2, w3 }: Address): boolean {
  return w0 === 0 && w1 === 0 && w2 === 0 && w3 === 0;
}

/** The address as one on that link. */
export function withZone({ family, w0, w1, w2, w3 }: Address, zone: number): Address {
  return { family, w0, w1, w2, w3, zone };
}

/** The address as it is written to others, who number their links themselves. */
export function withoutZone(address: Address): Address {
  if (address.zone === undefined) return address;
  const { family, w0, w1, w2, w3 } = address;
  return { family, w0, w1, w2, w3 };
}

/** Whether both are the same address of the same family, on the same link where they say one. */
export function equalAddress(a: Address, b: Address): boolean {
  return (
    a.w0 === b.w0 &&
    a.w1 === b.w1 &&
    a.w2 === b.w2 &&
    a.w3 === b.w3 &&
    a.family === b.family &&
    a.zone === b.zone
  );
}

/** Total order: IPv4 before IPv6, then numerically, then by link. Negative, 0 or positive. */
export function compareAddress(a: Address, b: Address): number {
  return (
    a.family - b.family ||
    a.w0 - b.w0 ||
    a.w1 - b.w1 ||
    a.w2 - b.w2 ||
    a.w3 - b.w3 ||
    (a.zone ?? 0) - (b.zone ?? 0)
  );
}

/** The address `count` above (or, negative, below) `address`; |count| < 2^31. Wraps at the end. */
export function addToAddress(address: Address, count: number): Address {
  return address.family === 4 ? address4(address.w0 + count) : addToAddress6(address, count);
}

function addToAddress6({ w0, w1, w2, w3 }: Address, count: number): Address {
  const words = [w0, w1, w2, w3];
  let carry = count;
  for (let i = 3; i >= 0 && carry !== 0; i--) {
    const sum = (words[i] ?? 0) + carry;
    words[i] = sum >>> 0;
    carry = Math.floor(sum / 2 ** 32);
  }
  return { family: 6, w0: words[0] ?? 0, w1: words[1] ?? 0, w2: words[2] ?? 0, w3: words[3] ?? 0 };
}

/** Network-order bytes: 4 or 16 of them. */
export function addressToBytes(address: Address): Uint8Array {
  const bytes = new Uint8Array(bitsOf(address.family) / 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, address.w0);
  if (address.family === 6) {
    view.setUint32(4, address.w1);
    view.setUint32(8, address.w2);
    view.setUint32(12, address.w3);
  }
  return bytes;
}

/** Read 4 or 16 network-order bytes. Throws `AddressError` on any other length. */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw new AddressError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return address4(view.getUint32(0));
  return {
    family: 6,
    w0: view.getUint32(0),
    w1: view.getUint32(4),
    w2: view.getUint32(8),
    w3: view.getUint32(12),
  };
}
