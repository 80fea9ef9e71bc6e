/**
 * Sets of path attributes: bytes to record, judged by RFC 7606, and back in canonical form.
 *
 * MP_REACH_NLRI and MP_UNREACH_NLRI carry prefixes and are no part of a set: they are `multiprotocol.ts`.
 *
 *     |  Attr. Flags  |Attr. Type Code|  Length (1 or 2 octets)  |  Value
 */

import { mergeAs4Path } from "./as-path.ts";
import {
  ABSENT,
  ATTRIBUTE_ROWS,
  ATTRIBUTES,
  type AttributeRow,
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
import { u16, writeBytes, writeU16 } from "./octets.ts";

export type DecodedAttributes = {
  /** Undefined when ORIGIN or AS_PATH is missing or malformed: no route can have such a set. */
  readonly attributes: Attributes | undefined;
  /** Everything that is wrong with it, but for what is missing. */
  readonly faults: readonly Fault[];
  /** Type codes of all that was there, malformed or not. */
  readonly present: readonly number[];
};

const KIND = FLAG_OPTIONAL | FLAG_TRANSITIVE;
const NO_FAULTS: readonly Fault[] = [];
const VERDICTS: readonly FaultVerdict[] = [
  "attribute discard",
  "treat as withdraw",
  "session reset",
];

/** Where attributes are encoded; it grows. */
let scratch = new Uint8Array(4096);

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
  const draft: Draft = { attributes: {}, as4Path: undefined, as4Aggregator: undefined };
  const item: Item = { buffer, flags: 0, code: 0, whole: 0, start: 0, end: 0 };
  const present: number[] = [];
  let faults: readonly Fault[] = NO_FAULTS;
  for (let at = start; at < end; at = item.end) {
    const cut = readItem(item, at, end);
    if (cut !== undefined) {
      faults = [...faults, cut];
      break;
    }
    const { code } = item;
    if (code === MP_REACH_NLRI || code === MP_UNREACH_NLRI) continue;
    const wrong = present.includes(code) ? repeated(code) : take(item, draft, context);
    present.push(code);
    if (wrong !== undefined) faults = [...faults, wrong];
  }
  return { attributes: finish(draft), faults, present };
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
  const end = writeAttributes(scratch, 0, attributes, context);
  if (end <= scratch.length) return scratch.slice(0, end);
  scratch = new Uint8Array(2 * end);
  return encodeAttributes(attributes, context);
}

/**
 * Write the canonical bytes at `at`; the offset after them. Where that is beyond the target's end they do not fit,
 * and nobody may read them.
 */
export function writeAttributes(
  target: Uint8Array,
  at: number,
  attributes: Attributes,
  context: WireContext,
): number {
  const { unknown = [], partial = [] } = attributes;
  const others = unknown.length < 2 ? unknown : [...unknown].sort((a, b) => a.code - b.code);
  let next = 0;
  let end = at;
  for (const row of ATTRIBUTE_ROWS) {
    for (let one = others[next]; one !== undefined && one.code < row.code; one = others[++next]) {
      end = writeUnknown(target, end, one);
    }
    const value = end + 3;
    const after = row.write(target, value, attributes, context);
    if (after === ABSENT) continue;
    const flags = partial.includes(row.code) ? row.flags | FLAG_PARTIAL : row.flags;
    end = writeHeader(target, end, { flags, code: row.code, after });
  }
  for (const one of others.slice(next)) end = writeUnknown(target, end, one);
  return end;
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
  const missing = MANDATORY[announcement].find((code) => !present.includes(code));
  if (missing === undefined) return undefined;
  const words = `${nameOf(missing)} is missing`;
  const data = Uint8Array.of(missing);
  return fault("treat as withdraw", missing, MISSING_WELL_KNOWN_ATTRIBUTE, words, data);
}

/** Flags, code and length at `at` of a value that lies behind a short header; where it ends in the end. */
function writeHeader(
  target: Uint8Array,
  at: number,
  { flags, code, after }: { readonly flags: number; readonly code: number; readonly after: number },
): number {
  const length = after - at - 3;
  target[at + 1] = code;
  if (length <= 255) {
    target[at] = flags;
    target[at + 2] = length;
    return after;
  }
  target[at] = flags | FLAG_EXTENDED_LENGTH;
  target.copyWithin(at + 4, at + 3, after);
  writeU16(target, at + 2, length);
  return after + 1;
}

