/**
 * Sets of path attributes: bytes to record, judged by RFC 7606, and back in canonical form.
 *
 * MP_REACH_NLRI and MP_UNREACH_NLRI carry prefixes and are no part of a set: they are `multiprotocol.ts`.
 *
 *     |  Attr. Flags  |Attr. Type Code|  Length (1 or 2 octets)  |  Value
 */

import { mergeAs4Path } from "./as-path.ts";
import {
  ATTRIBUTE_ROWS,
  ATTRIBUTES,
  type AttributeRow,
  bytesOf,
  type Draft,
} from "./attribute-table.ts";
import type { Attributes, Fault, FaultVerdict, UnknownAttribute } from "./attributes.ts";
import {
  AS_PATH,
  AS_TRANS,
  ATTRIBUTE_FLAGS_ERROR,
  ATTRIBUTE_LENGTH_ERROR,
  FLAG_EXTENDED_LENGTH,
  FLAG_OPTIONAL,
  FLAG_PARTIAL,
  FLAG_TRANSITIVE,
  MALFORMED_ATTRIBUTE_LIST,
  MISSING_WELL_KNOWN_ATTRIBUTE,
  MP_REACH_NLRI,
  MP_UNREACH_NLRI,
  NEXT_HOP,
  ORIGIN,
  UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE,
} from "./const.ts";
import type { WireContext } from "./context.ts";

export type DecodedAttributes = {
  /** Undefined when ORIGIN or AS_PATH is missing or malformed: no route can have such a set. */
  readonly attributes: Attributes | undefined;
  /** Everything that is wrong with it, but for what is missing. */
  readonly faults: readonly Fault[];
  /** Type codes of all that was there, malformed or not. */
  readonly present: ReadonlySet<number>;
};

const KIND = FLAG_OPTIONAL | FLAG_TRANSITIVE;
const VERDICTS: readonly FaultVerdict[] = [
  "attribute discard",
  "treat as withdraw",
  "session reset",
];

/** Well-known mandatory attributes (RFC 4271 section 5, RFC 4760 section 3). */
const MANDATORY: Readonly<Record<"nlri" | "reach", readonly number[]>> = {
  nlri: [ORIGIN, AS_PATH, NEXT_HOP],
  reach: [ORIGIN, AS_PATH],
};

/**
 * Decode `buffer[start..end)`. Never throws: what is wrong is in `faults` (RFC 7606). MP_REACH_NLRI and
 * MP_UNREACH_NLRI are passed over: they are `multiprotocol.ts`.
 */
export function decodeAttributes(
  buffer: Uint8Array,
  start: number,
  end: number,
  context: WireContext,
): DecodedAttributes {
  const draft: Draft = {};
  const unknown: UnknownAttribute[] = [];
  const faults: Fault[] = [];
  const present = new Set<number>();
  for (let at = start; at < end; ) {
    const item = readItem(buffer, at, end);
    if ("verdict" in item) {
      faults.push(item);
      break;
    }
    at += item.whole.length;
    if (item.code === MP_REACH_NLRI || item.code === MP_UNREACH_NLRI) continue;
    const row = ATTRIBUTES[item.code];
    const wrong = present.has(item.code)
      ? repeated(item.code)
      : row === undefined
        ? takeUnknown(item, unknown)
        : take(row, item, draft, context);
    present.add(item.code);
    if (wrong !== undefined) faults.push(wrong);
  }
  return { attributes: finish(draft, unknown), faults, present };
}

/** Where the prefixes are that an UPDATE's attributes belong to. */
export type Announcement =
  /** Behind the attributes: they need NEXT_HOP. */
  | "nlri"
  /** In MP_REACH_NLRI, which has a next hop of its own (RFC 4760 section 3). */
  | "reach"
  /** In an MP_REACH_NLRI of a family that the session does not carry. */
  | "ignored"
  | "nothing";

