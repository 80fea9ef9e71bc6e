/** A message that RFC 4861 section 6.1 discards; the message says which rule it breaks. */
export class NdError extends Error {
  override readonly name = "NdError";
}
