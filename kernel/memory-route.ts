/**
 * Routes of the in-memory kernel: what Linux checks before it takes one (net/ipv4/fib_semantics.c),
 * and what becomes of them when links change.
 */

import { type Address, equalAddress } from "../lib/address.ts";
import { equalPrefix } from "../lib/prefix.ts";
import type { Nexthop, Route, RouteNextHop, RouteSpec } from "./kernel.ts";
import { hasCarrier, type MemoryLink, type MemoryNamespace, refusal } from "./memory-state.ts";
import { withDefaults } from "./route.ts";
import { scopeTo } from "./scope.ts";

type Hop = NonNullable<RouteSpec["nextHops"]>[number];

const LOCAL_TABLE = 255;
const MAIN_TABLE = 254;
const LOOPBACK = 1;
const BAD_GATEWAY = "Nexthop has invalid gateway";
const REFUSING = new Set(["blackhole", "unreachable", "prohibit"]);

/** Install a route: exclusively, or in place of the one with its destination and metric. */
export function addRoute(
  namespace: MemoryNamespace,
  spec: RouteSpec,
  mode: "exclusive" | "replace",
): void {
  const route = check(namespace, spec);
  const old = namespace.routes
    .at(route.table, route.destination)
    .find(({ metric }) => metric === route.metric);
  if (old !== undefined && mode === "exclusive") throw refusal("EEXIST");
  // The same once more is no change, and nobody is told.
  if (old !== undefined && sameRoute(old, route)) return;
  namespace.routes.insert(route, old);
  const event = { type: "route", change: "new", route: showRoute(namespace, route) } as const;
  namespace.emit(old === undefined ? event : { ...event, replaces: true });
}

/** Remove the first route that the spec matches. */
export function deleteRoute(namespace: MemoryNamespace, spec: RouteSpec): void {
  const route = namespace.routes
    .at(spec.table ?? MAIN_TABLE, spec.destination)
    .find((candidate) => matches(namespace, spec, candidate));
  if (route === undefined) throw refusal("ESRCH");
  removeRoute(namespace, route);
}

/** Put in a route of the kernel's own making, beside what is there. */
export function appendRoute(namespace: MemoryNamespace, route: Route): void {
  if ([...namespace.routes.at(route.table, route.destination)].some((one) => sameRoute(one, route)))
    return;
  namespace.routes.insert(route);
  namespace.emit({ type: "route", change: "new", route: showRoute(namespace, route) });
}

/** Take a route out without a word. */
export function takeRoute(namespace: MemoryNamespace, route: Route): void {
  namespace.routes.remove(route);
}

/** Take a route out and tell of it. */
export function removeRoute(namespace: MemoryNamespace, route: Route): void {
  takeRoute(namespace, route);
  namespace.emit({ type: "route", change: "deleted", route: showRoute(namespace, route) });
}

/**
 * Drop what no longer leads anywhere since the link went down (or, `gone`, left), without a word: IPv4
 * routes vanish silently. Of a multipath route, ways over other links stay.
 */
export function flushRoutes(
  namespace: MemoryNamespace,
  link: MemoryLink,
  why: "down" | "gone",
): void {
  for (const route of [...namespace.routes]) {
    if (!route.nextHops.some((hop) => hop.link === link.index)) continue;
    const isLost =
      why === "gone" ||
      (scopeTo(route.scope) < scopeTo("host") &&
        route.nextHops.every((hop) => namespace.links.get(hop.link ?? 0)?.up !== true));
    if (isLost) takeRoute(namespace, route);
  }
}

/** The route as a dump shows it: a nexthop object as its ways, and ways over links without carrier as dead. */
export function showRoute(namespace: MemoryNamespace, route: Route): Route {
  const over = route.nexthop === undefined ? undefined : namespace.nexthops.get(route.nexthop);
  if (over !== undefined) return showOver(namespace, route, over);
  if (scopeTo(route.scope) >= scopeTo("host")) return route;
  const isDead = (hop: RouteNextHop): boolean => {
    const link = namespace.links.get(hop.link ?? 0);
    return link === undefined || !hasCarrier(link);
  };
  if (!route.nextHops.some(isDead)) return route;
  return {
    ...route,
    nextHops: route.nextHops.map((hop) => (isDead(hop) ? { ...hop, dead: true } : hop)),
  };
}

