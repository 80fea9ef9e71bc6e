/**
 * The kernel's side of a speaker: what is decided is installed, next hops are looked for, and what others change
 * there is looked at once it has settled.
 */

import type { InterfaceAddress, Kernel, KernelEvent } from "../kernel/kernel.ts";
import { type Address, type Family, withoutZone } from "../lib/address.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Prefix } from "../lib/prefix.ts";
import type { SpeakerPlan } from "./cluster/speaker.ts";
import { createFib, type Fib, type Metrics } from "./fib/fib.ts";
import {
  createOpenResolver,
  createResolver,
  type Resolution,
  type Resolver,
} from "./fib/resolve.ts";
import { MAIN_TABLE } from "./fib/surroundings.ts";
import type { NextHop, Target } from "./fib/target.ts";
import { Gateways } from "./gateway.ts";
import { Masquerading } from "./masquerade.ts";
import { PeeringAddresses } from "./peering-address.ts";
import type { BestChange, Share } from "./rib/route.ts";
import { unprogrammedBy } from "./unprogrammed.ts";

/** rtm_protocol of our routes: free in rtnetlink.h and in iproute2's rt_protos ('M' in ASCII). */
export const ROUTE_PROTOCOL = 77;
/** Priority of our routes: below connected and static ones, so that theirs win. */
export const ROUTE_METRIC = 1024;
const DEFAULT_METRICS: Metrics = { 4: ROUTE_METRIC, 6: ROUTE_METRIC };

/** Kernel events of one cause come in bursts; look once, this many ms after the first. */
const SETTLE = 10;
/** Where looking is long work, because much is there or much happens, pause this many times as long. */
const PAUSE = 5;
/** When the kernel had no room (ENOBUFS), it gets some time before everything is compared, ms. */
const RELIEF = 50;

export type ForwardingOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** Undefined: nothing is installed, and every next hop counts as reachable. */
  readonly kernel: Kernel | undefined;
  /** Priority of our routes of each family, and their table; 1024 and main when absent. */
  readonly metrics?: Metrics;
  readonly table?: number;
  /** The next hops of every path to a prefix that the speaker knows. */
  readonly nextHopsOf: (prefix: Prefix) => readonly Address[];
  /** What the speaker has decided about a prefix. */
  readonly bestOf: (prefix: Prefix) => BestChange["best"];
  /** Next hops may lead elsewhere than before. */
  readonly onMoved: () => void;
  /** Links may have come by addresses, or lost them. */
  readonly onReaddressed: () => void;
  /** Something has happened in the kernel. */
  readonly onEvent?: (event: KernelEvent) => void;
  /** There may be something to `flush`. */
  readonly onWork: () => void;
};

export class Forwarding {
  readonly fib: Fib | undefined;
  #metrics: Metrics;
  readonly table: number;
  readonly #options: ForwardingOptions;
  readonly #resolver: Resolver;
  readonly #gateways = new Gateways();
  readonly #peering: PeeringAddresses | undefined;
  readonly #masquerading: Masquerading | undefined;
  readonly #unwatch: (() => void) | undefined;
  #settle: Timer | undefined;
  /** What must be compared with a dump when the events have settled. */
  #compare: "nothing" | "objects" | "routes" = "nothing";
  /** Answers about next hops may differ: by the kernel's events, or by what we learned ourselves. */
  #moved: "no" | "around" | "learned" = "no";
  /** How long the last look took, ms. */
  #looked = 0;
  /** What the comparison that is under way has taken so far, ms. */
  #compared = 0;
  /** Runs while the next comparison has to wait. */
  #resting: Timer | undefined;
  /** More has been missed since the last comparison began. */
  #isOutdated = false;
  /** What the last route leads to. */
  #target: { readonly of: Address; readonly as: Target } | undefined;

