/** Short ways to ask a kernel for things and to read its answers, for the suites. */

import type {
  Kernel,
  KernelEvent,
  Nexthop,
  Request,
  Route,
  RouteNextHop,
  RoutingRequest,
} from "../../kernel/kernel.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { formatPrefix, parseInterfaceAddress, parsePrefix } from "../../lib/prefix.ts";

/** One machine with a second network namespace. */
export type KernelHarness = {
  readonly host: Kernel;
  readonly pod: Kernel;
  /** Another's hand in the host's namespace. */
  readonly second: Kernel;
  /** What stands for the second one in requests. */
  readonly podNamespace: number;
  /** Let events come until the condition holds; throws when it does not within some seconds. */
  until(condition: () => boolean): Promise<void>;
  close(): void;
};

export const ip = parseAddress;
export const net = parsePrefix;

/** Of the blackholes below. */
export const BLACKHOLES = 77;

/** The destination of one of many routes: 10.1.0.0/32, 10.1.0.1/32 … */
export const destinationOf = (index: number): string => `10.1.${index >> 8}.${index & 255}/32`;

export const blackhole = (
  type: "add" | "delete",
  destination: string,
  table = 254,
): RoutingRequest => ({
  type: `${type} route`,
  route: { destination: net(destination), table, protocol: BLACKHOLES, type: "blackhole" },
});

export const up = (link: number | string): Request => ({ type: "set link", link, up: true });
export const down = (link: number | string): Request => ({ type: "set link", link, up: false });

export function addAddress(link: number | string, text: string): Request {
  return { type: "add address", link, ...parseInterfaceAddress(text) };
}

export function deleteAddress(link: number | string, text: string): Request {
  return { type: "delete address", link, ...parseInterfaceAddress(text) };
}

/** `v0` on the host, `v1` in the pod's namespace. */
export function veth(harness: KernelHarness): Request {
  return {
    type: "create veth",
    end: { name: "v0" },
    peer: { name: "v1", namespace: harness.podNamespace },
  };
}

/** Both ends up, 10.0.0.1/24 on the host's. */
export function connect(harness: KernelHarness): void {
  harness.host.apply(veth(harness));
  harness.host.apply(addAddress("v0", "10.0.0.1/24"));
  harness.pod.apply(up("v1"));
  harness.host.apply(up("v0"));
}

/** The message of a refused request; "done" when it was not refused. */
export function outcome(kernel: Kernel, request: Request): string {
  const [error] = kernel.applyAll([request]);
  return error === undefined ? "done" : error.message;
}

/** IPv4 routes as sorted text, those of the local table apart. */
export function routesOf(kernel: Kernel, filter: { table?: number; protocol?: number } = {}) {
  const names = new Map(kernel.links().map(({ index, name }) => [index, name]));
  return kernel
    .routes({ family: 4, ...filter })
    .filter(({ table }) => filter.table !== undefined || table !== 255)
    .map((route) => routeText(route, names))
    .sort();
}

export function routeText(route: Route, names: ReadonlyMap<number, string>): string {
  const { destination, type, table, protocol, scope, metric, preferredSource, nextHops } = route;
  const { nexthop } = route;
  const hop = ({ gateway, link, onLink, weight, dead }: RouteNextHop): string =>
    [
      gateway === undefined ? "" : `via ${formatAddress(gateway)} `,
      `dev ${names.get(link ?? 0) ?? link}`,
      onLink === true ? " onlink" : "",
      weight === undefined ? "" : ` weight ${weight}`,
      dead === true ? " dead" : "",
    ].join("");
  return [
    ...(type === "unicast" ? [] : [type]),
    formatPrefix(destination),
    nextHops.map(hop).join(", "),
    `proto ${protocol}`,
    ...(scope === "global" ? [] : [`scope ${scope}`]),
    ...(metric === 0 ? [] : [`metric ${metric}`]),
    ...(table === 254 ? [] : [`table ${table}`]),
    ...(preferredSource === undefined ? [] : [`src ${formatAddress(preferredSource)}`]),
    ...(nexthop === undefined ? [] : [`nhid ${nexthop}`]),
  ]
    .filter((part) => part !== "")
    .join(" ");
}

export function nexthopText(nexthop: Nexthop, names: ReadonlyMap<number, string>): string {
  const { id, protocol, members, gateway, link, onLink, blackhole } = nexthop;
  const shares = members?.map(({ id: member, weight = 1 }) => `${member},${weight}`);
  return [
    `${id}`,
    ...(shares === undefined ? [] : [`group ${shares.join("/")}`]),
    ...(blackhole === true ? ["blackhole"] : []),
    ...(gateway === undefined ? [] : [`via ${formatAddress(gateway)}`]),
    ...(link === undefined ? [] : [`dev ${names.get(link) ?? link}`]),
    ...(onLink === true ? ["onlink"] : []),
    `proto ${protocol}`,
  ].join(" ");
}

/** An event in a line; links by what most tests look at. */
export function eventText(event: KernelEvent, names: ReadonlyMap<number, string>): string {
  switch (event.type) {
    case "link": {
      const { name, up: isUp, carrier } = event.link;
      return `link ${event.change} ${name}${isUp ? " up" : ""}${carrier ? " carrier" : ""}`;
    }
    case "address":
      return `address ${event.change} ${formatAddress(event.address.address)}/${event.address.length}`;
    case "route":
      return `route ${event.replaces === true ? "replaced by" : event.change} ${routeText(event.route, names)}`;
    case "neighbour":
      return `neighbour ${event.change} ${formatAddress(event.neighbour.address)} ${event.neighbour.state}`;
    case "nexthop":
      return `nexthop ${event.change} ${nexthopText(event.nexthop, names)}`;
    default:
      return event.type;
  }
}

/** IPv4 addresses, sorted. */
export const addressesOf = (kernel: Kernel): string[] =>
  kernel
    .addresses(4)
    .map(
      ({ link, address, length, scope }) =>
        `${kernel.link(link)?.name} ${formatAddress(address)}/${length} ${scope}`,
    )
    .sort();

/** IPv4 neighbours, sorted. */
export const neighboursOf = (kernel: Kernel): string[] =>
  kernel
    .neighbours(4)
    // Linux makes entries of its own for multicast.
    .filter(({ address }) => address.w0 >>> 28 !== 0xe)
    .map(
      ({ link, address, mac, state }) =>
        `${kernel.link(link)?.name} ${formatAddress(address)} ${mac} ${state}`,
    )
    .sort();
