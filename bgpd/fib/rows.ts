/**
 * The prefixes of one family as rows: what is wanted of each, what the kernel has, and which wait to be compared.
 *
 * Integers in typed arrays, because there may be a million of them.
 */

import type { Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import { Column } from "../rib/column.ts";
import { Dirty } from "../rib/dirty.ts";
import { PrefixTable } from "../rib/prefix-table.ts";

export const NONE = -1;
/** Present, but led as we lead none: it differs from all that may be wanted. */
export const OTHERWISE = 1;

const STALE = 1;
const LOST = 2;
const DOUBTFUL = 4;

export class Rows {
  readonly table: PrefixTable;
  /** Number of the target, `BLACKHOLE` among them, or `NONE`. */
  readonly wanted = new Column();
  /** The id of the nexthop object, `BLACKHOLE`, `OTHERWISE`, or `NONE`. */
  readonly present = new Column();
  /** To be compared, and told to the kernel if they differ. */
  readonly dirty = new Dirty();
  /** What the kernel refused the last request with. */
  readonly errors = new Map<number, string>();
  /** Stale ones that are there for certain. */
  stale = 0;
  readonly #flags = new Column();

  constructor(family: Family) {
    this.table = new PrefixTable(family);
  }

  /** Left by an earlier daemon, and not yet wanted by this one. */
  isStale(row: number): boolean {
    return this.#has(row, STALE);
  }

  setStale(row: number, isStale: boolean): void {
    if (isStale !== this.isStale(row) && !this.isDoubtful(row)) this.stale += isStale ? 1 : -1;
    this.#set(row, STALE, isStale);
  }

  /**
   * Another's route has come to where ours is, beside it or in its place, or ours has gone and may be there again by a
   * request that is newer. It counts as gone until the kernel has been told something of it.
   */
  isDoubtful(row: number): boolean {
    return this.#has(row, DOUBTFUL);
  }

  setDoubtful(row: number, isDoubtful: boolean): void {
    if (isDoubtful !== this.isDoubtful(row) && this.isStale(row)) this.stale += isDoubtful ? -1 : 1;
    this.#set(row, DOUBTFUL, isDoubtful);
  }

  /** It is gone by another's hand, as far as is known: it counts as healed when it is put back. */
  isLost(row: number): boolean {
    return this.#has(row, LOST);
  }

  setLost(row: number, isLost: boolean): void {
    this.#set(row, LOST, isLost);
  }

  /** Forget a row of which nothing is left. */
  forget(row: number): void {
    if (this.wanted.get(row) !== NONE || this.present.get(row) !== NONE || this.dirty.has(row)) {
      return;
    }
    // What an earlier daemon left stays for the sweep, be it there or not.
    if (this.isDoubtful(row) && this.isStale(row)) return;
    this.setStale(row, false);
    this.setLost(row, false);
    this.setDoubtful(row, false);
    this.errors.delete(row);
    this.table.remove(row);
  }

  prefix(row: number): Prefix {
    return this.table.prefix(row);
  }

  #has(row: number, flag: number): boolean {
    const flags = this.#flags.get(row);
    return flags !== NONE && (flags & flag) !== 0;
  }

  #set(row: number, flag: number, value: boolean): void {
    const flags = Math.max(this.#flags.get(row), 0);
    this.#flags.set(row, value ? flags | flag : flags & ~flag);
  }
}
