/**
 * The kernel's routes of ours: what should be there against what is, applied by difference.
 *
 * `want` and `unwant` say what should exist, `flush` makes it so in batches, `resync` dumps what
 * carries our protocol number and puts right whatever differs. Routes of other protocols are never
 * touched: ours have a metric of their own, are added exclusively and replaced only where ours is.
 *
 * Routes that an earlier daemon left are adopted at the first `resync`: those that come to be wanted
 * stay without a message, the others are stale until `sweep` removes them. That is how a restart
 * loses no packet.
 *
 * Not here: what to want (the RIB), when to flush or resync (the daemon).
 */

import type { Kernel, KernelError, KernelEvent, Request, Route } from "../../kernel/kernel.ts";
import { type Address, equalAddress } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import type { Resolution, Way } from "./resolve.ts";

/** Where a prefix should lead: out by a way, or nowhere (the blackhole below our own blocks). */
export type Target = Way | "blackhole";

export type FibOptions = {
  readonly kernel: Kernel;
  /** rtm_protocol of our routes, 0-255. */
  readonly protocol: number;
  /** Priority of our routes; not 0, so that connected and static routes win and stay apart. */
  readonly metric: number;
  readonly resolve: (nextHop: Address) => Resolution;
  /** Milliseconds, for `flush`'s budget. */
  readonly now: () => number;
  readonly table?: number;
};

/** How a wanted prefix stands in the kernel. */
export type FibState =
  | { readonly state: "installed"; readonly target: Target }
  | { readonly state: "pending" }
  | { readonly state: "failed"; readonly error: string };

export type Fib = {
  /** The prefix should lead over a next hop, or be a blackhole. The prefix may be a scratch record. */
  want(prefix: Prefix, via: Address | "blackhole"): void;
  unwant(prefix: Prefix): void;
  /** Send what is pending for about `milliseconds`; true when more is left. */
  flush(milliseconds: number): boolean;
  /** The answers of `resolve` may have changed: aim every route anew; `flush` then moves some. */
  retarget(): void;
  /** Dump and compare; afterwards `flush` repairs. */
  resync(): void;
  /** Remove what an earlier daemon left and nobody wanted since; later leftovers go at once. */
  sweep(): void;
  /** Look at what the kernel reported about a route; true when `flush` has something to mend. */
  observe(event: KernelEvent): boolean;
  /** Stop wanting everything, stale routes included; `flush` then removes every route of ours. */
  clear(): void;
  stateOf(prefix: Prefix): FibState | undefined;
  counts(): { readonly installed: number; readonly stale: number; readonly healed: number };
  failures(): { readonly prefix: Prefix; readonly error: string }[];
};

/** One prefix; it can be forgotten when `via` and `present` are both undefined. */
type Entry = {
  readonly prefix: Prefix;
  /** What was asked for, from which `wanted` is resolved. */
  via: Address | "blackhole" | undefined;
  wanted: Target | undefined;
  present: Target | undefined;
  /** Left by an earlier daemon, not yet wanted by this one. */
  stale: boolean;
  /** It is gone by another's hand, as far as is known; counted as healed when it is put back. */
  lost: boolean;
  /** Why what was asked for leads nowhere: there is nothing to want. */
  reason: string | undefined;
  /** What the kernel refused the last request with. */
  error: string | undefined;
};

const MAIN_TABLE = 254;
const BATCH = 512;

/** A FIB over `kernel`; it does nothing until `resync` and `flush` are called. */
export function createFib(options: FibOptions): Fib {
  return new KernelFib(options);
}

class KernelFib implements Fib {
  readonly #options: FibOptions;
  readonly #table: number;
  readonly #entries = new Map<number | string, Entry>();
  readonly #dirty = new Set<Entry>();
  #keepStale = true;
  #installed = 0;
  #healed = 0;

  constructor(options: FibOptions) {
    this.#options = options;
    this.#table = options.table ?? MAIN_TABLE;
  }

  want(prefix: Prefix, via: Address | "blackhole"): void {
    const entry = this.#entry(prefix);
    entry.stale = false;
    entry.via = via;
    this.#aim(entry);
  }

  unwant(prefix: Prefix): void {
    const entry = this.#entries.get(keyOf(prefix));
    if (entry === undefined || entry.stale) return;
    entry.via = undefined;
    this.#aim(entry);
  }

