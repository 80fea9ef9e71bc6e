/**
 * How thorough tests with very many cases are: `npm run test:long` takes every case, `npm test` those that
 * differ most and a sample of the rest.
 */

/** Set by `npm run test:long`. */
export const IS_LONG = process.env.MANX_TEST_LONG === "1";

/** Samples follow from it, so that a failure can be had again. */
const SEED = Number(process.env.MANX_SEED ?? 20_260_801);

/** Numbers below a bound, by a xorshift generator. */
export type Random = (below: number) => number;

export function randomOf(seed: number = SEED): Random {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/**
 * All cases of a long run. Otherwise the first and the last of each `kind` and `more` of the others, in
 * their order.
 */
export function sampled<Case>(
  cases: readonly Case[],
  kind: (one: Case) => string,
  more: number,
): readonly Case[] {
  if (IS_LONG) return cases;
  const first = new Map<string, Case>();
  const last = new Map<string, Case>();
  for (const one of cases) {
    if (!first.has(kind(one))) first.set(kind(one), one);
    last.set(kind(one), one);
  }
  const taken = new Set([...first.values(), ...last.values()]);
  const rest = cases.filter((one) => !taken.has(one));
  const random = randomOf();
  for (let count = 0; count < more && rest.length > 0; count++) {
    for (const one of rest.splice(random(rest.length), 1)) taken.add(one);
  }
  return cases.filter((one) => taken.has(one));
}
