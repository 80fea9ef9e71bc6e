/**
 * UPDATE (RFC 4271 section 4.3).
 *
 *     | Withdrawn Routes Length (2) | Withdrawn Routes | Total Path Attribute Length (2) | Path Attributes | NLRI
 *
 * The daemon walks a message into ranges on the socket's buffer and looks the attribute range up among
 * the sets that it knows; `decodeUpdate` spells the same ranges out for people and tests.
 */

import type { Family } from "../../lib/address.ts";
import { type Announcement, decodeAttributes, encodeAttributes, faultsIn } from "./attribute.ts";
import type { Attributes } from "./attributes.ts";
import { HEADER_LENGTH, MALFORMED_ATTRIBUTE_LIST, UPDATE_MESSAGE_ERROR } from "./const.ts";
import type { WireContext } from "./context.ts";
import { BgpError } from "./error.ts";
import type { Nlri, Reach, Unreach, UpdateMessage } from "./message.ts";
import {
  createMultiprotocolRanges,
  encodeReach,
  encodeUnreach,
  findMultiprotocol,
  isPresent,
  type MultiprotocolRange,
  type MultiprotocolRanges,
  nextHopFault,
  readNextHop,
} from "./multiprotocol.ts";
import {
  createScratch,
  type NlriForm,
  nlriForm,
  nlriOctets,
  PATH_ID_OCTETS,
  readPathId,
  readPrefix,
  writeNlri,
} from "./nlri.ts";
import { u16, writeU16 } from "./octets.ts";

/** Offsets into the buffer; each range is `[start, end)`. */
export type UpdateRanges = MultiprotocolRanges & {
  withdrawnStart: number;
  withdrawnEnd: number;
  attributesStart: number;
  attributesEnd: number;
  nlriStart: number;
  nlriEnd: number;
};

/** A record for `readUpdate` to fill. */
export function createRanges(): UpdateRanges {
  return {
    ...createMultiprotocolRanges(),
    withdrawnStart: 0,
    withdrawnEnd: 0,
    attributesStart: 0,
    attributesEnd: 0,
    nlriStart: 0,
    nlriEnd: 0,
  };
}

/**
 * Find the parts of the body `buffer[start..end)`. Throws `BgpError` 3/1 when they overlap, and what
 * `findMultiprotocol` throws.
 */
export function readUpdate(
  buffer: Uint8Array,
  [start, end]: readonly [number, number],
  context: WireContext,
  ranges: UpdateRanges,
): void {
  ranges.withdrawnStart = start + 2;
  ranges.withdrawnEnd = ranges.withdrawnStart + u16(buffer, start);
  ranges.attributesStart = ranges.withdrawnEnd + 2;
  if (ranges.attributesStart > end) throw overlap("the withdrawn routes");
  ranges.attributesEnd = ranges.attributesStart + u16(buffer, ranges.withdrawnEnd);
  if (ranges.attributesEnd > end) throw overlap("the path attributes");
  ranges.nlriStart = ranges.attributesEnd;
  ranges.nlriEnd = end;
  findMultiprotocol(buffer, [ranges.attributesStart, ranges.attributesEnd], context, ranges);
}

/** The family whose End-of-RIB marker the ranges are (RFC 4724 section 2); undefined when they are none. */
export function endOfRibIn(ranges: UpdateRanges): Family | undefined {
  const { withdrawnStart, attributesStart, attributesEnd, nlriEnd, unreach } = ranges;
  if (nlriEnd - withdrawnStart === 2) return 4;
  const isAlone =
    unreach.start === withdrawnStart + 2 &&
    unreach.start === attributesStart &&
    unreach.end === attributesEnd &&
    unreach.end === nlriEnd;
  return isAlone && unreach.nlriStart === unreach.end ? unreach.family : undefined;
}

/** Where the prefixes are that the attributes belong to; of both places the one that asks for more. */
export function announcementIn({ reach, nlriStart, nlriEnd }: UpdateRanges): Announcement {
  if (nlriStart < nlriEnd) return "nlri";
  if (reach.family !== undefined) return "reach";
  return isPresent(reach) ? "ignored" : "nothing";
}

/** Whether there is any attribute but the two that carry prefixes. */
export function hasAttributes(ranges: UpdateRanges): boolean {
  const { attributesStart, attributesEnd, reach, unreach } = ranges;
  const octets = reach.end - reach.start + unreach.end - unreach.start;
  return attributesEnd - attributesStart > octets;
}

