/**
 * MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760): the two attributes that carry prefixes.
 *
 *     | AFI (2) | SAFI (1) | Length of Next Hop (1) | Next Hop | Reserved (1) | NLRI
 *     | AFI (2) | SAFI (1) | Withdrawn Routes
 *
 * They are no part of an attribute set: their prefixes differ from message to message. So they are found
 * in the attributes by a walk of their own and read where they lie, like the prefixes of the body; the
 * next hop goes to the set. A length that is wrong resets the session, because the prefixes can no longer
 * be found (RFC 7606 sections 5.3, 7.11 and 7.12).
 */

import {
  type Address,
  addressFromBytes,
  addressToBytes,
  type Family,
  isLinkLocal,
  isUnspecified,
  withZone,
} from "../../lib/address.ts";
import type { Fault } from "./attributes.ts";
import * as code from "./const.ts";
import type { WireContext } from "./context.ts";
import { BgpError } from "./error.ts";
import { afiOf, familyOf } from "./family.ts";
import type { Nlri, Reach, Unreach } from "./message.ts";
import { type NlriForm, nlriForm, nlriOctets, PATH_ID_OCTETS, writeNlri } from "./nlri.ts";
import { u16 } from "./octets.ts";

/** One of the two attributes; offsets into the buffer, each range `[start, end)`. */
export type MultiprotocolRange = {
  /** Undefined when there is no such attribute, or one of a family that the session does not carry. */
  family: Family | undefined;
  /** The whole attribute, from its flags on; empty when there is none. */
  start: number;
  end: number;
  /** Only of MP_REACH_NLRI. */
  nextHopStart: number;
  nextHopEnd: number;
  nlriStart: number;
};

/** Where the two are among the attributes, and what is wrong with them that needs no reset. */
export type MultiprotocolRanges = {
  readonly reach: MultiprotocolRange;
  readonly unreach: MultiprotocolRange;
  faults: readonly Fault[];
};

/** Next hop of MP_REACH_NLRI: an address, or with IPv6 a global one and a link-local one (RFC 2545). */
export type MultiprotocolNextHop = {
  readonly nextHop: Address;
  readonly nextHopLinkLocal?: Address;
};

/** Octets in front of the prefixes of MP_UNREACH_NLRI. */
const UNREACH_HEADER = 3;
/** Octets of MP_REACH_NLRI without its next hop and prefixes. */
const REACH_HEADER = 5;
/**
 * Flags and an extended length: whoever fills a message with prefixes knows their number only at the
 * end, and the form must not depend on it.
 */
const ATTRIBUTE_HEADER = 4;
const FLAGS = code.FLAG_OPTIONAL | code.FLAG_EXTENDED_LENGTH;
const KIND = code.FLAG_OPTIONAL | code.FLAG_TRANSITIVE;
const NO_FAULTS: readonly Fault[] = [];

/** Records for `findMultiprotocol` to fill. */
export function createMultiprotocolRanges(): MultiprotocolRanges {
  const nowhere = (): MultiprotocolRange => ({
    family: undefined,
    start: 0,
    end: 0,
    nextHopStart: 0,
    nextHopEnd: 0,
    nlriStart: 0,
  });
  return { reach: nowhere(), unreach: nowhere(), faults: NO_FAULTS };
}

/** Whether the message has the attribute, of whatever family. */
export function isPresent({ start, end }: MultiprotocolRange): boolean {
  return end > start;
}

/**
 * Look for the two among the attributes `buffer[start..end)`. Throws `BgpError` 3/1 for one that occurs
 * twice and 3/9 for a malformed one; attributes that overrun theirs are left to `decodeAttributes`.
 */
export function findMultiprotocol(
  buffer: Uint8Array,
  [start, end]: readonly [number, number],
  context: WireContext,
  ranges: MultiprotocolRanges,
): void {
  clear(ranges.reach);
  clear(ranges.unreach);
  ranges.faults = NO_FAULTS;
  for (let at = start; at + 3 <= end; ) {
    const flags = buffer[at] ?? 0;
    const isExtended = (flags & code.FLAG_EXTENDED_LENGTH) !== 0;
    const value = at + (isExtended ? 4 : 3);
    const length = isExtended ? u16(buffer, at + 2) : (buffer[at + 2] ?? 0);
    const next = value + length;
    if (next > end) return;
    const number = buffer[at + 1];
    if (number === code.MP_REACH_NLRI || number === code.MP_UNREACH_NLRI) {
      const isReach = number === code.MP_REACH_NLRI;
      const range = isReach ? ranges.reach : ranges.unreach;
      // RFC 7606 section 3 g.
      if (isPresent(range)) throw repeated(number);
      range.start = at;
      range.end = next;
      if (isReach) readReach(buffer, value, context, range);
      else readUnreach(buffer, value, context, range);
      if ((flags & KIND) !== code.FLAG_OPTIONAL) {
        ranges.faults = [...ranges.faults, wrongFlags(buffer, range)];
      }
    }
    at = next;
  }
}

