/** What every implementation of `Records` does. */

import { describe, expect, test } from "bun:test";
import { addressAt, IN_USE } from "../../ipam/block.ts";
import type { AddressRecord } from "../../ipam/record.ts";
import type { Records } from "../../ipam/records.ts";
import { formatAddress } from "../../lib/address.ts";
import { parsePrefix } from "../../lib/prefix.ts";

export const BLOCK = parsePrefix("10.244.1.0/28");

export function recordOf(ordinal: number, container: string, block = BLOCK): AddressRecord {
  return {
    address: addressAt(block, ordinal),
    block,
    holder: { container, interfaceName: "eth0" },
    pod: { namespace: "default", name: container },
    time: "2026-01-01T00:00:00.000Z",
  };
}

/** `make` gives an empty network and a clock for it. */
export function describeRecords(name: string, make: (now: () => number) => Records): void {
  describe(`records: ${name}`, () => {
    const open = (): { records: Records; at: (time: number) => void } => {
      let time = 1;
      const records = make(() => time);
      const at = (next: number): void => {
        time = next;
      };
      return { records, at };
    };
    const a = { container: "a", interfaceName: "eth0" };

    test("a network that nobody used is empty", () => {
      const { records } = open();
      expect(records.list()).toEqual({ records: [], unreadable: [] });
      expect(records.holders()).toEqual([]);
      expect(records.find(a, 4)).toBeUndefined();
      expect(records.isTaken(BLOCK)).toBe(false);
      expect([...records.order(BLOCK)]).toEqual(Array(16).fill(0));
    });

    test("what is claimed is found by its holder, and listed, as it was given", () => {
      const { records } = open();
      expect(records.claim(recordOf(3, "a"))).toBe(true);
      expect(records.find(a, 4)).toEqual(recordOf(3, "a"));
      expect(records.list().records).toEqual([recordOf(3, "a")]);
      expect(records.isTaken(addressAt(BLOCK, 3))).toBe(true);
    });

    test("a claimed address is refused to the next, who has nothing then", () => {
      const { records } = open();
      records.claim(recordOf(3, "a"));
      expect(records.claim(recordOf(3, "b"))).toBe(false);
      expect(records.find({ container: "b", interfaceName: "eth0" }, 4)).toBeUndefined();
      expect(records.find(a, 4)).toEqual(recordOf(3, "a"));
    });

    test("holders with the same container and other interfaces are two", () => {
      const { records } = open();
      records.claim(recordOf(3, "a"));
      const second = { ...recordOf(4, "a"), holder: { container: "a", interfaceName: "net1" } };
      expect(records.claim(second)).toBe(true);
      records.release(a, 4);
      expect(records.list().records).toEqual([second]);
    });

    test("a container id of any length has a record", () => {
      const { records } = open();
      const record = recordOf(1, "c".repeat(300));
      records.claim(record);
      expect(records.find(record.holder, 4)).toEqual(record);
      expect(records.release(record.holder, 4)).toEqual(record);
      expect(records.list().records).toEqual([]);
    });

    test("a release gives the address back and says what it was; a second one finds nothing", () => {
      const { records } = open();
      records.claim(recordOf(3, "a"));
      expect(records.release(a, 4)).toEqual(recordOf(3, "a"));
      expect(records.release(a, 4)).toBeUndefined();
      expect(records.isTaken(addressAt(BLOCK, 3))).toBe(false);
      expect(records.claim(recordOf(3, "b"))).toBe(true);
    });

    test("a release of what never was does nothing, even in a network that never was", () => {
      expect(open().records.release(a, 4)).toBeUndefined();
    });

    test("the order says what is in use, and when the rest was given back", () => {
      const { records, at } = open();
      records.claim(recordOf(3, "a"));
      records.claim(recordOf(5, "b"));
      at(77);
      records.release(a, 4);
      const order = records.order(BLOCK);
      expect([order[2], order[3], order[5]]).toEqual([0, 77, IN_USE]);
    });

    test("the order is a copy", () => {
      const { records } = open();
      records.order(BLOCK)[1] = 9;
      expect(records.order(BLOCK)[1]).toBe(0);
    });

    test("the list is in the order of addresses", () => {
      const { records } = open();
      for (const ordinal of [9, 2, 10, 1]) records.claim(recordOf(ordinal, `c${ordinal}`));
      const listed = records.list().records.map(({ address }) => formatAddress(address));
      expect(listed).toEqual([1, 2, 9, 10].map((ordinal) => `10.244.1.${ordinal}`));
    });

    test("an address that is put aside stays taken; its holder has it no more, and may get another", () => {
      const { records } = open();
      records.claim(recordOf(3, "a"));
      records.putAside(addressAt(BLOCK, 3));
      expect(records.find(a, 4)).toBeUndefined();
      expect(records.isTaken(addressAt(BLOCK, 3))).toBe(true);
      expect(records.claim(recordOf(3, "b"))).toBe(false);
      expect(records.claim(recordOf(4, "a"))).toBe(true);
      expect(records.addresses(a, 4).map(formatAddress)).toEqual(["10.244.1.4", "10.244.1.3"]);
      records.release(a, 4);
      expect(records.isTaken(addressAt(BLOCK, 3))).toBe(true);
      records.releaseAside(a, 4);
      expect(records.holders()).toEqual([]);
      expect(records.isTaken(addressAt(BLOCK, 3)) || records.isTaken(addressAt(BLOCK, 4))).toBe(
        false,
      );
    });

    test("putting aside is undone, unless the holder has another one by then", () => {
      const { records } = open();
      records.claim(recordOf(3, "a"));
      const undo = records.putAside(addressAt(BLOCK, 3));
      undo();
      expect(records.find(a, 4)).toEqual(recordOf(3, "a"));
      const late = records.putAside(addressAt(BLOCK, 3));
      records.claim(recordOf(4, "a"));
      late();
      expect(records.find(a, 4)).toEqual(recordOf(4, "a"));
      expect(records.isTaken(addressAt(BLOCK, 3))).toBe(true);
    });

    test("an address is given back whoever has it, in use or put aside, and cools", () => {
      const { records, at } = open();
      records.claim(recordOf(3, "a"));
      records.claim(recordOf(4, "b"));
      records.putAside(addressAt(BLOCK, 4));
      at(77);
      for (const ordinal of [3, 4, 5]) records.releaseAddress(addressAt(BLOCK, ordinal));
      expect(records.list().records).toEqual([]);
      expect(records.holders()).toEqual([]);
      expect([...records.order(BLOCK)].slice(3, 6)).toEqual([77, 77, 0]);
    });

    test("nobody's addresses are none where each has its holder", () => {
      const { records } = open();
      records.claim(recordOf(3, "a"));
      records.claim({ ...recordOf(1, "c".repeat(300)), network: "n" });
      records.putAside(addressAt(BLOCK, 3));
      expect(records.strays()).toEqual([]);
    });
  });
}
