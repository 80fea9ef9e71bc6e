/** What a node's blocks should be: claims judged, the next pool, what can go. */

import { describe, expect, test } from "bun:test";
import type { Claim } from "../../ipam/claim.ts";
import {
  type BlockPlan,
  demandOf,
  describeBlock,
  judgeClaims,
  planBlocks,
  poolOf,
  surplusOf,
} from "../../ipam/demand.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { documentOf, nodeOf, resourcesOf } from "../resource/documents.ts";
import { claimOf } from "../suites/claims.ts";

function planOf(...documents: string[]): BlockPlan {
  const resources = resourcesOf(nodeOf("n1", 11), ...documents);
  return planBlocks(resources, resources.nodes[0]!.resource);
}

const pool = (name: string, spec: string): string => documentOf("IPPool", name, spec);
const pods = pool("pods", "cidr: 10.244.0.0/16\nblockSize: 28");

/** Claims with their use: `[block, free, seconds empty]`. */
function heldOf(plan: BlockPlan, ...blocks: readonly [string, number, number?][]) {
  return blocks.map(([text, free, empty]) => {
    const claim = claimOf(text, "n1");
    const emptyFor = empty === undefined ? undefined : 1000 * empty;
    return { claim, pool: poolOf(plan, claim.block), free, emptyFor };
  });
}

describe("the demand of a node", () => {
  test("is a first block of each family that has pools", () => {
    const plan = planOf(pods, pool("six", 'cidr: "fd00::/48"'));
    expect(demandOf(plan, 4, []).pools.map(({ name }) => name)).toEqual(["pods"]);
    expect(demandOf(plan, 6, []).pools.map(({ name }) => name)).toEqual(["six"]);
    expect(demandOf(planOf(pods), 6, [])).toEqual({
      pools: [],
      text: "add an IPv6 IPPool that gives it blocks (there is none)",
    });
  });

  for (const [name, spec, free, isWanted] of [
    ["an eighth of a block is free", "blockSize: 28", 2, false],
    ["less than an eighth is free", "blockSize: 28", 1, true],
    ["as many as spareAddresses are free", "blockSize: 28\nspareAddresses: 5", 5, false],
    ["fewer than spareAddresses are free", "blockSize: 28\nspareAddresses: 5", 4, true],
    ["a block of one address is used up", "blockSize: 32", 0, true],
    ["a block of one address is free", "blockSize: 32", 1, false],
  ] as const) {
    test(`${isWanted ? "is another block" : "is nothing"} when ${name}`, () => {
      const plan = planOf(pool("pods", `cidr: 10.244.0.0/16\n${spec}`));
      const { pools } = demandOf(plan, 4, heldOf(plan, ["10.244.1.0/28", free]));
      expect(pools.length > 0).toBe(isWanted);
    });
  }

  for (const [spec, why] of [
    ["disabled: true", "IPPool pods is disabled"],
    ["assignmentMode: Manual", "the assignmentMode of IPPool pods is Manual"],
    ["allowedUses: [LoadBalancer]", "the allowedUses of IPPool pods have no Workload"],
    ["nodeSelector: has(rack)", "the nodeSelector of IPPool pods does not select n1"],
  ] as const) {
    test(`is nothing of a pool with ${spec}, and the knob says why`, () => {
      const plan = planOf(pool("pods", `cidr: 10.244.0.0/16\n${spec}`));
      expect(demandOf(plan, 4, [])).toEqual({
        pools: [],
        text: `add an IPv4 IPPool that gives it blocks (${why})`,
      });
    });
  }

  test("ends at maxBlocksPerNode, which is named with the count, and goes on in another pool", () => {
    const limited = pool("a", "cidr: 10.244.0.0/16\nmaxBlocksPerNode: 1");
    const plan = planOf(limited);
    expect(demandOf(plan, 4, heldOf(plan, ["10.244.1.0/24", 0]))).toEqual({
      pools: [],
      text: "raise maxBlocksPerNode (IPPool a allows 1 and it has 1), or add an IPPool",
    });
    const more = planOf(limited, pool("b", "cidr: 10.245.0.0/16"));
    const { pools } = demandOf(more, 4, heldOf(more, ["10.244.1.0/24", 0]));
    expect(pools.map(({ name }) => name)).toEqual(["b"]);
  });
});