  retarget(): void {
    for (const entry of this.#entries.values()) if (!entry.stale) this.#aim(entry);
  }

  flush(milliseconds: number): boolean {
    const end = this.#options.now() + milliseconds;
    while (this.#dirty.size > 0) {
      const batch: Entry[] = [];
      for (const entry of this.#dirty) {
        if (batch.length === BATCH) break;
        this.#dirty.delete(entry);
        batch.push(entry);
      }
      this.#apply(batch);
      if (this.#options.now() >= end) break;
    }
    return this.#dirty.size > 0;
  }

  resync(): void {
    const seen = new Set<Entry>();
    for (const route of this.#dump()) {
      const isNew = !this.#entries.has(keyOf(route.destination));
      const entry = this.#entry(route.destination);
      seen.add(entry);
      this.#setPresent(entry, targetOf(route));
      // One that we know of and do not want is on its way out.
      if (isNew) entry.stale = this.#keepStale;
      this.#mark(entry);
    }
    for (const entry of this.#entries.values()) {
      if (seen.has(entry)) continue;
      if (entry.wanted !== undefined && entry.present !== undefined) entry.lost = true;
      this.#setPresent(entry, undefined);
      this.#mark(entry);
    }
  }

  sweep(): void {
    this.#keepStale = false;
    for (const entry of this.#entries.values()) {
      if (!entry.stale) continue;
      entry.stale = false;
      this.#mark(entry);
    }
  }

  observe(event: KernelEvent): boolean {
    if (event.type !== "route" || event.route.table !== this.#table) return false;
    const { route, change } = event;
    const entry = this.#entries.get(keyOf(route.destination));
    if (entry?.wanted === undefined || route.metric !== this.#options.metric) return false;
    const ours = route.protocol === this.#options.protocol;
    if (change === "new" && ours) {
      const target = targetOf(route);
      if (entry.present === undefined || sameTarget(target, entry.present)) return false;
      // Changed by another's hand, or an old echo: asking for what is wanted is right for both.
      this.#setPresent(entry, target);
    } else if (change === "new" || ours) {
      // Deleted or overwritten, or the echo of a removal of ours: adding it exclusively will tell.
      if (entry.present === undefined) return false;
      this.#setPresent(entry, undefined);
      entry.lost = true;
    } else if (entry.error === undefined) {
      return false;
    }
    this.#mark(entry);
    return this.#dirty.has(entry);
  }

  clear(): void {
    this.sweep();
    for (const entry of this.#entries.values()) {
      entry.via = undefined;
      this.#aim(entry);
    }
  }

  stateOf(prefix: Prefix): FibState | undefined {
    const entry = this.#entries.get(keyOf(prefix));
    if (entry?.via === undefined) return undefined;
    const error = entry.error ?? entry.reason;
    if (error !== undefined) return { state: "failed", error };
    return entry.wanted !== undefined && sameTarget(entry.wanted, entry.present)
      ? { state: "installed", target: entry.wanted }
      : { state: "pending" };
  }

  counts() {
    let stale = 0;
    for (const entry of this.#entries.values()) if (entry.stale) stale++;
    return { installed: this.#installed - stale, stale, healed: this.#healed };
  }

  failures() {
    return [...this.#entries.values()].flatMap(({ prefix, reason, error = reason }) =>
      error === undefined ? [] : [{ prefix, error }],
    );
  }

  #entry(prefix: Prefix): Entry {
    const key = keyOf(prefix);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = {
      // A copy: callers may pass a scratch record.
      prefix: { ...prefix },
      via: undefined,
      wanted: undefined,
      present: undefined,
      stale: false,
      lost: false,
      reason: undefined,
      error: undefined,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  /** Resolve what was asked for into what the kernel should have, and queue the difference. */
  #aim(entry: Entry): void {
    const { via } = entry;
    const resolution =
      via === undefined || via === "blackhole" ? undefined : this.#options.resolve(via);
    entry.error = undefined;
    entry.wanted = via === "blackhole" ? via : resolution?.way;
    entry.reason =
      resolution === undefined || resolution.way !== undefined
        ? undefined
        : (resolution.reason ?? "the next hop resolves to no link");
    this.#mark(entry);
  }

  /** Queue the entry if the kernel must be told something of it, forget it if nothing is left. */
  #mark(entry: Entry): void {
    if (entry.stale || sameTarget(entry.wanted, entry.present)) {
      this.#dirty.delete(entry);
      if (entry.via === undefined && entry.present === undefined) {
        this.#entries.delete(keyOf(entry.prefix));
      }
    } else {
      this.#dirty.add(entry);
    }
  }

  #setPresent(entry: Entry, target: Target | undefined): void {
    if (entry.present === undefined && target !== undefined) this.#installed++;
    if (entry.present !== undefined && target === undefined) this.#installed--;
    entry.present = target;
  }

  #apply(batch: readonly Entry[]): void {
    const outcomes = this.#options.kernel.applyAll(batch.map((entry) => this.#request(entry)));
    const taken: Entry[] = [];
    batch.forEach((entry, index) => {
      const error = outcomes[index];
      if (error?.code === "EEXIST") taken.push(entry);
      else this.#conclude(entry, error);
    });
    if (taken.length > 0) this.#findOwners(taken);
  }

  /** The place is taken: by a route of ours (an event was an echo) or by another's. The dump tells. */
  #findOwners(taken: readonly Entry[]): void {
    const ours = new Map(this.#dump().map((route) => [keyOf(route.destination), route]));
    for (const entry of taken) {
      const route = ours.get(keyOf(entry.prefix));
      if (route === undefined) {
        entry.error = `another's route to this destination with our metric ${this.#options.metric} is there: remove it or give it another metric`;
      } else {
        entry.error = undefined;
        entry.lost = false;
        this.#setPresent(entry, targetOf(route));
        this.#mark(entry);
      }
    }
  }

  /** Our routes. Another metric than ours is not in our way, and not ours to remove. */
  #dump(): Route[] {
    const { kernel, protocol, metric } = this.#options;
    return kernel
      .routes({ table: this.#table, protocol })
      .filter((route) => route.metric === metric);
  }

  #request({ prefix, wanted, present }: Entry): Request {
    const { protocol, metric } = this.#options;
    const route = { destination: prefix, table: this.#table, protocol, metric };
    // Whatever shape it has: there is one of ours by this destination and metric.
    if (wanted === undefined) return { type: "delete route", route };
    const type = present === undefined ? "add route" : "replace route";
    return wanted === "blackhole"
      ? { type, route: { ...route, type: "blackhole" } }
      : { type, route: { ...route, nextHops: [wanted] } };
  }

  #conclude(entry: Entry, error: KernelError | undefined): void {
    entry.error = undefined;
    if (error === undefined) {
      if (entry.lost && entry.wanted !== undefined) this.#healed++;
      this.#setPresent(entry, entry.wanted);
    } else if (error.code === "ESRCH" && entry.wanted === undefined) {
      // It went with its link or by another's hand: both are what was asked for.
      this.#setPresent(entry, undefined);
    } else {
      entry.error = error.message;
      return;
    }
    entry.lost = false;
    this.#mark(entry);
  }
}

/** IPv4 prefixes as one exact number, which a Map hashes without making text. */
function keyOf(prefix: Prefix): number | string {
  return prefix.family === 4
    ? prefix.w0 * 64 + prefix.length
    : `${prefix.w0} ${prefix.w1} ${prefix.w2} ${prefix.w3}/${prefix.length}`;
}

function targetOf(route: Route): Target {
  const [hop, ...more] = route.nextHops;
  if (route.type === "blackhole") return "blackhole";
  // A shape that we never install (several ways, no gateway) must differ from all that we may want.
  if (hop?.gateway === undefined || hop.link === undefined || more.length > 0) {
    return { gateway: { family: route.destination.family, w0: 0, w1: 0, w2: 0, w3: 0 }, link: 0 };
  }
  const onLink = hop.onLink === true ? ({ onLink: true } as const) : {};
  return { gateway: hop.gateway, link: hop.link, ...onLink };
}

function sameTarget(a: Target | undefined, b: Target | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a === "blackhole" || b === "blackhole") return false;
  return a.link === b.link && a.onLink === b.onLink && equalAddress(a.gateway, b.gateway);
}
