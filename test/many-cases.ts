/** What `npm run test:long` loads before the tests: each property is tried with many more cases. */

import { mock } from "bun:test";
import fc from "fast-check";

const TIMES = 40;
/** How many cases a property is tried with that says nothing of it. */
const USUAL = 100;
/** Of one property, in ms: a test has 60 s. */
const LONGEST = 40_000;

// What is imported is what is mocked, from then on.
const few = fc.assert;
const assert = ((property: fc.IRawProperty<unknown>, parameters?: fc.Parameters<unknown>) =>
  few(property, {
    ...parameters,
    numRuns: TIMES * (parameters?.numRuns ?? USUAL),
    interruptAfterTimeLimit: LONGEST,
  })) as typeof fc.assert;

await mock.module("fast-check", () => ({ ...fc, assert, default: { ...fc, assert } }));
