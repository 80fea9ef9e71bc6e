/**
 * Next-hop resolution (RFC 4271 sections 5.1.3 and 9.1.2.1): where a BGP next hop is, by the longest match among the
 * kernel's routes of others and the BGP routes that are wanted.
 *
 * A BGP route takes part only where no path of its prefix depends on the next hop that is asked for, by itself or
 * through further BGP routes: routes must not resolve through themselves, nor through each other. Which paths there
 * are, and not which is best, decides that, so no answer can swing between two states. Such a route is passed over,
 * and the next shorter match counts.
 *
 * What a next hop resolves to in the end is a gateway on a link, which the FIB installs.
 */

import type { Kernel, KernelEvent, Route, RouteNextHop } from "../../kernel/kernel.ts";
import {
  type Address,
  bitsOf,
  equalAddress,
  type Family,
  formatAddress,
  isLinkLocal,
} from "../../lib/address.ts";
import { containsAddress, formatPrefix, type Prefix, prefixOf } from "../../lib/prefix.ts";
import { Surroundings } from "./surroundings.ts";
import type { NextHop, Target } from "./target.ts";

/** The way to a next hop: out of `link`, over `gateway`. */
export type Way = {
  readonly gateway: Address;
  readonly link: number;
  /** The gateway is on the link by the word of the route that leads there, not by an address. */
  readonly onLink?: true;
};

export type Resolution = {
  readonly reachable: boolean;
  /** Metric of the kernel's route that leads there: the decision's cost to NEXT_HOP. */
  readonly cost: number;
  readonly way?: Way;
  /** For people, when not reachable. */
  readonly reason?: string;
};

/** What the speaker itself knows of routes. */
export type Learned = {
  /** What a BGP route is wanted to lead to; undefined where there is none. */
  targetOf(prefix: Prefix): Target | undefined;
  /** The next hops of every path to the prefix, the unused among them. */
  nextHopsOf(prefix: Prefix): readonly Address[];
};

export type ResolverOptions = {
  readonly kernel: Kernel;
  /** rtm_protocol of our own routes, of which `learned` knows and the kernel is not asked. */
  readonly protocol: number;
  /** Their metric, by family, now: of two routes to one prefix the kernel takes the lower. */
  readonly metricOf: (family: Family) => number;
  readonly learned: Learned;
};

export type Resolver = {
  /** Take new dumps; true when an answer may differ from before. */
  refresh(): boolean;
  /**
   * Take in what another changed; true when an answer may differ from before. After an overrun it has links and addresses
   * right, and routes when all have been read.
   */
  observe(event: KernelEvent): boolean;
  /** Others' routes as they are read in slices: a family's begin, one, and all have come, with `observe`'s answer. */
  beginRoutes(family: Family): void;
  takeRoute(route: Route): void;
  endRoutes(): boolean;
  /** Others' routes are to be read in slices: there are many, and an event could be read in two ways. */
  readonly isOutdated: boolean;
  /** Whether an answer given depends on what the prefix leads to. */
  concerns(prefix: Prefix): boolean;
  /** What the speaker knows has changed: the answers that depend on it are found anew. */
  relearn(): void;
  /** `link` is the one that a link-local next hop is on. */
  resolve(nextHop: Address, link?: number): Resolution;
  /** The link's name, as the kernel's events tell it: nobody waits for an answer of the kernel's. */
  nameOf(link: number): string | undefined;
};

/** A resolver by the kernel's events and the speaker's own routes. */
export function createResolver(options: ResolverOptions): Resolver {
  return new TableResolver(options);
}

/** A resolver for a speaker without a FIB: every next hop is reachable at no cost. */
export function createOpenResolver(): Resolver {
  return {
    refresh: () => false,
    observe: () => false,
    beginRoutes: () => {},
    takeRoute: () => {},
    endRoutes: () => false,
    isOutdated: false,
    concerns: () => false,
    relearn: () => {},
    resolve: () => ({ reachable: true, cost: 0 }),
    nameOf: () => undefined,
  };
}

class TableResolver implements Resolver {
  readonly #options: ResolverOptions;
  readonly #around: Surroundings;
  readonly #answers = new Map<string, Resolution>();
  /** Those that were asked for, by their first word; sorted when needed. */
  #asked: Address[] = [];
  #isSorted = true;

  constructor(options: ResolverOptions) {
    const { kernel, protocol } = options;
    this.#options = options;
    this.#around = new Surroundings(kernel, protocol);
  }

  refresh(): boolean {
    const hasChanged = this.#around.refresh();
    if (hasChanged) this.#forget();
    return hasChanged;
  }

  observe(event: KernelEvent): boolean {
    const hasChanged = this.#around.observe(event);
    if (hasChanged) this.#forget();
    return hasChanged;
  }

  beginRoutes(family: Family): void {
    this.#around.beginRoutes(family);
  }

  takeRoute(route: Route): void {
    this.#around.takeRoute(route);
  }

  endRoutes(): boolean {
    const hasChanged = this.#around.endRoutes();
    if (hasChanged) this.#forget();
    return hasChanged;
  }

  get isOutdated(): boolean {
    return this.#around.isOutdated;
  }

  relearn(): void {
    this.#forget();
  }

  concerns(prefix: Prefix): boolean {
    if (!this.#isSorted) {
      this.#asked.sort((a, b) => a.w0 - b.w0);
      this.#isSorted = true;
    }
    const asked = this.#asked;
    let [low, high] = [0, asked.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((asked[middle]?.w0 ?? 0) < prefix.w0) low = middle + 1;
      else high = middle;
    }
    const last = prefix.length >= 32 ? prefix.w0 : prefix.w0 + 2 ** (32 - prefix.length) - 1;
    for (let index = low; index < asked.length; index++) {
      const address = asked[index];
      if (address === undefined || address.w0 > last) return false;
      if (containsAddress(prefix, address)) return true;
    }
    return false;
  }

