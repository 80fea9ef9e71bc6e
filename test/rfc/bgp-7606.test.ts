/** RFC 7606 section 7: each attribute malformed, on an internal and on an external session. */

import { describe, expect, test } from "bun:test";
import { decodeAttributes, worst } from "../../bgpd/wire/attribute.ts";
import { ATTRIBUTE_ROWS } from "../../bgpd/wire/attribute-table.ts";
import type { FaultVerdict } from "../../bgpd/wire/attributes.ts";
import { fromHex } from "../../lib/hex.ts";

type Verdict = FaultVerdict | "no fault";
type Row = readonly [
  section: string,
  name: string,
  attribute: string,
  internal: Verdict,
  external: Verdict,
];

const WITHDRAW = "treat as withdraw";
const DISCARD = "attribute discard";

/** Sections of RFC 7606 first, then the RFC that an attribute of later date is from. */
const TABLE: readonly Row[] = [
  ["7.1", "ORIGIN", "400101 03", WITHDRAW, WITHDRAW],
  ["7.2", "AS_PATH", "400203 020000", WITHDRAW, WITHDRAW],
  ["7.3", "NEXT_HOP", "400303 0a0000", WITHDRAW, WITHDRAW],
  ["7.4", "MULTI_EXIT_DISC", "800403 000000", WITHDRAW, WITHDRAW],
  ["7.5", "LOCAL_PREF", "400503 000000", WITHDRAW, DISCARD],
  ["7.6", "ATOMIC_AGGREGATE", "400601 00", DISCARD, DISCARD],
  ["7.7", "AGGREGATOR", "c00706 fde8c0000209", DISCARD, DISCARD],
  ["7.8", "COMMUNITIES", "c00803 000000", WITHDRAW, WITHDRAW],
  ["7.9", "ORIGINATOR_ID", "800903 000000", WITHDRAW, DISCARD],
  ["7.10", "CLUSTER_LIST", "800a03 000000", WITHDRAW, DISCARD],
  ["7.14", "EXTENDED_COMMUNITIES", "c01007 00000000000000", WITHDRAW, WITHDRAW],
  ["7.15", "IPV6_EXTENDED_COMMUNITIES", "c01903 000000", WITHDRAW, WITHDRAW],
  ["RFC 6793 6", "AS4_PATH", "c01106 020100000001", DISCARD, DISCARD],
  ["RFC 6793 6", "AS4_AGGREGATOR", "c01203 000000", DISCARD, DISCARD],
  ["RFC 7311 3.2", "AIGP", "801a03 010003", DISCARD, "no fault"],
  ["RFC 8092 6", "LARGE_COMMUNITIES", "c02003 000000", WITHDRAW, WITHDRAW],
  ["RFC 9234 5", "ONLY_TO_CUSTOMER", "c02303 000000", WITHDRAW, WITHDRAW],
];

describe("a malformed attribute", () => {
  for (const [section, name, attribute, internal, external] of TABLE) {
    for (const [session, wanted] of [
      ["internal", internal],
      ["external", external],
    ] as const) {
      test(`${section} ${name} on an ${session} session: ${wanted}`, () => {
        const bytes = fromHex(attribute);
        const context = {
          fourOctetAs: true,
          external: session === "external",
          maxLength: 4096,
          families: [4] as const,
          extendedNextHop: false,
        };
        const { faults } = decodeAttributes(bytes, 0, bytes.length, context);
        expect(worst(faults) ?? "no fault").toBe(wanted);
      });
    }
  }

  test("has a row above for every attribute that has bytes of its own", () => {
    const names = ATTRIBUTE_ROWS.map(({ name }) => name).filter((name) => !name.startsWith("MP_"));
    expect(TABLE.map(([, name]) => name).sort()).toEqual(names.sort());
  });
});
