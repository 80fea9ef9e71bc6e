/**
 * UPDATE (RFC 4271 section 4.3).
 *
 *     | Withdrawn Routes Length (2) | Withdrawn Routes | Total Path Attribute Length (2) | Path Attributes | NLRI
 *
 * The daemon walks a message into ranges on the socket's buffer and looks the attribute range up among
 * the sets that it knows; `decodeUpdate` spells the same ranges out for people and tests.
 */

import type { Prefix } from "../../lib/prefix.ts";
import {
  decodeAttributes,
  encodeAttributes,
  faultsWithoutPrefix,
  missingMandatory,
} from "./attribute.ts";
import { HEADER_LENGTH, MALFORMED_ATTRIBUTE_LIST, UPDATE_MESSAGE_ERROR } from "./const.ts";
import type { WireContext } from "./context.ts";
import { BgpError } from "./error.ts";
import type { UpdateMessage } from "./message.ts";
import { createScratch, prefixOctets, readPrefix4, writePrefix } from "./nlri.ts";

/** Offsets into the buffer; each range is `[start, end)`. */
export type UpdateRanges = {
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
    withdrawnStart: 0,
    withdrawnEnd: 0,
    attributesStart: 0,
    attributesEnd: 0,
    nlriStart: 0,
    nlriEnd: 0,
  };
}

/** Find the three parts of the body `buffer[start..end)`. Throws `BgpError` 3/1 when they overlap. */
export function readUpdate(
  buffer: Uint8Array,
  start: number,
  end: number,
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
}

/** Whether the ranges are those of IPv4 unicast's End-of-RIB marker (RFC 4724 section 2). */
export function isEndOfRib({ withdrawnStart, nlriEnd }: UpdateRanges): boolean {
  return nlriEnd - withdrawnStart === 2;
}

/** The body of an UPDATE as a record. Throws `BgpError` 3/1, 3/10. */
export function decodeUpdate(body: Uint8Array, context: WireContext): UpdateMessage {
  const ranges = createRanges();
  readUpdate(body, 0, body.length, ranges);
  const withdrawn = decodePrefixes(body, ranges.withdrawnStart, ranges.withdrawnEnd);
  const announced = decodePrefixes(body, ranges.nlriStart, ranges.nlriEnd);
  if (ranges.attributesStart === ranges.attributesEnd && announced.length === 0) {
    return { type: "update", withdrawn, attributes: undefined, announced, faults: [] };
  }
  const { attributesStart, attributesEnd } = ranges;
  const decoded = decodeAttributes(body, attributesStart, attributesEnd, context);
  const { attributes, present } = decoded;
  if (announced.length === 0) {
    return {
      type: "update",
      withdrawn,
      attributes,
      announced,
      faults: faultsWithoutPrefix(decoded),
    };
  }
  const missing = missingMandatory(attributes, present);
  const faults = missing === undefined ? decoded.faults : [...decoded.faults, missing];
  return { type: "update", withdrawn, attributes, announced, faults };
}

/** The body of an UPDATE. The caller keeps it within the session's longest message. */
export function encodeUpdate(update: UpdateMessage, context: WireContext): Uint8Array {
  const { attributes } = update;
  const encoded =
    attributes === undefined ? new Uint8Array() : encodeAttributes(attributes, context);
  const octets = (prefixes: readonly Prefix[]): number =>
    prefixes.reduce((sum, prefix) => sum + prefixOctets(prefix), 0);
  const withdrawn = octets(update.withdrawn);
  const body = new Uint8Array(4 + withdrawn + encoded.length + octets(update.announced));
  writeU16(body, 0, withdrawn);
  let at = 2;
  for (const prefix of update.withdrawn) at = writePrefix(body, at, prefix);
  writeU16(body, at, encoded.length);
  body.set(encoded, at + 2);
  at += 2 + encoded.length;
  for (const prefix of update.announced) at = writePrefix(body, at, prefix);
  return body;
}

/** Octets of an UPDATE that holds nothing yet, header included. */
export const EMPTY_UPDATE_LENGTH = HEADER_LENGTH + 4;

function decodePrefixes(body: Uint8Array, start: number, end: number): Prefix[] {
  const scratch = createScratch(4);
  const prefixes: Prefix[] = [];
  for (let at = start; at < end; ) {
    at = readPrefix4(body, at, end, scratch);
    prefixes.push({ ...scratch });
  }
  return prefixes;
}

function overlap(part: string): BgpError {
  const words = `the length of ${part} exceeds the message`;
  return new BgpError(UPDATE_MESSAGE_ERROR, MALFORMED_ATTRIBUTE_LIST, words);
}

function u16(buffer: Uint8Array, offset: number): number {
  return ((buffer[offset] ?? 0) << 8) | (buffer[offset + 1] ?? 0);
}

function writeU16(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 8;
  buffer[offset + 1] = value & 0xff;
}