/**
 * The next hop of MP_REACH_NLRI. Without a global address the link-local one stands alone, in whichever
 * place it came.
 */
export function readNextHop(
  buffer: Uint8Array,
  { nextHopStart, nextHopEnd }: Pick<MultiprotocolRange, "nextHopStart" | "nextHopEnd">,
): MultiprotocolNextHop {
  const first = Math.min(nextHopEnd, nextHopStart + 16);
  const nextHop = addressFromBytes(buffer.subarray(nextHopStart, first));
  if (first === nextHopEnd) return { nextHop };
  const second = addressFromBytes(buffer.subarray(first, nextHopEnd));
  if (isUnspecified(nextHop)) return { nextHop: second };
  return isLinkLocal(nextHop) ? { nextHop } : { nextHop, nextHopLinkLocal: second };
}

/**
 * The next hop as it is used on a session between link-local addresses: the link-local one, which packets can be
 * sent to there, be a global one beside it or not (RFC 2545 section 3).
 */
export function nextHopOnLink(
  told: MultiprotocolNextHop,
  { link }: Pick<WireContext, "link">,
): MultiprotocolNextHop {
  const near = told.nextHopLinkLocal ?? told.nextHop;
  return link === undefined || !isLinkLocal(near) ? told : { nextHop: withZone(near, link) };
}

/** What is wrong with a next hop that has the right length: it is no host's address. */
export function nextHopFault(
  buffer: Uint8Array,
  range: MultiprotocolRange,
  { nextHop }: MultiprotocolNextHop,
): Fault | undefined {
  if (isHostAddress(nextHop)) return undefined;
  return {
    verdict: "treat as withdraw",
    attribute: code.MP_REACH_NLRI,
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    data: buffer.slice(range.start, range.end),
    message: "the next hop of MP_REACH_NLRI is no host's address",
  };
}

/** The Next Hop field as bytes: 4, 16 or, with a link-local address, 32 octets. */
export function encodeNextHop({ nextHop, nextHopLinkLocal }: MultiprotocolNextHop): Uint8Array {
  const global = addressToBytes(nextHop);
  if (nextHopLinkLocal === undefined) return global;
  const both = new Uint8Array(32);
  both.set(global);
  both.set(addressToBytes(nextHopLinkLocal), 16);
  return both;
}

/** Octets of MP_REACH_NLRI with a Next Hop field of so many, before its prefixes. */
export function reachOverhead(nextHopOctets: number): number {
  return ATTRIBUTE_HEADER + REACH_HEADER + nextHopOctets;
}

/** Octets of MP_UNREACH_NLRI before its prefixes. */
export const UNREACH_OVERHEAD = ATTRIBUTE_HEADER + UNREACH_HEADER;

/** Write MP_REACH_NLRI up to its prefixes at `offset`; the offset after it. `endMultiprotocol` follows. */
export function beginReach(
  target: Uint8Array,
  offset: number,
  family: Family,
  nextHop: Uint8Array,
): number {
  const at = begin(target, offset, code.MP_REACH_NLRI, family);
  target[at] = nextHop.length;
  target.set(nextHop, at + 1);
  target[at + 1 + nextHop.length] = 0;
  return at + 2 + nextHop.length;
}

/** Write MP_UNREACH_NLRI up to its prefixes at `offset`; the offset after it. */
export function beginUnreach(target: Uint8Array, offset: number, family: Family): number {
  return begin(target, offset, code.MP_UNREACH_NLRI, family);
}

/** Fill in the length of the attribute at `offset`, whose last prefix ends at `end`. */
export function endMultiprotocol(target: Uint8Array, offset: number, end: number): void {
  const length = end - offset - ATTRIBUTE_HEADER;
  target[offset + 2] = length >>> 8;
  target[offset + 3] = length & 0xff;
}

/** A whole MP_REACH_NLRI. */
export function encodeReach({ family, prefixes, ...nextHop }: Reach, form: NlriForm): Uint8Array {
  const hop = encodeNextHop(nextHop);
  const bytes = new Uint8Array(reachOverhead(hop.length) + octetsOf(prefixes, form));
  return finish(bytes, beginReach(bytes, 0, family, hop), prefixes, form);
}

/** A whole MP_UNREACH_NLRI; without prefixes the family's End-of-RIB marker (RFC 4724 section 2). */
export function encodeUnreach({ family, prefixes }: Unreach, form: NlriForm): Uint8Array {
  const bytes = new Uint8Array(UNREACH_OVERHEAD + octetsOf(prefixes, form));
  return finish(bytes, beginUnreach(bytes, 0, family), prefixes, form);
}

function begin(target: Uint8Array, offset: number, number: number, family: Family): number {
  target[offset] = FLAGS;
  target[offset + 1] = number;
  target[offset + 4] = 0;
  target[offset + 5] = afiOf(family);
  target[offset + 6] = code.SAFI_UNICAST;
  return offset + UNREACH_OVERHEAD;
}

