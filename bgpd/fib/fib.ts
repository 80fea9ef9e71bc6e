/**
 * The kernel's routes of ours: what should be there against what is, applied by difference.
 *
 * `want` and `unwant` say what should exist, `flush` makes it so in batches, `resync` dumps what carries our protocol
 * number and puts right whatever differs. Routes of other protocols are never touched: ours have a metric of their
 * own, are added exclusively and replaced only where ours is. They lead over nexthop objects (`objects.ts`).
 *
 * Routes that an earlier daemon left are adopted at the first `resync`: those that come to be wanted stay without a
 * message, the others are stale until `sweep` removes them. That is how a restart loses no packet.
 *
 * Not here: what to want (the RIB), when to flush or resync (the daemon).
 */

import type { Kernel, KernelError, KernelEvent, Request, Route } from "../../kernel/kernel.ts";
import type { Family } from "../../lib/address.ts";
import { equalPrefix, type Prefix } from "../../lib/prefix.ts";
import { Behind } from "./behind.ts";
import { type Errand, errandOf, type RoutePlace, shapeOf } from "./errand.ts";
import { BLACKHOLE, faultOf, type HopSet, isAlive, objectOf, type ResolveHop } from "./hop.ts";
import { inherit } from "./inherit.ts";
import { isOurs, NexthopObjects } from "./objects.ts";
import type { Way } from "./resolve.ts";
import { NONE, OTHERWISE, Rows } from "./rows.ts";
import type { NextHop, Target } from "./target.ts";

export type FibOptions = {
  readonly kernel: Kernel;
  /** rtm_protocol of our routes and nexthop objects, 0-255. */
  readonly protocol: number;
  /** Priority of our routes of each family; not 0, so that connected and static routes win and stay apart. */
  readonly metrics: Metrics;
  readonly resolve: ResolveHop;
  /** What a prefix leads to has changed; next hops may be reached by it. */
  readonly onCovering?: (prefix: Prefix) => void;
  /** Milliseconds, for `flush`'s budget. */
  readonly now: () => number;
  readonly table?: number;
};

export type Metrics = Readonly<Record<Family, number>>;

/** A way that traffic takes, with its share. */
export type WeightedWay = Way & { readonly weight: number };

/** How a wanted prefix stands in the kernel. */
export type FibState =
  | { readonly state: "installed"; readonly target: readonly WeightedWay[] | "blackhole" }
  | { readonly state: "pending" }
  | { readonly state: "failed"; readonly error: string };

export type WantedRoute = {
  readonly prefix: Prefix;
  readonly ways: readonly WeightedWay[] | "blackhole";
  readonly error: string | undefined;
};

/** What `flush` may do: "routes" while more of them are to come, "all" when dead next hops may take theirs along. */
export type FlushScope = "routes" | "all";

export type Fib = {
  /** The prefix should lead over next hops that share its traffic, or be a blackhole. It may be a scratch record. */
  want(prefix: Prefix, target: Target): void;
  unwant(prefix: Prefix): void;
  /** Send what is pending for about `milliseconds`; true when more is left. */
  flush(milliseconds: number, scope?: FlushScope): boolean;
  /** The answers of `resolve` may have changed: aim every next hop anew; `flush` then moves some. */
  retarget(): void;
  /** Links changed: look for nexthop objects that went with them. */
  inspect(): void;
  /** Dump and compare everything; afterwards `flush` repairs. */
  resync(): void;
  /** Our routes have other metrics: `flush` makes them so, and then removes those before. */
  move(metrics: Metrics): void;
  /** The kernel had no room for a request or its answer (ENOBUFS): `resync` before anything else is believed. */
  readonly isUnsure: boolean;
  /** Remove what an earlier daemon left and nobody wanted since; later leftovers go at once. */
  sweep(): void;
  /** Look at what another did to routes and nexthop objects; true when `flush` has something to mend. */
  observe(event: KernelEvent): boolean;
  /** Stop wanting everything, stale routes included; `flush` then removes every route and object of ours. */
  clear(): void;
  stateOf(prefix: Prefix): FibState | undefined;
  /** What a prefix should lead to, if it is wanted. */
  targetOf(prefix: Prefix): Target | undefined;
  /** Every route that should be there; no ways, and why, where it leads nowhere. */
  wanted(): Generator<WantedRoute>;
  counts(): { readonly installed: number; readonly stale: number; readonly healed: number };
  failures(): { readonly prefix: Prefix; readonly error: string }[];
  /** What has been done since the start. */
  readonly counters: Readonly<FibCounters>;
  /**
   * Routes that are not as they should be: to be compared with the kernel's, refused by it, or (`unresolved`)
   * without a next hop that can be used.
   */
  outstanding(): {
    readonly pending: number;
    readonly refused: number;
    readonly unresolved: number;
  };
};

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

