/**
 * What is known of the routes of both families, and what their nexthop objects must know of them: how many lead over
 * each.
 */

import type { Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import type { RoutePlace } from "./errand.ts";
import { BLACKHOLE } from "./hop.ts";
import type { NexthopObjects } from "./objects.ts";
import { NONE, OTHERWISE, Rows } from "./rows.ts";

export class Routes {
  readonly objects: NexthopObjects;
  /** Where our routes of a family are. */
  places: Readonly<Record<Family, RoutePlace>>;
  readonly of: Readonly<Record<Family, Rows>> = { 4: new Rows(4), 6: new Rows(6) };
  readonly both: readonly [Rows, Rows] = [this.of[4], this.of[6]];
  /** What is found and wanted by nobody is an earlier daemon's, which may have its reasons. */
  keepsStale = true;
  /** Present in the kernel, stale ones included. */
  #present = 0;

  constructor(objects: NexthopObjects, places: Readonly<Record<Family, RoutePlace>>) {
    this.objects = objects;
    this.places = places;
  }

  /** Of an earlier daemon, and not yet wanted by this one. */
  get stale(): number {
    return this.of[4].stale + this.of[6].stale;
  }

  /** Present, and not stale. */
  get installed(): number {
    return this.#present - this.stale;
  }

  each(visit: (rows: Rows, row: number) => void): void {
    for (const rows of this.both) {
      for (const row of rows.table.indices()) visit(rows, row);
    }
  }

  /** The row of a route of ours that another has told of; one that is not known yet is an earlier daemon's. */
  insert(destination: Prefix): number {
    const rows = this.of[destination.family];
    const known = rows.table.find(destination);
    if (known !== NONE) return known;
    const row = rows.table.insert(destination);
    // One that we know of and do not want is on its way out.
    rows.setStale(row, this.keepsStale);
    return row;
  }

  /** A row's route leads so in the kernel (`Rows.present`). */
  setPresent(rows: Rows, row: number, shape: number): void {
    const before = rows.present.get(row);
    if (before === shape) return;
    if (before > OTHERWISE) this.objects.count(before, -1);
    if (shape > OTHERWISE) this.objects.count(shape, 1);
    if (before === NONE) this.#present++;
    if (shape === NONE) this.#present--;
    rows.present.set(row, shape);
  }

  /** Objects went, and with them every route over them. */
  lose(gone: ReadonlySet<number>): void {
    if (gone.size === 0) return;
    this.each((rows, row) => {
      if (!gone.has(rows.present.get(row))) return;
      this.setPresent(rows, row, NONE);
      rows.dirty.add(row);
    });
  }

  /** Objects came or cannot be had: see where routes have to move. */
  markAll(): void {
    this.each((rows, row) => {
      if (rows.wanted.get(row) > BLACKHOLE) rows.dirty.add(row);
    });
  }
}