  resolve(nextHop: Address, link?: number): Resolution {
    const key = `${formatAddress(nextHop)}%${link ?? ""}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = link === undefined ? this.#look(nextHop) : this.#onLink(nextHop, link);
    this.#answers.set(key, answer);
    this.#asked.push(nextHop);
    this.#isSorted = false;
    return answer;
  }

  nameOf(link: number): string | undefined {
    return this.#around.link(link)?.name;
  }

  #forget(): void {
    this.#answers.clear();
    this.#asked = [];
    this.#isSorted = true;
  }

  #onLink(nextHop: Address, index: number): Resolution {
    const link = this.#around.link(index);
    if (link?.up === true && link.carrier) {
      return { reachable: true, cost: 0, way: { gateway: nextHop, link: index } };
    }
    const text = formatAddress(nextHop);
    return unreachable(`the link to next hop ${text} is down (${link?.name ?? "gone"})`);
  }

  #look(nextHop: Address): Resolution {
    const text = formatAddress(nextHop);
    if (this.#around.isOwn(nextHop)) {
      return unreachable(`next hop ${text} is an address of this node`);
    }
    // The same on every link: a route to fe80::/10 would lead out of any of them.
    if (isLinkLocal(nextHop)) {
      return unreachable(`next hop ${text} is link-local, and nothing says on which link it is`);
    }
    const route = this.#around.routeTo(nextHop);
    const prefix = this.#learnedTo(nextHop, route);
    if (prefix !== undefined) return this.#recurse(nextHop, prefix);
    if (route === undefined) return unreachable(`no route to next hop ${text}`);
    return this.#by(route, nextHop);
  }

  /** By a route of another's. */
  #by(route: Route, nextHop: Address): Resolution {
    const text = formatAddress(nextHop);
    const name = formatPrefix(route.destination);
    if (route.type !== "unicast") {
      return unreachable(`next hop ${text} falls into the ${route.type} route ${name}`);
    }
    const hop = route.nextHops.find((candidate) => this.#isUsable(candidate));
    if (hop?.link === undefined) {
      const index = route.nextHops[0]?.link;
      const link = index === undefined ? undefined : this.#around.link(index);
      return unreachable(
        `the link to next hop ${text} is down (${link?.name ?? "gone"}, route ${name})`,
      );
    }
    const onLink = hop.onLink === true ? ({ onLink: true } as const) : {};
    const way = { gateway: hop.gateway ?? nextHop, link: hop.link, ...onLink };
    return { reachable: true, cost: route.metric, way };
  }

  /** By a BGP route: where its own next hop is. It does not depend on what is asked for, so this comes to an end. */
  #recurse(nextHop: Address, prefix: Prefix): Resolution {
    const text = formatAddress(nextHop);
    const name = formatPrefix(prefix);
    const target = this.#options.learned.targetOf(prefix);
    if (target === undefined || target === "blackhole") {
      return unreachable(`next hop ${text} falls into the blackhole of our own block ${name}`);
    }
    const answers = target.map(({ address, link }: NextHop) => this.resolve(address, link));
    const found = answers.find(({ reachable }) => reachable);
    if (found !== undefined) return found;
    const reasons = answers.map(({ reason }) => reason).join("; ");
    return unreachable(`next hop ${text} lies behind the BGP route ${name}: ${reasons}`);
  }

  /** The prefix of the BGP route that leads to the address, if it wins over the `other` route. */
  #learnedTo(address: Address, other: Route | undefined): Prefix | undefined {
    for (const prefix of this.#covering(address, other)) {
      if (!this.#depends(prefix, address, new Set())) return prefix;
    }
    return undefined;
  }

  /** BGP routes that hold the address and win over the `other` route, the most specific first. */
  *#covering(address: Address, other: Route | undefined): Generator<Prefix> {
    const { learned, metricOf } = this.#options;
    const metric = metricOf(address.family);
    const shortest = other?.destination.length ?? 0;
    for (let length: number = bitsOf(address.family); length >= shortest; length--) {
      if (length === other?.destination.length && other.metric <= metric) return;
      const prefix = prefixOf(address, length);
      if (learned.targetOf(prefix) !== undefined) yield prefix;
    }
  }

  /** Whether some path to the prefix leads over the address, or over what lies behind a BGP route that does. */
  #depends(prefix: Prefix, address: Address, visited: Set<string>): boolean {
    const name = formatPrefix(prefix);
    if (visited.has(name)) return false;
    visited.add(name);
    const { learned } = this.#options;
    const target = learned.targetOf(prefix);
    const used = target === undefined || target === "blackhole" ? [] : target;
    // What is used may for a moment be a path that is no more.
    const nextHops = [...learned.nextHopsOf(prefix), ...used.map((one) => one.address)];
    return nextHops.some((nextHop) => {
      if (equalAddress(nextHop, address)) return true;
      const other = this.#around.routeTo(nextHop);
      for (const further of this.#covering(nextHop, other)) {
        if (this.#depends(further, address, visited)) return true;
      }
      return false;
    });
  }

  #isUsable(hop: RouteNextHop): boolean {
    const link = hop.link === undefined ? undefined : this.#around.link(hop.link);
    return link?.up === true && link.carrier;
  }
}

function unreachable(reason: string): Resolution {
  return { reachable: false, cost: 0, reason };
}
