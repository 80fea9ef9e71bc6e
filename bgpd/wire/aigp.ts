/**
 * AIGP, the accumulated IGP metric (RFC 7311 section 3), kept as its TLVs in hexadecimal.
 *
 *     | Type (1) | Length of the whole TLV (2) | Value |
 *
 * Type 1 with 8 octets is the metric; only the first one counts. Others travel on as they came.
 */

import { fromHex } from "../../lib/hex.ts";
import { type Octets, u16, u32 } from "./octets.ts";

const METRIC = 1;
const METRIC_LENGTH = 11;
const HEADER = 3;
/** Says nothing: a metric this large is malformed (section 3.2), and adding stops below it (3.4.3). */
const MOST = 0xffff_ffff_ffff_ffffn;

/** Whether the octets are well formed TLVs, and the first metric is one (section 3.2). */
export function isAigp({ buffer, start, end }: Octets): boolean {
  if (start === end) return false;
  let seen = false;
  for (let at = start; at < end; ) {
    if (at + HEADER > end) return false;
    const length = u16(buffer, at + 1);
    if (length < HEADER || at + length > end) return false;
    if (buffer[at] === METRIC) {
      if (length !== METRIC_LENGTH) return false;
      const isMost = u32(buffer, at + 3) === 0xffff_ffff && u32(buffer, at + 7) === 0xffff_ffff;
      if (!seen && isMost) return false;
      seen = true;
    }
    at += length;
  }
  return true;
}

/** The metric; undefined where no TLV has one. */
export function aigpMetric(aigp: string): bigint | undefined {
  const view = viewOf(aigp);
  const at = metricAt(view);
  return at === undefined ? undefined : view.getBigUint64(at);
}

/** The attribute with its metric raised by `cost`, which the first TLV of the type gets (section 3.4.3). */
export function raiseAigp(aigp: string, cost: number): string {
  const view = viewOf(aigp);
  const at = metricAt(view);
  if (at === undefined || cost === 0) return aigp;
  const sum = view.getBigUint64(at) + BigInt(cost);
  const metric = sum < MOST ? sum : MOST - 1n;
  return `${aigp.slice(0, 2 * at)}${metric.toString(16).padStart(16, "0")}${aigp.slice(2 * (at + 8))}`;
}

/** Offset of the first metric's value. */
function metricAt(view: DataView): number | undefined {
  for (let at = 0; at + HEADER <= view.byteLength; at += view.getUint16(at + 1)) {
    if (view.getUint8(at) === METRIC) return at + HEADER;
  }
  return undefined;
}

function viewOf(aigp: string): DataView {
  const bytes = fromHex(aigp);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
