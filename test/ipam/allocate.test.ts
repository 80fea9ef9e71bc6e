/** Which address is chosen, and what is said when there is none. */

import { describe, expect, test } from "bun:test";
import { allocate, shortage } from "../../ipam/allocate.ts";
import type { NodeBlock } from "../../ipam/node.ts";
import { memoryRecords } from "../../ipam/records-memory.ts";
import { reservedIn, type Use } from "../../ipam/reserved.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { parsePrefix } from "../../lib/prefix.ts";

function scene(...texts: (string | NodeBlock)[]) {
  const blocks = texts.map((block) => (typeof block === "string" ? parsePrefix(block) : block));
  let time = 0;
  const records = memoryRecords(() => ++time);
  let cooldown = { time: 0, isStrict: false };
  const wish = (container: string, use: Use = "host") => ({
    holder: { container, interfaceName: "eth0" },
    blocks,
    reserved: (block: NodeBlock) => reservedIn(block, use),
    cooldown,
    time: "2026-01-01T00:00:00.000Z",
  });
  return {
    records,
    add: (container: string, use?: Use) =>
      formatAddress(allocate(records, wish(container, use)).record.address),
    ask: (container: string, address: string) =>
      formatAddress(
        allocate(records, { ...wish(container), address: parseAddress(address) }).record.address,
      ),
    lack: () => shortage(records, wish("nobody"))?.message,
    cool: (more: typeof cooldown) => {
      cooldown = more;
    },
    pass: (more: number) => {
      time += more;
    },
    del: (container: string) => records.release({ container, interfaceName: "eth0" }, 4),
  };
}

