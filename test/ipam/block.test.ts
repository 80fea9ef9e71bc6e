/** Arithmetic of blocks. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  addressAt,
  blockFault,
  freshOrder,
  gatewayOf,
  IN_USE,
  longestFree,
  ordinalOf,
  subnetReserved,
} from "../../ipam/block.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { parsePrefix, sizeOf } from "../../lib/prefix.ts";

describe("a block", () => {
  test("of any size: ordinals and addresses are each other's inverse", () => {
    const blocks = [
      "10.244.1.0/24",
      "10.244.0.0/20",
      "192.0.2.7/32",
      "255.255.255.0/24",
      "fd00:1::/120",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...blocks), fc.nat(), (text, seed) => {
        const block = parsePrefix(text);
        const ordinal = seed % sizeOf(block);
        expect(ordinalOf(block, addressAt(block, ordinal))).toBe(ordinal);
      }),
    );
  });

  test("has no ordinal for an address outside", () => {
    const block = parsePrefix("10.244.1.0/24");
    for (const text of ["10.244.0.255", "10.244.2.0", "fd00::1"]) {
      expect(ordinalOf(block, parseAddress(text))).toBeUndefined();
    }
  });

  for (const [text, gateway, reserved] of [
    ["10.244.1.0/24", "10.244.1.1", [0, 1, 255]],
    ["10.244.1.0/30", "10.244.1.1", [0, 1, 3]],
    ["10.244.1.0/31", "10.244.1.0", [0]],
    ["10.244.1.0/32", "10.244.1.0", [0]],
  ] as const) {
    test(`${text} as a subnet has gateway ${gateway} and gives away all but ${reserved}`, () => {
      const block = parsePrefix(text);
      expect(formatAddress(gatewayOf(block))).toBe(gateway);
      expect(subnetReserved(block)).toEqual([...reserved]);
    });
  }

  test("is at most a /20 or a /116", () => {
    for (const text of ["10.240.0.0/20", "fd00::/116"])
      expect(blockFault(parsePrefix(text))).toBeUndefined();
    expect(blockFault(parsePrefix("10.240.0.0/19"))).toContain(
      "too large for a block: expected /20 to /32",
    );
    expect(blockFault(parsePrefix("fd00::/64"))).toContain("expected /116 to /128");
  });

  test("the longest-free ordinal has the least time; of equals the lowest; none when all are in use", () => {
    const order = freshOrder(parsePrefix("10.0.0.0/30"));
    order.set([5, 3, 3, IN_USE]);
    expect(longestFree(order)).toBe(1);
    expect(longestFree(order.fill(IN_USE))).toBeUndefined();
  });
});
