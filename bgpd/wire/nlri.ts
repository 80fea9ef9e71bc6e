/**
 * Prefixes on the wire: a length in bits, then as few octets as hold them (RFC 4271 section 4.3); in front
 * of both a Path Identifier of four octets, where the session has them (RFC 7911 section 3).
 *
 * The reader fills a record that its caller owns, so that a million prefixes make no objects.
 */

import { bitsOf, type Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import { INVALID_NETWORK_FIELD, UPDATE_MESSAGE_ERROR } from "./const.ts";
import type { AddPath } from "./context.ts";
import { BgpError } from "./error.ts";
import type { Nlri } from "./message.ts";
import { u32, writeU32 } from "./octets.ts";

/** Whether prefixes have Path Identifiers in front. */
export type NlriForm = "plain" | "identified";

/** Octets of a Path Identifier. */
export const PATH_ID_OCTETS = 4;

/** A prefix that is written over and over; fits where a `Prefix` is read. */
export type PrefixScratch = {
  family: Family;
  w0: number;
  w1: number;
  w2: number;
  w3: number;
  length: number;
};

/** In which form a session has a family's prefixes in one direction. */
export function nlriForm(
  addPath: AddPath | undefined,
  direction: keyof AddPath,
  family: Family,
): NlriForm {
  return addPath?.[direction].includes(family) === true ? "identified" : "plain";
}

/**
 * The Path Identifier at `offset`; the prefix is `PATH_ID_OCTETS` behind. Throws `BgpError` 3/10 where it is cut
 * off, for then no prefix follows it.
 */
export function readPathId(buffer: Uint8Array, offset: number, end: number): number {
  if (offset + PATH_ID_OCTETS >= end) throw cutOff(end - offset);
  return u32(buffer, offset);
}

/** A scratch record of a family. */
export function createScratch(family: Family): PrefixScratch {
  return { family, w0: 0, w1: 0, w2: 0, w3: 0, length: 0 };
}

/** Read the prefix at `offset` of the family that `target` has; otherwise as `readPrefix4`. */
export function readPrefix(
  buffer: Uint8Array,
  offset: number,
  end: number,
  target: PrefixScratch,
): number {
  return target.family === 4
    ? readPrefix4(buffer, offset, end, target)
    : readPrefix6(buffer, offset, end, target);
}

/**
 * Read the IPv4 prefix at `offset` into `target`; the offset after it. Trailing bits are cleared, for
 * their value is irrelevant. Throws `BgpError` 3/10: where one prefix is wrong the rest cannot be
 * trusted (RFC 7606 section 5.3).
 */
export function readPrefix4(
  buffer: Uint8Array,
  offset: number,
  end: number,
  target: PrefixScratch,
): number {
  const length = buffer[offset] ?? 0;
  const octets = (length + 7) >>> 3;
  const next = offset + 1 + octets;
  if (length > 32 || next > end) throw malformed(4, length, end - offset - 1);
  let word = 0;
  if (octets > 0) word = (buffer[offset + 1] ?? 0) << 24;
  if (octets > 1) word |= (buffer[offset + 2] ?? 0) << 16;
  if (octets > 2) word |= (buffer[offset + 3] ?? 0) << 8;
  if (octets > 3) word |= buffer[offset + 4] ?? 0;
  target.w0 = length === 0 ? 0 : (word & (0xffff_ffff << (32 - length))) >>> 0;
  target.length = length;
  return next;
}

/** Read the IPv6 prefix at `offset` into `target`; otherwise as `readPrefix4`. */
export function readPrefix6(
  buffer: Uint8Array,
  offset: number,
  end: number,
  target: PrefixScratch,
): number {
  const length = buffer[offset] ?? 0;
  const first = offset + 1;
  const next = first + ((length + 7) >>> 3);
  if (length > 128 || next > end) throw malformed(6, length, end - first);
  target.w0 = keep(wordAt(buffer, first, next), length);
  target.w1 = keep(wordAt(buffer, first + 4, next), length - 32);
  target.w2 = keep(wordAt(buffer, first + 8, next), length - 64);
  target.w3 = keep(wordAt(buffer, first + 12, next), length - 96);
  target.length = length;
  return next;
}

/** Octets that the prefix takes on the wire. */
export function prefixOctets(prefix: Prefix): number {
  return 1 + ((prefix.length + 7) >>> 3);
}

/** Write a prefix of either family at `offset`; the offset after it. */
export function writePrefix(target: Uint8Array, offset: number, prefix: Prefix): number {
  const octets = (prefix.length + 7) >>> 3;
  target[offset] = prefix.length;
  for (let i = 0; i < octets; i++) {
    const word = i < 4 ? prefix.w0 : i < 8 ? prefix.w1 : i < 12 ? prefix.w2 : prefix.w3;
    target[offset + 1 + i] = (word >>> (24 - 8 * (i & 3))) & 0xff;
  }
  return offset + 1 + octets;
}

/** Octets that a prefix takes in such a form. */
export function nlriOctets(nlri: Nlri, form: NlriForm): number {
  return prefixOctets(nlri) + (form === "identified" ? PATH_ID_OCTETS : 0);
}

/** Write a prefix in such a form at `offset`, with 0 where it has no identifier; the offset after it. */
export function writeNlri(target: Uint8Array, offset: number, nlri: Nlri, form: NlriForm): number {
  if (form === "plain") return writePrefix(target, offset, nlri);
  writeU32(target, offset, nlri.pathId ?? 0);
  return writePrefix(target, offset + PATH_ID_OCTETS, nlri);
}

/** Four octets at `offset`, zero from `end` on. */
function wordAt(buffer: Uint8Array, offset: number, end: number): number {
  let word = 0;
  if (offset < end) word = (buffer[offset] ?? 0) << 24;
  if (offset + 1 < end) word |= (buffer[offset + 1] ?? 0) << 16;
  if (offset + 2 < end) word |= (buffer[offset + 2] ?? 0) << 8;
  if (offset + 3 < end) word |= buffer[offset + 3] ?? 0;
  return word >>> 0;
}

/** The word with all but its first `bits` bits cleared; `bits` may be outside 0-32. */
function keep(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : (word & (0xffff_ffff << (32 - bits))) >>> 0;
}

function malformed(family: Family, length: number, left: number): BgpError {
  const words =
    length > bitsOf(family)
      ? `a prefix length of ${length}`
      : `a /${length} needs more than the ${left} octets that are left`;
  return invalid(words);
}

function cutOff(left: number): BgpError {
  return invalid(`${left} octets do not hold a path identifier and a length`);
}

function invalid(words: string): BgpError {
  return new BgpError(UPDATE_MESSAGE_ERROR, INVALID_NETWORK_FIELD, `malformed prefix: ${words}`);
}