/** The body of an UPDATE as a record. Throws `BgpError` 3/1, 3/9, 3/10. */
export function decodeUpdate(body: Uint8Array, context: WireContext): UpdateMessage {
  const ranges = createRanges();
  readUpdate(body, [0, body.length], context, ranges);
  const isCarried = context.families.includes(4);
  const formOf = (family: Family): NlriForm => nlriForm(context.addPath, "receive", family);
  const listed = (start: number, end: number): Nlri[] => {
    const prefixes = decodePrefixes(body, [start, end], 4, formOf(4));
    return isCarried ? prefixes : [];
  };
  const decodeNlri = ({ family = 4, nlriStart, end }: MultiprotocolRange): Unreach => ({
    family,
    prefixes: decodePrefixes(body, [nlriStart, end], family, formOf(family)),
  });
  const withdrawn = listed(ranges.withdrawnStart, ranges.withdrawnEnd);
  const announced = listed(ranges.nlriStart, ranges.nlriEnd);
  const { reach, unreach } = ranges;
  const lists = {
    withdrawn,
    announced,
    ...(unreach.family === undefined ? {} : { unreach: decodeNlri(unreach) }),
  };
  const announcement = announcementIn(ranges);
  if (announcement === "nothing" && !hasAttributes(ranges)) {
    return { type: "update", attributes: undefined, ...lists, faults: ranges.faults };
  }
  const { attributesStart, attributesEnd } = ranges;
  const decoded = decodeAttributes(body, attributesStart, attributesEnd, context);
  const { attributes } = decoded;
  const faults = [...ranges.faults, ...faultsIn(decoded, announcement)];
  if (reach.family === undefined) return { type: "update", attributes, ...lists, faults };
  const told = readNextHop(body, reach);
  const wrong = nextHopFault(body, reach, told);
  return {
    type: "update",
    attributes,
    ...lists,
    reach: { ...told, ...decodeNlri(reach) },
    faults: wrong === undefined ? faults : [...faults, wrong],
  };
}

/**
 * The body of an UPDATE. What carries prefixes comes first among the attributes (RFC 7606 section 5.1).
 * The caller keeps it within the session's longest message.
 */
export function encodeUpdate(update: UpdateMessage, context: WireContext): Uint8Array {
  const { attributes, reach, unreach } = update;
  const formOf = (family: Family): NlriForm => nlriForm(context.addPath, "send", family);
  const form = formOf(4);
  const encoded = Buffer.concat([
    ...(reach === undefined ? [] : [encodeReach(reach, formOf(reach.family))]),
    ...(unreach === undefined ? [] : [encodeUnreach(unreach, formOf(unreach.family))]),
    ...(attributes === undefined ? [] : [encodeAttributes(attributes, context)]),
  ]);
  const octets = (prefixes: readonly Nlri[]): number =>
    prefixes.reduce((sum, prefix) => sum + nlriOctets(prefix, form), 0);
  const withdrawn = octets(update.withdrawn);
  const body = new Uint8Array(4 + withdrawn + encoded.length + octets(update.announced));
  writeU16(body, 0, withdrawn);
  let at = 2;
  for (const prefix of update.withdrawn) at = writeNlri(body, at, prefix, form);
  writeU16(body, at, encoded.length);
  body.set(encoded, at + 2);
  at += 2 + encoded.length;
  for (const prefix of update.announced) at = writeNlri(body, at, prefix, form);
  return body;
}

/** Octets of an UPDATE that holds nothing yet, header included. */
export const EMPTY_UPDATE_LENGTH = HEADER_LENGTH + 4;

/** Attributes of prefixes that MP_REACH_NLRI announces: NEXT_HOP means nothing to them. */
export function withReach(
  { nextHop, nextHopLinkLocal, ...rest }: Attributes,
  told: Pick<Reach, "nextHop" | "nextHopLinkLocal">,
): Attributes {
  return { ...rest, ...told };
}

function decodePrefixes(
  body: Uint8Array,
  [start, end]: readonly [number, number],
  family: Family,
  form: NlriForm,
): Nlri[] {
  const scratch = createScratch(family);
  const prefixes: Nlri[] = [];
  for (let at = start; at < end; ) {
    if (form === "identified") {
      const pathId = readPathId(body, at, end);
      at = readPrefix(body, at + PATH_ID_OCTETS, end, scratch);
      prefixes.push({ ...scratch, pathId });
    } else {
      at = readPrefix(body, at, end, scratch);
      prefixes.push({ ...scratch });
    }
  }
  return prefixes;
}

function overlap(part: string): BgpError {
  const words = `the length of ${part} exceeds the message`;
  return new BgpError(UPDATE_MESSAGE_ERROR, MALFORMED_ATTRIBUTE_LIST, words);
}
