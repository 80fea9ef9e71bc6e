/**
 * Links, addresses and others' routes as the kernel has them, kept by its events.
 *
 * Linux says nothing of IPv4 routes that vanish with a link or an address: what goes then is known by its rules
 * (net/ipv4/fib_semantics.c, fib_sync_down_dev and fib_sync_down_addr). Where an event can be read in two ways, a new
 * dump is taken: our own routes, of which there may be a million, are left out of it.
 *
 * After an overrun links and addresses are asked for at once, and routes come from whoever reads them all in slices, to
 * compare ours (`beginRoutes`, `takeRoute`, `endRoutes`). So they do where others have many and a dump is needed.
 */

import type { Kernel, KernelEvent, Link, Route, RouteNextHop } from "../../kernel/kernel.ts";
import {
  type Address,
  bitsOf,
  equalAddress,
  type Family,
  formatAddress,
} from "../../lib/address.ts";
import { formatPrefix, prefixOf } from "../../lib/prefix.ts";

/** Where the connected routes are, which every next hop ends in. */
export const MAIN_TABLE = 254;
/** Events that are kept while routes are being read. */
const MOST_HEARD = 10_000;
/** Destinations of others' routes that are read in one turn: of more it would keep KEEPALIVEs waiting. */
const FEW = 4000;

type RouteEvent = Extract<KernelEvent, { readonly type: "route" }>;

type OwnAddress = { readonly address: Address; readonly link: number };

/** Routes that are being read, links and addresses as they were when that began, and events since. */
type Reading = Record<Family, Route[]> & {
  readonly links: Map<number, Link>;
  readonly own: Map<string, OwnAddress>;
  readonly heard: KernelEvent[];
};

export class Surroundings {
  readonly #kernel: Kernel;
  readonly #protocol: number;
  readonly #few: number;
  #links = new Map<number, Link>();
  /** Address and link → the address. */
  #own = new Map<string, OwnAddress>();
  /** By destination, those of lower metric first. */
  readonly #routes = new Map<string, readonly Route[]>();
  #reading: Reading | undefined;
  #isOutdated = false;

  /**
   * Routes of the main table that do not carry `protocol`. Empty until `refresh`. A dump of more than `few` destinations is
   * nobody's turn: it waits for who reads in slices.
   */
  constructor(kernel: Kernel, protocol: number, few = FEW) {
    this.#kernel = kernel;
    this.#protocol = protocol;
    this.#few = few;
  }

  /** An event could be read in two ways, and there are too many routes for a dump in one turn: they are to be read. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  link(index: number): Link | undefined {
    return this.#links.get(index);
  }

  isOwn(address: Address): boolean {
    for (const own of this.#own.values()) if (equalAddress(own.address, address)) return true;
    return false;
  }

  /** The route that holds the address with the longest prefix, of equal ones that with the lowest metric. */
  routeTo(address: Address): Route | undefined {
    for (let length: number = bitsOf(address.family); length >= 0; length--) {
      const [route] = this.#routes.get(formatPrefix(prefixOf(address, length))) ?? [];
      if (route !== undefined) return route;
    }
    return undefined;
  }

