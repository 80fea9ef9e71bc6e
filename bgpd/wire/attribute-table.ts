/**
 * The table of path attributes: flags, codec and RFC 7606 verdicts, one row each.
 *
 * `decode` says whether the bytes are well formed; what follows from that stands in the row, not in the code. Reading and writing whole sets is `attribute.ts`.
 */

import { address4 } from "../../lib/address.ts";
import { isAigp } from "./aigp.ts";
import { decodeAsPath, isTold, isTwoOctetPath, writeAsPath } from "./as-path.ts";
import type { Aggregator, AsSegment, Attributes, FaultVerdict, Origin } from "./attributes.ts";
import { decodeLarge, decodeRaw } from "./community.ts";
import * as code from "./const.ts";
import type { WireContext } from "./context.ts";
import {
  hexOf,
  type Octets,
  u16,
  u32,
  wordsOf,
  writeHex,
  writeU16,
  writeU32,
  writeWords,
} from "./octets.ts";

/** What decoding collects; AS4_* are folded in afterwards (RFC 6793). */
export type Draft = {
  readonly attributes: { -readonly [Key in keyof Attributes]?: Attributes[Key] };
  as4Path: readonly AsSegment[] | undefined;
  as4Aggregator: Aggregator | undefined;
};

/** What a row's `write` answers where the set has no such attribute. */
export const ABSENT = -1;

export type AttributeRow = {
  readonly code: number;
  readonly name: string;
  /** The Optional and Transitive bits that it must have. */
  readonly flags: number;
  /** What a malformed one does to the UPDATE (RFC 7606 section 7). */
  readonly malformed: FaultVerdict;
  /** Whether a value may have so many octets; else it is an Attribute Length Error. */
  readonly fits: (octets: number, context: WireContext) => boolean;
  /** UPDATE Message Error subcode of one that has the right length (RFC 4271 section 6.3). */
  readonly subcode: number;
  /** What wrong flags do to the UPDATE, where that is not treat as withdraw (RFC 7606 section 3 c). */
  readonly wrongFlags?: FaultVerdict;
  /** Only meant for internal peers: from an external one it is discarded (RFC 7606 7.5, 7.9, 7.10). */
  readonly internalOnly?: true;
  /** Only meant for sessions of two-octet AS numbers: on others it is discarded (RFC 6793 section 6). */
  readonly twoOctetOnly?: true;
  /** A Partial bit that it came with travels on (RFC 4271 section 5). */
  readonly keepsPartial?: true;
  /** Put a value that fits into the draft; false when it is malformed. */
  readonly decode: (value: Octets, draft: Draft, context: WireContext) => boolean;
  /** Write the value at `at`; the offset after it, or `ABSENT` when the set has none for this context. */
  readonly write: (
    target: Uint8Array,
    at: number,
    attributes: Attributes,
    context: WireContext,
  ) => number;
};

const exactly =
  (length: number) =>
  (octets: number): boolean =>
    octets === length;
/** One or more of so many octets. */
const multipleOf =
  (length: number) =>
  (octets: number): boolean =>
    octets > 0 && octets % length === 0;
const ofWords = multipleOf(4);

const WELL_KNOWN = code.FLAG_TRANSITIVE;
const TRANSITIVE = code.FLAG_OPTIONAL | code.FLAG_TRANSITIVE;
const NON_TRANSITIVE = code.FLAG_OPTIONAL;

