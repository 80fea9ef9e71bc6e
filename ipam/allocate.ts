/**
 * Choosing an address: the longest-free one of the first block that has any, over `Records`.
 */

import { type Address, equalAddress, type Family, formatAddress } from "../lib/address.ts";
import { containsAddress, equalPrefix, formatPrefix, type Prefix, sizeOf } from "../lib/prefix.ts";
import { addressAt, IN_USE, longestFree, ordinalOf } from "./block.ts";
import { type AddressRecord, describeHolder, type Holder, type Pod } from "./record.ts";
import type { Records } from "./records.ts";

/** How long an address that was given back is left alone. */
export type Cooldown = {
  /** In ms. */
  readonly time: number;
  /** Rather none than one that cools; otherwise it is taken when nothing else is free. */
  readonly isStrict: boolean;
};

export type Wish = {
  readonly holder: Holder;
  readonly pod?: Pod;
  /** Blocks of one family, in order of preference; at least one. */
  readonly blocks: readonly Prefix[];
  /** Ordinals of a block that nobody may have. */
  readonly reserved: (block: Prefix) => readonly number[];
  /** This one and no other. */
  readonly address?: Address;
  /** Default: none. */
  readonly cooldown?: Cooldown;
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

/** Every block is full. */
export class Exhausted extends Error {
  override readonly name = "Exhausted";
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
  const held = heldBefore(records, wish);
  if (held !== undefined) return { record: held, isNew: false };
  if (wish.address !== undefined)
    return { record: claimAsked(records, wish, wish.address), isNew: true };
  const isStrict = wish.cooldown?.isStrict === true;
  const record =
    byPreference(records, wish, (time) => isCooling(records, wish, time)) ??
    (isStrict ? undefined : byPreference(records, wish, () => false)) ??
    byTruth(records, wish);
  if (record !== undefined) return { record, isNew: true };
  throw new Exhausted(
    `no free address: ${wish.blocks.map((block) => describeUse(records, block, wish)).join(", ")}`,
  );
}

function heldBefore(records: Records, wish: Wish): AddressRecord | undefined {
  const family: Family = wish.blocks[0]?.family ?? 4;
  const held = records.find(wish.holder, family);
  if (held === undefined) return undefined;
  const isAsked = wish.address === undefined || equalAddress(wish.address, held.address);
  for (const block of wish.blocks) if (isAsked && equalPrefix(block, held.block)) return held;
  // The node has other blocks now, or another address is asked for.
  records.release(wish.holder, family);
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
  if (wish.reserved(block).includes(ordinal)) {
    throw new Unobtainable(`${text} is reserved in ${formatPrefix(block)}`, false);
  }
  const record = recordOf(wish, block, ordinal);
  if (records.claim(record)) return record;
  const holder = records.list().records.find((other) => equalAddress(other.address, address));
  const by = holder === undefined ? "somebody" : describeHolder(holder);
  throw new Unobtainable(`${text} is taken: ${by} has it`, true);
}

/** By the order of past use, but for those to `avoid`: nearly always the first address tried is the one. */
function byPreference(
  records: Records,
  wish: Wish,
  avoid: (freeSince: number) => boolean,
): AddressRecord | undefined {
  for (const block of wish.blocks) {
    const order = records.order(block);
    for (const ordinal of wish.reserved(block)) order[ordinal] = IN_USE;
    for (let next = longestFree(order); next !== undefined; next = longestFree(order)) {
      // The others have been free for even less.
      if (avoid(order[next] ?? IN_USE)) break;
      order[next] = IN_USE;
      const record = recordOf(wish, block, next);
      if (records.claim(record)) return record;
    }
  }
  return undefined;
}

/** Whether an address with this past was given back so lately; the clock is asked only when it was used at all. */
function isCooling(records: Records, { cooldown }: Wish, freeSince: number): boolean {
  if (cooldown === undefined || cooldown.time === 0) return false;
  if (freeSince === 0 || freeSince === IN_USE) return false;
  const age = records.now() - freeSince;
  // A time that is yet to come is a damaged file's, and would never be over.
  return age >= 0 && age < cooldown.time;
}

/** By the records: finds what the order takes for used although it is not. */
function byTruth(records: Records, wish: Wish): AddressRecord | undefined {
  for (const block of wish.blocks) {
    const order = wish.cooldown?.isStrict === true ? records.order(block) : undefined;
    for (const ordinal of ordinalsOf(block, wish.reserved(block))) {
      if (isCooling(records, wish, order?.[ordinal] ?? 0)) continue;
      const record = recordOf(wish, block, ordinal);
      if (!records.isTaken(record.address) && records.claim(record)) return record;
    }
  }
  return undefined;
}

function describeUse(records: Records, block: Prefix, wish: Wish): string {
  const usable = ordinalsOf(block, wish.reserved(block));
  const used = usable.filter((ordinal) => records.isTaken(addressAt(block, ordinal))).length;
  const text = `block ${formatPrefix(block)} has ${used} of ${usable.length} addresses in use`;
  if (wish.cooldown?.isStrict !== true) return text;
  const order = records.order(block);
  const cooling = usable.filter((ordinal) => isCooling(records, wish, order[ordinal] ?? 0)).length;
  const seconds = wish.cooldown.time / 1000;
  return `${text} and ${cooling} given back less than ${seconds} s ago (strictCooldown)`;
}

/** Ordinals of a block but for the reserved ones. */
export function ordinalsOf(block: Prefix, reserved: readonly number[]): readonly number[] {
  const all = Array.from({ length: sizeOf(block) }, (_, ordinal) => ordinal);
  return all.filter((ordinal) => !reserved.includes(ordinal));
}

function recordOf(wish: Wish, block: Prefix, ordinal: number): AddressRecord {
  const { holder, pod, time, use } = wish;
  const address = addressAt(block, ordinal);
  return {
    address,
    block,
    holder,
    ...(pod === undefined ? {} : { pod }),
    time,
    ...(use === undefined ? {} : { use }),
  };
}
