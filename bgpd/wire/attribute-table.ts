/**
 * The table of path attributes: flags, codec and RFC 7606 verdicts, one row each.
 *
 * `decode` returns the value or undefined when the bytes are malformed; what follows from that stands in
 * the row, not in the code. Reading and writing whole sets is `attribute.ts`.
 */

import { addressFromBytes, addressToBytes } from "../../lib/address.ts";
import { fromHex, toHex } from "../../lib/hex.ts";
import { isAigp } from "./aigp.ts";
import { decodeAsPath, encodeAsPath, isTold, isTwoOctetPath } from "./as-path.ts";
import type { Aggregator, AsSegment, Attributes, FaultVerdict, Origin } from "./attributes.ts";
import { decodeLarge, decodeRaw, encodeLarge, encodeRaw } from "./community.ts";
import * as code from "./const.ts";
import type { WireContext } from "./context.ts";

/** What decoding collects; AS4_* are folded in afterwards (RFC 6793). */
export type Draft = {
  -readonly [Key in keyof Attributes]?: Attributes[Key];
} & { as4Path?: readonly AsSegment[]; as4Aggregator?: Aggregator };

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
  readonly decode: (view: DataView, draft: Draft, context: WireContext) => boolean;
  /** The value, or undefined when the set has none for this context. */
  readonly encode: (attributes: Attributes, context: WireContext) => Uint8Array | undefined;
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
    decode(view, draft) {
      if (view.getUint8(0) > 2) return false;
      draft.origin = view.getUint8(0) as Origin;
      return true;
    },
    encode: ({ origin }) => Uint8Array.of(origin),
  },
  {
    code: code.AS_PATH,
    name: "AS_PATH",
    flags: WELL_KNOWN,
    malformed: "treat as withdraw",
    fits: () => true,
    subcode: code.MALFORMED_AS_PATH,
    decode(view, draft, { fourOctetAs, external }) {
      const path = decodeAsPath(view, fourOctetAs ? 4 : 2);
      // AS 0 must not stand in a path (RFC 7607 section 2).
      if (path === undefined || hasAsZero(path)) return false;
      // Nor must another's confederation show in it (RFC 5065 section 5).
      if (external && !path.every(isTold)) return false;
      draft.asPath = path;
      return true;
    },
    encode: ({ asPath }, { fourOctetAs }) => encodeAsPath(asPath, fourOctetAs ? 4 : 2),
  },
  {
    code: code.NEXT_HOP,
    name: "NEXT_HOP",
    flags: WELL_KNOWN,
    malformed: "treat as withdraw",
    fits: exactly(4),
    subcode: code.INVALID_NEXT_HOP_ATTRIBUTE,
    decode(view, draft) {
      if (!isHostAddress(view.getUint32(0))) return false;
      draft.nextHop = addressFromBytes(bytesOf(view));
      return true;
    },
    encode: ({ nextHop }) => (nextHop?.family === 4 ? addressToBytes(nextHop) : undefined),
  },
  {
    code: code.MULTI_EXIT_DISC,
    name: "MULTI_EXIT_DISC",
    flags: NON_TRANSITIVE,
    malformed: "treat as withdraw",
    fits: exactly(4),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    decode(view, draft) {
      draft.multiExitDisc = view.getUint32(0);
      return true;
    },
    encode: ({ multiExitDisc }) =>
      multiExitDisc === undefined ? undefined : words([multiExitDisc]),
  },
  {
    code: code.LOCAL_PREF,
    name: "LOCAL_PREF",
    flags: WELL_KNOWN,
    malformed: "treat as withdraw",
    fits: exactly(4),
    subcode: code.ATTRIBUTE_LENGTH_ERROR,
    internalOnly: true,
    decode(view, draft) {
      draft.localPref = view.getUint32(0);
      return true;
    },
    encode: ({ localPref }) => (localPref === undefined ? undefined : words([localPref])),
  },
  {
    code: code.ATOMIC_AGGREGATE,
    name: "ATOMIC_AGGREGATE",
    flags: WELL_KNOWN,
    malformed: "attribute discard",
    fits: exactly(0),
    subcode: code.ATTRIBUTE_LENGTH_ERROR,
    decode(_view, draft) {
      draft.atomicAggregate = true;
      return true;
    },
    encode: ({ atomicAggregate }) => (atomicAggregate === true ? new Uint8Array() : undefined),
  },
  {
    code: code.AGGREGATOR,
    name: "AGGREGATOR",
    flags: TRANSITIVE,
    malformed: "attribute discard",
    fits: (octets, { fourOctetAs }) => octets === (fourOctetAs ? 8 : 6),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(view, draft, { fourOctetAs }) {
      const aggregator = decodeAggregator(view, fourOctetAs ? 4 : 2);
      if (aggregator === undefined) return false;
      draft.aggregator = aggregator;
      return true;
    },
    encode: ({ aggregator }, { fourOctetAs }) =>
      aggregator === undefined ? undefined : encodeAggregator(aggregator, fourOctetAs ? 4 : 2),
  },
  {
    code: code.COMMUNITIES,
    name: "COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat as withdraw",
    fits: ofWords,
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(view, draft) {
      draft.communities = decodeWords(view);
      return true;
    },
    encode: ({ communities = [] }) => (communities.length === 0 ? undefined : words(communities)),
  },
  {
    code: code.ORIGINATOR_ID,
    name: "ORIGINATOR_ID",
    flags: NON_TRANSITIVE,
    malformed: "treat as withdraw",
    fits: exactly(4),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    internalOnly: true,
    decode(view, draft) {
      draft.originatorId = view.getUint32(0);
      return true;
    },
    encode: ({ originatorId }) => (originatorId === undefined ? undefined : words([originatorId])),
  },
  {
    code: code.CLUSTER_LIST,
    name: "CLUSTER_LIST",
    flags: NON_TRANSITIVE,
    malformed: "treat as withdraw",
    fits: ofWords,
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    internalOnly: true,
    decode(view, draft) {
      draft.clusterList = decodeWords(view);
      return true;
    },
    encode: ({ clusterList = [] }) => (clusterList.length === 0 ? undefined : words(clusterList)),
  },
  {
    code: code.EXTENDED_COMMUNITIES,
    name: "EXTENDED_COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat as withdraw",
    fits: multipleOf(8),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(view, draft) {
      draft.extendedCommunities = decodeRaw(view, 8);
      return true;
    },
    encode: ({ extendedCommunities = [] }) => encodeRaw(extendedCommunities),
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
    decode(view, draft) {
      const path = decodeAsPath(view, 4);
      if (path === undefined || hasAsZero(path)) return false;
      // Confederation segments have no place in it: they are dropped, the rest is used.
      draft.as4Path = path.filter(isTold);
      return true;
    },
    encode({ asPath }, { fourOctetAs }) {
      const told = asPath.filter(isTold);
      return fourOctetAs || isTwoOctetPath(told) ? undefined : encodeAsPath(told, 4);
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
    decode(view, draft) {
      const aggregator = decodeAggregator(view, 4);
      if (aggregator === undefined) return false;
      draft.as4Aggregator = aggregator;
      return true;
    },
    encode: ({ aggregator }, { fourOctetAs }) =>
      fourOctetAs || aggregator === undefined || aggregator.asNumber <= 0xffff
        ? undefined
        : encodeAggregator(aggregator, 4),
  },
  {
    code: code.IPV6_EXTENDED_COMMUNITIES,
    name: "IPV6_EXTENDED_COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat as withdraw",
    fits: multipleOf(20),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(view, draft) {
      draft.ipv6ExtendedCommunities = decodeRaw(view, 20);
      return true;
    },
    encode: ({ ipv6ExtendedCommunities = [] }) => encodeRaw(ipv6ExtendedCommunities),
  },
  {
    code: code.AIGP,
    name: "AIGP",
    flags: NON_TRANSITIVE,
    malformed: "attribute discard",
    wrongFlags: "attribute discard",
    fits: () => true,
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    decode(view, draft, { external, aigp }) {
      // RFC 7311 section 3.3: quietly ignored where AIGP_SESSION is off.
      if (external && aigp !== true) return true;
      if (!isAigp(view)) return false;
      draft.aigp = toHex(bytesOf(view));
      return true;
    },
    encode: ({ aigp }) => (aigp === undefined ? undefined : fromHex(aigp)),
  },
  {
    code: code.LARGE_COMMUNITIES,
    name: "LARGE_COMMUNITIES",
    flags: TRANSITIVE,
    malformed: "treat as withdraw",
    fits: multipleOf(12),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(view, draft) {
      draft.largeCommunities = decodeLarge(view);
      return true;
    },
    encode: ({ largeCommunities = [] }) => encodeLarge(largeCommunities),
  },
  {
    code: code.ONLY_TO_CUSTOMER,
    name: "ONLY_TO_CUSTOMER",
    flags: TRANSITIVE,
    malformed: "treat as withdraw",
    fits: exactly(4),
    subcode: code.OPTIONAL_ATTRIBUTE_ERROR,
    keepsPartial: true,
    decode(view, draft) {
      draft.onlyToCustomer = view.getUint32(0);
      return true;
    },
    encode: ({ onlyToCustomer }) =>
      onlyToCustomer === undefined ? undefined : words([onlyToCustomer]),
  },
];

