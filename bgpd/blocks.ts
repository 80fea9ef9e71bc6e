/**
 * The blocks of this node: those that its document names, or else those that it claims.
 *
 * A node that claims looks at its address records whenever they change, takes another block before the last address
 * is gone, and gives one back that has been empty for long. An ADD never waits for that: it reads the node file.
 *
 * A block is given back in two steps, because an ADD may have read the node file before: it is published as closed
 * first, and released when it is still empty afterwards, by the records and by the kernel's routes.
 */

import { type Claim, type ClaimStore, type Claims, equalClaim } from "../ipam/claim.ts";
import { claimBlock, describeFull } from "../ipam/claim-block.ts";
import {
  type BlockPlan,
  closedReason,
  demandOf,
  describeBlock,
  describeNamed,
  type HeldBlock,
  judgeClaims,
  poolOf,
  surplusOf,
} from "../ipam/demand.ts";
import type { NodeBlock } from "../ipam/node.ts";
import { reservedIn, usableOrdinals } from "../ipam/reserved.ts";
import { type Usage, usedOf } from "../ipam/usage.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { formatPrefix, type Prefix } from "../lib/prefix.ts";
import type { SpeakerPlan } from "./cluster/speaker.ts";

/** Records change in bursts: look once, this many ms after the first. */
const SETTLE = 20;
/** Look at least so often, ms: time passes, and a change may have gone unseen. */
const LOOK = 1000;
/** Look through the store at least so often for what others did to our claims, ms. */
const REVIEW = 60_000;
/** After a store has failed, or had no block: ask again, ms. */
const RETRY = 5000;
/** Between closing a block and giving it back, ms: far longer than an ADD takes from reading to linking. */
const CLOSING = 5000;
/** How long a start waits for the store, ms: what the node file says serves meanwhile. */
const START = 5000;

export type BlocksOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** Undefined: nothing is claimed. */
  readonly store: ClaimStore | undefined;
  /** Addresses in use now. */
  readonly usage: () => Usage;
  /** Whether the kernel has a route into the block that is not ours: a pod may be there without a record. */
  readonly isRouted: (block: Prefix) => boolean;
  /** What the node file of an earlier daemon says, until the store has been read. */
  readonly known: readonly NodeBlock[];
  /** Blocks, growth or faults are others than before. */
  readonly onChange: () => void;
};

export type Blocks = {
  /** With the first plan; resolves when the store has been read, or the time for that has passed. */
  start(plan: BlockPlan): Promise<void>;
  /** The documents have changed. */
  apply(plan: BlockPlan): void;
  /** Address records have changed. */
  changed(): void;
  /** To publish, in order of preference. */
  readonly blocks: readonly NodeBlock[];
  /** How there will be more, for people. */
  readonly growth: { readonly ipv4: string; readonly ipv6: string };
  /** What is wrong with the claims; empty when nothing is. */
  readonly faults: readonly string[];
  stop(): void;
};

/** The speaker's plan with the blocks that the node has now. */
export function withBlocks(plan: SpeakerPlan, { blocks }: Pick<Blocks, "blocks">): SpeakerPlan {
  return { ...plan, blocks };
}

/** The blocks of one node. */
export function createBlocks(options: BlocksOptions): Blocks {
  return new NodeBlocks(options);
}

class NodeBlocks implements Blocks {
  readonly #options: BlocksOptions;
  #plan: BlockPlan | undefined;
  /** Undefined until the store has been read. */
  #held: readonly Claim[] | undefined;
  #faults: readonly string[] = [];
  /** As it was at the last look. */
  #usage: Usage = [];
  /** Why no block could be claimed of a pool, by family. */
  readonly #full = new Map<4 | 6, string>();
  /** Since when blocks have been empty, and when those that are closed can be released. By their text. */
  readonly #emptySince = new Map<string, number>();
  readonly #closing = new Map<string, number>();
  #reviewAt = 0;
  #retryAt = 0;
  #isReviewing = false;
  #isStopped = false;
  #timer: Timer | undefined;
  #tick: Timer | undefined;
  #told = "";

  constructor(options: BlocksOptions) {
    this.#options = options;
  }

