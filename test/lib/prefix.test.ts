import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  AddressError,
  addressFromBytes,
  addToAddress,
  bitsOf,
  formatAddress,
  parseAddress,
} from "../../lib/address.ts";
import {
  comparePrefix,
  containsAddress,
  containsPrefix,
  equalPrefix,
  formatPrefix,
  lastAddressOf,
  overlaps,
  parseInterfaceAddress,
  parsePrefix,
  prefixOf,
  sizeOf,
} from "../../lib/prefix.ts";

const anyPrefix = fc
  .tuple(fc.constantFrom(4, 16), fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(128))
  .map(([octets, bytes, length]) => {
    const address = addressFromBytes(bytes.slice(0, octets));
    return prefixOf(address, Math.min(length, bitsOf(address.family)));
  });

describe("prefix", () => {
  test("text and back is the identity", () => {
    fc.assert(
      fc.property(anyPrefix, (prefix) => {
        expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix);
      }),
    );
  });

  test("host bits set are refused with the prefix that was meant", () => {
    expect(() => parsePrefix("10.0.0.1/8")).toThrow("did you mean 10.0.0.0/8?");
    expect(() => parsePrefix("fd00::1/64")).toThrow("did you mean fd00::/64?");
  });

  test("an interface address keeps its host bits", () => {
    expect(parseInterfaceAddress("172.30.0.11/24")).toEqual({
      address: parseAddress("172.30.0.11"),
      length: 24,
    });
  });

  for (const text of [
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "::/129",
    "/8",
    "a/8",
  ]) {
    test(`${JSON.stringify(text)} is refused`, () => {
      expect(() => parsePrefix(text)).toThrow(AddressError);
    });
  }

  test("a prefix holds its own address and a shorter one of the same address holds it", () => {
    fc.assert(
      fc.property(anyPrefix, fc.nat(128), (prefix, cut) => {
        const shorter = prefixOf(prefix, Math.min(cut, prefix.length));
        expect(containsAddress(prefix, prefix)).toBe(true);
        expect(containsPrefix(shorter, prefix)).toBe(true);
        expect(containsPrefix(prefix, shorter)).toBe(prefix.length === shorter.length);
      }),
    );
  });

  test("neighbours are outside, at every word boundary", () => {
    const cases = [
      ["10.244.1.0/24", "10.244.2.0", false],
      ["10.244.1.0/24", "10.244.1.255", true],
      ["0.0.0.0/0", "255.255.255.255", true],
      ["fd00:0:0:1::/64", "fd00:0:0:1:ffff::", true],
      ["fd00:0:0:1::/64", "fd00:0:0:2::", false],
      ["0.0.0.0/0", "::", false],
    ] as const;
    for (const [prefix, address, inside] of cases) {
      expect(containsAddress(parsePrefix(prefix), parseAddress(address))).toBe(inside);
    }
  });

  test("order: by address, then the shorter first; equal only to itself", () => {
    const texts = ["10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "::/0", "fd00::/8"];
    const prefixes = texts.map(parsePrefix);
    expect(prefixes.toReversed().sort(comparePrefix).map(formatPrefix)).toEqual(texts);
    expect(equalPrefix(parsePrefix("10.0.0.0/8"), parsePrefix("10.0.0.0/16"))).toBe(false);
  });

  test("the last address is inside, and the one after it is not", () => {
    for (const [text, last] of [
      ["10.244.1.0/24", "10.244.1.255"],
      ["10.0.0.7/32", "10.0.0.7"],
      ["0.0.0.0/1", "127.255.255.255"],
      ["fd00::/48", "fd00::ffff:ffff:ffff:ffff:ffff"],
      ["fd00::40/122", "fd00::7f"],
    ] as const) {
      const prefix = parsePrefix(text);
      expect(formatAddress(lastAddressOf(prefix))).toBe(last);
      expect(containsAddress(prefix, addToAddress(lastAddressOf(prefix), 1))).toBe(false);
    }
  });

  test("two overlap exactly when one contains the other", () => {
    fc.assert(
      fc.property(anyPrefix, anyPrefix, fc.nat(128), (a, b, length) => {
        const near = prefixOf(a, Math.min(length, bitsOf(a.family)));
        for (const other of [b, near]) {
          expect(overlaps(a, other)).toBe(containsPrefix(a, other) || containsPrefix(other, a));
        }
      }),
    );
  });

  test("a /24 and a /120 have 256 addresses", () => {
    expect([sizeOf(parsePrefix("10.0.0.0/24")), sizeOf(parsePrefix("fd00::/120"))]).toEqual([
      256, 256,
    ]);
  });
});
