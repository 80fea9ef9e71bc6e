/** What holds for every message: both directions of the codec, whatever the session. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isTold } from "../../../bgpd/wire/as-path.ts";
import { decodeAttributes, encodeAttributes, worst } from "../../../bgpd/wire/attribute.ts";
import type { AsSegment } from "../../../bgpd/wire/attributes.ts";
import { CAPABILITY, decodeParameters } from "../../../bgpd/wire/capability.ts";
import { decode, encode } from "../../../bgpd/wire/codec.ts";
import { HEADER_LENGTH } from "../../../bgpd/wire/const.ts";
import { BgpError } from "../../../bgpd/wire/error.ts";
import {
  createScratch,
  prefixOctets,
  readPrefix4,
  readPrefix6,
  writePrefix,
} from "../../../bgpd/wire/nlri.ts";
import {
  ADD_PATH_CONTEXTS,
  attributeSets,
  CONTEXTS,
  messages,
  prefixes,
  prefixes6,
  updates,
} from "./arbitrary.ts";

for (const context of [...CONTEXTS, ...ADD_PATH_CONTEXTS]) {
  const { fourOctetAs, external, addPath } = context;
  const identified = addPath === undefined ? "" : `, path identifiers of IPv${addPath.send}`;
  const session = `${external ? "external" : "internal"}, ${fourOctetAs ? "four" : "two"}-octet AS${identified}`;

  describe(`on a session (${session})`, () => {
    test("a message decodes to what was encoded", () => {
      fc.assert(
        fc.property(messages(context), (message) => {
          expect(decode(encode(message, context), context)).toEqual(message);
        }),
        { numRuns: 400 },
      );
    });

    test("a message that was decoded is encoded to the same bytes", () => {
      fc.assert(
        fc.property(messages(context), (message) => {
          const bytes = encode(message, context);
          expect(encode(decode(bytes, context), context)).toEqual(bytes);
        }),
        { numRuns: 200 },
      );
    });

    test("whatever is accepted without a fault has one canonical form", () => {
      fc.assert(
        fc.property(updates(context), fc.nat(), fc.nat(255), (update, at, octet) => {
          const bytes = encode(update, context);
          bytes[HEADER_LENGTH + (at % (bytes.length - HEADER_LENGTH))] = octet;
          const message = attempt(() => decode(bytes, context));
          if (message?.type !== "update" || message.faults.length > 0) return;
          if (!fourOctetAs && hasInnerConfederation(message.attributes?.asPath ?? [])) return;
          const canonical = encode(message, { ...context, maxLength: 65_535 });
          const again = decode(canonical, { ...context, maxLength: 65_535 });
          expect(encode(again, { ...context, maxLength: 65_535 })).toEqual(canonical);
        }),
        { numRuns: 1000 },
      );
    });

    test("the order of attributes means nothing", () => {
      fc.assert(
        fc.property(attributeSets(context), fc.infiniteStream(fc.nat()), (attributes, random) => {
          const canonical = encodeAttributes(attributes, context);
          const parts = split(canonical);
          for (let i = parts.length - 1; i > 0; i--) {
            const other = random.next().value % (i + 1);
            [parts[i], parts[other]] = [parts[other]!, parts[i]!];
          }
          const shuffled = Buffer.concat(parts);
          const decoded = decodeAttributes(shuffled, 0, shuffled.length, context);
          expect(decoded.faults).toEqual([]);
          expect(encodeAttributes(decoded.attributes!, context)).toEqual(canonical);
        }),
        { numRuns: 200 },
      );
    });

    test("attributes cut anywhere but between two of them are never taken as they stand", () => {
      fc.assert(
        fc.property(attributeSets(context), (attributes) => {
          const bytes = encodeAttributes(attributes, context);
          const ends = new Set([0]);
          for (const part of split(bytes)) ends.add([...ends].at(-1)! + part.length);
          for (let end = 0; end < bytes.length; end++) {
            const { faults } = decodeAttributes(bytes, 0, end, context);
            expect(worst(faults)).toBe(ends.has(end) ? undefined : "treat as withdraw");
          }
        }),
        { numRuns: 50 },
      );
    });
  });
}

describe("encode", () => {
  test("refuses a message longer than the session allows", () => {
    const data = new Uint8Array(4096 - 21);
    const context = CONTEXTS[0]!;
    const cease = { type: "notification" as const, code: 6, subcode: 2 };
    expect(encode({ ...cease, data }, context)).toHaveLength(4096);
    expect(() => encode({ ...cease, data: new Uint8Array(4096 - 20) }, context)).toThrow(
      RangeError,
    );
  });

  test("fills the longest message of RFC 8654", () => {
    const context = { ...CONTEXTS[0]!, maxLength: 65_535 };
    const message = {
      type: "notification" as const,
      code: 6,
      subcode: 2,
      data: new Uint8Array(65_535 - 21).fill(7),
    };
    expect(decode(encode(message, context), context)).toEqual(message);
  });

  test("writes a sequence of more than 255 ASes as several segments", () => {
    const asNumbers = Array.from({ length: 600 }, (_, index) => index + 1);
    for (const context of CONTEXTS) {
      const bytes = encodeAttributes(
        { origin: 0, asPath: [{ type: "sequence", asNumbers }] },
        context,
      );
      const { attributes, faults } = decodeAttributes(bytes, 0, bytes.length, context);
      expect(faults).toEqual([]);
      expect(attributes?.asPath.map((segment) => segment.asNumbers.length)).toEqual([255, 255, 90]);
      expect(attributes?.asPath.flatMap((segment) => segment.asNumbers)).toEqual(asNumbers);
    }
  });
});

describe("AS4_PATH", () => {
  test("is not sent when it would be empty, which is malformed", () => {
    const asPath = [{ type: "confederation sequence" as const, asNumbers: [4_200_000_001] }];
    const context = CONTEXTS.find((one) => !one.fourOctetAs && !one.external)!;
    const bytes = encodeAttributes({ origin: 0, asPath }, context);
    expect(split(bytes).map((attribute) => attribute[1])).toEqual([1, 2]);
    const { attributes } = decodeAttributes(bytes, 0, bytes.length, context);
    expect(attributes?.asPath).toEqual([{ type: "confederation sequence", asNumbers: [23_456] }]);
  });
});

test("an extended next hop capability whose length is wrong is kept as it came", () => {
  const code = CAPABILITY.EXTENDED_NEXT_HOP;
  for (const value of [[], [0, 1, 0, 1, 0]]) {
    const parameter = [2, 2 + value.length, code, value.length, ...value];
    const kept = { type: "unknown" as const, code, value: Uint8Array.from(value) };
    expect(decodeParameters(Uint8Array.of(parameter.length, ...parameter))).toEqual([kept]);
  }
});

describe("IPv6 prefixes on the wire", () => {
  test("are read as written, in as few octets as hold them", () => {
    fc.assert(
      fc.property(prefixes6, fc.nat(7), (prefix, offset) => {
        const buffer = new Uint8Array(32).fill(0xa5);
        const end = writePrefix(buffer, offset, prefix);
        expect(end - offset).toBe(prefixOctets(prefix));
        const scratch = createScratch(6);
        expect(readPrefix6(buffer, offset, end, scratch)).toBe(end);
        expect(scratch).toEqual(prefix);
      }),
    );
  });

  test("cannot be longer than 128 bits or reach beyond their field", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 18 }), (bytes) => {
        const scratch = createScratch(6);
        const next = attempt(() => readPrefix6(bytes, 0, bytes.length, scratch));
        const octets = 1 + Math.ceil(bytes[0]! / 8);
        if (bytes[0]! > 128 || octets > bytes.length) expect(next).toBeUndefined();
        else expect([next, scratch.length]).toEqual([octets, bytes[0]]);
      }),
    );
  });
});

describe("prefixes on the wire", () => {
  test("are read as written, in as few octets as hold them", () => {
    fc.assert(
      fc.property(prefixes, fc.nat(7), (prefix, offset) => {
        const buffer = new Uint8Array(16).fill(0xa5);
        const end = writePrefix(buffer, offset, prefix);
        expect(end - offset).toBe(1 + Math.ceil(prefix.length / 8));
        expect(end - offset).toBe(prefixOctets(prefix));
        const scratch = createScratch(4);
        expect(readPrefix4(buffer, offset, end, scratch)).toBe(end);
        expect(scratch).toEqual(prefix);
      }),
    );
  });

  test("cannot be longer than 32 bits or reach beyond their field", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 6 }), (bytes) => {
        const scratch = createScratch(4);
        const next = attempt(() => readPrefix4(bytes, 0, bytes.length, scratch));
        const octets = 1 + Math.ceil(bytes[0]! / 8);
        if (bytes[0]! > 32 || octets > bytes.length) expect(next).toBeUndefined();
        else expect([next, scratch.length]).toEqual([octets, bytes[0]]);
      }),
    );
  });
});

/** The result, or undefined when a `BgpError` was thrown. */
function attempt<Result>(run: () => Result): Result | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof BgpError) return undefined;
    throw error;
  }
}

/** Confederation segments behind others: AS4_PATH has them not, and so cannot say where they were. */
function hasInnerConfederation(path: readonly AsSegment[]): boolean {
  const first = path.findIndex(isTold);
  return first >= 0 && path.slice(first).some((segment) => !isTold(segment));
}

/** Single attributes of a set, by RFC 4271 section 4.3. */
function split(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const extended = (bytes[at]! & 0x10) !== 0;
    const length = extended ? bytes[at + 2]! * 256 + bytes[at + 3]! : bytes[at + 2]!;
    const end = at + (extended ? 4 : 3) + length;
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}
