/**
 * Choosing an address: the longest-free one of the first block that has any, over `Records`.
 */

import { type Address, equalAddress, type Family, formatAddress } from "../lib/address.ts";
import { containsAddress, equalPrefix, formatPrefix, type Prefix, sizeOf } from "../lib/prefix.ts";
import { addressAt, IN_USE, longestFree, type Order, ordinalOf } from "./block.ts";
import type { NodeBlock } from "./node.ts";
import { type AddressRecord, describeHolder, type Holder, type Pod } from "./record.ts";
import { type Occupancy, Outdated, type Records } from "./records.ts";
import { type Reserved, reasonOf, usableOrdinals } from "./reserved.ts";

/** How long an address that was given back is left alone. */
export type Cooldown = {
  /** In ms. */
  readonly time: number;
  /** Rather none than one that cools; otherwise it is taken when nothing else is free. */
  readonly isStrict: boolean;
};

/** What there is to choose from. */
export type Choice = {
  /** Blocks of one family, in order of preference; at least one. */
  readonly blocks: readonly NodeBlock[];
  /** What nobody may have of a block. */
  readonly reserved: (block: NodeBlock) => readonly Reserved[];
  /** Default: none. */
  readonly cooldown?: Cooldown;
};

export type Wish = Choice & {
  readonly holder: Holder;
  /** For the record. */
  readonly network?: string;
  readonly pod?: Pod;
  readonly labels?: AddressRecord["labels"];
  /**
   * Called with what the holder has when that is not what is wished, to give it up; throws when it must not be. Default:
   * it is given back.
   */
  readonly giveUp?: (held: AddressRecord) => void;
  /** This one and no other. */
  readonly address?: Address;
  /** ISO 8601 time for the record. */
  readonly time: string;
  /** For the record. */
  readonly use?: AddressRecord["use"];
};

export type Allocation = {
  readonly record: AddressRecord;
  /** The holder had none before. */
  readonly isNew: boolean;
};

/** No block has an address to give. */
export class Exhausted extends Error {
  override readonly name = "Exhausted";
  readonly family: Family;

  constructor(message: string, family: Family) {
    super(message);
    this.family = family;
  }
}

/** The address that is asked for cannot be had. */
export class Unobtainable extends Error {
  override readonly name = "Unobtainable";
  /** Somebody has it; or it lies in none of the blocks. */
  readonly isTaken: boolean;

  constructor(message: string, isTaken: boolean) {
    super(message);
    this.isTaken = isTaken;
  }
}

/**
 * Take an address. A holder that has one of these blocks already gets the same again: it is what an
 * ADD left that was killed. Throws `Exhausted`, which says of each block what is used and its limit; `Unobtainable`.
 */
export function allocate(records: Records, wish: Wish): Allocation {
  try {
    return allocateOnce(records, wish);
  } catch (fault) {
    if (!(fault instanceof Outdated)) throw fault;
    return allocateOnce(records, wish);
  }
}

function allocateOnce(records: Records, wish: Wish): Allocation {
  const held = heldBefore(records, wish);
  if (held !== undefined) return { record: held, isNew: false };
  return { record: claimNew(records, wish), isNew: true };
}

function claimNew(records: Records, wish: Wish): AddressRecord {
  if (wish.address !== undefined) return claimAsked(records, wish, wish.address);
  const isStrict = wish.cooldown?.isStrict === true;
  const record =
    byPreference(records, wish, (time) => isCooling(records, wish, time)) ??
    (isStrict ? undefined : byPreference(records, wish, () => false)) ??
    byTruth(records, wish);
  if (record !== undefined) return record;
  throw exhausted(records, wish);
}

/** What an ADD would be refused with now; undefined while there is an address for it. */
export function shortage(records: Occupancy, choice: Choice): Exhausted | undefined {
  const isStrict = choice.cooldown?.isStrict === true;
  for (const block of choice.blocks) {
    if (!isOpen(block)) continue;
    const order = isStrict ? records.order(block) : undefined;
    for (const ordinal of usableOrdinals(block, choice.reserved(block))) {
      if (records.isTaken(addressAt(block, ordinal))) continue;
      if (!isCooling(records, choice, order?.[ordinal] ?? 0)) return undefined;
    }
  }
  return exhausted(records, choice);
}