  constructor(options: ForwardingOptions) {
    const { kernel, clock, log, metrics = DEFAULT_METRICS, table = MAIN_TABLE } = options;
    const { nextHopsOf } = options;
    this.#options = options;
    this.#metrics = metrics;
    this.table = table;
    if (kernel === undefined) {
      this.#resolver = createOpenResolver();
      this.fib = undefined;
      this.#peering = undefined;
      this.#masquerading = undefined;
      return;
    }
    this.#peering = new PeeringAddresses({ kernel, protocol: ROUTE_PROTOCOL, log });
    this.#masquerading = new Masquerading({ kernel, clock, log });
    const ours = { kernel, protocol: ROUTE_PROTOCOL };
    const learned = { targetOf: (prefix: Prefix) => this.fib?.targetOf(prefix), nextHopsOf };
    const metricOf = (family: Family): number => this.#metrics[family];
    this.#resolver = createResolver({ ...ours, metricOf, learned });
    this.fib = createFib({
      ...ours,
      metrics,
      table,
      resolve: (nextHop, link) => this.resolve(nextHop, link),
      onCovering: (prefix) => {
        if (!this.#resolver.concerns(prefix)) return;
        this.#moved = "learned";
        this.#look();
      },
      now: () => clock.now(),
      audience: {
        beginRoutes: (family) => this.#resolver.beginRoutes(family),
        takeRoute: (route) => this.#resolver.takeRoute(route),
        endRoutes: () => {
          if (this.#resolver.endRoutes()) this.#moved = "around";
          if (this.#resolver.isOutdated) this.#compare = "routes";
          this.#lookIfDue();
        },
      },
    });
    // Watching starts before the first dump, so that nothing falls between the two.
    this.#unwatch = kernel.watch(
      ["link", "address", "route", "nexthop"],
      (event) => this.#observe(event),
      "others",
    );
    this.#resolver.refresh();
    this.fib.resync();
    // Whether an earlier daemon was here is asked at once; the first route of its tells.
    while (this.fib.isComparing && this.fib.counts().stale === 0) this.fib.flush(0);
  }

  get metrics(): Metrics {
    return this.#metrics;
  }

  /** Have other metrics for our routes: none is missing at any moment. */
  move(metrics: Metrics): void {
    if (metrics[4] === this.#metrics[4] && metrics[6] === this.#metrics[6]) return;
    this.#metrics = metrics;
    this.fib?.move(metrics);
    // Of two routes to a prefix another one may lead to a next hop now.
    this.#moved = "learned";
    this.#look();
  }

  /** Addresses of the kernel's links; undefined where nobody looks. */
  get addresses(): readonly InterfaceAddress[] | undefined {
    return this.#options.kernel?.addresses();
  }

  /** The way to a next hop, by its gateway where it has one of its own; by one `link` where that is given. */
  resolve(nextHop: Address, link = nextHop.zone): Resolution {
    return this.#resolver.resolve(this.#gateways.behind(withoutZone(nextHop)), link);
  }

  /** Name of the link that packets to a next hop leave by; undefined when there is none. */
  interfaceOf(nextHop: Address): string | undefined {
    const { way } = this.resolve(nextHop);
    return way === undefined ? undefined : this.#resolver.nameOf(way.link);
  }

  /** The link's name, or its number where it has none. */
  linkName(link: number): string {
    return this.#resolver.nameOf(link) ?? `link ${link}`;
  }

  /** Have the addresses of the plan at which pods reach this node. */
  beReached({ workloads = [] }: SpeakerPlan): void {
    this.#peering?.have(workloads[0]?.localAddresses ?? []);
  }

  /** Keep no others of those, once nobody has anything to say from them. */
  beReachedNowhereElse(): void {
    this.#peering?.leaveOthers();
  }

  /** Have connections of pods leave with the node's address where the plan says so. */
  masquerade({ masquerade }: SpeakerPlan): void {
    this.#masquerading?.have(masquerade);
  }

  /** Why they do not. */
  get masqueradeFault(): string | undefined {
    return this.#masquerading?.fault;
  }

  /** Have routes to those peers of the plan that one gateway alone reaches. */
  leadToPeers(plan: SpeakerPlan): void {
    const { removed, changed } = this.#gateways.apply(plan);
    for (const prefix of removed) {
      // What BGP knows of the peer's address counts again.
      this.install({ prefix, best: this.#options.bestOf(prefix) }, plan);
    }
    for (const { prefix, gateway } of this.#gateways.routes) {
      this.fib?.want(prefix, [{ address: gateway }]);
    }
    if (!changed) return;
    this.#options.onMoved();
    this.fib?.retarget();
  }

  /** Want what has been decided, but for what is not ours to have in the kernel. */
  install({ prefix, best }: BestChange, { unprogrammed }: Pick<SpeakerPlan, "unprogrammed">): void {
    if (this.fib === undefined || this.#gateways.owns(prefix)) return;
    if (best === undefined || unprogrammedBy(unprogrammed, prefix)) this.fib.unwant(prefix);
    else if (best.source === "local") this.fib.want(prefix, "blackhole");
    else if (best.discard === true) this.fib.want(prefix, "blackhole");
    else if (best.shares !== undefined) this.fib.want(prefix, best.shares.map(onItsLink));
    else if (best.nextHop !== undefined) this.fib.want(prefix, this.#targetOf(best.nextHop));
  }

  /** Compare with the kernel and tell it, for so many ms; true when more is left. */
  flush(milliseconds: number, scope: "routes" | "all"): boolean {
    if (this.fib === undefined) return false;
    const { clock } = this.#options;
    const wasComparing = this.fib.isComparing;
    const began = clock.now();
    const isMore = this.fib.flush(milliseconds, scope);
    if (wasComparing) this.#compared += clock.now() - began;
    if (wasComparing && !this.fib.isComparing) this.#rest();
    if (this.fib.isUnsure) {
      this.#compare = "routes";
      this.#look(RELIEF);
    }
    return isMore;
  }

  /** Look no more. */
  stop(): void {
    this.#settle?.cancel();
    this.#resting?.cancel();
    this.#masquerading?.stop();
    this.#unwatch?.();
  }

  /** Take all our routes out of the kernel, in slices of so many ms. */
  clear(slice: number): void {
    if (this.fib === undefined) return;
    this.#peering?.have([]);
    this.#peering?.leaveOthers();
    this.#masquerading?.have();
    this.fib.clear();
    while (this.fib.flush(slice));
    // Without room for an answer nobody knows what is left; once more tells.
    if (this.fib.isUnsure) this.fib.resync();
    while (this.fib.flush(slice));
  }

  /** Prefixes in a row mostly have one next hop. */
  #targetOf(address: Address): Target {
    if (this.#target?.of !== address) this.#target = { of: address, as: [onItsLink({ address })] };
    return this.#target.as;
  }

  #observe(event: KernelEvent): void {
    this.#options.onEvent?.(event);
    this.#peering?.observe(event);
    if (event.type === "overrun") this.#compare = "routes";
    // A link that goes down takes nexthop objects and their routes along without a word.
    if (event.type === "link" && this.#compare === "nothing") this.#compare = "objects";
    if (this.fib?.observe(event) === true) this.#options.onWork();
    const wasOutdated = this.#resolver.isOutdated;
    if (this.#resolver.observe(event) && this.#moved === "no") this.#moved = "around";
    if (this.#resolver.isOutdated && !wasOutdated) this.#compare = "routes";
    this.#lookIfDue();
  }

  #lookIfDue(): void {
    if (this.#moved !== "no" || this.#compare !== "nothing") this.#look();
  }

  /** Look at what the events of the next moment add up to, and put it right. */
  #look(after = SETTLE): void {
    const { clock, onMoved, onReaddressed, onWork } = this.#options;
    this.#settle ??= clock.after(Math.max(after, PAUSE * this.#looked), () => {
      const began = clock.now();
      const [moved, compare] = [this.#moved, this.#compare];
      this.#settle = undefined;
      this.#moved = "no";
      this.#compare = "nothing";
      if (moved === "learned") this.#resolver.relearn();
      if (moved !== "no") {
        onMoved();
        this.fib?.retarget();
      }
      if (compare === "objects") this.fib?.inspect();
      if (compare === "routes") this.#resync();
      if (moved === "around" || compare !== "nothing") onReaddressed();
      this.#looked = clock.now() - began;
      onWork();
    });
  }

  /**
   * Compare everything: once more afterwards where that is under way, so that it comes to its end and what it finds
   * is told, however often events are lost.
   */
  #resync(): void {
    if (this.#resting !== undefined || this.fib?.isComparing === true) this.#isOutdated = true;
    else this.fib?.resync();
  }

  /** A comparison is over: as it is long work where much is there, the next has to wait. */
  #rest(): void {
    const { clock, onWork } = this.#options;
    this.#resting?.cancel();
    this.#resting = clock.after(PAUSE * this.#compared, () => {
      this.#resting = undefined;
      if (!this.#isOutdated) return;
      this.#isOutdated = false;
      this.fib?.resync();
      onWork();
    });
    this.#compared = 0;
  }
}

/** The kernel has the link beside the address. */
function onItsLink(share: Share): NextHop {
  const { zone: link } = share.address;
  return link === undefined ? share : { ...share, address: withoutZone(share.address), link };
}