export const MAIN_TABLE = 254;
const BATCH = 512;

/** A FIB over `kernel`; it does nothing until `resync` and `flush` are called. */
export function createFib(options: FibOptions): Fib {
  return new KernelFib(options);
}

class KernelFib implements Fib {
  readonly #options: FibOptions;
  /** By family. */
  #places: Readonly<Record<Family, RoutePlace>>;
  readonly #table: number;
  readonly #behind = new Behind();
  readonly #objects: NexthopObjects;
  readonly #rows: Readonly<Record<Family, Rows>> = { 4: new Rows(4), 6: new Rows(6) };
  readonly counters: FibCounters = {
    installs: 0,
    removals: 0,
    refusals: 0,
    healed: 0,
    flushTime: 0,
  };
  /** The set of what was wanted last; since the last flush. */
  #last: { readonly target: readonly NextHop[]; readonly set: HopSet } | undefined;
  /** Sets that nobody wants since the last flush. */
  readonly #abandoned = new Set<HopSet>();
  #keepStale = true;
  #isUnsure = false;
  #installed = 0;

  constructor(options: FibOptions) {
    this.#options = options;
    const { kernel, protocol, metrics, table = MAIN_TABLE, resolve } = options;
    this.#table = table;
    this.#places = this.#placesAt(metrics);
    this.#objects = new NexthopObjects(kernel, protocol, resolve);
  }

  get isUnsure(): boolean {
    return this.#isUnsure || this.#objects.isUnsure;
  }

  want(prefix: Prefix, target: Target): void {
    const rows = this.#rows[prefix.family];
    const row = rows.table.insert(prefix);
    const set = target === "blackhole" ? undefined : this.#setOf(target);
    const number = set?.number ?? BLACKHOLE;
    rows.setStale(row, false);
    rows.dirty.add(row);
    rows.errors.delete(row);
    if (rows.wanted.get(row) === number) return;
    if (set !== undefined) {
      if (rows.present.get(row) > OTHERWISE) this.#objects.claim(set, rows.present.get(row));
      if (set.users++ === 0) this.#objects.add(set);
    }
    this.#release(rows, row);
    rows.wanted.set(row, number);
    this.#options.onCovering?.(prefix);
  }

