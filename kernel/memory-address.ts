/**
 * Addresses and neighbours of the in-memory kernel, with the routes that Linux makes for an address
 * (net/ipv4/fib_frontend.c): a local one always, those of the subnet while the link is up.
 */

import { type Address, bitsOf, equalAddress, formatAddress } from "../lib/address.ts";
import { equalPrefix, hostPrefix, prefixOf } from "../lib/prefix.ts";
import type { InterfaceAddress, Neighbour, NeighbourState, Route } from "./kernel.ts";
import { appendRoute, flushRoutes, removeRoute } from "./memory-route.ts";
import { type LinkAddress, type MemoryLink, refusal } from "./memory-state.ts";

const LOCAL_TABLE = 255;
const MAIN_TABLE = 254;
/** RTPROT_KERNEL; IP6_RT_PRIO_ADDRCONF */
const KERNEL = 2;
const ADDRCONF = 256;

export function addAddress(link: MemoryLink, entry: LinkAddress): void {
  const { address, length } = entry;
  const isFour = address.family === 4;
  if (length > bitsOf(address.family))
    throw refusal("EINVAL", isFour ? "ipv4: Invalid prefix length" : "ipv6: Invalid prefix length");
  const isThere = link.addresses.some(
    (own) => equalAddress(own.address, address) && (!isFour || own.length === length),
  );
  if (isThere) {
    throw refusal(
      "EEXIST",
      isFour ? "ipv4: Address already assigned" : "ipv6: address already assigned",
    );
  }
  link.addresses.push(entry);
  tell(link, "new", entry);
  for (const route of ownRoutes(link, entry)) appendRoute(link.namespace, route);
  if (link.up) appendSubnet(link, entry);
}

export function deleteAddress(link: MemoryLink, address: Address, length: number): void {
  const isFour = address.family === 4;
  const entry = link.addresses.find(
    (own) => equalAddress(own.address, address) && own.length === length,
  );
  if (entry === undefined)
    throw refusal("EADDRNOTAVAIL", isFour ? "ipv4: Address not found" : "ipv6: address not found");
  // With its first address a subnet loses the others (promote_secondaries is 0).
  if (isFour && firstOfSubnet(link, entry) === entry) {
    for (const other of link.addresses.filter((one) => one !== entry && sameSubnet(one, entry))) {
      drop(link, other);
    }
  }
  drop(link, entry);
  // A link without an address routes nothing, not even over gateways that are on it.
  if (isFour && !link.addresses.some((own) => own.address.family === 4)) {
    flushRoutes(link.namespace, link, "gone");
  }
}

/** The link is up: its subnets are reachable. */
export function raiseAddresses(link: MemoryLink): void {
  for (const entry of link.addresses) appendSubnet(link, entry);
}

/** Remove all addresses of a family (default both), as when the link goes. */
export function clearAddresses(link: MemoryLink, family?: 4 | 6): void {
  for (const entry of [...link.addresses]) {
    if (family === undefined || entry.address.family === family) drop(link, entry);
  }
}

export function replaceNeighbour(
  link: MemoryLink,
  {
    address,
    mac,
    state = "permanent",
  }: {
    readonly address: Address;
    readonly mac: string;
    readonly state?: NeighbourState | undefined;
  },
): void {
  const neighbour: Neighbour = { link: link.index, address, mac, state };
  const key = formatAddress(address);
  const old = link.neighbours.get(key);
  link.neighbours.set(key, neighbour);
  if (old?.mac === mac && old.state === state) return;
  link.namespace.emit({ type: "neighbour", change: "new", neighbour });
}

export function deleteNeighbour(link: MemoryLink, address: Address): void {
  const key = formatAddress(address);
  const neighbour = link.neighbours.get(key);
  if (neighbour === undefined) throw refusal("ENOENT");
  link.neighbours.delete(key);
  link.namespace.emit({ type: "neighbour", change: "deleted", neighbour });
}

/** Forget neighbours; without carrier those that were learnt, else all. */
export function flushNeighbours(link: MemoryLink, which: "learnt" | "all"): void {
  for (const { address, state } of [...link.neighbours.values()]) {
    if (which === "all" || state !== "permanent") deleteNeighbour(link, address);
  }
}

