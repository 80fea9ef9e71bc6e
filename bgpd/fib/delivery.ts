/** What differs is told to the kernel in batches, and its outcomes are what is known from then on. */

import type { Kernel, KernelError, Route, RoutingRequest } from "../../kernel/kernel.ts";
import type { Courier } from "./courier.ts";
import { type Errand, errandOf, shapeOf } from "./errand.ts";
import { Reading } from "./reading.ts";
import type { Routes } from "./routes.ts";
import { NONE, type Rows } from "./rows.ts";

/** Counts since the start, in plain numbers that whoever measures may read at any time. */
export type FibCounters = {
  /** Routes added or replaced. */
  installs: number;
  removals: number;
  /** Requests for routes that the kernel refused. */
  refusals: number;
  /** Routes put back after another had removed them. */
  healed: number;
  /** Milliseconds spent in `flush`. */
  flushTime: number;
};

const BATCH = 512;
/** Rows that one batch is looked for in: where nothing differs, as after most comparisons, that takes time too. */
const LOOKS = 8192;

export class Delivery {
  readonly #courier: Courier;
  readonly #reading: Reading;
  readonly #routes: Routes;
  readonly counters: FibCounters = {
    installs: 0,
    removals: 0,
    refusals: 0,
    healed: 0,
    flushTime: 0,
  };
  /** The kernel had no room for a request or its answer: nobody knows what became of it. */
  isUnsure = false;
  /** Rows of which the kernel is being told. */
  underWay = 0;

  constructor(kernel: Kernel, courier: Courier, routes: Routes) {
    this.#courier = courier;
    this.#reading = new Reading(kernel);
    this.#routes = routes;
  }

  /** Another has changed something in IPv6's tables. */
  shake(): void {
    this.#reading.shake();
  }

  /**
   * One batch of a family's rows. Between two steps what is wanted may change; what others do is to be told of
   * afterwards, for it may be older than what the batch does, or newer.
   */
  *apply(rows: Rows): Generator<void, void> {
    const errands: Errand[] = [];
    const requests: RoutingRequest[] = [];
    const place = this.#routes.places[rows.table.family];
    for (let looks = 0; looks < LOOKS && errands.length < BATCH; looks++) {
      const row = rows.dirty.take();
      if (row === undefined) break;
      const errand = errandOf(rows, row, this.#routes.objects.sets, place);
      if (errand === undefined) {
        // Something else may have been refused that was wanted before.
        rows.errors.delete(row);
        rows.forget(row);
        continue;
      }
      errands.push(errand);
      requests.push(errand.request);
    }
    if (errands.length === 0) return;
    this.underWay = errands.length;
    const outcomes = yield* this.#courier.send(requests);
    const taken: Errand[] = [];
    let index = 0;
    for (const errand of errands) {
      const error = outcomes[index++];
      if (error?.code === "EEXIST") taken.push(errand);
      else this.#conclude(rows, errand, error);
    }
    if (taken.length > 0) yield* this.#findOwners(rows, taken);
    this.underWay = 0;
  }

  #conclude(rows: Rows, { row, object }: Errand, error: KernelError | undefined): void {
    if (error?.code === "ENOBUFS") {
      this.isUnsure = true;
      rows.dirty.add(row);
      return;
    }
    // It went with its link or by another's hand: both are what was asked for.
    if (error === undefined || (error.code === "ESRCH" && object === NONE)) {
      if (error === undefined) {
        if (object === NONE) this.counters.removals++;
        else this.counters.installs++;
      }
      if (rows.isLost(row) && object !== NONE) this.counters.healed++;
      rows.setLost(row, false);
      rows.setDoubtful(row, false);
      rows.errors.delete(row);
      this.#routes.setPresent(rows, row, object);
      rows.forget(row);
    } else {
      this.counters.refusals++;
      rows.errors.set(row, error.message);
    }
  }

  /** The place is taken: by a route of ours (an event was old) or by another's. The dump tells. */
  *#findOwners(rows: Rows, taken: readonly Errand[]): Generator<void, void> {
    const { family } = rows.table;
    const { protocol, metric, table } = this.#routes.places[family];
    const asked = new Set(taken.map(({ row }) => row));
    const ours = new Map<number, number>();
    const take = (route: Route): void => {
      if (route.metric !== metric) return;
      const row = rows.table.find(route.destination);
      if (asked.has(row)) ours.set(row, shapeOf(route));
    };
    yield* this.#reading.read({ family, table, protocol }, take, () => ours.clear());
    for (const row of asked) {
      rows.setDoubtful(row, false);
      const shape = ours.get(row);
      if (shape === undefined) {
        this.counters.refusals++;
        rows.errors.set(
          row,
          `another's route to this destination with our metric ${metric} is there: remove it or give it another metric`,
        );
      } else {
        rows.setLost(row, false);
        this.#routes.setPresent(rows, row, shape);
        rows.dirty.add(row);
      }
    }
  }
}