/**
 * All faults of attributes in an UPDATE that announces so. Where nothing tells which prefixes were
 * meant, what would be treated as withdraw resets the session (RFC 7606 section 5.2).
 */
export function faultsIn(decoded: DecodedAttributes, announcement: Announcement): readonly Fault[] {
  const { faults } = decoded;
  if (announcement === "ignored") return faults;
  if (announcement === "nothing") {
    return faults.map((one) =>
      one.verdict === "treat as withdraw" ? { ...one, verdict: "session reset" } : one,
    );
  }
  const missing = missingMandatory(decoded, announcement);
  return missing === undefined ? faults : [...faults, missing];
}

/** The gravest verdict; undefined when there is no fault. */
export function worst(faults: readonly Fault[]): FaultVerdict | undefined {
  return VERDICTS.findLast((verdict) => faults.some((fault) => fault.verdict === verdict));
}

/** Canonical bytes: ascending type codes, shortest length form. */
export function encodeAttributes(attributes: Attributes, context: WireContext): Uint8Array {
  const parts = ATTRIBUTE_ROWS.flatMap((row) => {
    const value = row.encode(attributes, context);
    if (value === undefined) return [];
    const isPartial = attributes.partial?.includes(row.code) === true;
    return [{ code: row.code, flags: isPartial ? row.flags | FLAG_PARTIAL : row.flags, value }];
  });
  const all = [...parts, ...(attributes.unknown ?? [])].sort((a, b) => a.code - b.code);
  const length = all.reduce((sum, { value }) => sum + header(value) + value.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const { code, flags, value } of all) {
    const extended = value.length > 255;
    bytes[at] = extended ? flags | FLAG_EXTENDED_LENGTH : flags;
    bytes[at + 1] = code;
    if (extended) bytes[at + 2] = value.length >>> 8;
    bytes[at + (extended ? 3 : 2)] = value.length & 0xff;
    bytes.set(value, at + header(value));
    at += header(value) + value.length;
  }
  return bytes;
}

/** `ORIGIN`, or `attribute 99`. */
export function nameOf(code: number): string {
  return ATTRIBUTES[code]?.name ?? `attribute ${code}`;
}

/** What an UPDATE that announces prefixes misses (RFC 4271 section 6.3, RFC 7606 section 3 d). */
function missingMandatory(
  { present }: DecodedAttributes,
  announcement: "nlri" | "reach",
): Fault | undefined {
  const missing = MANDATORY[announcement].find((code) => !present.has(code));
  if (missing === undefined) return undefined;
  const words = `${nameOf(missing)} is missing`;
  const data = Uint8Array.of(missing);
  return fault("treat as withdraw", missing, MISSING_WELL_KNOWN_ATTRIBUTE, words, data);
}

function header(value: Uint8Array): number {
  return value.length > 255 ? 4 : 3;
}

/** One attribute on the wire. */
type Item = {
  readonly flags: number;
  readonly code: number;
  readonly value: DataView;
  /** Flags, code, length and value: what a NOTIFICATION tells of it. */
  readonly whole: Uint8Array;
};

function readItem(buffer: Uint8Array, at: number, end: number): Item | Fault {
  // The lengths contradict each other: nothing behind can be found (RFC 7606 section 4).
  const cut = (code: number): Fault => {
    const words = `${end - at} octets of ${nameOf(code)} are all that is left of the attributes`;
    return fault("treat as withdraw", code, MALFORMED_ATTRIBUTE_LIST, words);
  };
  if (at + 2 > end) return cut(0);
  const flags = buffer[at] ?? 0;
  const code = buffer[at + 1] ?? 0;
  const extended = (flags & FLAG_EXTENDED_LENGTH) !== 0;
  const start = at + (extended ? 4 : 3);
  const length = extended
    ? ((buffer[at + 2] ?? 0) << 8) | (buffer[at + 3] ?? 0)
    : (buffer[at + 2] ?? 0);
  const next = start + length;
  if (start > end || next > end) return cut(code);
  const value = new DataView(buffer.buffer, buffer.byteOffset + start, length);
  return { flags, code, value, whole: buffer.slice(at, next) };
}