/** Rows by type code. */
export const ATTRIBUTES: readonly (AttributeRow | undefined)[] = Array.from(
  { length: 256 },
  (_, number) => ATTRIBUTE_ROWS.find((row) => row.code === number),
);

/** Bytes of a view, not copied. */
export function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function hasAsZero(path: readonly AsSegment[]): boolean {
  return path.some(({ asNumbers }) => asNumbers.includes(0));
}

/** A unicast host address: not 0/8, 127/8, nor class D and E (RFC 4271 section 6.3). */
function isHostAddress(word: number): boolean {
  const first = word >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

function decodeAggregator(view: DataView, octets: 2 | 4): Aggregator | undefined {
  const asNumber = octets === 4 ? view.getUint32(0) : view.getUint16(0);
  // RFC 7607 section 2: AS 0 makes it malformed.
  if (asNumber === 0) return undefined;
  return { asNumber, address: addressFromBytes(bytesOf(view).subarray(octets)) };
}

function encodeAggregator({ asNumber, address }: Aggregator, octets: 2 | 4): Uint8Array {
  const number = octets === 2 && asNumber > 0xffff ? code.AS_TRANS : asNumber;
  const bytes = new Uint8Array(octets + 4);
  const view = new DataView(bytes.buffer);
  if (octets === 4) view.setUint32(0, number);
  else view.setUint16(0, number);
  bytes.set(addressToBytes(address), octets);
  return bytes;
}

function decodeWords(view: DataView): number[] {
  return Array.from({ length: view.byteLength / 4 }, (_, index) => view.getUint32(4 * index));
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setUint32(4 * index, value);
  });
  return bytes;
}
