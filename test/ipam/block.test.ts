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
} from "../../ipam/block.ts";
import type { NodeBlock } from "../../ipam/node.ts";
import { reasonOf, reservedIn, type Use, usableOrdinals } from "../../ipam/reserved.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { containsAddress, parsePrefix, prefixOf, sizeOf } from "../../lib/prefix.ts";

/** Ordinals that nobody may have, as both functions tell them. */
function closedOrdinals(block: NodeBlock, use: Use): number[] {
  const parts = reservedIn(block, use);
  const usable = new Set(usableOrdinals(block, parts));
  const all = Array.from({ length: sizeOf(block) }, (_, ordinal) => ordinal);
  const closed = all.filter((ordinal) => reasonOf(parts, ordinal) !== undefined);
  expect(all.filter((ordinal) => !usable.has(ordinal))).toEqual(closed);
  return closed;
}

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
      expect(closedOrdinals(block, "subnet")).toEqual([...reserved]);
    });
  }

  const block30 = parsePrefix("10.244.1.0/30");
  const named = (text: string) => ({ prefix: parsePrefix(text), name: "r" });
  for (const [name, block, closed] of [
    ["of a pod that has its address alone: nothing", block30, []],
    ["with skipFirstAndLast", { ...block30, skipFirstAndLast: true }, [0, 3]],
    ["by an IPReservation", { ...block30, reserved: [named("10.244.1.2/31")] }, [2, 3]],
    ["by one of the whole block", { ...block30, reserved: [named("10.244.1.0/30")] }, [0, 1, 2, 3]],
    [
      "by several that overlap",
      {
        ...block30,
        skipFirstAndLast: true,
        reserved: [named("10.244.1.0/31"), named("10.244.1.1/32")],
      },
      [0, 1, 3],
    ],
  ] as const) {
    test(`reserved ordinals ${name}`, () => {
      expect(closedOrdinals(block, "host")).toEqual([...closed]);
    });
  }

  test("usable ordinals are those that have no reason against them, whatever is reserved", () => {
    const rules = fc.record({
      skipFirstAndLast: fc.boolean(),
      reserved: fc.array(
        fc
          .record({ at: fc.nat(63), length: fc.integer({ min: 26, max: 32 }) })
          .map(({ at, length }) => ({
            prefix: prefixOf(addressAt(parsePrefix("10.244.1.64/26"), at), length),
            name: "r",
          })),
        { maxLength: 5 },
      ),
    });
    fc.assert(
      fc.property(rules, fc.constantFrom("host", "subnet"), (more, use) => {
        const block = { ...parsePrefix("10.244.1.64/26"), ...more };
        const closed = Array.from({ length: 64 }, (_, ordinal) => ordinal).filter((ordinal) => {
          const isEnd = ordinal === 0 || ordinal === 63;
          const address = addressAt(block, ordinal);
          return (
            (more.skipFirstAndLast && isEnd) ||
            (use === "subnet" && (isEnd || ordinal === 1)) ||
            more.reserved.some(({ prefix }) => containsAddress(prefix, address))
          );
        });
        expect(closedOrdinals(block, use)).toEqual(closed);
      }),
    );
  });

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
