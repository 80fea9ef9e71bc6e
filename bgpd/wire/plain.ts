/**
 * Plain attribute sets: the form that nearly all routes come in, understood where it lies.
 *
 * Plain is what is canonical (ascending codes, shortest form, exact flags), well formed, of four-octet AS numbers,
 * and has nothing but ORIGIN, AS_PATH, NEXT_HOP, MULTI_EXIT_DISC, LOCAL_PREF, ATOMIC_AGGREGATE, AGGREGATOR and
 * communities of which none is well-known. All else is for `attribute.ts`, and so is every fault: this file never
 * says what is wrong, only that it does not know better. What it says of a plain set is what the record would say.
 */

import type { Origin } from "./attributes.ts";
import {
  AGGREGATOR,
  AS_PATH,
  ATOMIC_AGGREGATE,
  COMMUNITIES,
  FLAG_EXTENDED_LENGTH,
  FLAG_OPTIONAL,
  FLAG_TRANSITIVE,
  LARGE_COMMUNITIES,
  LOCAL_PREF,
  MULTI_EXIT_DISC,
  NEXT_HOP,
  ORIGIN,
} from "./const.ts";
import { copyOctets, type Octets, u16, u32, writeU16, writeU32 } from "./octets.ts";

/** What a plain set says, without its lists. */
export type Plain = {
  origin: Origin;
  pathLength: number;
  /** First AS of the path; 0 where it is empty or begins with a set. */
  neighbourAs: number;
  /** Of NEXT_HOP; undefined where there is none. */
  nextHop: number | undefined;
  multiExitDisc: number | undefined;
  localPref: number | undefined;
  /** Where the segments of AS_PATH are. */
  pathStart: number;
  pathEnd: number;
};

const SET = 1;
const SEQUENCE = 2;
const LONGEST_SEGMENT = 255;
/** From here on communities are well-known ones (RFC 1997), and somebody has to act on them. */
const FIRST_WELL_KNOWN = 0xffff_0000;
/** Large communities that are compared with each other; of more the record takes care. */
const MOST_LARGE = 8;
const LARGE_OCTETS = 12;
const LATER = 256;

/** Flags of a plain attribute by its code; -1 for one that is not plain. */
const FLAGS = Int16Array.from({ length: 256 }, (_, code) => flagsOf(code));

/** A record for `readPlain` to fill. */
export function createPlain(): Plain {
  return {
    origin: 0,
    pathLength: 0,
    neighbourAs: 0,
    nextHop: undefined,
    multiExitDisc: undefined,
    localPref: undefined,
    pathStart: 0,
    pathEnd: 0,
  };
}

/**
 * Read the attributes `buffer[start..end)` into `plain`; false when they are not plain. From an `external` peer those
 * with LOCAL_PREF are not.
 */
export function readPlain(
  buffer: Uint8Array,
  start: number,
  end: number,
  external: boolean,
  plain: Plain,
): boolean {
  plain.nextHop = undefined;
  plain.multiExitDisc = undefined;
  plain.localPref = undefined;
  let last = 0;
  let seen = 0;
  for (let at = start; at < end; ) {
    if (at + 3 > end) return false;
    const code = buffer[at + 1] ?? 0;
    const isExtended = ((buffer[at] ?? 0) & FLAG_EXTENDED_LENGTH) !== 0;
    const value = at + (isExtended ? 4 : 3);
    const length = isExtended ? u16(buffer, at + 2) : (buffer[at + 2] ?? 0);
    const next = value + length;
    const flags = FLAGS[code] ?? -1;
    const isForm = (buffer[at] ?? 0) === (isExtended ? flags | FLAG_EXTENDED_LENGTH : flags);
    if (code <= last || !isForm || isExtended !== length > 255 || next > end) return false;
    if (!readValue(buffer, code, value, next, plain)) return false;
    if (code === LOCAL_PREF && external) return false;
    if (code <= AS_PATH) seen++;
    last = code;
    at = next;
  }
  return seen === 2;
}

/** How often one of two AS numbers stands in the path of a plain set. */
export function countAs(buffer: Uint8Array, start: number, end: number, a: number, b: number) {
  let count = 0;
  for (let at = start; at < end; ) {
    const after = at + 2 + 4 * (buffer[at + 1] ?? 0);
    for (let one = at + 2; one < after; one += 4) {
      const asNumber = u32(buffer, one);
      if (asNumber === a || asNumber === b) count++;
    }
    at = after;
  }
  return count;
}

/** What becomes of a plain set on its way out. */
export type PlainChange = {
  /** In front of the path; undefined: the path stays. */
  readonly prepend: number | undefined;
  /** IPv4 next hop; undefined where MP_REACH_NLRI has it. */
  readonly nextHop: number | undefined;
  /** LOCAL_PREF; undefined: none, and no MULTI_EXIT_DISC either, as to an external peer. */
  readonly localPref: number | undefined;
};

