/** Bytes as hexadecimal text, for vectors, logs and messages. */

/** Lower-case hexadecimal without separators. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** Bytes of hexadecimal text; white space is ignored. Throws `SyntaxError` on anything else. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replace(/\s+/g, ""));
}
