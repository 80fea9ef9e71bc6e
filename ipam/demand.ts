/**
 * What a node's set of blocks should be: which claims are its own, whether it needs another block, which one it can
 * do without. Pure; `bgpd/blocks.ts` does it.
 */

import { bitsOf, type Family } from "../lib/address.ts";
import { containsPrefix, formatPrefix, overlaps, type Prefix } from "../lib/prefix.ts";
import { blockSizeOf, type IpPool } from "../resource/ip-pool.ts";
import type { Node } from "../resource/node.ts";
import type { Resources } from "../resource/resource.ts";
import { blockFault } from "./block.ts";
import type { Claim, Claims } from "./claim.ts";
import type { NodeBlock } from "./node.ts";
import { type Reservation, reservationsIn } from "./pool.ts";

/** What the documents say of one node's blocks. */
export type BlockPlan = {
  readonly node: string;
  /** What its document names: with any, it claims nothing. */
  readonly named: readonly Prefix[];
  /** What other Nodes' documents name. */
  readonly others: readonly { readonly node: string; readonly block: Prefix }[];
  /** By name. */
  readonly pools: readonly PoolPlan[];
  readonly reservations: readonly Reservation[];
};

export type PoolPlan = IpPool & {
  /** Why this node gets no block of it; undefined when it does. */
  readonly refusal: string | undefined;
};

/** A claim of this node with its use. */
export type HeldBlock = {
  readonly claim: Claim;
  readonly pool: PoolPlan | undefined;
  /** Addresses that could be had now. */
  readonly free: number;
  /** For how long none has been in use, in ms; undefined while one is. */
  readonly emptyFor: number | undefined;
};

/** Whether and where to claim another block of a family; `text` says for people how there will be more. */
export type Demand = {
  /** Pools to try, in order; empty when no block is needed or none may be claimed. */
  readonly pools: readonly PoolPlan[];
  readonly text: string;
};

/** Of `spareAddresses` where a pool says nothing: this part of a block. */
const SPARE_PART = 8;
/** Seconds, for a block whose pool is gone. */
const IDLE_TIME = 600;

