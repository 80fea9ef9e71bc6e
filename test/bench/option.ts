/** Options of benchmarks that are numbers. */

/** Throws when it is not a whole number above 0. */
export function wholeNumber(option: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new Error(`${option} ${JSON.stringify(text)}: expected a whole number above 0`);
}
