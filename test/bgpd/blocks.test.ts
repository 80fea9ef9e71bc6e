/** A node's blocks over time: claimed, added to, given back; and what others do to the store. */

import { describe, expect, test } from "bun:test";
import { createBlocks } from "../../bgpd/blocks.ts";
import type { ClaimStore } from "../../ipam/claim.ts";
import { memoryClaims } from "../../ipam/claim-memory.ts";
import { planBlocks } from "../../ipam/demand.ts";
import type { NodeBlock } from "../../ipam/node.ts";
import { type Address, addToAddress, parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { containsPrefix, formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { documentOf, nodeOf, resourcesOf } from "../resource/documents.ts";
import { claimOf } from "../suites/claims.ts";

const SMALL = "cidr: 10.244.0.0/24\nblockSize: 30\nidleTime: 60";

function documents(spec: string, ...more: string[]): string[] {
  return [nodeOf("n1", 11), nodeOf("n2", 12), documentOf("IPPool", "pods", spec), ...more];
}

function scene(given: ClaimStore | "none" = memoryClaims(), known: readonly NodeBlock[] = []) {
  const store = given === "none" ? undefined : given;
  const clock = new VirtualClock();
  const used = new Set<string>();
  const routed = new Set<string>();
  let changes = 0;
  const blocks = createBlocks({
    clock,
    log: silentLogger(),
    store,
    usage: () => [...used].map(parseAddress),
    isRouted: (block) =>
      [...routed].some((text) => containsPrefix(block, parsePrefix(`${text}/32`))),
    known,
    onChange: () => {
      changes++;
    },
  });
  const planFor = (texts: readonly string[], node = "n1") => {
    const resources = resourcesOf(...texts);
    const found = resources.nodes.find(({ resource }) => resource.name === node);
    return planBlocks(resources, found!.resource);
  };
  /** Virtual time, with what waits for the store in between. */
  const pass = async (seconds: number): Promise<void> => {
    for (let step = 0; step < 10 * seconds; step++) {
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    blocks,
    used,
    routed,
    store,
    pass,
    changes: () => changes,
    start: async (...texts: string[]) => {
      const started = blocks.start(planFor(texts));
      await pass(6);
      await started;
    },
    apply: (...texts: string[]) => blocks.apply(planFor(texts)),
    names: () => blocks.blocks.map(formatPrefix),
    claims: async () =>
      (await store?.list())?.claims.map(({ block, node }) => `${formatPrefix(block)} ${node}`),
    /** Take addresses of a block until so many are used. */
    fill: (block: string, count: number) => {
      const first: Address = parsePrefix(block);
      for (let n = 0; n < count; n++) {
        const { w0 } = addToAddress(first, n);
        used.add([w0 >>> 24, (w0 >> 16) & 255, (w0 >> 8) & 255, w0 & 255].join("."));
      }
      blocks.changed();
    },
  };
}

describe("a node's blocks", () => {
  test("one at the start, another before the last address is gone, and back when it is long empty", async () => {
    const { start, names, fill, used, pass, claims, blocks } = scene();
    await start(...documents(SMALL));
    const [first = ""] = names();
    expect(names()).toHaveLength(1);
    expect(blocks.blocks[0]?.pool).toBe("pods");
    fill(first, 3);
    await pass(2);
    expect(names()).toHaveLength(1);
    fill(first, 4);
    await pass(2);
    expect(names()).toHaveLength(2);
    const second = names()[1] ?? "";
    expect(await claims()).toEqual([`${first} n1`, `${second} n1`].sort());
    fill(second, 1);
    await pass(120);
    expect(names()).toEqual([first, second]);
    used.clear();
    fill(first, 1);
    await pass(59);
    expect(blocks.blocks.map(({ closed }) => closed)).toEqual([undefined, undefined]);
    await pass(4);
    expect(blocks.blocks.map(({ closed }) => closed)).toEqual([
      undefined,
      "it is given back: it was empty for long",
    ]);
    await pass(7);
    expect([names(), await claims()]).toEqual([[first], [`${first} n1`]]);
    used.clear();
    await pass(600);
    expect(names()).toEqual([first]);
  });

  test("one that is taken of after it was closed stays, and one with a pod's route is not closed", async () => {
    const { start, names, fill, used, routed, pass, blocks } = scene();
    await start(...documents(SMALL));
    const [first = ""] = names();
    fill(first, 4);
    await pass(2);
    const second = names()[1] ?? "";
    used.clear();
    fill(first, 1);
    routed.add(second.replace(/\/.*/, ""));
    await pass(200);
    expect(blocks.blocks[1]?.closed).toBeUndefined();
    routed.clear();
    for (let waited = 0; blocks.blocks[1]?.closed === undefined && waited < 100; waited++)
      await pass(1);
    expect(blocks.blocks[1]?.closed).toContain("given back");
    fill(second, 1);
    await pass(20);
    expect(names()).toEqual([first, second]);
    expect(blocks.blocks[1]?.closed).toBeUndefined();
  });

  test("are those that its document names, exactly, and nothing is claimed", async () => {
    const { start, names, claims, blocks } = scene();
    await start(
      nodeOf("n1", 11, "10.244.7.0/24"),
      documentOf("IPPool", "pods", "cidr: 10.244.0.0/16\nassignmentMode: Manual"),
    );
    expect([names(), await claims()]).toEqual([["10.244.7.0/24"], []]);
    expect(blocks.blocks[0]).toMatchObject({ pool: "pods", onlyAsked: true });
    expect(blocks.growth.ipv4).toBe("add one to spec.blocks of the Node n1");
  });

  test("without a store are none, and the knob says so", async () => {
    const { start, names, blocks } = scene("none");
    await start(...documents(SMALL));
    expect(names()).toEqual([]);
    expect(blocks.growth.ipv4).toBe(
      "add one to spec.blocks of the Node n1, or start manx bgpd with --claims",
    );
  });

  test("what is named, claimed or wholly reserved is claimed by nobody else; then the pool is full", async () => {
    const store = memoryClaims();
    await store.create(claimOf("10.244.0.128/26", "n2"));
    const { start, names, blocks, fill, pass, changes } = scene(store);
    await start(
      nodeOf("n1", 11),
      nodeOf("n2", 12, "10.244.0.192/26"),
      documentOf("IPPool", "pods", "cidr: 10.244.0.0/24\nblockSize: 26"),
      documentOf("IPReservation", "r", "reservedCIDRs: [10.244.0.0/27, 10.244.0.32/27]"),
    );
    expect(names()).toEqual(["10.244.0.64/26"]);
    fill("10.244.0.64/26", 64);
    await pass(2);
    expect(names()).toEqual(["10.244.0.64/26"]);
    const full = "add an IPPool: all 4 blocks /26 of IPPool pods are taken or reserved";
    expect(blocks.growth.ipv4).toBe(full);
    // Asking again is nobody's news, while it goes on neither.
    const before = changes();
    await pass(30);
    expect([blocks.growth.ipv4, changes()]).toEqual([full, before]);
  });

  test("a limit ends it, with its name and count", async () => {
    const { start, names, fill, pass, blocks } = scene();
    await start(...documents(`${SMALL}\nmaxBlocksPerNode: 1`));
    fill(names()[0] ?? "", 4);
    await pass(10);
    expect(names()).toHaveLength(1);
    expect(blocks.growth.ipv4).toContain("IPPool pods allows 1 and it has 1");
  });

  test("of a pool that is disabled give nothing new, and another pool's take their place", async () => {
    const { start, apply, names, fill, pass, blocks } = scene();
    await start(...documents(SMALL));
    fill(names()[0] ?? "", 1);
    apply(
      ...documents(`${SMALL}\ndisabled: true`, documentOf("IPPool", "next", "cidr: 10.9.0.0/16")),
    );
    await pass(3);
    expect(blocks.blocks.map(({ pool, closed }) => [pool, closed])).toEqual([
      ["pods", "IPPool pods is disabled"],
      ["next", undefined],
    ]);
    await pass(100);
    expect(names()).toHaveLength(2);
  });

  test("a store that fails leaves what the node has, is told, and is asked again", async () => {
    const store = memoryClaims();
    let isAway = false;
    const failing: ClaimStore = {
      ...store,
      list: () => (isAway ? Promise.reject(new Error("the store is away")) : store.list()),
    };
    const { start, names, fill, pass, blocks } = scene(failing);
    await start(...documents(SMALL));
    const [first = ""] = names();
    isAway = true;
    fill(first, 4);
    await pass(20);
    expect([names(), blocks.faults]).toEqual([[first], ["the store is away"]]);
    isAway = false;
    await pass(10);
    expect(names()).toHaveLength(2);
    expect(blocks.faults).toEqual([]);
  });

  test("a store that is away, or never answers, at the start: what the node file says serves", async () => {
    const known = [
      { ...parsePrefix("10.244.0.8/30"), pool: "pods" },
      { ...parsePrefix("192.0.2.0/24"), pool: "gone" },
    ];
    for (const [list, fault] of [
      [() => Promise.reject(new Error("away")), "away"],
      [() => new Promise<never>(() => {}), "the claims in memory are not read yet: no answer"],
    ] as const) {
      const { start, names, blocks } = scene({ ...memoryClaims(), list }, known);
      await start(...documents(SMALL));
      expect([names(), blocks.faults]).toEqual([["10.244.0.8/30"], [fault]]);
    }
  });

  test("a node that starts again has what it had", async () => {
    const store = memoryClaims();
    const before = scene(store);
    await before.start(...documents(SMALL));
    before.blocks.stop();
    const after = scene(store);
    await after.start(...documents(SMALL));
    expect(after.names()).toEqual(before.names());
  });

  test("a claim that somebody removed is made again while its addresses are in use", async () => {
    const { start, names, fill, pass, store, claims } = scene();
    await start(...documents(SMALL));
    const [first = ""] = names();
    fill(first, 2);
    const [claim] = (await store!.list()).claims;
    await store!.release(claim!);
    await pass(70);
    expect([names(), await claims()]).toEqual([[first], [`${first} n1`]]);
  });

  test("a claim that another has now is no longer used, and another block is claimed", async () => {
    const { start, names, fill, pass, store } = scene();
    await start(...documents(SMALL));
    const [first = ""] = names();
    fill(first, 2);
    const [claim] = (await store!.list()).claims;
    await store!.release(claim!);
    await store!.create(claimOf(first, "n2"));
    await pass(70);
    expect(names()).toHaveLength(1);
    expect(names()).not.toContain(first);
  });

  test("a claim outside of any pool is told; without addresses in use it is not announced", async () => {
    const store = memoryClaims();
    await store.create(claimOf("192.0.2.0/24", "n1"));
    const { start, names, blocks, fill, pass } = scene(store);
    await start(...documents(SMALL));
    expect(names()).not.toContain("192.0.2.0/24");
    expect(blocks.faults).toEqual([
      expect.stringContaining("192.0.2.0/24 is claimed by this node and lies in no IPPool"),
    ]);
    fill("192.0.2.0/24", 1);
    await pass(2);
    expect(blocks.blocks.map(({ closed }) => closed)).toEqual([undefined, "it lies in no IPPool"]);
  });

  test("says that something has changed only when something has", async () => {
    const { start, changes, pass } = scene();
    await start(...documents(SMALL));
    const before = changes();
    await pass(30);
    expect(changes()).toBe(before);
  });
});