/** Put a known attribute into the draft, or say what is wrong with it. */
function take(
  row: AttributeRow,
  { flags, code, value, whole }: Item,
  draft: Draft,
  context: WireContext,
): Fault | undefined {
  if (row.internalOnly === true && context.external) {
    const words = `${row.name} from an external peer is ignored`;
    return fault("attribute discard", code, MALFORMED_ATTRIBUTE_LIST, words);
  }
  if (row.twoOctetOnly === true && context.fourOctetAs) {
    const words = `${row.name} from a speaker of four-octet AS numbers is ignored`;
    return fault("attribute discard", code, MALFORMED_ATTRIBUTE_LIST, words);
  }
  if ((flags & KIND) !== row.flags) {
    const words = `${row.name} has the flags 0x${flags.toString(16)}`;
    const verdict = row.wrongFlags ?? "treat as withdraw";
    return fault(verdict, code, ATTRIBUTE_FLAGS_ERROR, words, whole);
  }
  if (!row.fits(value.byteLength, context)) {
    const words = `${row.name} cannot be ${value.byteLength} octets long`;
    return fault(row.malformed, code, ATTRIBUTE_LENGTH_ERROR, words, whole);
  }
  if (!row.decode(value, draft, context)) {
    return fault(row.malformed, code, row.subcode, `${row.name} is malformed`, whole);
  }
  if (row.keepsPartial === true && (flags & FLAG_PARTIAL) !== 0) {
    draft.partial = [...(draft.partial ?? []), code].sort((a, b) => a - b);
  }
  return undefined;
}

/** Keep an unknown attribute that travels on; forget one that does not (RFC 4271 section 9). */
function takeUnknown(
  { flags, code, value, whole }: Item,
  unknown: UnknownAttribute[],
): Fault | undefined {
  if ((flags & FLAG_OPTIONAL) === 0) {
    const words = `attribute ${code} claims to be well-known and is not known`;
    return fault("session reset", code, UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE, words, whole);
  }
  if ((flags & FLAG_TRANSITIVE) !== 0) {
    const bytes = bytesOf(value).slice();
    unknown.push({ code, flags: (flags & KIND) | FLAG_PARTIAL, value: bytes });
  }
  return undefined;
}

/** RFC 7606 section 3 g. */
function repeated(code: number): Fault {
  const words = `${nameOf(code)} occurs more than once: only the first counts`;
  return fault("attribute discard", code, MALFORMED_ATTRIBUTE_LIST, words);
}

function fault(
  verdict: FaultVerdict,
  attribute: number,
  subcode: number,
  message: string,
  data: Uint8Array = new Uint8Array(),
): Fault {
  return { verdict, attribute, subcode, message, data };
}

/** Fold AS4_* into what they stand for (RFC 6793 section 4.2.3). */
function finish(draft: Draft, unknown: readonly UnknownAttribute[]): Attributes | undefined {
  const { as4Path, as4Aggregator, origin, asPath, ...rest } = draft;
  if (origin === undefined || asPath === undefined) return undefined;
  const trans = rest.aggregator?.asNumber === AS_TRANS;
  // An AGGREGATOR with another AS was made by a two-octet speaker after AS4_*: those are outdated.
  const outdated = as4Aggregator !== undefined && rest.aggregator !== undefined && !trans;
  const useful = as4Path !== undefined && !outdated;
  return {
    ...rest,
    origin,
    asPath: useful ? mergeAs4Path(asPath, as4Path) : asPath,
    ...(trans && as4Aggregator !== undefined ? { aggregator: as4Aggregator } : {}),
    ...(unknown.length === 0 ? {} : { unknown }),
  };
}