function showOver(namespace: MemoryNamespace, route: Route, over: Nexthop): Route {
  if (over.blackhole === true)
    return { ...route, type: "blackhole", nextHops: [{ link: LOOPBACK }] };
  const hop = ({ gateway, link, onLink }: Nexthop): RouteNextHop => ({
    ...(gateway === undefined ? {} : { gateway }),
    ...(link === undefined ? {} : { link }),
    ...(onLink === true ? { onLink } : {}),
  });
  const ways = over.members?.flatMap(({ id, weight }) => {
    const member = namespace.nexthops.get(id);
    if (member === undefined) return [];
    return [weight === undefined ? hop(member) : { ...hop(member), weight }];
  });
  return { ...route, nextHops: ways ?? [hop(over)] };
}

/** The route that the kernel would store. Throws what it would refuse with. */
function check(namespace: MemoryNamespace, spec: RouteSpec): Route {
  const { destination, type, table, protocol, scope, metric, preferredSource, nextHops } =
    withDefaults(spec);
  const isSix = destination.family === 6;
  let ways: RouteNextHop[] = [];
  if (spec.nexthop !== undefined) {
    checkOver(namespace, spec, spec.nexthop);
  } else if (REFUSING.has(type)) {
    if (nextHops.length > 0) {
      const said = "Gateway, device and multipath can not be specified for this route type";
      throw refusal("EINVAL", said);
    }
    if (isSix) ways = [{ link: LOOPBACK }];
  } else if (nextHops.length === 0) {
    throw refusal("ENODEV");
  } else {
    ways = nextHops.map((hop) => checkHop(namespace, hop, scopeTo(scope)));
  }
  if (preferredSource !== undefined && !isLocal(namespace, preferredSource)) {
    throw refusal("EINVAL", "Invalid prefsrc address");
  }
  const source = preferredSource === undefined ? {} : { preferredSource };
  const over = spec.nexthop === undefined ? {} : { nexthop: spec.nexthop };
  return { destination, type, table, protocol, scope, metric, ...source, nextHops: ways, ...over };
}

/** A route over a nexthop object: it must be there, and lead where the route's family can go. */
function checkOver(
  namespace: MemoryNamespace,
  { destination, nextHops = [] }: RouteSpec,
  id: number,
): void {
  if (nextHops.length > 0) {
    throw refusal("EINVAL", "Nexthop specification and nexthop id are mutually exclusive");
  }
  const over = namespace.nexthops.get(id);
  if (over === undefined) throw refusal("EINVAL", "Nexthop id does not exist");
  const ways = over.members?.map((member) => namespace.nexthops.get(member.id)) ?? [over];
  const isFour = ways.some((way) => way?.gateway?.family === 4);
  if (destination.family === 6 && isFour) {
    throw refusal("EINVAL", "IPv6 routes can not use an IPv4 nexthop");
  }
}

/** The gateway of a nexthop object, which is as near as that of a route. Throws what Linux would refuse with. */
export function checkGateway(namespace: MemoryNamespace, hop: Hop): void {
  // fe80::/10: on every link.
  if (hop.gateway?.family === 6 && hop.gateway.w0 >>> 22 === 0x3fa) return;
  checkHop(namespace, hop, scopeTo("global"));
}

function checkHop(namespace: MemoryNamespace, hop: Hop, scope: number): RouteNextHop {
  const { gateway, onLink, weight = 1 } = hop;
  const share = weight === 1 ? {} : { weight };
  if (gateway === undefined) {
    const link = hop.link === undefined ? undefined : namespace.find(hop.link);
    if (link === undefined) throw missing(hop);
    if (!link.up) throw refusal("ENETDOWN", "Device for nexthop is not up");
    return { link: link.index, ...share };
  }
  if (onLink === true) {
    if (hop.link === undefined) throw refusal("ENODEV", "Nexthop device required for onlink");
    const link = namespace.find(hop.link);
    if (link === undefined) throw missing(hop);
    if (!link.up) throw refusal("ENETDOWN", "Nexthop device is not up");
    if (isLocal(namespace, gateway)) throw refusal("EINVAL", BAD_GATEWAY);
    return { gateway, link: link.index, onLink, ...share };
  }
  if (typeof hop.link === "string" && namespace.find(hop.link) === undefined) throw missing(hop);
  const out = hop.link === undefined ? undefined : namespace.find(hop.link)?.index;
  if (hop.link !== undefined && out === undefined) throw refusal("ENETUNREACH", BAD_GATEWAY);
  const found = lookup(namespace, gateway, { out, scope: Math.max(scope + 1, scopeTo("link")) });
  const way = found?.nextHops.find((candidate) => isUsable(namespace, candidate, out));
  if (found === undefined || way?.link === undefined) {
    throw gateway.family === 6 ? refusal("EHOSTUNREACH") : refusal("ENETUNREACH", BAD_GATEWAY);
  }
  if (found.type !== "unicast" && found.type !== "local") throw refusal("EINVAL", BAD_GATEWAY);
  return { gateway, link: way.link, ...share };
}

