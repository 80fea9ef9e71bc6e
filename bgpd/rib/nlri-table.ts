/**
 * What update groups tell of, by number: prefixes, or with ADD-PATH (RFC 7911) the paths to them.
 *
 * A path's number is its row, and the identifier that we give it follows from that: it is the path's own as long as
 * the path is there, it needs no table, and no other path's identifier depends on it.
 */

import type { Family } from "../../lib/address.ts";
import { PATH_ID_OCTETS, type PrefixScratch } from "../wire/nlri.ts";
import { NONE, type PathTable } from "./path-table.ts";
import type { PrefixTable } from "./prefix-table.ts";

/** Numbers of prefixes (`PrefixTable` is one), or of paths. */
export type NlriTable = {
  readonly family: Family;
  /** They are paths: each prefix is told with an identifier. */
  readonly identified?: true;
  /** Numbers are below this; it grows, and begins anew where none is left. */
  readonly capacity: number;
  /** The next number behind one, or behind -1 the first; -1 behind the last. */
  after(number: number): number;
  /** Write the prefix of a number into a record, and return that. */
  read(number: number, target: PrefixScratch): PrefixScratch;
};

/** Octets of the longest prefix of either family. */
const LONGEST_PREFIX = 17;

/** Octets of the longest entry. */
export function longestNlri({ identified }: NlriTable): number {
  return LONGEST_PREFIX + (identified === true ? PATH_ID_OCTETS : 0);
}

/** The Path Identifier that we give to the path in a row: not 0, which some take for none. */
export function pathIdOf(row: number): number {
  return row + 1;
}

/** The paths of a family by their rows. */
export class PathNlri implements NlriTable {
  readonly family: Family;
  readonly identified = true;
  readonly #table: PrefixTable;
  readonly #paths: PathTable;

  constructor(table: PrefixTable, paths: PathTable) {
    this.family = table.family;
    this.#table = table;
    this.#paths = paths;
  }

  get capacity(): number {
    return this.#paths.capacity;
  }

  after(row: number): number {
    return row + 1 < this.#paths.capacity ? row + 1 : NONE;
  }

  read(row: number, target: PrefixScratch): PrefixScratch {
    return this.#table.read(this.#paths.prefix.get(row), target);
  }
}
