/** What every store of claims does. */

import { describe, expect, test } from "bun:test";
import type { Claim, ClaimStore } from "../../ipam/claim.ts";
import { freeBlocks } from "../../ipam/pool.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";

const TIME = "2026-01-01T00:00:00.000Z";

export function claimOf(block: string, node: string, time = TIME): Claim {
  return { block: parsePrefix(block), pool: "pods", node, time };
}

/** `make` gives an empty store, and with it a view of the same one for each node. */
export function describeClaims(name: string, make: () => (node: string) => ClaimStore): void {
  describe(`claims: ${name}`, () => {
    const blocksOf = async (store: ClaimStore): Promise<string[]> =>
      (await store.list()).claims.map(({ block, node }) => `${formatPrefix(block)} ${node}`);

    test("a store that nobody used is empty", async () => {
      expect(await make()("n1").list()).toEqual({ claims: [], unreadable: [] });
    });

    test("what one node claims all see as it was given, in the order of blocks", async () => {
      const open = make();
      for (const block of ["10.244.9.0/24", "fd00::100/120", "10.244.2.0/24"]) {
        expect(await open("n1").create(claimOf(block, "n1"))).toBe(true);
      }
      expect((await open("n2").list()).claims).toEqual([
        claimOf("10.244.2.0/24", "n1"),
        claimOf("10.244.9.0/24", "n1"),
        claimOf("fd00::100/120", "n1"),
      ]);
    });

    test("a block is claimed once, by whomever, and the first claim stays", async () => {
      const open = make();
      expect(await open("n1").create(claimOf("10.244.1.0/24", "n1"))).toBe(true);
      expect(await open("n2").create(claimOf("10.244.1.0/24", "n2"))).toBe(false);
      expect(await open("n1").create(claimOf("10.244.1.0/24", "n1", "2027"))).toBe(false);
      expect((await open("n2").list()).claims).toEqual([claimOf("10.244.1.0/24", "n1")]);
    });

    test("blocks of one address and other lengths are others", async () => {
      const store = make()("n1");
      expect(await store.create(claimOf("10.244.0.0/24", "n1"))).toBe(true);
      expect(await store.create(claimOf("10.244.0.0/25", "n1"))).toBe(true);
    });

    test("a released block is free", async () => {
      const open = make();
      const mine = claimOf("10.244.1.0/24", "n1");
      await open("n1").create(mine);
      expect(await open("n1").release(mine)).toBe(true);
      expect(await open("n1").release(mine)).toBe(false);
      expect(await open("n2").create(claimOf("10.244.1.0/24", "n2"))).toBe(true);
    });

    test("another's claim is not released, nor a later one of the same node", async () => {
      const open = make();
      await open("n1").create(claimOf("10.244.1.0/24", "n1", "2027"));
      expect(await open("n2").release(claimOf("10.244.1.0/24", "n2", "2027"))).toBe(false);
      expect(await open("n1").release(claimOf("10.244.1.0/24", "n1", "2026"))).toBe(false);
      expect(await blocksOf(open("n1"))).toEqual(["10.244.1.0/24 n1"]);
    });

    test("20 claimants at once, with one place to begin, share no block and want none in vain", async () => {
      const open = make();
      const cut = { prefix: parsePrefix("10.244.0.0/19"), length: 24 };
      const claim = async (index: number): Promise<string> => {
        const store = open(`n${index}`);
        for (const block of freeBlocks(cut, "the same", [])) {
          const text = formatPrefix(block);
          if (await store.create(claimOf(text, `n${index}`))) return text;
        }
        return "none";
      };
      const got = await Promise.all(Array.from({ length: 20 }, (_, index) => claim(index)));
      expect(got).not.toContain("none");
      expect(new Set(got).size).toBe(20);
      const listed = await blocksOf(open("n0"));
      expect(listed.sort()).toEqual(got.map((text, index) => `${text} n${index}`).sort());
    });
  });
}