  /** Prefixes in a row mostly lead to the same. */
  #setOf(target: readonly NextHop[]): HopSet {
    if (this.#last?.target !== target) {
      this.#last = { target, set: this.#objects.sets.intern(target) };
    }
    return this.#last.set;
  }

  unwant(prefix: Prefix): void {
    const rows = this.#rows[prefix.family];
    const row = rows.table.find(prefix);
    if (row === NONE || rows.isStale(row)) return;
    this.#unwant(rows, row);
    this.#options.onCovering?.(prefix);
  }

  retarget(): void {
    this.#objects.sets.resolveAll();
    this.#objects.touch();
  }

  inspect(): void {
    this.#lose(this.#objects.compare());
  }

  flush(milliseconds: number, scope: FlushScope = "all"): boolean {
    const start = this.#options.now();
    const isMore = this.#flush(start + milliseconds, scope);
    this.counters.flushTime += this.#options.now() - start;
    return isMore;
  }

  #flush(end: number, scope: FlushScope): boolean {
    if (this.isUnsure) return false;
    // Sets that nobody wants are forgotten here.
    this.#last = undefined;
    inherit(this.#abandoned, this.#objects.sets, [this.#rows[4], this.#rows[6]]);
    this.#abandoned.clear();
    if (this.#objects.prepare()) this.#markAll();
    for (const rows of [this.#rows[4], this.#rows[6]]) {
      while (!rows.dirty.isEmpty && !this.isUnsure) {
        this.#apply(rows);
        if (this.#options.now() >= end) return this.#hasMore(scope);
      }
    }
    if (scope === "all" && !this.isUnsure && this.#leavesBehind) {
      const { kernel, protocol, now } = this.#options;
      const place = { protocol, table: this.#table };
      this.#isUnsure = !this.#behind.remove(kernel, place, () => now() >= end);
    }
    if (scope === "all" && !this.isUnsure && !this.#leavesBehind) {
      this.#lose(this.#objects.collect({ isSwept: !this.#keepStale }));
    }
    return this.#hasMore(scope);
  }

  /** Routes are to go that others have taken the place of; not before it is known which those are. */
  get #leavesBehind(): boolean {
    return !this.#keepStale && !this.#behind.isEmpty;
  }

  move(metrics: Metrics): void {
    const before = this.#places;
    this.#places = this.#placesAt(metrics);
    const moved = ([4, 6] as const).filter((family) => before[family].metric !== metrics[family]);
    for (const family of moved) {
      this.#behind.leave(family, before[family].metric, metrics[family]);
    }
    if (moved.length > 0) this.#compare(moved);
  }

  resync(): void {
    this.#compare([]);
  }

  /** Nobody has removed what is missing of the families that have `moved`. */
  #compare(moved: readonly Family[]): void {
    const { protocol, kernel } = this.#options;
    this.#isUnsure = false;
    const routes = kernel.routes({ protocol });
    const isOwn = ({ table, metric, destination }: Route): boolean =>
      table === this.#table && metric === this.#places[destination.family].metric;
    const others = routes.filter((route) => !isOwn(route)).map(({ nexthop = 0 }) => nexthop);
    this.#objects.sets.resolveAll();
    this.#lose(this.#objects.compare(new Set(others)));
    const seen = { 4: new Set<number>(), 6: new Set<number>() };
    for (const route of routes) if (isOwn(route)) this.#find(route, seen[route.destination.family]);
    for (const family of [4, 6] as const) {
      const rows = this.#rows[family];
      for (const row of rows.table.indices()) {
        if (seen[family].has(row)) continue;
        const wasThere = rows.present.get(row) !== NONE && !moved.includes(family);
        if (rows.wanted.get(row) !== NONE && wasThere) rows.setLost(row, true);
        this.#setPresent(rows, row, NONE);
        rows.errors.delete(row);
        rows.dirty.add(row);
      }
    }
  }

  sweep(): void {
    this.#keepStale = false;
    this.#objects.touch();
    this.#each((rows, row) => {
      if (!rows.isStale(row)) return;
      rows.setStale(row, false);
      rows.dirty.add(row);
    });
  }

  observe(event: KernelEvent): boolean {
    if (event.type === "nexthop") {
      const { id } = event.nexthop;
      if (!isOurs(id) || !this.#objects.has(id)) return false;
      this.inspect();
      return true;
    }
    if (event.type !== "route" || event.route.table !== this.#table) return false;
    const { route, change } = event;
    const { family } = route.destination;
    const rows = this.#rows[family];
    const row = rows.table.find(route.destination);
    const { metric } = this.#places[family];
    if (row === NONE || rows.wanted.get(row) === NONE || route.metric !== metric) return false;
    const ours = route.protocol === this.#options.protocol;
    if (change === "new" && ours) {
      const target = shapeOf(route);
      if (rows.present.get(row) === target) return false;
      this.#setPresent(rows, row, target);
    } else if (change === "new" || ours) {
      // Deleted or overwritten: adding it exclusively will tell.
      if (rows.present.get(row) === NONE) return false;
      this.#setPresent(rows, row, NONE);
      rows.setLost(row, true);
    } else if (!rows.errors.has(row)) {
      return false;
    }
    rows.errors.delete(row);
    rows.dirty.add(row);
    return true;
  }

  clear(): void {
    this.sweep();
    this.#each((rows, row) => this.#unwant(rows, row));
  }

  stateOf(prefix: Prefix): FibState | undefined {
    const rows = this.#rows[prefix.family];
    const row = rows.table.find(prefix);
    if (row === NONE || rows.wanted.get(row) === NONE) return undefined;
    const error = this.#errorOf(rows, row);
    if (error !== undefined) return { state: "failed", error };
    const set = this.#objects.sets.get(rows.wanted.get(row));
    const object = set === undefined ? BLACKHOLE : objectOf(set);
    if ((set !== undefined && object === 0) || rows.present.get(row) !== object) {
      return { state: "pending" };
    }
    return { state: "installed", target: this.#waysAt(rows, row) };
  }

  targetOf(prefix: Prefix): Target | undefined {
    const rows = this.#rows[prefix.family];
    const row = rows.table.find(prefix);
    return row === NONE ? undefined : this.#targetAt(rows, row);
  }

  *wanted(): Generator<WantedRoute> {
    for (const rows of [this.#rows[4], this.#rows[6]]) {
      for (const row of rows.table.indices()) {
        if (rows.wanted.get(row) === NONE) continue;
        const ways = this.#waysAt(rows, row);
        yield { prefix: rows.prefix(row), ways, error: this.#errorOf(rows, row) };
      }
    }
  }

  counts() {
    const stale = this.#rows[4].stale + this.#rows[6].stale;
    return { installed: this.#installed - stale, stale, healed: this.counters.healed };
  }

  outstanding() {
    const { 4: four, 6: six } = this.#rows;
    let unresolved = 0;
    for (const set of this.#objects.sets.sets()) {
      if (faultOf(set) !== undefined) unresolved += set.users;
    }
    return {
      pending: four.dirty.size + six.dirty.size,
      refused: four.errors.size + six.errors.size,
      unresolved,
    };
  }

  failures() {
    const failures: { readonly prefix: Prefix; readonly error: string }[] = [];
    this.#each((rows, row) => {
      const error = rows.wanted.get(row) === NONE ? rows.errors.get(row) : this.#errorOf(rows, row);
      if (error !== undefined) failures.push({ prefix: rows.prefix(row), error });
    });
    return failures;
  }

  #placesAt(metrics: Metrics): Readonly<Record<Family, RoutePlace>> {
    const { protocol } = this.#options;
    const place = (metric: number): RoutePlace => ({ protocol, metric, table: this.#table });
    return { 4: place(metrics[4]), 6: place(metrics[6]) };
  }

  #targetAt(rows: Rows, row: number): Target | undefined {
    const number = rows.wanted.get(row);
    if (number === NONE) return undefined;
    const set = this.#objects.sets.get(number);
    return (
      set?.shares.map(
        ({ hop: { address, link }, weight }): NextHop => ({
          address,
          weight,
          ...(link === undefined ? {} : { link }),
        }),
      ) ?? "blackhole"
    );
  }

  #waysAt(rows: Rows, row: number): readonly WeightedWay[] | "blackhole" {
    const set = this.#objects.sets.get(rows.wanted.get(row));
    if (set === undefined) return "blackhole";
    return set.shares.flatMap(({ hop, weight }) =>
      isAlive(hop) && hop.way !== undefined ? [{ ...hop.way, weight }] : [],
    );
  }

  /** Why what was asked for is not there, and will not be without something changing. */
  #errorOf(rows: Rows, row: number): string | undefined {
    const set = this.#objects.sets.get(rows.wanted.get(row));
    return rows.errors.get(row) ?? (set === undefined ? undefined : faultOf(set));
  }

  #hasMore(scope: FlushScope): boolean {
    const isDirty = !(this.#rows[4].dirty.isEmpty && this.#rows[6].dirty.isEmpty);
    return !this.isUnsure && (isDirty || (scope === "all" && this.#leavesBehind));
  }

  #each(visit: (rows: Rows, row: number) => void): void {
    for (const rows of [this.#rows[4], this.#rows[6]]) {
      for (const row of rows.table.indices()) visit(rows, row);
    }
  }

  #release(rows: Rows, row: number): void {
    const before = this.#objects.sets.get(rows.wanted.get(row));
    if (before === undefined || --before.users > 0) return;
    this.#abandoned.add(before);
    this.#objects.touch();
  }

  #unwant(rows: Rows, row: number): void {
    this.#release(rows, row);
    rows.wanted.set(row, NONE);
    rows.errors.delete(row);
    rows.dirty.add(row);
  }

  /** A route that is there. */
  #find(route: Route, seen: Set<number>): void {
    const rows = this.#rows[route.destination.family];
    const isNew = rows.table.find(route.destination) === NONE;
    const row = rows.table.insert(route.destination);
    seen.add(row);
    this.#setPresent(rows, row, shapeOf(route));
    // One that we know of and do not want is on its way out.
    if (isNew) rows.setStale(row, this.#keepStale);
    rows.errors.delete(row);
    rows.dirty.add(row);
  }

  /** Objects went, and with them every route over them. */
  #lose(gone: ReadonlySet<number>): void {
    if (gone.size === 0) return;
    this.#each((rows, row) => {
      if (!gone.has(rows.present.get(row))) return;
      this.#setPresent(rows, row, NONE);
      rows.dirty.add(row);
    });
  }

  /** Objects came or cannot be had: see where routes have to move. */
  #markAll(): void {
    this.#each((rows, row) => {
      if (rows.wanted.get(row) > BLACKHOLE) rows.dirty.add(row);
    });
  }

  #setPresent(rows: Rows, row: number, shape: number): void {
    const before = rows.present.get(row);
    if (before === shape) return;
    if (before > OTHERWISE) this.#objects.count(before, -1);
    if (shape > OTHERWISE) this.#objects.count(shape, 1);
    if (before === NONE) this.#installed++;
    if (shape === NONE) this.#installed--;
    rows.present.set(row, shape);
  }

  /** One batch of a family's rows. */
  #apply(rows: Rows): void {
    const errands: Errand[] = [];
    const requests: Request[] = [];
    const place = this.#places[rows.table.family];
    for (let row = rows.dirty.take(); row !== undefined; row = rows.dirty.take()) {
      const errand = errandOf(rows, row, this.#objects.sets, place);
      if (errand === undefined) {
        rows.forget(row);
        continue;
      }
      errands.push(errand);
      requests.push(errand.request);
      if (errands.length === BATCH) break;
    }
    if (errands.length === 0) return;
    const outcomes = this.#options.kernel.applyAll(requests);
    const taken: Errand[] = [];
    let index = 0;
    for (const errand of errands) {
      const error = outcomes[index++];
      if (error?.code === "EEXIST") taken.push(errand);
      else this.#conclude(rows, errand, error);
    }
    if (taken.length > 0) this.#findOwners(rows, taken);
  }

  #conclude(rows: Rows, { row, object }: Errand, error: KernelError | undefined): void {
    if (error?.code === "ENOBUFS") {
      this.#isUnsure = true;
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
      rows.errors.delete(row);
      this.#setPresent(rows, row, object);
      rows.forget(row);
    } else {
      this.counters.refusals++;
      rows.errors.set(row, error.message);
    }
  }

  /** The place is taken: by a route of ours (an event was old) or by another's. The dump tells. */
  #findOwners(rows: Rows, taken: readonly Errand[]): void {
    const { kernel, protocol } = this.#options;
    const { family } = rows.table;
    const { metric, table } = this.#places[family];
    const ours = kernel.routes({ family, table, protocol });
    for (const { row } of taken) {
      const prefix = rows.prefix(row);
      const route = ours.find(
        (one) => one.metric === metric && equalPrefix(one.destination, prefix),
      );
      if (route === undefined) {
        this.counters.refusals++;
        rows.errors.set(
          row,
          `another's route to this destination with our metric ${metric} is there: remove it or give it another metric`,
        );
      } else {
        rows.setLost(row, false);
        this.#setPresent(rows, row, shapeOf(route));
        rows.dirty.add(row);
      }
    }
  }
}