  /** Take new dumps; true when something differs. */
  refresh(): boolean {
    const before = this.print();
    const kernel = this.#kernel;
    this.#links.clear();
    for (const link of kernel.links()) this.#links.set(link.index, link);
    this.#own.clear();
    for (const { address, link } of kernel.addresses()) {
      this.#own.set(ownKey(address, link), { address, link });
    }
    this.#routes.clear();
    const routes = kernel.routes({ table: MAIN_TABLE, exceptProtocol: this.#protocol });
    for (const route of routes) this.#insert(route);
    this.#isOutdated = false;
    return this.print() !== before;
  }

  /** The main table's routes of a family come, from the first: IPv4's, and then IPv6's. */
  beginRoutes(family: Family): void {
    if (family === 4) {
      this.#isOutdated = false;
      this.#reading = {
        4: [],
        6: [],
        links: new Map(this.#links),
        own: new Map(this.#own),
        heard: [],
      };
    } else if (this.#reading !== undefined) this.#reading[6] = [];
  }

  /** One of them, of whatever protocol. */
  takeRoute(route: Route): void {
    if (route.protocol === this.#protocol) return;
    this.#reading?.[route.destination.family].push(route);
  }

  /** All of both families have come; true when something differs. Events may be older than what has come, or newer. */
  endRoutes(): boolean {
    const reading = this.#reading;
    this.#reading = undefined;
    if (reading === undefined) return false;
    if (reading.heard.length > MOST_HEARD) return this.#readAgain();
    const before = this.print();
    this.#routes.clear();
    for (const family of [4, 6] as const) {
      for (const route of reading[family]) this.#insert(route);
    }
    // Which routes go with a link depends on what the others were then.
    this.#links = reading.links;
    this.#own = reading.own;
    for (const event of reading.heard) this.#hear(event);
    return this.print() !== before;
  }

  /** Take in what the kernel tells; true when something has changed that next hops may depend on. */
  observe(event: KernelEvent): boolean {
    if ((this.#reading?.heard.length ?? 0) <= MOST_HEARD) this.#reading?.heard.push(event);
    return this.#hear(event);
  }

  #hear(event: KernelEvent): boolean {
    switch (event.type) {
      case "link":
        return this.#observeLink(event.change, event.link);
      case "address":
        return this.#observeAddress(event.change, event.address);
      case "route":
        return this.#observeRoute(event);
      case "overrun":
        // What has been read may have changed without a word of it.
        this.#reading = undefined;
        return this.#refreshLinks();
      case "nexthop": {
        const { id } = event.nexthop;
        const isOver = (route: Route): boolean => route.nexthop === id;
        if (!this.#some(isOver)) return false;
        // Others' routes over it have moved, which is told only in part.
        if (event.change === "new") return this.#readAgain();
        this.#drop(isOver);
        return true;
      }
      case "neighbour":
        return false;
    }
  }

  /** Only a dump tells what the event has changed. */
  #readAgain(): boolean {
    if (this.#areFew) return this.refresh();
    this.#doubt();
    return false;
  }

  get #areFew(): boolean {
    return this.#routes.size <= this.#few;
  }

  /** Routes may be others than known. Those that are being read hear of it at the end, over what is there by then. */
  #doubt(): void {
    if (this.#reading === undefined) this.#isOutdated = true;
  }

  /** Everything as text: equal prints give equal answers. */
  print(): string {
    return [
      ...[...this.#links.values()].map(
        ({ index, name, up, carrier }) => `${index} ${name} ${up} ${carrier}`,
      ),
      ...[...this.#routes.values()].flatMap((routes) => routes.map(printRoute)),
      ...this.#own.keys(),
    ]
      .sort()
      .join("\n");
  }

  /** As if every event of links and addresses that was lost had been told at last. */
  #refreshLinks(): boolean {
    const links = new Map(this.#kernel.links().map((link) => [link.index, link]));
    const own = new Map(
      this.#kernel.addresses().map((one) => [ownKey(one.address, one.link), one] as const),
    );
    let hasChanged = false;
    const note = (isChange: boolean): void => {
      if (isChange) hasChanged = true;
    };
    for (const link of this.#links.values()) {
      if (!links.has(link.index)) note(this.#observeLink("deleted", link));
    }
    for (const link of links.values()) {
      const known = this.#links.get(link.index);
      if (known === undefined || !isSameLink(known, link)) note(this.#observeLink("new", link));
    }
    for (const [key, address] of this.#own) {
      if (!own.has(key)) note(this.#observeAddress("deleted", address));
    }
    for (const address of own.values()) note(this.#observeAddress("new", address));
    return hasChanged;
  }

  #observeLink(change: "new" | "deleted", link: Link): boolean {
    const before = this.#links.get(link.index);
    if (change === "deleted") {
      if (before === undefined) return false;
      this.#links.delete(link.index);
      for (const [key, own] of this.#own) if (own.link === link.index) this.#own.delete(key);
      this.#drop(({ nextHops }) => nextHops.some((hop) => hop.link === link.index));
      return true;
    }
    this.#links.set(link.index, link);
    const isSame = before !== undefined && isSameLink(before, link);
    // Also where the link is known to be down: a dump may have overtaken what the events still tell of routes over it.
    if (isSame && link.carrier) return false;
    // Objects of others go with the carrier, and what leads over them.
    const isOver = ({ nexthop, nextHops }: Route): boolean =>
      nexthop !== undefined && nextHops.some((hop) => hop.link === link.index);
    if (!link.carrier && this.#some(isOver)) {
      if (this.#areFew) return this.refresh();
      this.#doubt();
    }
    if (!link.up) {
      this.#drop(
        ({ destination, nextHops }) =>
          nextHops.some((hop) => hop.link === link.index) &&
          (destination.family === 6
            ? nextHops.length === 1
            : nextHops.every((hop) => this.#links.get(hop.link ?? 0)?.up !== true)),
      );
    }
    return true;
  }

  #observeAddress(
    change: "new" | "deleted",
    { address, link }: { readonly address: Address; readonly link: number },
  ): boolean {
    const key = ownKey(address, link);
    if (change === "new") {
      if (this.#own.has(key)) return false;
      this.#own.set(key, { address, link });
      return true;
    }
    this.#own.delete(key);
    if (!this.isOwn(address)) {
      this.#drop(
        ({ preferredSource }) =>
          preferredSource !== undefined && equalAddress(preferredSource, address),
      );
    }
    const isLast = ![...this.#own.values()].some(
      (own) => own.link === link && own.address.family === 4,
    );
    if (address.family === 4 && isLast) {
      this.#drop(
        ({ destination, nexthop, nextHops }) =>
          destination.family === 4 &&
          nexthop === undefined &&
          nextHops.some((hop) => hop.link === link),
      );
    }
    return true;
  }

  #observeRoute({ change, route, replaces }: RouteEvent): boolean {
    if (route.table !== MAIN_TABLE) return false;
    const destination = formatPrefix(route.destination);
    const there = this.#routes.get(destination) ?? [];
    const text = printRoute(route);
    const isOurs = route.protocol === this.#protocol;
    if (change === "new") {
      const rivals = there.filter(({ metric }) => metric === route.metric);
      if (rivals.some((one) => printRoute(one) === text)) return false;
      // In the place of which, or beside them? One of ours may have taken another's place as well.
      if (rivals.length > 1 || (rivals.length > 0 && replaces !== true)) return this.#readAgain();
      if (isOurs && rivals.length === 0) return false;
      const rest = there.filter((one) => one !== rivals[0]);
      this.#put(destination, isOurs ? rest : inOrder([...rest, route]));
      return true;
    }
    if (isOurs) return false;
    const rest = there.filter((one) => printRoute(one) !== text);
    if (rest.length === there.length) {
      // One that is not known as it was told of: a way of it may have gone before.
      return there.some(({ metric }) => metric === route.metric) ? this.#readAgain() : false;
    }
    this.#put(destination, rest);
    return true;
  }

  #insert(route: Route): void {
    const key = formatPrefix(route.destination);
    this.#put(key, inOrder([...(this.#routes.get(key) ?? []), route]));
  }

  #put(key: string, routes: readonly Route[]): void {
    if (routes.length === 0) this.#routes.delete(key);
    else this.#routes.set(key, routes);
  }

  #some(isSo: (route: Route) => boolean): boolean {
    return [...this.#routes.values()].some((routes) => routes.some(isSo));
  }

  #drop(isGone: (route: Route) => boolean): void {
    for (const [key, routes] of this.#routes) {
      if (routes.some(isGone))
        this.#put(
          key,
          routes.filter((route) => !isGone(route)),
        );
    }
  }
}

function inOrder(routes: readonly Route[]): readonly Route[] {
  return routes.toSorted((a, b) => a.metric - b.metric);
}

function isSameLink(a: Link, b: Link): boolean {
  return a.up === b.up && a.carrier === b.carrier && a.name === b.name;
}

function ownKey(address: Address, link: number): string {
  return `${formatAddress(address)} ${link}`;
}

/** What answers depend on, but for what links say themselves (dead ways), and what it goes with: an object, an address. */
function printRoute(route: Route): string {
  const { destination, type, protocol, metric, nextHops, nexthop, preferredSource } = route;
  const hop = ({ gateway, link, onLink, weight = 1 }: RouteNextHop): string =>
    `${gateway === undefined ? "" : formatAddress(gateway)}@${link}${onLink === true ? "+" : ""}*${weight}`;
  const source = preferredSource === undefined ? "" : formatAddress(preferredSource);
  return `${formatPrefix(destination)} ${type} ${protocol} ${metric} ${nextHops.map(hop).join(" ")} ${nexthop ?? ""} ${source}`;
}