function finish(
  bytes: Uint8Array,
  start: number,
  prefixes: readonly Nlri[],
  form: NlriForm,
): Uint8Array {
  let at = start;
  for (const prefix of prefixes) at = writeNlri(bytes, at, prefix, form);
  endMultiprotocol(bytes, 0, at);
  return bytes;
}

function octetsOf(prefixes: readonly Nlri[], form: NlriForm): number {
  return prefixes.reduce((sum, prefix) => sum + nlriOctets(prefix, form), 0);
}

function clear(range: MultiprotocolRange): void {
  range.family = undefined;
  range.start = 0;
  range.end = 0;
}

function readReach(
  buffer: Uint8Array,
  value: number,
  context: WireContext,
  range: MultiprotocolRange,
): void {
  const { end } = range;
  if (value + REACH_HEADER > end) throw malformed(buffer, range, "MP_REACH_NLRI is too short");
  const octets = buffer[value + 3] ?? 0;
  range.nextHopStart = value + 4;
  range.nextHopEnd = range.nextHopStart + octets;
  range.nlriStart = range.nextHopEnd + 1;
  if (range.nlriStart > end) {
    throw malformed(buffer, range, `the next hop of MP_REACH_NLRI lacks some of ${octets} octets`);
  }
  const family = carried(familyOf(u16(buffer, value), buffer[value + 2] ?? 0), context);
  if (family === undefined) return;
  if (!nextHopLengths(family, context).includes(octets)) {
    throw malformed(buffer, range, `an IPv${family} next hop cannot be ${octets} octets long`);
  }
  checkNlri(buffer, range, family, context);
  range.family = family;
}

function readUnreach(
  buffer: Uint8Array,
  value: number,
  context: WireContext,
  range: MultiprotocolRange,
): void {
  range.nlriStart = value + UNREACH_HEADER;
  if (range.nlriStart > range.end) throw malformed(buffer, range, "MP_UNREACH_NLRI is too short");
  const family = carried(familyOf(u16(buffer, value), buffer[value + 2] ?? 0), context);
  if (family === undefined) return;
  checkNlri(buffer, range, family, context);
  range.family = family;
}

/** What was not negotiated is nobody's business (RFC 4760 section 8). */
function carried(family: Family | undefined, { families }: WireContext): Family | undefined {
  return family !== undefined && families.includes(family) ? family : undefined;
}

/** RFC 4760 section 3, RFC 2545 section 3, RFC 8950 section 3. */
function nextHopLengths(family: Family, { extendedNextHop }: WireContext): readonly number[] {
  if (family === 6) return [16, 32];
  return extendedNextHop ? [4, 16, 32] : [4];
}

/** Every prefix must be whole before the first is taken (RFC 7606 section 5.3). */
function checkNlri(
  buffer: Uint8Array,
  range: MultiprotocolRange,
  family: Family,
  { addPath }: WireContext,
): void {
  const longest = family === 4 ? 32 : 128;
  const form = nlriForm(addPath, "receive", family);
  const ahead = form === "identified" ? PATH_ID_OCTETS : 0;
  let at = range.nlriStart;
  while (at < range.end) {
    at += ahead;
    if (at >= range.end) throw malformed(buffer, range, `a path identifier without a prefix`);
    const length = buffer[at] ?? 0;
    at += 1 + ((length + 7) >>> 3);
    if (length > longest || at > range.end) {
      throw malformed(buffer, range, `malformed IPv${family} prefix of ${length} bits`);
    }
  }
}

function wrongFlags(buffer: Uint8Array, { start, end }: MultiprotocolRange): Fault {
  const number = buffer[start + 1] ?? 0;
  const name = number === code.MP_REACH_NLRI ? "MP_REACH_NLRI" : "MP_UNREACH_NLRI";
  return {
    verdict: "treat as withdraw",
    attribute: number,
    subcode: code.ATTRIBUTE_FLAGS_ERROR,
    data: buffer.slice(start, end),
    message: `${name} has the flags 0x${(buffer[start] ?? 0).toString(16)}`,
  };
}

function repeated(number: number): BgpError {
  const words = `attribute ${number}, which lists prefixes, occurs more than once`;
  return new BgpError(code.UPDATE_MESSAGE_ERROR, code.MALFORMED_ATTRIBUTE_LIST, words);
}

/** RFC 4760 section 7: Optional Attribute Error, with the attribute. */
function malformed(
  buffer: Uint8Array,
  { start, end }: MultiprotocolRange,
  words: string,
): BgpError {
  const data = buffer.slice(start, end);
  return new BgpError(code.UPDATE_MESSAGE_ERROR, code.OPTIONAL_ATTRIBUTE_ERROR, words, data);
}

/** Neither unspecified, loopback nor multicast; of IPv4 as NEXT_HOP has it. */
function isHostAddress(address: Address): boolean {
  const { family, w0, w1, w2, w3 } = address;
  const first = w0 >>> 24;
  if (family === 4) return first !== 0 && first !== 127 && first < 224;
  const isLow = w0 === 0 && w1 === 0 && w2 === 0 && w3 <= 1;
  return first !== 0xff && !isLow;
}
