import { expect, test } from "bun:test";
import { AttributeSets } from "../../../bgpd/rib/attribute-sets.ts";
import { encodeAttributes } from "../../../bgpd/wire/attribute.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import type { WireContext } from "../../../bgpd/wire/context.ts";
import { createRanges } from "../../../bgpd/wire/update.ts";
import { attributesOf } from "./scene.ts";

const CONTEXT: WireContext = {
  fourOctetAs: true,
  external: true,
  maxLength: 4096,
  families: [4],
  extendedNextHop: false,
};

/** Attributes of an UPDATE that announces prefixes behind them. */
function receive(sets: AttributeSets, attributes: Uint8Array, context: WireContext) {
  const ranges = { ...createRanges(), attributesEnd: attributes.length };
  return sets.receive(attributes, ranges, "nlri", context);
}

test("spellings of one set are sets of their own, and nothing is left of those that no route has", () => {
  const sets = new AttributeSets();
  const bytes = encodeAttributes(attributesOf([65_009], "172.30.0.9"), CONTEXT);
  const spellings = Array.from({ length: 16 }, (_, bits) => {
    const spelled = bytes.slice();
    // The lower four bits of the flags mean nothing (RFC 4271 section 4.3).
    spelled[0] = (spelled[0] ?? 0) | bits;
    return spelled;
  });
  const received = spellings.map((one) => receive(sets, one, CONTEXT));
  expect(received.every(({ faults }) => faults.length === 0)).toBe(true);
  const made = received.map(({ set }) => sets.intern(set?.attributes as Attributes));
  expect(new Set(made).size).toBe(1);
  expect(sets.size).toBe(17);
  for (const { set } of received) if (set !== undefined) sets.dropUnheld(set);
  expect(sets.size).toBe(1);
});

test("a record that is asked for long after is the same as it was", () => {
  const sets = new AttributeSets();
  const first = sets.intern(attributesOf([65_009], "172.30.0.9", { communities: [1, 2] }));
  const before = first.attributes;
  for (let path = 1; path <= 1000; path++) {
    const { asPath } = sets.intern(attributesOf([path], "172.30.0.9")).attributes;
    expect(asPath[0]?.asNumbers).toEqual([path]);
  }
  expect(first.attributes).not.toBe(before);
  expect(first.attributes).toEqual(before);
});

test("octets mean something else where AIGP_SESSION is on", () => {
  const sets = new AttributeSets();
  const attributes = attributesOf([65_009], "172.30.0.9", { aigp: "01000b0000000000000064" });
  const bytes = encodeAttributes(attributes, CONTEXT);
  const off = receive(sets, bytes, CONTEXT);
  const on = receive(sets, bytes, { ...CONTEXT, aigp: true });
  expect([off.set?.attributes.aigp, on.set?.attributes.aigp]).toEqual([
    undefined,
    "01000b0000000000000064",
  ]);
});