function exhausted(records: Occupancy, choice: Choice): Exhausted {
  const uses = choice.blocks.map((block) => describeUse(records, block, choice));
  return new Exhausted(`no free address: ${uses.join(", ")}`, familyOfChoice(choice));
}

function familyOfChoice({ blocks }: Choice): Family {
  return blocks[0]?.family ?? 4;
}

/** Whether it gives addresses to who does not ask for a certain one. */
function isOpen({ closed, onlyAsked }: NodeBlock): boolean {
  return closed === undefined && onlyAsked !== true;
}

function heldBefore(records: Records, wish: Wish): AddressRecord | undefined {
  const family = familyOfChoice(wish);
  const held = records.find(wish.holder, family);
  if (held === undefined) return undefined;
  const isAsked = wish.address === undefined || equalAddress(wish.address, held.address);
  for (const block of wish.blocks) if (isAsked && equalPrefix(block, held.block)) return held;
  // The node has other blocks now, or another address is asked for.
  if (wish.giveUp === undefined) records.release(wish.holder, family);
  else wish.giveUp(held);
  return undefined;
}

function claimAsked(records: Records, wish: Wish, address: Address): AddressRecord {
  const text = formatAddress(address);
  const block = wish.blocks.find((one) => containsAddress(one, address));
  if (block === undefined) {
    const names = wish.blocks.map(formatPrefix).join(", ");
    throw new Unobtainable(`${text} lies in none of this node's blocks (${names})`, false);
  }
  const ordinal = ordinalOf(block, address) ?? 0;
  const why = reasonOf(wish.reserved(block), ordinal);
  if (why !== undefined) {
    throw new Unobtainable(`${text} is reserved in ${nameOf(block)}: ${why}`, false);
  }
  if (block.closed !== undefined) {
    throw new Unobtainable(`${nameOf(block)} gives no new address: ${block.closed}`, false);
  }
  const record = recordOf(wish, block, ordinal);
  if (records.claim(record)) return record;
  const holder = records.list().records.find((other) => equalAddress(other.address, address));
  const by = holder === undefined ? "somebody" : describeHolder(holder);
  throw new Unobtainable(`${text} is taken: ${by} has it`, true);
}

/** Whether an address that has been free since then is to be left alone. */
type Avoid = (freeSince: number) => boolean;

/** By the order of past use, but for those to `avoid`: nearly always the first address tried is the one. */
function byPreference(records: Records, wish: Wish, avoid: Avoid): AddressRecord | undefined {
  const open: NodeBlock[] = [];
  for (const block of wish.blocks) if (isOpen(block)) open.push(block);
  const [first, ...others] = open;
  const taken = first && fromBlock(records, wish, first, avoid);
  if (taken !== undefined) return taken;
  const near = others.length < MANY ? undefined : fromBoundary(records, wish, others, avoid);
  if (near !== undefined) return near;
  for (const block of others) {
    const record = fromBlock(records, wish, block, avoid);
    if (record !== undefined) return record;
  }
  return undefined;
}

/** So many blocks behind the first one are not looked through one by one, as long as the last one has room. */
const MANY = 4;

/**
 * Blocks fill up one after the other, so where those that are full end is found by halves. What was given back in the
 * middle of them waits until the last one is full.
 */
function fromBoundary(
  records: Records,
  wish: Wish,
  blocks: readonly NodeBlock[],
  avoid: Avoid,
): AddressRecord | undefined {
  let low = 0;
  let high = blocks.length - 1;
  let candidate = blocks[high];
  if (candidate === undefined || !hasRoom(records, wish, candidate, avoid)) return undefined;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const block = blocks[middle];
    if (block !== undefined && hasRoom(records, wish, block, avoid)) {
      candidate = block;
      high = middle;
    } else low = middle + 1;
  }
  return fromBlock(records, wish, candidate, avoid);
}

