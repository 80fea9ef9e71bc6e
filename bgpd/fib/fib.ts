/**
 * The kernel's routes of ours: what should be there against what is, applied by difference.
 *
 * `want` and `unwant` say what should exist, `flush` makes it so in batches. After `resync` it first reads what carries
 * our protocol number, to put right whatever differs (`survey.ts`). Routes of other protocols are never touched: ours have a metric of their
 * own, are added exclusively and replaced only where ours is. They lead over nexthop objects (`objects.ts`).
 *
 * Routes that an earlier daemon left are adopted at the first `resync`: those that come to be wanted stay without a
 * message, the others are stale until `sweep` removes them. That is how a restart loses no packet.
 *
 * What is known of routes is in `routes.ts`, sending in `delivery.ts`, answers for people in `standing.ts`. Not here:
 * what to want (the RIB), when to flush or resync (the daemon).
 */

import type { Kernel, KernelEvent } from "../../kernel/kernel.ts";
import type { Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import { Behind } from "./behind.ts";
import { Courier } from "./courier.ts";
import { Delivery, type FibCounters } from "./delivery.ts";
import type { RoutePlace } from "./errand.ts";
import { hear } from "./hearing.ts";
import { Held } from "./held.ts";
import { BLACKHOLE, type HopSet, type ResolveHop } from "./hop.ts";
import { inherit } from "./inherit.ts";
import { isOurs, NexthopObjects } from "./objects.ts";
import { Routes } from "./routes.ts";
import { NONE, OTHERWISE, type Rows } from "./rows.ts";
import { type FibFailure, type FibState, Standing, type WantedRoute } from "./standing.ts";
import { MAIN_TABLE } from "./surroundings.ts";
import { type Audience, Survey } from "./survey.ts";
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
  /** With no more routes than this the kernel's answers are waited for (`courier.ts`). */
  readonly few?: number;
  /** Told of the main table's routes at every `resync` but the first. */
  readonly audience?: Audience;
};

export type Metrics = Readonly<Record<Family, number>>;

/** What `flush` may do: "routes" while more of them are to come, "all" when dead next hops may take theirs along. */
export type FlushScope = "routes" | "all";