describe("a block that can go", () => {
  const plan = planOf(pool("pods", "cidr: 10.244.0.0/16\nblockSize: 28\nidleTime: 60"));
  const surplus = (...blocks: readonly [string, number, number?][]): string => {
    const found = surplusOf(plan, heldOf(plan, ...blocks));
    return found === undefined ? "none" : formatPrefix(found.claim.block);
  };

  test("is empty for idleTime, the latest of several", () => {
    const two = [
      ["10.244.1.0/28", 9],
      ["10.244.2.0/28", 16, 60],
      ["10.244.3.0/28", 16, 61],
    ] as const;
    expect(surplus(...two.map(([...row]) => row as [string, number, number?]))).toBe(
      "10.244.3.0/28",
    );
    expect(surplus(["10.244.1.0/28", 9], ["10.244.2.0/28", 16, 59])).toBe("none");
  });

  test("is not the last one, nor one without which another would be claimed", () => {
    expect(surplus(["10.244.1.0/28", 16, 900])).toBe("none");
    expect(surplus(["10.244.1.0/28", 1], ["10.244.2.0/28", 16, 900])).toBe("none");
    expect(surplus(["10.244.1.0/28", 2], ["10.244.2.0/28", 16, 900])).toBe("10.244.2.0/28");
  });

  test("may be the last one where its pool gives nothing any more", () => {
    const gone = planOf(pool("pods", "cidr: 10.244.0.0/16\ndisabled: true"));
    expect(surplusOf(gone, heldOf(gone, ["10.244.1.0/28", 16, 601]))).toBeDefined();
    expect(surplusOf(gone, heldOf(gone, ["10.244.1.0/28", 15]))).toBeUndefined();
  });
});

describe("claims", () => {
  const judge = (claims: readonly Claim[], ...documents: string[]) => {
    const { held, faults } = judgeClaims(planOf(pods, ...documents), { claims, unreadable: [] });
    return { held: held.map(({ block }) => formatPrefix(block)), faults };
  };

  test("of the node are its own, the earliest first; others' are theirs", () => {
    const claims = [
      claimOf("10.244.1.0/28", "n1", "2026-02"),
      claimOf("10.244.2.0/28", "n2"),
      claimOf("10.244.3.0/28", "n1", "2026-01"),
    ];
    expect(judge(claims)).toEqual({ held: ["10.244.3.0/28", "10.244.1.0/28"], faults: [] });
  });

  test("that overlap: the earlier is used, the later is told", () => {
    const early = claimOf("10.244.1.0/24", "n2", "2026-01");
    const late = claimOf("10.244.1.16/28", "n1", "2026-02");
    expect(judge([early, late])).toEqual({
      held: [],
      faults: [
        "10.244.1.16/28 is claimed by this node and not used: n2 has claimed 10.244.1.0/24 before, at 2026-01",
      ],
    });
    expect(judge([{ ...early, time: "2026-03" }, late]).held).toEqual(["10.244.1.16/28"]);
  });

  test("of what another Node's document names are not used", () => {
    const { held, faults } = judge(
      [claimOf("10.244.1.0/28", "n1")],
      nodeOf("n2", 12, "10.244.1.0/28"),
    );
    expect(held).toEqual([]);
    expect(faults).toEqual([
      "10.244.1.0/28 is claimed by this node and not used: spec.blocks of Node n2 has 10.244.1.0/28",
    ]);
  });

  test("outside of any pool are told, and larger ones than any block are not used", () => {
    expect(judge([claimOf("10.9.0.0/28", "n1")])).toEqual({
      held: ["10.9.0.0/28"],
      faults: [
        "10.9.0.0/28 is claimed by this node and lies in no IPPool: it gives no new address, and goes when it is empty",
      ],
    });
    expect(judge([claimOf("0.0.0.0/0", "n1")]).held).toEqual([]);
  });
});

test("a block has the name, the switch and the reservations of where it lies", () => {
  const plan = planOf(
    pool("pods", "cidr: 10.244.0.0/16\nskipFirstAndLast: true"),
    documentOf("IPReservation", "routers", "reservedCIDRs: [10.244.1.0/28, 10.244.2.0/28]"),
  );
  expect(describeBlock(plan, parsePrefix("10.244.1.0/24"))).toEqual({
    ...parsePrefix("10.244.1.0/24"),
    pool: "pods",
    skipFirstAndLast: true,
    reserved: [{ prefix: parsePrefix("10.244.1.0/28"), name: "routers" }],
  });
  expect(describeBlock(plan, parsePrefix("10.9.0.0/24"))).toEqual(parsePrefix("10.9.0.0/24"));
});
