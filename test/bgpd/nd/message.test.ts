/** Router Solicitations and Advertisements by vectors, in both directions, by arbitrary messages and broken ones. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { NdError } from "../../../bgpd/nd/error.ts";
import { decodeMessage, encodeMessage, type NdMessage } from "../../../bgpd/nd/message.ts";
import { parseAddress } from "../../../lib/address.ts";
import { fromHex, toHex } from "../../../lib/hex.ts";
import { seeded } from "../../sim/world.ts";

type Vector = {
  readonly name: string;
  readonly rfc: string;
  readonly hex: string;
  readonly source: string;
  readonly hops?: number;
  readonly isLonger?: true;
  readonly meaning?: Omit<NdMessage, "linkLayer"> & { readonly linkLayer?: string };
  readonly fault?: string;
};

const FILE = join(import.meta.dir, "../../vectors/nd/router.json");
const VECTORS: readonly Vector[] = JSON.parse(readFileSync(FILE, "utf8"));

function messageOf({ linkLayer, ...rest }: NonNullable<Vector["meaning"]>): NdMessage {
  const bytes = linkLayer === undefined ? undefined : fromHex(linkLayer);
  return { ...rest, linkLayer: bytes } as NdMessage;
}

describe("vectors", () => {
  for (const { name, rfc, hex, source, hops = 255, isLonger, meaning, fault } of VECTORS) {
    const bytes = fromHex(hex);
    const envelope = { source: parseAddress(source), hops };
    if (meaning === undefined) {
      test(`${rfc}: ${name} is discarded`, () => {
        expect(() => decodeMessage(bytes, envelope)).toThrow(new NdError(fault ?? ""));
      });
      continue;
    }
    test(`${rfc}: ${name} is read${isLonger ? "" : " and written"}`, () => {
      expect(decodeMessage(bytes, envelope)).toEqual(messageOf(meaning));
      if (!isLonger) expect(toHex(encodeMessage(messageOf(meaning)))).toBe(toHex(bytes));
    });
    test(`${rfc}: ${name} cut inside its options or before is discarded`, () => {
      const least = meaning.type === "solicitation" ? 8 : 16;
      for (let length = 0; length < bytes.length; length++) {
        const cut = (): NdMessage => decodeMessage(bytes.slice(0, length), envelope);
        if (length < least || length % 8 !== 0) expect(cut).toThrow(NdError);
      }
    });
    test(`${rfc}: ${name} is discarded where nobody knows how far it came`, () => {
      expect(() => decodeMessage(bytes, { ...envelope, hops: undefined })).toThrow(NdError);
    });
  }
});

const linkLayer = fc.option(
  fc.integer({ min: 1, max: 4 }).chain((units) => {
    const octets = 8 * units - 2;
    return fc.uint8Array({ minLength: octets, maxLength: octets });
  }),
  { nil: undefined },
);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const messages: fc.Arbitrary<NdMessage> = fc.oneof(
  fc.record({ type: fc.constant("solicitation" as const), linkLayer }),
  fc.record({
    type: fc.constant("advertisement" as const),
    hopLimit: fc.integer({ min: 0, max: 255 }),
    managed: fc.boolean(),
    other: fc.boolean(),
    lifetime: fc.integer({ min: 0, max: 0xffff }),
    reachableTime: u32,
    retransTimer: u32,
    linkLayer,
  }),
);
const ENVELOPE = { source: parseAddress("fe80::1"), hops: 255 };

test("what is written is read again", () => {
  fc.assert(
    fc.property(messages, (message) => {
      expect(decodeMessage(encodeMessage(message), ENVELOPE)).toEqual(message);
    }),
  );
});

test("whatever a vector turns into, it is read or discarded", () => {
  const random = seeded(Number(process.env.MANX_SEED ?? 20_261_121));
  const below = (bound: number): number => Math.floor(random() * bound);
  let taken = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = fromHex(VECTORS[below(VECTORS.length)]!.hex);
    for (let count = below(4); count > 0 && bytes.length > 0; count--) {
      bytes[below(bytes.length)] = below(256);
    }
    const cut = random() < 0.2 ? bytes.subarray(0, below(bytes.length + 1)) : bytes;
    try {
      decodeMessage(cut, ENVELOPE);
      taken++;
    } catch (error) {
      if (!(error instanceof NdError)) throw new Error(toHex(cut), { cause: error });
    }
  }
  expect(taken).toBeGreaterThan(2000);
});