export type Fib = {
  /** The prefix should lead over next hops that share its traffic, or be a blackhole. It may be a scratch record. */
  want(prefix: Prefix, target: Target): void;
  unwant(prefix: Prefix): void;
  /** Compare and send what is pending for about `milliseconds`; true when more is left. */
  flush(milliseconds: number, scope?: FlushScope): boolean;
  /** The answers of `resolve` may have changed: aim every next hop anew; `flush` then moves some. */
  retarget(): void;
  /** Links changed: look for nexthop objects that went with them. */
  inspect(): void;
  /**
   * Dump and compare everything, from the beginning where that is under way. `flush` does it, before it repairs what
   * differs: until then it sends nothing.
   */
  resync(): void;
  /** What `resync` has asked for is not yet done. */
  readonly isComparing: boolean;
  /** An answer of the kernel's is still to come, and whoever asks it for links or addresses may have to wait as long. */
  readonly isSending: boolean;
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
  failures(): FibFailure[];
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

/** A FIB over `kernel`; it does nothing until `resync` and `flush` are called. */
export function createFib(options: FibOptions): Fib {
  return new KernelFib(options);
}

class KernelFib implements Fib {
  readonly #options: FibOptions;
  readonly #table: number;
  readonly #behind = new Behind();
  readonly #courier: Courier;
  readonly #objects: NexthopObjects;
  readonly #routes: Routes;
  readonly #delivery: Delivery;
  readonly #standing: Standing;
  /** The set of what was wanted last; since the last flush. */
  #last: { readonly target: readonly NextHop[]; readonly set: HopSet } | undefined;
  /** Sets that nobody wants since the last flush. */
  readonly #abandoned = new Set<HopSet>();
  /** The comparison that is under way. */
  #survey: Survey | undefined;
  /** What is being sent: an answer is still to come. */
  #sending: Generator<void, boolean> | undefined;
  /** It has been waited for: what is wanted may be otherwise than it was when objects were prepared. */
  #hasWaited = false;
  /** When the flush that is under way has to end, and what it may do. */
  #end = 0;
  #scope: FlushScope = "all";
  /** What is to be done once the answer has come. */
  readonly #held = new Held();
  /** Families whose routes have got another metric, and have not been compared since. */
  readonly #moved = new Set<Family>();

  constructor(options: FibOptions) {
    this.#options = options;
    const { kernel, protocol, metrics, table = MAIN_TABLE, resolve, few } = options;
    this.#table = table;
    const count = (): number => this.#routes.of[4].table.size + this.#routes.of[6].table.size;
    this.#courier = new Courier(kernel, count, few);
    this.#objects = new NexthopObjects({ kernel, courier: this.#courier, protocol, resolve });
    this.#routes = new Routes(this.#objects, this.#placesAt(metrics));
    this.#delivery = new Delivery(kernel, this.#courier, this.#routes);
    this.#standing = new Standing(this.#routes);
  }

  get isComparing(): boolean {
    return this.#survey !== undefined;
  }

  get isSending(): boolean {
    return this.#sending !== undefined;
  }

  get isUnsure(): boolean {
    return !this.isComparing && (this.#delivery.isUnsure || this.#objects.isUnsure);
  }

  get counters(): Readonly<FibCounters> {
    return this.#delivery.counters;
  }

  want(prefix: Prefix, target: Target): void {
    const rows = this.#routes.of[prefix.family];
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
    const rows = this.#routes.of[prefix.family];
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
    if (this.#sending !== undefined) this.#held.inspect();
    // Where all is being read, objects are compared afterwards.
    else if (this.#survey?.isReading !== true) this.#routes.lose(this.#objects.compare());
  }

  flush(milliseconds: number, scope: FlushScope = "all"): boolean {
    const start = this.#options.now();
    this.#end = start + milliseconds;
    this.#scope = scope;
    const sending = this.#sending ?? this.#send();
    // What the steps call for is not held back, for it is done between them.
    this.#sending = undefined;
    const { done = false, value: isMore = true } = sending.next();
    if (!done) {
      this.#sending = sending;
      this.#hasWaited = true;
    }
    this.#delivery.counters.flushTime += this.#options.now() - start;
    return isMore;
  }

  /** Compare, and send what differs; between two steps an answer is waited for. True when more is left. */
  *#send(): Generator<void, boolean> {
    this.#hasWaited = false;
    if (!this.#compare()) return true;
    if (!this.#mayGoOn) return this.#hasMore;
    // Sets that nobody wants are forgotten here.
    this.#last = undefined;
    inherit(this.#abandoned, this.#objects.sets, this.#routes.both);
    this.#abandoned.clear();
    if (yield* this.#then(this.#objects.prepare())) this.#routes.markAll();
    for (const rows of this.#routes.both) {
      while (!rows.dirty.isEmpty && this.#mayGoOn) {
        yield* this.#then(this.#delivery.apply(rows));
        if (this.#isTime) return this.#hasMore;
      }
    }
    if (this.#mayEnd && this.#leavesBehind) {
      const { kernel, protocol } = this.#options;
      const place = { protocol, table: this.#table };
      const removing = this.#behind.remove(kernel, this.#courier, place, () => this.#isTime);
      if (!(yield* this.#then(removing))) this.#delivery.isUnsure = true;
    }
    // Objects may carry routes that stay behind, of which no row knows.
    if (this.#mayEnd && this.#behind.isEmpty) {
      const isSwept = !this.#routes.keepsStale;
      const collecting = this.#objects.collect({ isSwept, mayGoOn: () => this.#mayEnd });
      this.#routes.lose(yield* collecting);
      this.#catchUp();
    }
    return this.#hasMore;
  }

  /** What was held back while the steps waited for answers is done after them. */
  *#then<Result>(steps: Generator<void, Result>): Generator<void, Result> {
    const result = yield* steps;
    this.#catchUp();
    return result;
  }

  /** As if all that came while an answer was waited for had come after it, as it does where nobody waits. */
  #catchUp(): void {
    const { events, isInspection } = this.#held.release();
    if (events === "too many") this.#delivery.isUnsure = true;
    else for (const event of events) this.#take(event);
    if (isInspection) this.inspect();
  }

  /** Nothing has to be compared or prepared first. */
  get #mayGoOn(): boolean {
    return !this.isComparing && !this.isUnsure && !this.#hasWaited;
  }

  /** Dead next hops may take their routes along. */
  get #mayEnd(): boolean {
    return this.#scope === "all" && this.#mayGoOn;
  }

  get #isTime(): boolean {
    return this.#options.now() >= this.#end;
  }

  /** Routes are to go that others have taken the place of; not before it is known which those are. */
  get #leavesBehind(): boolean {
    return !this.#routes.keepsStale && !this.#behind.isEmpty;
  }

  move(metrics: Metrics): void {
    const before = this.#routes.places;
    const families = ([4, 6] as const).filter((one) => before[one].metric !== metrics[one]);
    if (families.length === 0) return;
    this.#routes.places = this.#placesAt(metrics);
    for (const family of families) {
      this.#behind.leave(family, before[family].metric, metrics[family]);
      this.#moved.add(family);
    }
    this.resync();
  }

  resync(): void {
    this.#survey?.end();
    // What is read from now on is newer, and others' events may have been lost in between.
    this.#held.forgetEvents();
    const { kernel, audience } = this.#options;
    this.#survey = new Survey({
      kernel,
      routes: this.#routes,
      audience,
      moved: new Set(this.#moved),
      isOurs: ({ table, metric, destination: { family } }) =>
        table === this.#table && this.#behind.has(family, metric),
    });
    this.#delivery.isUnsure = false;
  }

  sweep(): void {
    this.#routes.keepsStale = false;
    this.#objects.touch();
    this.#routes.each((rows, row) => {
      if (!rows.isStale(row)) return;
      rows.setStale(row, false);
      rows.dirty.add(row);
    });
  }

  observe(event: KernelEvent): boolean {
    if (this.#sending === undefined) return this.#take(event);
    if (event.type === "route" && event.route.destination.family === 6) this.#delivery.shake();
    this.#held.hear(event);
    return true;
  }

  #take(event: KernelEvent): boolean {
    if (event.type === "nexthop") {
      const { id } = event.nexthop;
      if (!isOurs(id) || !this.#objects.has(id)) return false;
      this.inspect();
      return true;
    }
    if (event.type !== "route") return false;
    if (event.route.destination.family === 6) this.#survey?.shake();
    const { protocol } = this.#options;
    return hear(event, { routes: this.#routes, protocol, survey: this.#survey });
  }

  clear(): void {
    this.sweep();
    this.#routes.each((rows, row) => this.#unwant(rows, row));
  }

  stateOf(prefix: Prefix): FibState | undefined {
    return this.#standing.stateOf(prefix);
  }

  targetOf(prefix: Prefix): Target | undefined {
    return this.#standing.targetOf(prefix);
  }

  wanted(): Generator<WantedRoute> {
    return this.#standing.wanted();
  }

  counts() {
    const { installed, stale } = this.#routes;
    return { installed, stale, healed: this.counters.healed };
  }

  outstanding() {
    const { pending, ...rest } = this.#standing.outstanding();
    return { ...rest, pending: pending + this.#delivery.underWay };
  }

  failures(): FibFailure[] {
    return this.#standing.failures();
  }

  get #hasMore(): boolean {
    if (this.isComparing) return true;
    const isDirty = this.#hasWaited || this.#routes.both.some(({ dirty }) => !dirty.isEmpty);
    return !this.isUnsure && (isDirty || (this.#scope === "all" && this.#leavesBehind));
  }

  #placesAt(metrics: Metrics): Readonly<Record<Family, RoutePlace>> {
    const { protocol } = this.#options;
    const place = (metric: number): RoutePlace => ({ protocol, metric, table: this.#table });
    return { 4: place(metrics[4]), 6: place(metrics[6]) };
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

  /** Go on with the comparison that is under way; true when none is left and there is time. */
  #compare(): boolean {
    while (this.#survey !== undefined) {
      if (!this.#survey.step()) {
        this.#survey = undefined;
        this.#moved.clear();
      }
      if (this.#isTime) return false;
    }
    return true;
  }
}