function drop(link: MemoryLink, entry: LinkAddress): void {
  const { namespace } = link;
  link.addresses = link.addresses.filter((own) => own !== entry);
  tell(link, "deleted", entry);
  const made = [...ownRoutes(link, entry), ...subnetRoutes(link, entry)];
  for (const route of [...namespace.routes]) {
    const isMade = made.some(
      (one) =>
        one.table === route.table &&
        one.type === route.type &&
        route.protocol === KERNEL &&
        equalPrefix(one.destination, route.destination) &&
        route.nextHops[0]?.link === link.index &&
        (one.preferredSource === undefined || isFrom(route, one.preferredSource)),
    );
    if (isMade || (isFrom(route, entry.address) && !isAnywhere(link, entry.address))) {
      removeRoute(namespace, route);
    }
  }
}

/** The route that makes an address our own. */
function ownRoutes(link: MemoryLink, { address, length }: LinkAddress): Route[] {
  const isFour = address.family === 4;
  const base = {
    type: "local",
    table: LOCAL_TABLE,
    protocol: KERNEL,
    metric: 0,
    scope: isFour ? "host" : "global",
    ...(isFour ? { preferredSource: address } : {}),
    nextHops: [{ link: link.index }],
  } as const;
  const own = [{ ...base, destination: hostPrefix(address) }];
  if (link.kind !== "loopback" || !isFour || length === 32) return own;
  return [...own, { ...base, destination: prefixOf(address, length) }];
}

/** The routes to an address's subnet; none for a lone address. */
function subnetRoutes(link: MemoryLink, { address, length }: LinkAddress): Route[] {
  const isFour = address.family === 4;
  const destination = prefixOf(address, length);
  const base = { protocol: KERNEL, nextHops: [{ link: link.index }] } as const;
  if (!isFour) {
    return [
      {
        ...base,
        type: "unicast",
        table: MAIN_TABLE,
        scope: "global",
        metric: ADDRCONF,
        destination,
      },
    ];
  }
  const near = { ...base, scope: "link", metric: 0, preferredSource: address } as const;
  const broadcast: Route[] =
    length > 30
      ? []
      : [
          {
            ...near,
            type: "broadcast",
            table: LOCAL_TABLE,
            destination: lastOf(destination, length),
          },
        ];
  if (link.kind === "loopback") return broadcast;
  if (length === 32) return [];
  return [{ ...near, type: "unicast", table: MAIN_TABLE, destination }, ...broadcast];
}

function appendSubnet(link: MemoryLink, entry: LinkAddress): void {
  if (entry.address.family === 4 && firstOfSubnet(link, entry) !== entry) return;
  for (const route of subnetRoutes(link, entry)) appendRoute(link.namespace, route);
}

function lastOf(address: Address, length: number) {
  const mask = length === 0 ? 0xffff_ffff : (2 ** (32 - length) - 1) >>> 0;
  return hostPrefix({ ...address, w0: (address.w0 | mask) >>> 0 });
}

function firstOfSubnet(link: MemoryLink, entry: LinkAddress): LinkAddress | undefined {
  return link.addresses.find((one) => sameSubnet(one, entry));
}

function sameSubnet(a: LinkAddress, b: LinkAddress): boolean {
  return (
    a.address.family === b.address.family &&
    a.length === b.length &&
    equalPrefix(prefixOf(a.address, a.length), prefixOf(b.address, b.length))
  );
}

function isFrom({ preferredSource }: Route, address: Address): boolean {
  return preferredSource !== undefined && equalAddress(preferredSource, address);
}

function isAnywhere({ namespace }: MemoryLink, address: Address): boolean {
  return [...namespace.links.values()].some(({ addresses }) =>
    addresses.some((own) => equalAddress(own.address, address)),
  );
}

function tell(link: MemoryLink, change: "new" | "deleted", entry: LinkAddress): void {
  const shown: InterfaceAddress = { link: link.index, ...entry };
  link.namespace.emit({ type: "address", change, address: shown });
}
