/**
 * The kernel's routes of ours, read and compared with what is known of them: seconds of work where there are a million,
 * so it is done in steps, and others have their turns between two.
 *
 * Nothing of ours is sent meanwhile, so what changes in the kernel changes by others, who are told of: an event that
 * comes after the survey's beginning is newer than what the dump may say of that route, or another is on its way. What
 * leads over an object that goes without an event of its routes is found by comparing objects, once all is read.
 */

import type { Kernel, Route } from "../../kernel/kernel.ts";
import type { Family } from "../../lib/address.ts";
import { Column } from "../rib/column.ts";
import { shapeOf } from "./errand.ts";
import { Reading } from "./reading.ts";
import type { Routes } from "./routes.ts";
import { NONE, OTHERWISE, type Rows } from "./rows.ts";
import { MAIN_TABLE } from "./surroundings.ts";

/** Rows that one step compares: less than a millisecond. */
const STRETCH = 1024;
const KNOWN = 1;

/** Whoever else wants to know of the main table's routes, when they are read anyway. */
export type Audience = {
  /** The family's routes come, from the first. */
  beginRoutes(family: Family): void;
  takeRoute(route: Route): void;
  /** Those of both have come. */
  endRoutes(): void;
};

export type SurveyOptions = {
  readonly kernel: Kernel;
  readonly routes: Routes;
  readonly audience: Audience | undefined;
  /** Families whose routes are to be elsewhere than before: nobody has removed what is missing there. */
  readonly moved: ReadonlySet<Family>;
  /** Whether a route of our protocol in another place is this FIB's all the same. */
  readonly isOurs: (route: Route) => boolean;
};

export class Survey {
  readonly #options: SurveyOptions;
  readonly #routes: Routes;
  readonly #audience: Audience | undefined;
  readonly #reading: Reading;
  readonly #steps: Generator<void, void>;
  /** Rows of which the dump or an event has told. */
  readonly #known: Readonly<Record<Family, Column>> = { 4: new Column(), 6: new Column() };
  /** Objects that routes lead over which have our protocol and are not this FIB's. */
  readonly #others = new Set<number>();
  /** Objects are compared when the last part has been read. */
  isReading = true;

  constructor(options: SurveyOptions) {
    const { kernel, routes, audience } = options;
    this.#options = options;
    this.#reading = new Reading(kernel);
    this.#routes = routes;
    this.#audience = audience;
    this.#steps = this.#survey();
  }

  /** Do a little of it; true when more is left. Throws `KernelError`. */
  step(): boolean {
    return this.#steps.next().done !== true;
  }

  /** An event has told of the row's route. */
  note(rows: Rows, row: number): void {
    this.#known[rows.table.family].set(row, KNOWN);
  }

  /** Another has changed something in IPv6's tables. */
  shake(): void {
    this.#reading.shake();
  }

  /** Break off. */
  end(): void {
    this.#reading.end();
  }

  *#survey(): Generator<void, void> {
    const isFirst = !this.#routes.objects.isKnown;
    for (const family of [4, 6] as const)
      yield* isFirst ? this.#readAll(family) : this.#read(family);
    if (!isFirst) this.#audience?.endRoutes();
    this.#routes.objects.sets.resolveAll();
    this.#routes.objects.compare(this.#others);
    this.isReading = false;
    for (const rows of this.#routes.both) yield* this.#compare(rows);
  }

  /** Every table once, for whose objects are whose: Linux walks through ours for each of them. */
  *#readAll(family: Family): Generator<void, void> {
    const { protocol } = this.#routes.places[family];
    yield* this.#reading.read({ family, protocol }, (route) => this.#take(route));
  }

  *#read(family: Family): Generator<void, void> {
    const { protocol, table } = this.#routes.places[family];
    const audience = this.#audience;
    const take = (route: Route): void => {
      if (route.protocol === protocol) this.#take(route);
      else audience?.takeRoute(route);
    };
    if (audience === undefined || table !== MAIN_TABLE) {
      yield* this.#reading.read({ family, table, protocol }, take);
    }
    if (audience === undefined) return;
    yield* this.#reading.read({ family, table: MAIN_TABLE }, take, () =>
      audience.beginRoutes(family),
    );
  }

  #take(route: Route): void {
    const { destination, table, metric, nexthop } = route;
    const place = this.#routes.places[destination.family];
    if (table !== place.table || metric !== place.metric) {
      if (nexthop !== undefined && !this.#options.isOurs(route)) this.#others.add(nexthop);
      return;
    }
    const rows = this.#routes.of[destination.family];
    const row = this.#routes.insert(destination);
    if (this.#isKnown(rows, row)) return;
    this.note(rows, row);
    rows.setDoubtful(row, false);
    this.#routes.setPresent(rows, row, shapeOf(route));
  }

  /** All rows, with what is known now; `flush` does what follows from it. */
  *#compare(rows: Rows): Generator<void, void> {
    const { objects } = this.#routes;
    let count = 0;
    for (const row of rows.table.indices()) {
      const present = rows.present.get(row);
      // What was read may be older than the end of the object that it names.
      const isGone = present > OTHERWISE && !objects.wasThere(present);
      if (isGone || !this.#isKnown(rows, row)) {
        if (!isGone && present !== NONE) rows.setLost(row, this.#isMissed(rows, row));
        rows.setDoubtful(row, false);
        this.#routes.setPresent(rows, row, NONE);
      } else if (present > OTHERWISE) {
        const set = objects.sets.get(rows.wanted.get(row));
        if (set !== undefined) objects.claim(set, present);
      }
      rows.errors.delete(row);
      rows.dirty.add(row);
      if (++count % STRETCH === 0) yield;
    }
  }

  /** A route that is not there should be, and was. */
  #isMissed(rows: Rows, row: number): boolean {
    return rows.wanted.get(row) !== NONE && !this.#options.moved.has(rows.table.family);
  }

  #isKnown(rows: Rows, row: number): boolean {
    return this.#known[rows.table.family].get(row) === KNOWN;
  }
}