describe("allocation", () => {
  test("gives the first and the last address of a block too", () => {
    const { add } = scene("10.244.1.0/30");
    expect(["a", "b", "c", "d"].map((name) => add(name))).toEqual(
      [0, 1, 2, 3].map((n) => `10.244.1.${n}`),
    );
  });

  test("takes an address that was never used before one that was given back", () => {
    const { add, del } = scene("10.244.1.0/30");
    add("a");
    del("a");
    expect(add("b")).toBe("10.244.1.1");
  });

  test("takes the one that has been free for longest", () => {
    const { add, del } = scene("10.244.1.0/30");
    for (const name of ["a", "b", "c", "d"]) add(name);
    for (const name of ["c", "a", "d"]) del(name);
    expect(["x", "y", "z"].map((name) => add(name))).toEqual([
      "10.244.1.2",
      "10.244.1.0",
      "10.244.1.3",
    ]);
  });

  test("leaves one alone that was given back lately, while another block has one", () => {
    const { add, del, cool, pass } = scene("10.244.1.0/31", "10.244.2.0/31");
    cool({ time: 30_000, isStrict: false });
    expect([add("a"), add("b")]).toEqual(["10.244.1.0", "10.244.1.1"]);
    del("a");
    expect(add("c")).toBe("10.244.2.0");
    pass(30_000);
    expect(add("d")).toBe("10.244.1.0");
  });

  test("takes one that was given back lately rather than none", () => {
    const { add, del, cool } = scene("10.244.1.0/31");
    cool({ time: 30_000, isStrict: false });
    for (const name of ["a", "b"]) add(name);
    del("b");
    expect(add("c")).toBe("10.244.1.1");
  });

  test("takes none when the cool-down is strict, says so, and takes it afterwards", () => {
    const { add, del, cool, pass } = scene("10.244.1.0/31");
    cool({ time: 30_000, isStrict: true });
    for (const name of ["a", "b"]) add(name);
    del("b");
    expect(() => add("c")).toThrow(
      "no free address: block 10.244.1.0/31 has 1 of 2 addresses in use and 1 given back less than 30 s ago (strictCooldown)",
    );
    pass(30_000);
    expect(add("c")).toBe("10.244.1.1");
  });

  test("gives a holder what he has", () => {
    const { add } = scene("10.244.1.0/30");
    expect(add("a")).toBe(add("a"));
  });

  test("gives a holder another address when the node has other blocks", () => {
    const { records, add } = scene("10.244.1.0/30");
    add("a");
    const wish = {
      holder: { container: "a", interfaceName: "eth0" },
      blocks: [parsePrefix("10.9.0.0/30")],
      reserved: () => [],
      time: "2026-01-01T00:00:00.000Z",
    };
    expect(formatAddress(allocate(records, wish).record.address)).toBe("10.9.0.0");
    expect(records.list().records).toHaveLength(1);
  });

  test("goes on to the next block when one is full", () => {
    const { add } = scene("10.244.1.0/32", "10.244.9.0/31");
    expect(["a", "b", "c"].map((name) => add(name))).toEqual([
      "10.244.1.0",
      "10.244.9.0",
      "10.244.9.1",
    ]);
  });

  test("leaves out name, gateway and broadcast address of a subnet", () => {
    const { add } = scene("10.244.1.0/29");
    const given = ["a", "b", "c", "d", "e"].map((name) => add(name, "subnet"));
    expect(given).toEqual([2, 3, 4, 5, 6].map((n) => `10.244.1.${n}`));
    expect(() => add("f", "subnet")).toThrow(
      "10.244.1.0/29 has 5 of 5 addresses in use and 3 reserved (a subnet's own name, gateway and broadcast address)",
    );
  });

  const reserved = [
    { prefix: parsePrefix("10.244.1.1/32"), name: "router" },
    { prefix: parsePrefix("10.244.1.4/30"), name: "printers" },
  ];
  const small: NodeBlock = { ...parsePrefix("10.244.1.0/29"), pool: "pods", reserved };

  test("never gives what is reserved, and names it, with pool, limit and use, when nothing else is left", () => {
    const { add, lack } = scene({ ...small, skipFirstAndLast: true });
    expect(lack()).toBeUndefined();
    expect(["a", "b"].map((name) => add(name))).toEqual(["10.244.1.2", "10.244.1.3"]);
    const words =
      "no free address: block 10.244.1.0/29 of IPPool pods has 2 of 2 addresses in use and 6 reserved (skipFirstAndLast, IPReservation router, IPReservation printers)";
    expect(() => add("c")).toThrow(words);
    expect(lack()).toBe(words);
  });

  test("refuses a reserved address to who asks for it, with the reservation's name", () => {
    const { ask } = scene(small);
    expect(() => ask("a", "10.244.1.5")).toThrow(
      "10.244.1.5 is reserved in block 10.244.1.0/29 of IPPool pods: IPReservation printers",
    );
    expect(ask("a", "10.244.1.2")).toBe("10.244.1.2");
  });

  test("gives an address of a Manual pool to who asks for it, and to nobody else", () => {
    const { add, ask, lack } = scene({ ...small, onlyAsked: true });
    expect(() => add("a")).toThrow("and gives only what is asked for (assignmentMode Manual)");
    expect(lack()).toContain("assignmentMode Manual");
    expect(ask("a", "10.244.1.2")).toBe("10.244.1.2");
  });

  test("gives nothing new of a block that is closed, but keeps what a holder has", () => {
    const open: NodeBlock = parsePrefix("10.244.9.0/31");
    const { add, ask, records } = scene({ ...small, closed: "IPPool pods is disabled" }, open);
    expect(add("a")).toBe("10.244.9.0");
    expect(() => ask("b", "10.244.1.2")).toThrow(
      "block 10.244.1.0/29 of IPPool pods gives no new address: IPPool pods is disabled",
    );
    records.claim({
      address: parseAddress("10.244.1.2"),
      block: parsePrefix("10.244.1.0/29"),
      holder: { container: "old", interfaceName: "eth0" },
      time: "2026-01-01T00:00:00.000Z",
    });
    expect(add("old")).toBe("10.244.1.2");
  });

  test("a shortage is told in the words of the refusal, cool-down and all", () => {
    const { add, del, cool, lack, pass } = scene("10.244.1.0/31");
    cool({ time: 30_000, isStrict: true });
    for (const name of ["a", "b"]) add(name);
    del("b");
    expect(lack()).toBe(
      "no free address: block 10.244.1.0/31 has 1 of 2 addresses in use and 1 given back less than 30 s ago (strictCooldown)",
    );
    pass(30_000);
    expect(lack()).toBeUndefined();
  });

  test("says of every block how much of it is used when all are full", () => {
    const { add } = scene("10.244.1.0/32", "10.244.9.0/31");
    for (const name of ["a", "b", "c"]) add(name);
    expect(() => add("d")).toThrow(
      "no free address: block 10.244.1.0/32 has 1 of 1 addresses in use, block 10.244.9.0/31 has 2 of 2 addresses in use",
    );
  });

  describe("of many blocks", () => {
    const BLOCKS = Array.from({ length: 32 }, (_, index) => `10.244.${index}.0/31`);
    const names = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => `p${from + index}`);

    test("fills one after the other, and gives every address once", () => {
      const { add } = scene(...BLOCKS);
      const expected = BLOCKS.flatMap((_, index) => [`10.244.${index}.0`, `10.244.${index}.1`]);
      expect(names(0, 64).map((name) => add(name))).toEqual(expected);
      expect(() => add("more")).toThrow("no free address: block 10.244.0.0/31 has 2 of 2");
    });

    test("looks at few, wherever the full ones end", () => {
      const { add, records } = scene(...BLOCKS);
      const { order } = records;
      let looks = 0;
      Object.assign(records, {
        order: (block: Parameters<typeof order>[0]) => {
          looks++;
          return order(block);
        },
      });
      const most = names(0, 62).map((name) => {
        looks = 0;
        add(name);
        return looks;
      });
      // The first one, the last one, five halves of the others, and the one that it is.
      expect(Math.max(...most)).toBeLessThanOrEqual(8);
      expect(most.slice(0, 2)).toEqual([1, 1]);
    });

    test("takes what was given back in the first one, and in the middle when the last one is full", () => {
      const { add, del } = scene(...BLOCKS);
      for (const name of names(0, 60)) add(name);
      for (const name of ["p0", "p21"]) del(name);
      expect(names(60, 5).map((name) => add(name))).toEqual([
        "10.244.0.0",
        "10.244.30.0",
        "10.244.30.1",
        "10.244.31.0",
        "10.244.31.1",
      ]);
      expect(add("p65")).toBe("10.244.10.1");
    });

    test("takes what cools rather than none", () => {
      const { add, del, cool } = scene(...BLOCKS);
      cool({ time: 30_000, isStrict: false });
      for (const name of names(0, 64)) add(name);
      del("p33");
      expect(add("x")).toBe("10.244.16.1");
    });
  });
});
