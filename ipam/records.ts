/**
 * Which addresses of one network are in use on this node: the interface to it.
 *
 * Two implementations pass `test/ipam/records-suite`: `records-files.ts` keeps them below `/run`,
 * `records-memory.ts` is the twin for tests. Every operation is atomic against every other process but
 * one: nobody works on the same holder at the same time, which the runtime guarantees.
 */

import type { Address, Family } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import type { Order } from "./block.ts";
import type { AddressRecord, Holder } from "./record.ts";

/** A record that is there and cannot be read: its address stays taken. */
export type UnreadableRecord = { readonly path: string; readonly reason: string };

export type Listing = {
  /** In the order of their addresses. */
  readonly records: readonly AddressRecord[];
  readonly unreadable: readonly UnreadableRecord[];
};

/** A holder's claim to an address of a family. */
export type Held = { readonly holder: Holder; readonly family: Family };

export type Records = {
  /** What the holder has of this family. A trace of a killed process is nothing. */
  find(holder: Holder, family: Family): AddressRecord | undefined;
  /**
   * Take the record's address for its holder, who has none of the family. False when somebody has it:
   * then nothing is changed.
   */
  claim(record: AddressRecord): boolean;
  /**
   * Give back what the holder has of the family, and remove every trace of it. Undefined when there was
   * nothing, which is no fault.
   */
  release(holder: Holder, family: Family): AddressRecord | undefined;
  /** Whether anybody has the address. */
  isTaken(address: Address): boolean;
  /** The past of a block's addresses, a copy. */
  order(block: Prefix): Order;
  /** The time that orders have, ms since boot. */
  now(): number;
  /** Everything in use. */
  list(): Listing;
  /** Who has an address, or left a trace of one when killed. */
  holders(): readonly Held[];
};