/** The plan of one node. */
export function planBlocks({ nodes, pools, reservations }: Resources, node: Node): BlockPlan {
  return {
    node: node.name,
    named: node.blocks,
    others: nodes
      .filter(({ resource }) => resource.name !== node.name)
      .flatMap(({ resource }) => resource.blocks.map((block) => ({ node: resource.name, block }))),
    pools: pools
      .map(({ resource }) => ({ ...resource, refusal: refusalOf(resource, node) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    reservations: reservations.flatMap(({ resource: { name, prefixes } }) =>
      prefixes.map((prefix) => ({ prefix, name })),
    ),
  };
}

function refusalOf(pool: IpPool, { labels, name }: Node): string | undefined {
  const text = `IPPool ${pool.name}`;
  if (pool.disabled) return `${text} is disabled`;
  if (!pool.allowedUses.includes("Workload")) {
    return `the allowedUses of ${text} have no Workload`;
  }
  if (pool.assignmentMode === "Manual") return `the assignmentMode of ${text} is Manual`;
  if (!pool.nodeSelector(labels)) return `the nodeSelector of ${text} does not select ${name}`;
  return undefined;
}

/** The pool that a block lies in. */
export function poolOf({ pools }: BlockPlan, block: Prefix): PoolPlan | undefined {
  return pools.find(({ prefix }) => containsPrefix(prefix, block));
}

/** The block with what its pool and the reservations say of its addresses. */
export function describeBlock(plan: BlockPlan, block: Prefix): NodeBlock {
  const pool = poolOf(plan, block);
  const reserved = reservationsIn(block, plan.reservations);
  return {
    ...block,
    ...(pool === undefined ? {} : { pool: pool.name }),
    ...(pool?.skipFirstAndLast === true ? { skipFirstAndLast: true } : {}),
    ...(reserved.length === 0 ? {} : { reserved }),
  };
}

/** A block that a document names: it is the Node's, whatever becomes of the pool. */
export function describeNamed(plan: BlockPlan, block: Prefix): NodeBlock {
  const described = describeBlock(plan, block);
  const isManual = poolOf(plan, block)?.assignmentMode === "Manual";
  return isManual ? { ...described, onlyAsked: true } : described;
}

/**
 * The node's own claims that it may use, the earliest first, and what is wrong with the others. Of two that overlap the earlier is good;
 * a block that a document names is its Node's, whoever has claimed it.
 */
export function judgeClaims(
  plan: BlockPlan,
  { claims, unreadable }: Claims,
): { readonly held: readonly Claim[]; readonly faults: readonly string[] } {
  const held: Claim[] = [];
  const faults = unreadable.map(
    ({ place, block, reason }) =>
      `the claim ${place} cannot be read (${reason}): ${formatPrefix(block)} stays taken`,
  );
  for (const claim of claims) {
    if (claim.node !== plan.node) continue;
    const fault = faultOf(plan, claim, claims);
    if (fault === undefined) held.push(claim);
    else faults.push(`${formatPrefix(claim.block)} is claimed by this node and not used: ${fault}`);
  }
  held.sort((a, b) => (isEarlier(a, b) ? -1 : 1));
  for (const { block } of held) {
    if (poolOf(plan, block) !== undefined) continue;
    faults.push(
      `${formatPrefix(block)} is claimed by this node and lies in no IPPool: it gives no new address, and goes when it is empty`,
    );
  }
  return { held, faults };
}

function faultOf(plan: BlockPlan, claim: Claim, claims: readonly Claim[]): string | undefined {
  const impossible = blockFault(claim.block);
  if (impossible !== undefined) return impossible;
  const named = plan.others.find(({ block }) => overlaps(block, claim.block));
  if (named !== undefined) {
    return `spec.blocks of Node ${named.node} has ${formatPrefix(named.block)}`;
  }
  const rival = claims.find(
    (other) => other !== claim && overlaps(other.block, claim.block) && isEarlier(other, claim),
  );
  if (rival === undefined) return undefined;
  return `${rival.node} has claimed ${formatPrefix(rival.block)} before, at ${rival.time}`;
}

function isEarlier(a: Claim, b: Claim): boolean {
  if (a.time !== b.time) return a.time < b.time;
  if (a.node !== b.node) return a.node < b.node;
  return a.block.length < b.block.length;
}

/** Why a block that the node has gives nothing new; undefined while it does. */
export function closedReason({ pool }: Pick<HeldBlock, "pool">): string | undefined {
  return pool === undefined ? "it lies in no IPPool" : pool.refusal;
}

/** Whether the node, which claims its blocks, needs another one of the family. */
export function demandOf(plan: BlockPlan, family: Family, held: readonly HeldBlock[]): Demand {
  const own = held.filter(({ claim }) => claim.block.family === family);
  const pools = plan.pools.filter(({ prefix }) => prefix.family === family);
  const open = pools.filter(({ refusal }) => refusal === undefined);
  const [first] = open;
  if (first === undefined) {
    const refusals = pools.map(({ refusal }) => refusal).join("; ");
    const why = pools.length === 0 ? "there is none" : refusals;
    return { pools: [], text: `add an IPv${family} IPPool that gives it blocks (${why})` };
  }
  const countIn = ({ name }: PoolPlan): number =>
    own.filter(({ pool }) => pool?.name === name).length;
  const below = open.filter((pool) => countIn(pool) < (pool.maxBlocksPerNode ?? Infinity));
  const [next] = below;
  if (next === undefined) {
    const limits = open.map(
      (pool) => `IPPool ${pool.name} allows ${pool.maxBlocksPerNode} and it has ${countIn(pool)}`,
    );
    const text = `raise maxBlocksPerNode (${limits.join("; ")}), or add an IPPool`;
    return { pools: [], text };
  }
  const spare = spareOf(next);
  const text = `manx bgpd claims one of IPPool ${next.name} as soon as fewer than ${spare} addresses are free`;
  return { pools: freeOf(own) < spare ? below : [], text };
}

/** A block that the node can give back: empty for long, and neither the last one nor needed as a spare. */
export function surplusOf(plan: BlockPlan, held: readonly HeldBlock[]): HeldBlock | undefined {
  return held.findLast((block) => {
    const { claim, pool, emptyFor } = block;
    if (emptyFor === undefined || emptyFor < 1000 * (pool?.idleTime ?? IDLE_TIME)) return false;
    if (closedReason(block) !== undefined) return true;
    const rest = held.filter(
      (other) =>
        other !== block &&
        other.claim.block.family === claim.block.family &&
        closedReason(other) === undefined,
    );
    return rest.length > 0 && demandOf(plan, claim.block.family, rest).pools.length === 0;
  });
}

/** Addresses that blocks have to give. */
function freeOf(held: readonly HeldBlock[]): number {
  return held
    .filter((block) => closedReason(block) === undefined)
    .reduce((sum, { free }) => sum + free, 0);
}

/** A node claims another block of the pool while it has fewer free addresses. */
function spareOf(pool: IpPool): number {
  const size = 2 ** (bitsOf(pool.prefix.family) - blockSizeOf(pool));
  return pool.spareAddresses ?? Math.max(1, Math.floor(size / SPARE_PART));
}