/** Write the attributes of a plain set at `at`, changed so; the offset after them. Those are plain too. */
export function writePlain(
  target: Uint8Array,
  at: number,
  { buffer, start, end }: Octets,
  change: PlainChange,
): number {
  const { prepend, nextHop, localPref } = change;
  let to = at;
  let needsHop = nextHop !== undefined;
  let needsPref = localPref !== undefined;
  for (let from = start; from <= end; ) {
    const code = from === end ? LATER : (buffer[from + 1] ?? 0);
    if (needsHop && code >= NEXT_HOP) {
      to = writeWord(target, to, FLAG_TRANSITIVE, NEXT_HOP, nextHop ?? 0);
      needsHop = false;
    }
    if (needsPref && code >= LOCAL_PREF) {
      to = writeWord(target, to, FLAG_TRANSITIVE, LOCAL_PREF, localPref ?? 0);
      needsPref = false;
    }
    if (code === LATER) break;
    const isExtended = ((buffer[from] ?? 0) & FLAG_EXTENDED_LENGTH) !== 0;
    const value = from + (isExtended ? 4 : 3);
    const next = value + (isExtended ? u16(buffer, from + 2) : (buffer[from + 2] ?? 0));
    const isReplaced = code === NEXT_HOP || code === LOCAL_PREF;
    const isDropped = code === MULTI_EXIT_DISC && localPref === undefined;
    if (code === AS_PATH && prepend !== undefined) {
      to = writePrepended(target, to, { buffer, start: value, end: next }, prepend);
    } else if (!isReplaced && !isDropped) {
      to = copyOctets(buffer, from, next, target, to);
    }
    from = next;
  }
  return to;
}

function readValue(
  buffer: Uint8Array,
  code: number,
  start: number,
  end: number,
  plain: Plain,
): boolean {
  const length = end - start;
  switch (code) {
    case ORIGIN:
      plain.origin = (buffer[start] ?? 0) as Origin;
      return length === 1 && (buffer[start] ?? 0) <= 2;
    case AS_PATH:
      return readPath(buffer, start, end, plain);
    case NEXT_HOP: {
      const first = buffer[start] ?? 0;
      plain.nextHop = u32(buffer, start);
      return length === 4 && first !== 0 && first !== 127 && first < 224;
    }
    case MULTI_EXIT_DISC:
      plain.multiExitDisc = u32(buffer, start);
      return length === 4;
    case LOCAL_PREF:
      plain.localPref = u32(buffer, start);
      return length === 4;
    case ATOMIC_AGGREGATE:
      return length === 0;
    case AGGREGATOR:
      return length === 8 && u32(buffer, start) !== 0;
    case COMMUNITIES:
      return areCommunities(buffer, start, end);
    default:
      return areLargeCommunities(buffer, start, end);
  }
}

/** Sequences and sets without AS 0 (RFC 7607). */
function readPath(buffer: Uint8Array, start: number, end: number, plain: Plain): boolean {
  plain.pathStart = start;
  plain.pathEnd = end;
  plain.neighbourAs = buffer[start] === SEQUENCE && start < end ? u32(buffer, start + 2) : 0;
  let length = 0;
  for (let at = start; at < end; ) {
    const type = buffer[at] ?? 0;
    const count = buffer[at + 1] ?? 0;
    const after = at + 2 + 4 * count;
    if ((type !== SEQUENCE && type !== SET) || count === 0 || after > end) return false;
    for (let one = at + 2; one < after; one += 4) if (u32(buffer, one) === 0) return false;
    length += type === SEQUENCE ? count : 1;
    at = after;
  }
  plain.pathLength = length;
  return true;
}

function areCommunities(buffer: Uint8Array, start: number, end: number): boolean {
  if (end === start || (end - start) % 4 !== 0) return false;
  for (let at = start; at < end; at += 4) if (u32(buffer, at) >= FIRST_WELL_KNOWN) return false;
  return true;
}

/** Each once (RFC 8092 section 5). */
function areLargeCommunities(buffer: Uint8Array, start: number, end: number): boolean {
  const octets = end - start;
  if (octets === 0 || octets % LARGE_OCTETS !== 0) return false;
  if (octets > MOST_LARGE * LARGE_OCTETS) return false;
  for (let at = start; at < end; at += LARGE_OCTETS) {
    for (let other = start; other < at; other += LARGE_OCTETS) {
      if (isSame(buffer, at, other)) return false;
    }
  }
  return true;
}

function isSame(buffer: Uint8Array, a: number, b: number): boolean {
  for (let word = 0; word < LARGE_OCTETS; word += 4) {
    if (u32(buffer, a + word) !== u32(buffer, b + word)) return false;
  }
  return true;
}

function writeWord(target: Uint8Array, at: number, flags: number, code: number, word: number) {
  target[at] = flags;
  target[at + 1] = code;
  target[at + 2] = 4;
  return writeU32(target, at + 3, word);
}

/** AS_PATH with one more AS in front (RFC 4271 section 5.1.2 b). */
function writePrepended(
  target: Uint8Array,
  at: number,
  { buffer, start, end }: Octets,
  asNumber: number,
): number {
  const count = buffer[start + 1] ?? 0;
  const isJoined = start < end && buffer[start] === SEQUENCE && count < LONGEST_SEGMENT;
  const rest = isJoined ? start + 2 : start;
  const length = 6 + end - rest;
  const isExtended = length > 255;
  target[at] = isExtended ? FLAG_TRANSITIVE | FLAG_EXTENDED_LENGTH : FLAG_TRANSITIVE;
  target[at + 1] = AS_PATH;
  if (isExtended) writeU16(target, at + 2, length);
  else target[at + 2] = length;
  const value = at + (isExtended ? 4 : 3);
  target[value] = SEQUENCE;
  target[value + 1] = isJoined ? count + 1 : 1;
  return copyOctets(buffer, rest, end, target, writeU32(target, value + 2, asNumber));
}

function flagsOf(code: number): number {
  switch (code) {
    case ORIGIN:
    case AS_PATH:
    case NEXT_HOP:
    case LOCAL_PREF:
    case ATOMIC_AGGREGATE:
      return FLAG_TRANSITIVE;
    case MULTI_EXIT_DISC:
      return FLAG_OPTIONAL;
    case AGGREGATOR:
    case COMMUNITIES:
    case LARGE_COMMUNITIES:
      return FLAG_OPTIONAL | FLAG_TRANSITIVE;
    default:
      return -1;
  }
}
