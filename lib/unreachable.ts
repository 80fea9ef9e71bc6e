/** The end of an exhaustive switch: a type error if a case is missing, a throw if data lied. */
export function unreachable(value: never): never {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
}
