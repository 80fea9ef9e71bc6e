/** Plain attributes: what is said of the octets is what the record of them says. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asPathLength } from "../../../bgpd/wire/as-path.ts";
import { decodeAttributes, encodeAttributes } from "../../../bgpd/wire/attribute.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import type { WireContext } from "../../../bgpd/wire/context.ts";
import { createPlain, readPlain } from "../../../bgpd/wire/plain.ts";
import { asNumbers, CONTEXTS, hosts } from "./arbitrary.ts";

const SESSIONS = CONTEXTS.filter(({ fourOctetAs }) => fourOctetAs);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const segment = fc.record({
  type: fc.constantFrom("sequence" as const, "set" as const, "confederation sequence" as const),
  asNumbers: fc.array(asNumbers, { minLength: 1, maxLength: 90 }),
});

/** Attributes of which most are plain. */
const attributes: fc.Arbitrary<Attributes> = fc.record(
  {
    origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
    asPath: fc.array(segment, { maxLength: 3 }),
    nextHop: hosts,
    multiExitDisc: u32,
    localPref: u32,
    atomicAggregate: fc.constant(true as const),
    aggregator: fc.record({ asNumber: asNumbers, address: hosts }),
    communities: fc.array(u32, { minLength: 1, maxLength: 70 }),
    largeCommunities: fc.array(fc.tuple(u32, u32, fc.constant(0)), { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ["origin", "asPath"] },
);

function isRead(bytes: Uint8Array, { external }: WireContext): boolean {
  return readPlain(bytes, 0, bytes.length, external, createPlain());
}

/** Whatever is taken for plain must be good, canonical, and mean the same as a record. */
function check(bytes: Uint8Array, context: WireContext): boolean {
  const plain = createPlain();
  if (!readPlain(bytes, 0, bytes.length, context.external, plain)) return false;
  const { attributes, faults } = decodeAttributes(bytes, 0, bytes.length, context);
  expect(faults).toEqual([]);
  if (attributes === undefined) throw new Error("plain octets without a record");
  const [first] = attributes.asPath;
  expect(plain).toMatchObject({
    origin: attributes.origin,
    pathLength: asPathLength(attributes.asPath),
    neighbourAs: first?.type === "sequence" ? first.asNumbers[0] : 0,
    nextHop: attributes.nextHop?.w0,
    multiExitDisc: attributes.multiExitDisc,
    localPref: attributes.localPref,
  });
  expect(encodeAttributes(attributes, context)).toEqual(bytes);
  return true;
}

describe("plain attributes", () => {
  test("say what their record says", () => {
    let seen = 0;
    fc.assert(
      fc.property(attributes, fc.constantFrom(...SESSIONS), (set, context) => {
        if (check(encodeAttributes(set, context), context)) seen++;
      }),
      { numRuns: 1000 },
    );
    expect(seen).toBeGreaterThan(100);
  });

  test("with octets changed are plain no more, or still say what their record says", () => {
    const change = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(attributes, fc.constantFrom(...SESSIONS), change, (set, context, changes) => {
        const bytes = encodeAttributes(set, context);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        check(bytes, context);
      }),
      { numRuns: 3000 },
    );
  });

  const PLAIN: Attributes = { origin: 0, asPath: [{ type: "sequence", asNumbers: [1, 2] }] };
  test.each<[string, Partial<Attributes>]>([
    ["a well-known community", { communities: [1, 0xffff_ff01] }],
    ["an extended community", { extendedCommunities: ["0002fde800000064"] }],
    ["ONLY_TO_CUSTOMER", { onlyToCustomer: 1 }],
    [
      "an attribute that nobody knows",
      { unknown: [{ code: 99, flags: 0xe0, value: new Uint8Array(1) }] },
    ],
    ["a Partial bit", { communities: [1], partial: [8] }],
    ["a confederation's segment", { asPath: [{ type: "confederation set", asNumbers: [1] }] }],
    ["ORIGINATOR_ID", { originatorId: 1 }],
    ["AIGP", { aigp: "01000b0000000000000064" }],
  ])("are none with %s", (_, more) => {
    const [, internal] = SESSIONS.toSorted((a, b) => Number(b.external) - Number(a.external));
    if (internal === undefined) throw new Error("no internal session");
    expect(isRead(encodeAttributes(PLAIN, internal), internal)).toBe(true);
    expect(isRead(encodeAttributes({ ...PLAIN, ...more }, internal), internal)).toBe(false);
  });
});
