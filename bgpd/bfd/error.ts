/** A packet that RFC 5880 section 6.8.6 discards; the message says which rule it breaks. */
export class BfdError extends Error {
  override readonly name = "BfdError";
}
