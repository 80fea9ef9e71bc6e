/**
 * Which addresses are in use on this node, of one network's blocks or of the node's own (`scope.ts`), and whose of one
 * network they are: the interface to it.
 *
 * Two implementations pass `test/ipam/records-suite`: `records-files.ts` keeps them below `/run`,
 * `records-memory.ts` is the twin for tests. Every operation is atomic against every other process but
 * one: nobody works on the same holder at the same time, which the runtime guarantees.
 */

import type { Address, Family } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import type { Order } from "./block.ts";
import type { AddressRecord, Holder } from "./record.ts";

/** An address's file that is there and whose content says nothing of it: the address stays taken. */
export type UnreadableRecord = { readonly path: string; readonly reason: string };

export type Listing = {
  /** In the order of their addresses. */
  readonly records: readonly AddressRecord[];
  readonly unreadable: readonly UnreadableRecord[];
};

/** A holder's claim to an address of a family. */
export type Held = { readonly holder: Holder; readonly family: Family };

/** What was found is not so any more, for records were taken over (`adoption.ts`): look again. */
export class Outdated extends Error {
  override readonly name = "Outdated";
}

export type Records = {
  /**
   * What the holder has of this family. A trace of a killed process is nothing. A record that cannot be read is put
   * aside, with a warning: its address stays taken, and the holder may have another one.
   */
  find(holder: Holder, family: Family): AddressRecord | undefined;
  /**
   * Take the record's address for its holder, who has none of the family. False when somebody has it:
   * then nothing is changed. Throws `Outdated`.
   */
  claim(record: AddressRecord): boolean;
  /** Addresses that the holder has of this family, also those whose record cannot be read. */
  addresses(holder: Holder, family: Family): readonly Address[];
  /**
   * Give back what the holder has of the family, and remove every trace of it. Undefined when there was no record that
   * can be read, which is no fault.
   */
  release(holder: Holder, family: Family): AddressRecord | undefined;
  /** Give back what was put aside of the holder's: when his interface is gone, for it may have the address. */
  releaseAside(holder: Holder, family: Family): void;
  /** Give back an address, whoever has it. */
  releaseAddress(address: Address): void;
  /**
   * Put an address aside: it stays taken, and its holder does not find it any more. Call what is returned to undo it,
   * which does nothing where the holder has got another one meanwhile.
   */
  putAside(address: Address): () => void;
  /** Addresses that are taken by nobody whose name is known: no DEL will ever give them back. */
  strays(): readonly Address[];
  /** Whether anybody has the address. */
  isTaken(address: Address): boolean;
  /** The past of a block's addresses, a copy. */
  order(block: Prefix): Order;
  /** The time that orders have, ms since boot. */
  now(): number;
  /** Everything in use. */
  list(): Listing;
  /** Who of the network has an address, or left a trace of one when killed. */
  holders(): readonly Held[];
};

/** What of all that tells how much is in use, whoever has it. */
export type Occupancy = Pick<Records, "isTaken" | "order" | "now">;
