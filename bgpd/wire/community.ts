/**
 * Communities of all kinds: their octets, their text, and what the octets of the extended ones say
 * (RFC 1997, RFC 4360, RFC 5668, RFC 5701, RFC 8092, RFC 10005).
 *
 * Extended ones are kept as they came, in hexadecimal: a type that nobody here knows travels on unharmed.
 *
 *     | Type high (1) | Type low (1) |  Value (6 octets, or 18 of an IPv6 one)  |
 */

import { address4, addressFromBytes, formatAddress } from "../../lib/address.ts";
import { fromHex } from "../../lib/hex.ts";
import type { LargeCommunity } from "./attributes.ts";
import { hexOf, type Octets, u32 } from "./octets.ts";

/** Type high: the community stays within its AS (RFC 4360 section 2). */
const NON_TRANSITIVE = 0x40;
/** Types high without that bit: AS of two octets, IPv4 address, AS of four octets (RFC 5668). */
const TWO_OCTET_AS = 0;
const IPV4_ADDRESS = 1;
const FOUR_OCTET_AS = 2;
/** Types low of those three. */
const ROUTE_TARGET = 2;
const ROUTE_ORIGIN = 3;
/** Type low of two-octet AS ones (RFC 10005). */
const LINK_BANDWIDTH = 4;
/** Type of the origin validation state (RFC 8097 section 2). */
const ORIGIN_VALIDATION_STATE = "4300";

/** Entries of `octets` each, in hexadecimal; the length was checked. */
export function decodeRaw({ buffer, start, end }: Octets, octets: number): string[] {
  const entries: string[] = [];
  for (let at = start; at < end; at += octets) {
    entries.push(hexOf({ buffer, start: at, end: at + octets }));
  }
  return entries;
}

/** Large communities, each once (RFC 8092 section 5); the length was checked. */
export function decodeLarge({ buffer, start, end }: Octets): LargeCommunity[] {
  const seen = new Map<string, LargeCommunity>();
  for (let at = start; at < end; at += 12) {
    const community: LargeCommunity = [u32(buffer, at), u32(buffer, at + 4), u32(buffer, at + 8)];
    const text = formatLarge(community);
    if (!seen.has(text)) seen.set(text, community);
  }
  return [...seen.values()];
}

/** Whether an extended community, of either length, may leave the AS (RFC 4360 section 6). */
export function isTransitive(extended: string): boolean {
  return (highOf(extended) & NON_TRANSITIVE) === 0;
}

/** Whether it is the origin validation state, which nobody outside may tell us (RFC 8097 section 2). */
export function isOriginValidationState(extended: string): boolean {
  return extended.startsWith(ORIGIN_VALIDATION_STATE);
}

/** What a link bandwidth community says; undefined for any other. */
export function linkBandwidth(
  extended: string,
): { readonly asNumber: number; readonly bytesPerSecond: number } | undefined {
  const view = viewOf(extended);
  const isOfAs = (view.getUint8(0) & ~NON_TRANSITIVE) === TWO_OCTET_AS;
  if (!isOfAs || view.getUint8(1) !== LINK_BANDWIDTH) return undefined;
  return { asNumber: view.getUint16(2), bytesPerSecond: view.getFloat32(4) };
}

/** `65000:100`. */
export function formatCommunity(community: number): string {
  return `${community >>> 16}:${community & 0xffff}`;
}

/** `65000:1:2`. */
export function formatLarge(community: LargeCommunity): string {
  return community.join(":");
}

/** `rt:65000:100`, `ro:192.0.2.1:7`, `bandwidth:65000:125000000`; any other as `0x43000000000000aa`. */
export function formatExtended(extended: string): string {
  const bandwidth = linkBandwidth(extended);
  if (bandwidth !== undefined) return `bandwidth:${bandwidth.asNumber}:${bandwidth.bytesPerSecond}`;
  const view = viewOf(extended);
  const name = { [ROUTE_TARGET]: "rt", [ROUTE_ORIGIN]: "ro" }[view.getUint8(1)];
  const text = name === undefined ? undefined : administered(view);
  return text === undefined ? `0x${extended}` : `${name}:${text}`;
}

/** Administrator and number of a community of one of the three types that are for this. */
function administered(view: DataView): string | undefined {
  switch (view.getUint8(0)) {
    case TWO_OCTET_AS:
      return `${view.getUint16(2)}:${view.getUint32(4)}`;
    case IPV4_ADDRESS:
      return `${formatAddress(address4(view.getUint32(2)))}:${view.getUint16(6)}`;
    case FOUR_OCTET_AS:
      return `${view.getUint32(2)}:${view.getUint16(6)}`;
    default:
      return undefined;
  }
}

/** `rt:2001:db8::1:7` and the like; any other as `0x…`. */
export function formatIpv6Extended(extended: string): string {
  const bytes = fromHex(extended);
  const name = { [ROUTE_TARGET]: "rt", [ROUTE_ORIGIN]: "ro" }[bytes[1] ?? 0];
  if (name === undefined || bytes[0] !== 0) return `0x${extended}`;
  const number = new DataView(bytes.buffer, bytes.byteOffset).getUint16(18);
  return `${name}:[${formatAddress(addressFromBytes(bytes.subarray(2, 18)))}]:${number}`;
}

function highOf(extended: string): number {
  return Number.parseInt(extended.slice(0, 2), 16);
}

function viewOf(extended: string): DataView {
  const bytes = fromHex(extended);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
