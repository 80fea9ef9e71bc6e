/**
 * Communities as documents spell them: `65000:100` (RFC 1997) or `65000:1:2` (RFC 8092).
 */

import { textOf } from "./scalar.ts";

export type Community =
  | { readonly type: "standard"; readonly value: number }
  | {
      readonly type: "large";
      readonly value: readonly [global: number, local1: number, local2: number];
    };

/** One community. */
export const communitySchema = textOf(
  "expected a community such as 65000:100 (two numbers up to 65535) or 65000:1:2 (three up to 4294967295)",
  parseCommunity,
);

/** The community of a text, or undefined. */
export function parseCommunity(text: string): Community | undefined {
  if (!/^\d{1,10}(:\d{1,10}){1,2}$/.test(text)) return undefined;
  const [first = 0, second = 0, third] = text.split(":").map(Number);
  if (third === undefined) {
    const fits = first <= 0xffff && second <= 0xffff;
    return fits ? { type: "standard", value: first * 0x1_0000 + second } : undefined;
  }
  const fits = Math.max(first, second, third) <= 0xffff_ffff;
  return fits ? { type: "large", value: [first, second, third] } : undefined;
}

/** As documents spell it. */
export function formatCommunity({ type, value }: Community): string {
  return type === "large" ? value.join(":") : `${value >>> 16}:${value & 0xffff}`;
}
