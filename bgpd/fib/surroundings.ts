/**
 * Links, addresses and others' routes as the kernel has them, kept by its events.
 *
 * Linux says nothing of IPv4 routes that vanish with a link or an address: what goes then is known by its rules
 * (net/ipv4/fib_semantics.c, fib_sync_down_dev and fib_sync_down_addr). Where an event can be read in two ways, and
 * after an overrun, a new dump is taken: our own routes, of which there may be a million, are left out of it.
 */

import type { Kernel, KernelEvent, Link, Route, RouteNextHop } from "../../kernel/kernel.ts";
import { type Address, bitsOf, equalAddress, formatAddress } from "../../lib/address.ts";
import { formatPrefix, prefixOf } from "../../lib/prefix.ts";

/** Where the connected routes are, which every next hop ends in. */
const MAIN_TABLE = 254;

export class Surroundings {
  readonly #kernel: Kernel;
  readonly #protocol: number;
  readonly #links = new Map<number, Link>();
  /** Address and link → the address. */
  readonly #own = new Map<string, { readonly address: Address; readonly link: number }>();
  /** By destination, those of lower metric first. */
  readonly #routes = new Map<string, readonly Route[]>();

  /** Routes of the main table that do not carry `protocol`. Empty until `refresh`. */
  constructor(kernel: Kernel, protocol: number) {
    this.#kernel = kernel;
    this.#protocol = protocol;
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
    return this.print() !== before;
  }

  /** Take in what the kernel tells; true when something has changed that next hops may depend on. */
  observe(event: KernelEvent): boolean {
    switch (event.type) {
      case "link":
        return this.#observeLink(event.change, event.link);
      case "address":
        return this.#observeAddress(event.change, event.address);
      case "route":
        return this.#observeRoute(event.change, event.route);
      case "overrun":
        return this.refresh();
      case "nexthop": {
        // Others' routes over it have moved or gone, which is told only in part.
        const { id } = event.nexthop;
        return this.#some((route) => route.nexthop === id) && this.refresh();
      }
      case "neighbour":
        return false;
    }
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
    const isSame =
      before?.up === link.up && before.carrier === link.carrier && before.name === link.name;
    // Also where the link is known to be down: a dump may have overtaken what the events still tell of routes over it.
    if (isSame && link.carrier) return false;
    // Objects of others go with the carrier, and what leads over them.
    const isOver = ({ nexthop, nextHops }: Route): boolean =>
      nexthop !== undefined && nextHops.some((hop) => hop.link === link.index);
    if (!link.carrier && this.#some(isOver)) return this.refresh();
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

  #observeRoute(change: "new" | "deleted", route: Route): boolean {
    if (route.table !== MAIN_TABLE) return false;
    const there = this.#routes.get(formatPrefix(route.destination)) ?? [];
    const text = printRoute(route);
    const isOurs = route.protocol === this.#protocol;
    if (change === "new") {
      // In the place of another, or beside it? And one of ours may have taken another's place.
      const rivals = there.filter(({ metric }) => metric === route.metric);
      if (rivals.some((one) => printRoute(one) === text)) return false;
      if (rivals.length > 0) return this.refresh();
      if (isOurs) return false;
      this.#insert(route);
      return true;
    }
    if (isOurs) return false;
    const rest = there.filter((one) => printRoute(one) !== text);
    if (rest.length === there.length) {
      // One that is not known as it was told of: a way of it may have gone before.
      return there.some(({ metric }) => metric === route.metric) ? this.refresh() : false;
    }
    this.#put(formatPrefix(route.destination), rest);
    return true;
  }

  #insert(route: Route): void {
    const key = formatPrefix(route.destination);
    const routes = [...(this.#routes.get(key) ?? []), route];
    this.#put(
      key,
      routes.sort((a, b) => a.metric - b.metric),
    );
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

function ownKey(address: Address, link: number): string {
  return `${formatAddress(address)} ${link}`;
}

/** What answers depend on, but for what links say themselves (dead ways). */
function printRoute({ destination, type, protocol, metric, nextHops }: Route): string {
  const hop = ({ gateway, link, onLink, weight = 1 }: RouteNextHop): string =>
    `${gateway === undefined ? "" : formatAddress(gateway)}@${link}${onLink === true ? "+" : ""}*${weight}`;
  return `${formatPrefix(destination)} ${type} ${protocol} ${metric} ${nextHops.map(hop).join(" ")}`;
}