export const ATTRIBUTE_ROWS: readonly AttributeRow[] = [
  {
    code: code.ORIGIN,
    name: "ORIGIN",
    flags: WELL_KNOWN,
    malformed: "treat as withdraw",
    fits: exactly(1),
    subcode: code.INVALID_ORIGIN_ATTRIBUTE,
    decode({ buffer, start }, { attributes }) {
      const origin = buffer[start] ?? 0;
      if (origin > 2) return false;
      attributes.origin = origin as Origin;
      return true;
    },
    write(target, at, { origin }) {
      target[at] = origin;
      return at + 1;
    },
  },
  {
    code: code.AS_PATH,
    name: "AS_PATH",
    flags: WELL_KNOWN,
    malformed: "treat as withdraw",
    fits: () => true,
    subcode: code.MALFORMED_AS_PATH,
    decode(value, { attributes }, { fourOctetAs, external }) {
      const path = decodeAsPath(value, fourOctetAs ? 4 : 2);
      // AS 0 must not stand in a path (RFC 7607 section 2).
      if (path === undefined || hasAsZero(path)) return false;
      // Nor must another's confederation show in it (RFC 5065 section 5).
      if (external && !path.every(isTold)) return false;
      attributes.asPath = path;
      return true;
    },
    write: (target, at, { asPath }, { fourOctetAs }) =>
      writeAsPath(target, at, asPath, fourOctetAs ? 4 : 2),
  },
  {
    code: code.NEXT_HOP,
    name: "NEXT_HOP",
    flags: WELL_KNOWN,
    malformed: "treat as withdraw",
    fits: exactly(4),
    subcode: code.INVALID_NEXT_HOP_ATTRIBUTE,
    decode({ buffer, start }, { attributes }) {
      const word = u32(buffer, start);
      if (!isHostAddress(word)) return false;
      attributes.nextHop = address4(word);
      return true;
    },
    write: (target, at, { nextHop }) =>
      nextHop?.family === 4 ? writeU32(target, at, nextHop.w0) : ABSENT,
  },
  {
    code: code.MULTI_EXIT_DISC,
    name: "MULTI_EXIT_DISC",
    flags: NON_TRANSITIVE,
    malformed: "treat as withdraw",
    fits: exactly(4),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    decode({ buffer, start }, { attributes }) {
      attributes.multiExitDisc = u32(buffer, start);
      return true;
    },
    write: (target, at, { multiExitDisc }) =>
      multiExitDisc === undefined ? ABSENT : writeU32(target, at, multiExitDisc),
  },
  {
    code: code.LOCAL_PREF,
    name: "LOCAL_PREF",
    flags: WELL_KNOWN,
    malformed: "treat as withdraw",
    fits: exactly(4),
    subcode: code.ATTRIBUTE_LENGTH_ERROR,
    internalOnly: true,
    decode({ buffer, start }, { attributes }) {
      attributes.localPref = u32(buffer, start);
      return true;
    },
    write: (target, at, { localPref }) =>
      localPref === undefined ? ABSENT : writeU32(target, at, localPref),
  },
  {
    code: code.ATOMIC_AGGREGATE,
    name: "ATOMIC_AGGREGATE",
    flags: WELL_KNOWN,
    malformed: "attribute discard",
    fits: exactly(0),
    subcode: code.ATTRIBUTE_LENGTH_ERROR,
    decode(_value, { attributes }) {
      attributes.atomicAggregate = true;
      return true;
    },
    write: (_target, at, { atomicAggregate }) => (atomicAggregate === true ? at : ABSENT),
  },
  {
    code: code.AGGREGATOR,
    name: "AGGREGATOR",
    flags: TRANSITIVE,
    malformed: "attribute discard",
    fits: (octets, { fourOctetAs }) => octets === (fourOctetAs ? 8 : 6),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(value, { attributes }, { fourOctetAs }) {
      const aggregator = decodeAggregator(value, fourOctetAs ? 4 : 2);
      if (aggregator === undefined) return false;
      attributes.aggregator = aggregator;
      return true;
    },
    write: (target, at, { aggregator }, { fourOctetAs }) =>
      aggregator === undefined
        ? ABSENT
        : writeAggregator(target, at, aggregator, fourOctetAs ? 4 : 2),
  },
  {
    code: code.COMMUNITIES,
    name: "COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat as withdraw",
    fits: ofWords,
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(value, { attributes }) {
      attributes.communities = wordsOf(value);
      return true;
    },
    write: (target, at, { communities = [] }) =>
      communities.length === 0 ? ABSENT : writeWords(target, at, communities),
  },
  {
    code: code.ORIGINATOR_ID,
    name: "ORIGINATOR_ID",
    flags: NON_TRANSITIVE,
    malformed: "treat as withdraw",
    fits: exactly(4),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    internalOnly: true,
    decode({ buffer, start }, { attributes }) {
      attributes.originatorId = u32(buffer, start);
      return true;
    },
    write: (target, at, { originatorId }) =>
      originatorId === undefined ? ABSENT : writeU32(target, at, originatorId),
  },
  {
    code: code.CLUSTER_LIST,
    name: "CLUSTER_LIST",
    flags: NON_TRANSITIVE,
    malformed: "treat as withdraw",
    fits: ofWords,
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    internalOnly: true,
    decode(value, { attributes }) {
      attributes.clusterList = wordsOf(value);
      return true;
    },
    write: (target, at, { clusterList = [] }) =>
      clusterList.length === 0 ? ABSENT : writeWords(target, at, clusterList),
  },
  {
    code: code.EXTENDED_COMMUNITIES,
    name: "EXTENDED_COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat as withdraw",
    fits: multipleOf(8),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(value, { attributes }) {
      attributes.extendedCommunities = decodeRaw(value, 8);
      return true;
    },
    write: (target, at, { extendedCommunities }) => writeRaw(target, at, extendedCommunities),
  },
  {
    code: code.AS4_PATH,
    name: "AS4_PATH",
    flags: TRANSITIVE,
    malformed: "attribute discard",
    // RFC 6793 section 6: room for one AS number at least.
    fits: (octets) => octets >= 6 && octets % 2 === 0,
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    twoOctetOnly: true,
    decode(value, draft) {
      const path = decodeAsPath(value, 4);
      if (path === undefined || hasAsZero(path)) return false;
      // Confederation segments have no place in it: they are dropped, the rest is used.
      draft.as4Path = path.filter(isTold);
      return true;
    },
    write(target, at, { asPath }, { fourOctetAs }) {
      if (fourOctetAs) return ABSENT;
      const told = asPath.filter(isTold);
      return isTwoOctetPath(told) ? ABSENT : writeAsPath(target, at, told, 4);
    },
  },
  {
    code: code.AS4_AGGREGATOR,
    name: "AS4_AGGREGATOR",
    flags: TRANSITIVE,
    malformed: "attribute discard",
    fits: exactly(8),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    twoOctetOnly: true,
    decode(value, draft) {
      const aggregator = decodeAggregator(value, 4);
      if (aggregator === undefined) return false;
      draft.as4Aggregator = aggregator;
      return true;
    },
    write: (target, at, { aggregator }, { fourOctetAs }) =>
      fourOctetAs || aggregator === undefined || aggregator.asNumber <= 0xffff
        ? ABSENT
        : writeAggregator(target, at, aggregator, 4),
  },
  {
    code: code.IPV6_EXTENDED_COMMUNITIES,
    name: "IPV6_EXTENDED_COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat as withdraw",
    fits: multipleOf(20),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(value, { attributes }) {
      attributes.ipv6ExtendedCommunities = decodeRaw(value, 20);
      return true;
    },
    write: (target, at, { ipv6ExtendedCommunities }) =>
      writeRaw(target, at, ipv6ExtendedCommunities),
  },
  {
    code: code.AIGP,
    name: "AIGP",
    flags: NON_TRANSITIVE,
    malformed: "attribute discard",
    wrongFlags: "attribute discard",
    fits: () => true,
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    decode(value, { attributes }, { external, aigp }) {
      // RFC 7311 section 3.3: quietly ignored where AIGP_SESSION is off.
      if (external && aigp !== true) return true;
      if (!isAigp(value)) return false;
      attributes.aigp = hexOf(value);
      return true;
    },
    write: (target, at, { aigp }) => (aigp === undefined ? ABSENT : writeHex(target, at, aigp)),
  },
  {
    code: code.LARGE_COMMUNITIES,
    name: "LARGE_COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat as withdraw",
    fits: multipleOf(12),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(value, { attributes }) {
      attributes.largeCommunities = decodeLarge(value);
      return true;
    },
    write: (target, at, { largeCommunities = [] }) =>
      largeCommunities.length === 0
        ? ABSENT
        : largeCommunities.reduce((end, words) => writeWords(target, end, words), at),
  },
  {
    code: code.ONLY_TO_CUSTOMER,
    name: "ONLY_TO_CUSTOMER",
    flags: TRANSITIVE,
    malformed: "treat as withdraw",
    fits: exactly(4),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode({ buffer, start }, { attributes }) {
      attributes.onlyToCustomer = u32(buffer, start);
      return true;
    },
    write: (target, at, { onlyToCustomer }) =>
      onlyToCustomer === undefined ? ABSENT : writeU32(target, at, onlyToCustomer),
  },
];

