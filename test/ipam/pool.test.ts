/** Pools: cutting, the order of trying, what is free. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { blockCount, type Cut, firstTried, freeBlocks, reservationsIn } from "../../ipam/pool.ts";
import { addToAddress, parseAddress } from "../../lib/address.ts";
import {
  containsPrefix,
  formatPrefix,
  overlaps,
  type Prefix,
  parsePrefix,
  prefixOf,
} from "../../lib/prefix.ts";

const cutOf = (text: string, length: number): Cut => ({ prefix: parsePrefix(text), length });

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);

/** Small enough to count: at most 2^6 blocks, of either family, at the ends of their ranges too. */
const smallCut = fc
  .record({
    base: fc.constantFrom(
      "10.244.0.0",
      "0.0.0.0",
      "255.255.255.255",
      "fd00:10:244::",
      "ffff::ffff",
    ),
    bits: fc.nat(6),
    host: fc.nat(4),
  })
  .map(({ base, bits, host }): Cut => {
    const address = parseAddress(base);
    const length = (address.family === 4 ? 32 : 128) - host;
    return { prefix: prefixOf(address, length - bits), length };
  });

/** Every block, by counting. */
function allBlocks(cut: Cut): Prefix[] {
  const size = 2 ** ((cut.prefix.family === 4 ? 32 : 128) - cut.length);
  return Array.from({ length: blockCount(cut) }, (_, index) =>
    prefixOf(addToAddress(cut.prefix, index * size), cut.length),
  );
}

const texts = (blocks: Iterable<Prefix>): string[] => [...blocks].map(formatPrefix);

describe("the blocks of a pool", () => {
  test("are all of them, each once, in a circle that begins at the node's own place", () => {
    fc.assert(
      fc.property(smallCut, name, (cut, node) => {
        const all = texts(allBlocks(cut));
        const start = all.indexOf(formatPrefix(firstTried(cut, node)));
        expect(start).toBeGreaterThanOrEqual(0);
        expect(texts(freeBlocks(cut, node, []))).toEqual([
          ...all.slice(start),
          ...all.slice(0, start),
        ]);
      }),
    );
  });

  test("that are free share no address with what is taken, and none is left out", () => {
    const taken = fc.array(fc.record({ at: fc.nat(63), longer: fc.integer({ min: -4, max: 4 }) }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(smallCut, name, taken, (cut, node, places) => {
        const all = allBlocks(cut);
        const longest = cut.prefix.family === 4 ? 32 : 128;
        const obstacles = places.map(({ at, longer }) => {
          const block = all[at % all.length]!;
          return prefixOf(block, Math.min(longest, Math.max(0, cut.length + longer)));
        });
        const free = all.filter((block) => !obstacles.some((other) => overlaps(other, block)));
        expect(texts(freeBlocks(cut, node, obstacles)).sort()).toEqual(texts(free).sort());
      }),
    );
  });

  test("of a site that is all taken but for one: it is found without counting 2^72 of them", () => {
    const cut = cutOf("fd00:10:244::/48", 120);
    // The other half at every length: together they cover all but the first block.
    const others = Array.from({ length: 72 }, (_, bit) => flip(cut.prefix, 49 + bit));
    expect(texts(freeBlocks(cut, "n1", others))).toEqual(["fd00:10:244::/120"]);
    expect(texts(freeBlocks(cut, "n1", [...others, parsePrefix("fd00:10:244::7/128")]))).toEqual(
      [],
    );
  });

  test("are tried from places that differ from node to node", () => {
    for (const cut of [cutOf("10.244.0.0/16", 24), cutOf("fd00:10:244::/48", 120)]) {
      const names = Array.from({ length: 100 }, (_, index) => `node-${index}`);
      const starts = new Set(names.map((node) => formatPrefix(firstTried(cut, node))));
      // 100 of 256 at random are 83 different ones.
      expect(starts.size).toBeGreaterThan(70);
      for (const text of starts) expect(containsPrefix(cut.prefix, parsePrefix(text))).toBe(true);
    }
  });

  test("begin at the same place each time: a node that starts again tries the same first", () => {
    expect(formatPrefix(firstTried(cutOf("10.244.0.0/16", 24), "n1"))).toBe("10.244.102.0/24");
  });
});

describe("reservations", () => {
  test("in a block are cut to it, and others are left out", () => {
    const reservations = [
      ["10.244.0.0/16", "all"],
      ["10.244.1.16/28", "routers"],
      ["10.244.1.7/32", "printer"],
      ["10.244.2.0/24", "other"],
      ["fd00::/48", "six"],
    ].map(([text = "", by = ""]) => ({ prefix: parsePrefix(text), name: by }));
    const found = reservationsIn(parsePrefix("10.244.1.0/24"), reservations);
    expect(found.map(({ prefix, name: by }) => [formatPrefix(prefix), by])).toEqual([
      ["10.244.1.0/24", "all"],
      ["10.244.1.16/28", "routers"],
      ["10.244.1.7/32", "printer"],
    ]);
  });
});

/** The prefix beside this one, whose last bit is the other. */
function flip(address: Omit<Prefix, "length">, length: number): Prefix {
  const words = [address.w0, address.w1, address.w2, address.w3];
  const at = (length - 1) >> 5;
  words[at] = ((words[at] ?? 0) ^ (1 << (31 - ((length - 1) & 31)))) >>> 0;
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words;
  return prefixOf({ family: 6, w0, w1, w2, w3 }, length);
}
