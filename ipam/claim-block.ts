/**
 * Claiming one more block out of pools: the first that nobody has.
 */

import { formatPrefix, overlaps } from "../lib/prefix.ts";
import { blockSizeOf } from "../resource/ip-pool.ts";
import type { Claim, ClaimStore } from "./claim.ts";
import { type BlockPlan, describeBlock, type PoolPlan } from "./demand.ts";
import { blockCount, freeBlocks } from "./pool.ts";
import { reservedIn, usableOrdinals } from "./reserved.ts";

/** Claim a block of the first pool that has one. Undefined when none has. `time`: ISO 8601, for the claim. */
export async function claimBlock(
  store: ClaimStore,
  plan: BlockPlan,
  pools: readonly PoolPlan[],
  time: string,
): Promise<Claim | undefined> {
  const { claims, unreadable } = await store.list();
  const taken = [...claims, ...unreadable, ...plan.others].map(({ block }) => block);
  for (const pool of pools) {
    const cut = { prefix: pool.prefix, length: blockSizeOf(pool) };
    // What is reserved as a whole is stepped over as a whole.
    const closed = plan.reservations.filter(({ prefix }) => prefix.length <= cut.length);
    const obstacles = [...taken, ...closed.map(({ prefix }) => prefix)];
    for (const block of freeBlocks(cut, plan.node, obstacles)) {
      const described = describeBlock(plan, block);
      if (usableOrdinals(described, reservedIn(described, "host")).length === 0) continue;
      const claim = { block, pool: pool.name, node: plan.node, time };
      if ((await store.create(claim)) && (await isAlone(store, claim))) return claim;
    }
  }
  return undefined;
}

/** Why `claimBlock` found nothing, and what to do. */
export function describeFull(pools: readonly PoolPlan[]): string {
  const texts = pools.map((pool) => {
    const length = blockSizeOf(pool);
    const count = blockCount({ prefix: pool.prefix, length });
    return `all ${count} blocks /${length} of IPPool ${pool.name}`;
  });
  return `add an IPPool: ${texts.join(" and ")} are taken or reserved`;
}

/** Blocks of another length have other names in a store: whoever finds that he overlaps one gives way. */
async function isAlone(store: ClaimStore, claim: Claim): Promise<boolean> {
  const { claims } = await store.list();
  const own = formatPrefix(claim.block);
  const isRival = ({ block }: Claim): boolean =>
    formatPrefix(block) !== own && overlaps(block, claim.block);
  if (!claims.some(isRival)) return true;
  await store.release(claim);
  return false;
}