function writeUnknown(target: Uint8Array, at: number, unknown: UnknownAttribute): number {
  const { code, flags, value } = unknown;
  return writeHeader(target, at, { flags, code, after: writeBytes(target, at + 3, value) });
}

/** One attribute on the wire: its value is `buffer[start..end)`. */
type Item = {
  readonly buffer: Uint8Array;
  flags: number;
  code: number;
  /** Where its flags are. */
  whole: number;
  start: number;
  end: number;
};

/** Read the attribute at `at`, or say that it is cut off. */
function readItem(item: Item, at: number, end: number): Fault | undefined {
  const { buffer } = item;
  if (at + 2 > end) return cutOff(0, end - at);
  const flags = buffer[at] ?? 0;
  const code = buffer[at + 1] ?? 0;
  const isExtended = (flags & FLAG_EXTENDED_LENGTH) !== 0;
  const start = at + (isExtended ? 4 : 3);
  const length = isExtended ? u16(buffer, at + 2) : (buffer[at + 2] ?? 0);
  if (start > end || start + length > end) return cutOff(code, end - at);
  item.flags = flags;
  item.code = code;
  item.whole = at;
  item.start = start;
  item.end = start + length;
  return undefined;
}

/** The lengths contradict each other: nothing behind can be found (RFC 7606 section 4). */
function cutOff(code: number, left: number): Fault {
  const words = `${left} octets of ${nameOf(code)} are all that is left of the attributes`;
  return fault("treat as withdraw", code, MALFORMED_ATTRIBUTE_LIST, words);
}

/** Put an attribute into the draft, or say what is wrong with it. */
function take(item: Item, draft: Draft, context: WireContext): Fault | undefined {
  const row = ATTRIBUTES[item.code];
  return row === undefined ? takeUnknown(item, draft) : takeKnown(row, item, draft, context);
}

function takeKnown(
  row: AttributeRow,
  item: Item,
  draft: Draft,
  context: WireContext,
): Fault | undefined {
  const { flags, code, start, end } = item;
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
    return fault(verdict, code, ATTRIBUTE_FLAGS_ERROR, words, wholeOf(item));
  }
  if (!row.fits(end - start, context)) {
    const words = `${row.name} cannot be ${end - start} octets long`;
    return fault(row.malformed, code, ATTRIBUTE_LENGTH_ERROR, words, wholeOf(item));
  }
  if (!row.decode(item, draft, context)) {
    return fault(row.malformed, code, row.subcode, `${row.name} is malformed`, wholeOf(item));
  }
  if (row.keepsPartial === true && (flags & FLAG_PARTIAL) !== 0) {
    const { partial = [] } = draft.attributes;
    draft.attributes.partial = [...partial, code].sort((a, b) => a - b);
  }
  return undefined;
}

/** Keep an unknown attribute that travels on; forget one that does not (RFC 4271 section 9). */
function takeUnknown(item: Item, { attributes }: Draft): Fault | undefined {
  const { flags, code, buffer, start, end } = item;
  if ((flags & FLAG_OPTIONAL) === 0) {
    const words = `attribute ${code} claims to be well-known and is not known`;
    return fault("session reset", code, UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE, words, wholeOf(item));
  }
  if ((flags & FLAG_TRANSITIVE) !== 0) {
    const value = buffer.slice(start, end);
    const one = { code, flags: (flags & KIND) | FLAG_PARTIAL, value };
    attributes.unknown = [...(attributes.unknown ?? []), one];
  }
  return undefined;
}

/** Flags, code, length and value: what a NOTIFICATION tells of it. */
function wholeOf({ buffer, whole, end }: Item): Uint8Array {
  return buffer.slice(whole, end);
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
function finish({ attributes, as4Path, as4Aggregator }: Draft): Attributes | undefined {
  const { origin, asPath, aggregator } = attributes;
  if (origin === undefined || asPath === undefined) return undefined;
  const trans = aggregator?.asNumber === AS_TRANS;
  // An AGGREGATOR with another AS was made by a two-octet speaker after AS4_*: those are outdated.
  const outdated = as4Aggregator !== undefined && aggregator !== undefined && !trans;
  if (trans && as4Aggregator !== undefined) attributes.aggregator = as4Aggregator;
  const isUseful = as4Path !== undefined && !outdated;
  const path = isUseful ? mergeAs4Path(asPath, as4Path) : asPath;
  return Object.assign(attributes, { origin, asPath: path });
}