/** Rows by type code. */
export const ATTRIBUTES: readonly (AttributeRow | undefined)[] = Array.from(
  { length: 256 },
  (_, number) => ATTRIBUTE_ROWS.find((row) => row.code === number),
);

function hasAsZero(path: readonly AsSegment[]): boolean {
  for (const { asNumbers } of path) if (asNumbers.includes(0)) return true;
  return false;
}

/** A unicast host address: not 0/8, 127/8, nor class D and E (RFC 4271 section 6.3). */
function isHostAddress(word: number): boolean {
  const first = word >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

function decodeAggregator({ buffer, start }: Octets, octets: 2 | 4): Aggregator | undefined {
  const asNumber = octets === 4 ? u32(buffer, start) : u16(buffer, start);
  // RFC 7607 section 2: AS 0 makes it malformed.
  if (asNumber === 0) return undefined;
  return { asNumber, address: address4(u32(buffer, start + octets)) };
}

function writeAggregator(
  target: Uint8Array,
  at: number,
  { asNumber, address }: Aggregator,
  octets: 2 | 4,
): number {
  if (octets === 4) return writeU32(target, writeU32(target, at, asNumber), address.w0);
  const number = asNumber > 0xffff ? code.AS_TRANS : asNumber;
  return writeU32(target, writeU16(target, at, number), address.w0);
}

/** Communities that are kept in hexadecimal. */
function writeRaw(target: Uint8Array, at: number, entries: readonly string[] = []): number {
  if (entries.length === 0) return ABSENT;
  return entries.reduce((end, entry) => writeHex(target, end, entry), at);
}
