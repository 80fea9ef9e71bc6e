/** Control packets by vectors, in both directions, and by arbitrary packets. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { authenticate, encodeSigned } from "../../../bgpd/bfd/authentication.ts";
import { STATES } from "../../../bgpd/bfd/const.ts";
import { BfdError } from "../../../bgpd/bfd/error.ts";
import {
  type AuthenticationSection,
  type ControlPacket,
  decodePacket,
  encodePacket,
  HASH_NAMES,
  HASH_TYPES,
} from "../../../bgpd/bfd/packet.ts";
import { fromHex, toHex } from "../../../lib/hex.ts";
import { BFD_VECTORS, packetOf } from "./vector.ts";

describe("vectors", () => {
  for (const { name, rfc, hex, meaning, fault, key } of BFD_VECTORS) {
    const bytes = fromHex(hex);
    if (meaning === undefined) {
      test(`${rfc}: ${name} is discarded`, () => {
        expect(() => decodePacket(bytes)).toThrow(new BfdError(fault ?? ""));
      });
      continue;
    }
    test(`${rfc}: ${name} is read and written`, () => {
      expect(decodePacket(bytes)).toEqual(packetOf(meaning));
      expect(toHex(encodePacket(packetOf(meaning)))).toBe(toHex(bytes));
    });
    test(`${rfc}: ${name} is read out of a longer datagram`, () => {
      expect(decodePacket(Uint8Array.of(...bytes, 0, 0, 0))).toEqual(packetOf(meaning));
    });
    test(`${rfc}: ${name} cut at any octet is discarded`, () => {
      for (let length = 0; length < bytes.length; length++) {
        expect(() => decodePacket(bytes.slice(0, length))).toThrow(BfdError);
      }
    });
    if (key === undefined) continue;
    test(`${rfc}: the digest of ${name} is ours, and any other octet breaks it`, () => {
      const packet = packetOf(meaning);
      const section = packet.authentication;
      if (section?.type === "unknown" || section?.type === "simple password") return;
      if (section === undefined) throw new Error("a vector with a key has a digest");
      const { type, keyId, sequence } = section;
      const authentication = { type, keyId, key: fromHex(key) };
      expect(toHex(encodeSigned(packet, authentication, sequence))).toBe(toHex(bytes));
      const judged = { authentication, receivedSequence: undefined };
      expect(authenticate(judged, packet, bytes)).toEqual({ sequence });
      for (let at = 0; at < bytes.length; at++) {
        const broken = bytes.with(at, (bytes[at] ?? 0) ^ 1);
        let read: ControlPacket;
        try {
          read = decodePacket(broken);
        } catch (error) {
          expect(error).toBeInstanceOf(BfdError);
          continue;
        }
        expect(authenticate(judged, read, broken)).toHaveProperty("fault");
      }
    });
  }
});

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u8 = fc.integer({ min: 0, max: 255 });
const octets = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });

const sections: fc.Arbitrary<AuthenticationSection | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.record({
    type: fc.constant("simple password" as const),
    keyId: u8,
    password: octets(1, 16),
  }),
  fc.record({
    type: fc.constant("unknown" as const),
    code: fc.integer({ min: 6, max: 255 }),
    data: octets(0, 60),
  }),
  fc.constantFrom(...HASH_NAMES).chain((type) => {
    const { digestLength } = HASH_TYPES[type];
    const digest = octets(digestLength, digestLength);
    return fc.record({ type: fc.constant(type), keyId: u8, sequence: u32, digest });
  }),
);

const packets: fc.Arbitrary<ControlPacket> = fc.record({
  diagnostic: fc.integer({ min: 0, max: 31 }),
  state: fc.constantFrom(...STATES),
  poll: fc.boolean(),
  final: fc.boolean(),
  controlPlaneIndependent: fc.boolean(),
  demand: fc.boolean(),
  detectMultiplier: fc.integer({ min: 1, max: 255 }),
  myDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
  yourDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
  desiredMinTxInterval: u32,
  requiredMinRxInterval: u32,
  requiredMinEchoRxInterval: u32,
  authentication: sections,
});

test("any packet is read as it was written", () => {
  fc.assert(
    fc.property(packets, (packet) => {
      expect(decodePacket(encodePacket(packet))).toEqual(packet);
    }),
  );
});

describe("RFC 5880 6.7: judging what came", () => {
  const authentication = {
    type: "meticulous keyed SHA1" as const,
    keyId: 7,
    key: new TextEncoder().encode("secret"),
  };
  const bare = { ...packetOf(BFD_VECTORS[0]!.meaning!), detectMultiplier: 3 };
  const judge = (
    theirs: Parameters<typeof encodeSigned>[1],
    sequence: number,
    ours: typeof theirs = authentication,
    receivedSequence?: number,
  ): unknown => {
    const bytes = encodeSigned(bare, theirs, sequence);
    return authenticate({ authentication: ours, receivedSequence }, decodePacket(bytes), bytes);
  };
  const plain = { ...authentication, type: "keyed SHA1" as const };

  for (const [name, given, wanted] of [
    ["no section where one is configured", () => judge(undefined, 1), "not authenticated"],
    ["a section where none is configured", () => judgeBare(), "but none is configured"],
    ["another type", () => judge(plain, 1), "authenticated by keyed SHA1: expected meticulous"],
    ["another key ID", () => judge({ ...authentication, keyId: 8 }, 1), "key ID 8: expected 7"],
    [
      "another key",
      () => judge({ ...authentication, key: Uint8Array.of(1) }, 1),
      "digest is wrong: the peer's key 7 is another",
    ],
    ["meticulous: a number twice", () => judge(authentication, 5, authentication, 5), "window"],
    ["a number before", () => judge(authentication, 4, authentication, 5), "out of its window"],
    ["a number beyond 3 x Detect Mult", () => judge(authentication, 15, authentication, 5), "15"],
  ] as const) {
    test(`${name} is discarded`, () => {
      expect(given()).toEqual({ fault: expect.stringContaining(wanted) });
    });
  }

  function judgeBare(): unknown {
    const bytes = encodeSigned(bare, authentication, 1);
    const ours = { authentication: undefined, receivedSequence: undefined };
    return authenticate(ours, decodePacket(bytes), bytes);
  }

  for (const [name, theirs, sequence, received] of [
    ["the next number", authentication, 6, 5],
    ["3 x Detect Mult ahead", authentication, 14, 5],
    ["around the end of 32 bits", authentication, 1, 0xffff_fffe],
    ["any number while none is known", authentication, 0x8000_0000, undefined],
    ["not meticulous: a number twice", plain, 5, 5],
  ] as const) {
    test(`${name} is taken`, () => {
      expect(judge(theirs, sequence, theirs, received)).toEqual({ sequence });
    });
  }
});
