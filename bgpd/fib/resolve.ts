/**
 * Next-hop resolution through the kernel's own table (RFC 4271 section 9.1.2.1).
 *
 * A next hop is usable when the longest match among the routes of others (connected, static, another
 * daemon's: anything but our own protocol number) leads out of a link with carrier. What it resolves
 * to is what the FIB installs. Pure over three dumps; `refresh` takes new ones.
 */

import type { Kernel, Link, Route, RouteNextHop } from "../../kernel/kernel.ts";
import { type Address, formatAddress } from "../../lib/address.ts";
import { containsAddress, formatPrefix } from "../../lib/prefix.ts";

/** The way to a next hop: out of `link`, over `gateway`. */
export type Way = {
  readonly gateway: Address;
  readonly link: number;
  /** The gateway is on the link by the word of the route that leads there, not by an address. */
  readonly onLink?: true;
};

export type Resolution = {
  readonly reachable: boolean;
  /** Metric of the route that leads there: the decision's cost to NEXT_HOP. */
  readonly cost: number;
  readonly way?: Way;
  /** For people, when not reachable. */
  readonly reason?: string;
};

export type Resolver = {
  /** Take new dumps; true when an answer may differ from before. */
  refresh(): boolean;
  resolve(nextHop: Address): Resolution;
};

const MAIN_TABLE = 254;
const LOCAL_TABLE = 255;
/** fe80::/10, without what is behind it. */
const LINK_LOCAL = 0xfe80 >>> 6;

/** A resolver over `kernel` that ignores routes of `protocol` (our own). */
export function createResolver(kernel: Kernel, protocol: number): Resolver {
  let view = "";
  let routes: readonly Route[] = [];
  let links = new Map<number, Link>();
  let own: ReadonlySet<string> = new Set();
  const answers = new Map<string, Resolution>();

  return {
    refresh() {
      links = new Map(kernel.links().map((link) => [link.index, link]));
      const addresses = kernel.addresses();
      own = new Set(addresses.map(({ address }) => formatAddress(address)));
      routes = kernel
        .routes({ table: MAIN_TABLE })
        .filter((route) => route.protocol !== protocol && route.table !== LOCAL_TABLE)
        .sort((a, b) => b.destination.length - a.destination.length || a.metric - b.metric);
      const next = print([...links.values()], routes, own);
      const changed = next !== view;
      view = next;
      if (changed) answers.clear();
      return changed;
    },

    resolve(nextHop) {
      const text = formatAddress(nextHop);
      const known = answers.get(text);
      if (known !== undefined) return known;
      const answer = resolveIn(routes, links, own, nextHop);
      answers.set(text, answer);
      return answer;
    },
  };
}

/** A resolver for a speaker without a FIB: every next hop is reachable at no cost. */
export function createOpenResolver(): Resolver {
  return { refresh: () => false, resolve: () => ({ reachable: true, cost: 0 }) };
}

function resolveIn(
  routes: readonly Route[],
  links: ReadonlyMap<number, Link>,
  own: ReadonlySet<string>,
  nextHop: Address,
): Resolution {
  const text = formatAddress(nextHop);
  const unreachable = (reason: string): Resolution => ({ reachable: false, cost: 0, reason });
  if (own.has(text)) return unreachable(`next hop ${text} is an address of this node`);
  // The same on every link: a route to fe80::/10 would lead out of any of them.
  if (nextHop.family === 6 && nextHop.w0 >>> 22 === LINK_LOCAL) {
    return unreachable(`next hop ${text} is link-local, and nothing says on which link it is`);
  }
  const route = routes.find(({ destination }) => containsAddress(destination, nextHop));
  if (route === undefined) return unreachable(`no route to next hop ${text}`);
  const name = formatPrefix(route.destination);
  if (route.type !== "unicast") {
    return unreachable(`next hop ${text} falls into the ${route.type} route ${name}`);
  }
  const hop = route.nextHops.find((candidate) => isUsable(candidate, links));
  if (hop?.link === undefined) {
    const index = route.nextHops[0]?.link;
    const link = index === undefined ? undefined : links.get(index);
    return unreachable(
      `the link to next hop ${text} is down (${link?.name ?? "gone"}, route ${name})`,
    );
  }
  const onLink = hop.onLink === true ? ({ onLink: true } as const) : {};
  const way = { gateway: hop.gateway ?? nextHop, link: hop.link, ...onLink };
  return { reachable: true, cost: route.metric, way };
}

function isUsable(hop: RouteNextHop, links: ReadonlyMap<number, Link>): boolean {
  const link = hop.link === undefined ? undefined : links.get(hop.link);
  return link?.up === true && link.carrier && hop.dead !== true;
}

/** What resolution depends on, as text: two equal prints give equal answers. */
function print(links: readonly Link[], routes: readonly Route[], own: ReadonlySet<string>): string {
  const hop = ({ gateway, link, onLink, dead }: RouteNextHop): string =>
    `${gateway === undefined ? "" : formatAddress(gateway)}@${link}${onLink === true ? "+" : ""}${dead === true ? "!" : ""}`;
  return [
    ...links.map(({ index, name, up, carrier }) => `${index} ${name} ${up} ${carrier}`),
    ...routes.map(
      ({ destination, type, metric, nextHops }) =>
        `${formatPrefix(destination)} ${type} ${metric} ${nextHops.map(hop).join(" ")}`,
    ),
    ...[...own].sort(),
  ].join("\n");
}
