/**
 * Octets where they lie: reading and writing at an offset, in network order, without views or copies.
 *
 * Writing past the end of a target leaves it as it is and goes on counting, so that a writer's answer tells how
 * large the target has to be.
 */

/** A stretch of a buffer: `[start, end)`. */
export type Octets = { readonly buffer: Uint8Array; readonly start: number; readonly end: number };

export function u16(buffer: Uint8Array, at: number): number {
  return ((buffer[at] ?? 0) << 8) | (buffer[at + 1] ?? 0);
}

/** Unsigned. */
export function u32(buffer: Uint8Array, at: number): number {
  return ((u16(buffer, at) << 16) | u16(buffer, at + 2)) >>> 0;
}

/** The stretch as unsigned words, of which it has a whole number. */
export function wordsOf({ buffer, start, end }: Octets): number[] {
  const words: number[] = [];
  for (let at = start; at < end; at += 4) words.push(u32(buffer, at));
  return words;
}

/** The stretch in hexadecimal. */
export function hexOf({ buffer, start, end }: Octets): string {
  return buffer.subarray(start, end).toHex();
}

/** Each of these writes at `at` and gives the offset after it. */
export function writeU16(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 8;
  target[at + 1] = value & 0xff;
  return at + 2;
}

export function writeU32(target: Uint8Array, at: number, value: number): number {
  return writeU16(target, writeU16(target, at, value >>> 16), value & 0xffff);
}

export function writeWords(target: Uint8Array, at: number, values: readonly number[]): number {
  let end = at;
  for (const value of values) end = writeU32(target, end, value);
  return end;
}

export function writeBytes(target: Uint8Array, at: number, bytes: Uint8Array): number {
  return copyOctets(bytes, 0, bytes.length, target, at);
}

/** Of `from[start..end)`. Octet by octet: what is copied here is short. */
export function copyOctets(
  from: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  const shift = at - start;
  for (let index = start; index < end; index++) target[index + shift] = from[index] ?? 0;
  return end + shift;
}

/** Of hexadecimal digits, two for each octet. */
export function writeHex(target: Uint8Array, at: number, digits: string): number {
  return writeBytes(target, at, Uint8Array.fromHex(digits));
}