  async start(plan: BlockPlan): Promise<void> {
    this.#plan = plan;
    if (!this.#isClaiming) return;
    await new Promise<void>((resolve) => {
      const late = this.#options.clock.after(START, () => {
        this.#faults = [`the claims in ${this.#options.store?.name} are not read yet: no answer`];
        resolve();
      });
      void this.#review().then(() => {
        late.cancel();
        resolve();
      });
    });
    this.#look();
  }

  apply(plan: BlockPlan): void {
    this.#plan = plan;
    this.#reviewAt = 0;
    this.#retryAt = 0;
    this.#full.clear();
    this.#look();
  }

  changed(): void {
    if (this.#isStopped) return;
    this.#timer ??= this.#options.clock.after(SETTLE, () => {
      this.#timer = undefined;
      this.#look();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#tick?.cancel();
  }

  get blocks(): readonly NodeBlock[] {
    const plan = this.#plan;
    if (plan === undefined) return [];
    if (plan.named.length > 0) return plan.named.map((block) => describeNamed(plan, block));
    if (this.#options.store === undefined) return [];
    // Until the store says more, what this node had when it was last asked is its own.
    if (this.#held === undefined) {
      return this.#options.known.filter((block) => poolOf(plan, block) !== undefined);
    }
    return this.#heldBlocks(this.#held).flatMap((held) => this.#published(plan, held) ?? []);
  }

  get growth(): Blocks["growth"] {
    return { ipv4: this.#growthOf(4), ipv6: this.#growthOf(6) };
  }

  get faults(): readonly string[] {
    return this.#faults;
  }

  get #isClaiming(): boolean {
    return this.#options.store !== undefined && this.#plan?.named.length === 0;
  }

  #growthOf(family: 4 | 6): string {
    const plan = this.#plan;
    if (plan === undefined) return "manx bgpd has read no documents yet";
    const name = `add one to spec.blocks of the Node ${plan.node}`;
    if (plan.named.length > 0) return name;
    const { store } = this.#options;
    if (store === undefined) return `${name}, or start manx bgpd with --claims`;
    return (
      this.#full.get(family) ?? demandOf(plan, family, this.#heldBlocks(this.#held ?? [])).text
    );
  }

  /** What may be announced and given; undefined for one that lies nowhere and is empty. */
  #published(plan: BlockPlan, held: HeldBlock): NodeBlock | undefined {
    const { block } = held.claim;
    const isClosing = this.#closing.has(formatPrefix(block));
    const closed = isClosing ? "it is given back: it was empty for long" : closedReason(held);
    // Nobody's pool covers it: it must not be told to anybody for nothing.
    if (held.pool === undefined && held.emptyFor !== undefined) return undefined;
    const described = describeBlock(plan, block);
    return closed === undefined ? described : { ...described, closed };
  }

  #heldBlocks(claims: readonly Claim[]): HeldBlock[] {
    const plan = this.#plan;
    if (plan === undefined) return [];
    const now = this.#options.clock.now();
    return claims.map((claim) => {
      const { block } = claim;
      const used = usedOf(this.#usage, block);
      const described = describeBlock(plan, block);
      const usable = usableOrdinals(described, reservedIn(described, "host")).length;
      return {
        claim,
        pool: poolOf(plan, block),
        free: Math.max(0, usable - used),
        emptyFor: used > 0 ? undefined : now - (this.#emptySince.get(formatPrefix(block)) ?? now),
      };
    });
  }

  /** Compare what the node has with what it needs; nothing here waits. */
  #look(): void {
    if (this.#isStopped) return;
    if (this.#isClaiming) {
      const { clock } = this.#options;
      this.#tick?.cancel();
      this.#tick = clock.after(LOOK, () => this.#look());
      this.#see();
      const now = clock.now();
      const isWanting = now >= this.#retryAt && (this.#isLacking() || this.#isRipe());
      if (isWanting || now >= this.#reviewAt) void this.#review();
    }
    this.#tell();
  }

  #date(): string {
    return new Date(this.#options.clock.date()).toISOString();
  }

  #isLacking(): boolean {
    const plan = this.#plan;
    if (plan === undefined) return false;
    const held = this.#heldBlocks(this.#held ?? []);
    return ([4, 6] as const).some((family) => demandOf(plan, family, held).pools.length > 0);
  }

  /** Whether something is to be closed or released. */
  #isRipe(): boolean {
    const plan = this.#plan;
    if (plan === undefined || this.#held === undefined) return false;
    const now = this.#options.clock.now();
    for (const at of this.#closing.values()) if (now >= at) return true;
    return this.#closing.size === 0 && surplusOf(plan, this.#heldBlocks(this.#held)) !== undefined;
  }

  /** Note what is in use now; a block that was to go and is in use after all stays. */
  #see(): void {
    this.#usage = this.#options.usage();
    for (const { block } of this.#held ?? []) {
      const key = formatPrefix(block);
      if (usedOf(this.#usage, block) > 0) {
        this.#emptySince.delete(key);
        this.#closing.delete(key);
      } else if (!this.#emptySince.has(key)) this.#emptySince.set(key, this.#options.clock.now());
    }
  }

  /** Read the store, claim what is lacking, give back what is not needed: one at a time. */
  async #review(): Promise<void> {
    const { store, log, clock } = this.#options;
    if (this.#isReviewing || store === undefined) return;
    this.#isReviewing = true;
    const plan = this.#plan;
    try {
      await this.#restore(store, await store.list());
      this.#see();
      await this.#claimAll(store);
      this.#see();
      await this.#giveBack(store);
      // With other documents meanwhile, all of it is to be looked at again.
      this.#reviewAt = plan === this.#plan ? clock.now() + REVIEW : 0;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#faults.includes(reason)) log.error(reason);
      this.#faults = [reason];
      this.#reviewAt = clock.now() + RETRY;
      this.#retryAt = this.#reviewAt;
    } finally {
      this.#isReviewing = false;
    }
    this.#tell();
  }

  /** Somebody may have removed a claim whose addresses are in use: it is made again where the block is free. */
  async #restore(store: ClaimStore, found: Claims): Promise<void> {
    const lost = (this.#held ?? []).filter(
      (claim) => !found.claims.some((other) => equalClaim(other, claim)),
    );
    for (const claim of lost) {
      const key = formatPrefix(claim.block);
      const isUsed = usedOf(this.#usage, claim.block) > 0 || this.#options.isRouted(claim.block);
      const isBack = isUsed && (await store.create(claim));
      const then = isBack ? "it is made again" : isUsed ? "another has the block" : "it was empty";
      this.#options.log.error(`somebody has removed this node's claim of ${key}: ${then}`);
    }
    this.#judge(lost.length === 0 ? found : await store.list());
  }

  #judge(claims: Claims): void {
    if (this.#plan === undefined) return;
    const { held, faults } = judgeClaims(this.#plan, claims);
    for (const fault of faults) if (!this.#faults.includes(fault)) this.#options.log.error(fault);
    this.#held = held;
    this.#faults = faults;
  }

  async #claimAll(store: ClaimStore): Promise<void> {
    const plan = this.#plan;
    const { clock, log } = this.#options;
    if (plan === undefined || !this.#isClaiming) return;
    for (const family of [4, 6] as const) {
      for (;;) {
        const { pools } = demandOf(plan, family, this.#heldBlocks(this.#held ?? []));
        if (pools.length === 0) this.#full.delete(family);
        if (pools.length === 0 || this.#isStopped) break;
        const claim = await claimBlock(store, plan, pools, this.#date());
        if (claim === undefined) {
          this.#full.set(family, describeFull(pools));
          this.#retryAt = clock.now() + RETRY;
          break;
        }
        log.info(`claimed ${formatPrefix(claim.block)} of IPPool ${claim.pool}`);
        this.#judge(await store.list());
      }
    }
  }

  async #giveBack(store: ClaimStore): Promise<void> {
    const plan = this.#plan;
    if (plan === undefined || this.#held === undefined || !this.#isClaiming) return;
    const { clock, isRouted, log } = this.#options;
    const now = clock.now();
    for (const { claim, emptyFor } of this.#heldBlocks(this.#held)) {
      const key = formatPrefix(claim.block);
      const at = this.#closing.get(key);
      if (at === undefined || now < at) continue;
      this.#closing.delete(key);
      if (emptyFor === undefined || isRouted(claim.block)) continue;
      // Gone from the node file and the routes first: whoever claims it next finds nobody there.
      this.#held = this.#held.filter((other) => other !== claim);
      this.#emptySince.delete(key);
      this.#tell();
      await store.release(claim);
      log.info(`gave back ${key} of IPPool ${claim.pool}: it was empty for long`);
    }
    const surplus = surplusOf(plan, this.#heldBlocks(this.#held));
    if (surplus === undefined || this.#closing.size > 0) return;
    const key = formatPrefix(surplus.claim.block);
    // A pod without a record is there: it is no more empty than with one.
    if (isRouted(surplus.claim.block)) this.#emptySince.set(key, now);
    else this.#closing.set(key, now + CLOSING);
  }

  /** Say so when there is something to publish. */
  #tell(): void {
    const now = JSON.stringify([this.blocks, this.growth, this.#faults]);
    if (now === this.#told || this.#isStopped) return;
    this.#told = now;
    this.#options.onChange();
  }
}