function missing({ link }: Hop): Error {
  return refusal("ENODEV", typeof link === "string" ? `no link is called ${link}` : "");
}

/** The best route to a gateway: its scope must be at least as near as asked. */
function lookup(
  namespace: MemoryNamespace,
  address: Address,
  { out, scope }: { readonly out: number | undefined; readonly scope: number },
): Route | undefined {
  for (const table of [LOCAL_TABLE, MAIN_TABLE]) {
    for (const route of namespace.routes.covering(table, address)) {
      // IPv6 knows no scopes: there a gateway's own route must not have one.
      const isNear =
        address.family === 4
          ? scopeTo(route.scope) >= scope
          : route.nextHops.every(({ gateway }) => gateway === undefined);
      if (isNear && route.nextHops.some((hop) => isUsable(namespace, hop, out))) return route;
    }
  }
  return undefined;
}

function isUsable(namespace: MemoryNamespace, hop: RouteNextHop, out: number | undefined): boolean {
  const link = namespace.links.get(hop.link ?? 0);
  return link?.up === true && (out === undefined || out === link.index);
}

/** Whether the address is one of the namespace's own. */
function isLocal(namespace: MemoryNamespace, address: Address): boolean {
  return [...namespace.links.values()].some(({ addresses }) =>
    addresses.some((own) => equalAddress(own.address, address)),
  );
}

function matches(namespace: MemoryNamespace, spec: RouteSpec, route: Route): boolean {
  const { type, protocol, scope, metric, preferredSource, nextHops = [] } = spec;
  const isHop = (wanted: Hop, hop: RouteNextHop | undefined): boolean =>
    hop !== undefined &&
    (wanted.link === undefined || namespace.need(wanted.link).index === hop.link) &&
    (wanted.gateway === undefined ||
      (hop.gateway !== undefined && equalAddress(wanted.gateway, hop.gateway)));
  // What leads over an object is described by that alone.
  const isOver = route.nexthop === undefined ? spec.nexthop === undefined : nextHops.length === 0;
  return (
    isOver &&
    (spec.nexthop === undefined || spec.nexthop === route.nexthop) &&
    (type === undefined || type === route.type) &&
    (protocol === undefined || protocol === 0 || protocol === route.protocol) &&
    (scope === undefined || scope === "nowhere" || scope === route.scope) &&
    (metric === undefined || metric === 0 || metric === route.metric) &&
    (preferredSource === undefined || sameSource(preferredSource, route.preferredSource)) &&
    (nextHops.length < 2 || nextHops.length === route.nextHops.length) &&
    nextHops.every((wanted, index) => isHop(wanted, route.nextHops[index]))
  );
}

function sameRoute(a: Route, b: Route): boolean {
  return (
    equalPrefix(a.destination, b.destination) &&
    a.type === b.type &&
    a.protocol === b.protocol &&
    a.scope === b.scope &&
    a.metric === b.metric &&
    a.nexthop === b.nexthop &&
    sameSource(a.preferredSource, b.preferredSource) &&
    a.nextHops.length === b.nextHops.length &&
    a.nextHops.every((hop, index) => sameHop(hop, b.nextHops[index]))
  );
}

function sameHop(a: RouteNextHop, b: RouteNextHop | undefined): boolean {
  return (
    b !== undefined &&
    a.link === b.link &&
    a.weight === b.weight &&
    a.onLink === b.onLink &&
    sameSource(a.gateway, b.gateway)
  );
}

function sameSource(a: Address | undefined, b: Address | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalAddress(a, b);
}