function hasRoom(records: Records, wish: Wish, block: NodeBlock, avoid: Avoid): boolean {
  const order = orderFor(records, wish, block);
  const next = longestFree(order);
  return next !== undefined && !avoid(order[next] ?? IN_USE);
}

function fromBlock(
  records: Records,
  wish: Wish,
  block: NodeBlock,
  avoid: Avoid,
): AddressRecord | undefined {
  const order = orderFor(records, wish, block);
  for (let next = longestFree(order); next !== undefined; next = longestFree(order)) {
    // The others have been free for even less.
    if (avoid(order[next] ?? IN_USE)) return undefined;
    order[next] = IN_USE;
    const record = recordOf(wish, block, next);
    if (records.claim(record)) return record;
  }
  return undefined;
}

/** The past of the addresses that the wish may be given. */
function orderFor(records: Records, { reserved }: Wish, block: NodeBlock): Order {
  const order = records.order(block);
  for (const { first, last } of reserved(block)) order.fill(IN_USE, first, last + 1);
  return order;
}

/** Whether an address with this past was given back so lately; the clock is asked only when it was used at all. */
function isCooling(records: Occupancy, { cooldown }: Choice, freeSince: number): boolean {
  if (cooldown === undefined || cooldown.time === 0) return false;
  if (freeSince === 0 || freeSince === IN_USE) return false;
  const age = records.now() - freeSince;
  // A time that is yet to come is a damaged file's, and would never be over.
  return age >= 0 && age < cooldown.time;
}

/** By the records: finds what the order takes for used although it is not. */
function byTruth(records: Records, wish: Wish): AddressRecord | undefined {
  for (const block of wish.blocks) {
    if (!isOpen(block)) continue;
    const order = wish.cooldown?.isStrict === true ? records.order(block) : undefined;
    for (const ordinal of usableOrdinals(block, wish.reserved(block))) {
      if (isCooling(records, wish, order?.[ordinal] ?? 0)) continue;
      const record = recordOf(wish, block, ordinal);
      if (!records.isTaken(record.address) && records.claim(record)) return record;
    }
  }
  return undefined;
}

function describeUse(records: Occupancy, block: NodeBlock, choice: Choice): string {
  const reserved = choice.reserved(block);
  const usable = usableOrdinals(block, reserved);
  const used = usable.filter((ordinal) => records.isTaken(addressAt(block, ordinal))).length;
  const parts = [`${nameOf(block)} has ${used} of ${usable.length} addresses in use`];
  const left = sizeOf(block) - usable.length;
  if (left > 0) {
    const reasons = new Set(reserved.map(({ why }) => why));
    parts.push(`${left} reserved (${[...reasons].join(", ")})`);
  }
  if (choice.cooldown?.isStrict === true) {
    const order = records.order(block);
    const isFresh = (ordinal: number): boolean => isCooling(records, choice, order[ordinal] ?? 0);
    const seconds = choice.cooldown.time / 1000;
    const cooling = usable.filter(isFresh).length;
    parts.push(`${cooling} given back less than ${seconds} s ago (strictCooldown)`);
  }
  if (block.onlyAsked === true) parts.push("gives only what is asked for (assignmentMode Manual)");
  if (block.closed !== undefined) parts.push(`gives no new address (${block.closed})`);
  return parts.join(" and ");
}

/** `block 10.244.1.0/24 of IPPool pods`. */
function nameOf(block: NodeBlock): string {
  const text = `block ${formatPrefix(block)}`;
  return block.pool === undefined ? text : `${text} of IPPool ${block.pool}`;
}

function recordOf(wish: Wish, block: Prefix, ordinal: number): AddressRecord {
  const { holder, network, pod, labels, time, use } = wish;
  const address = addressAt(block, ordinal);
  return {
    address,
    block,
    holder,
    ...(network === undefined ? {} : { network }),
    ...(pod === undefined ? {} : { pod }),
    ...(labels === undefined ? {} : { labels }),
    time,
    ...(use === undefined ? {} : { use }),
  };
}
