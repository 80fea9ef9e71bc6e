/**
 * How the kernel differs from a plan: for each request of it, whether its effect is there.
 */

import {
  type InterfaceAddress,
  type Ipv4Settings,
  type Kernel,
  KernelError,
  type Link,
  type LinkInFull,
  type LinkReference,
  type Request,
  type Route,
  type RouteSpec,
  type SourceCheck,
} from "../kernel/kernel.ts";
import { IPV4_SETTINGS } from "../kernel/link.ts";
import { equalAddress, type Family, formatAddress } from "../lib/address.ts";
import { equalPrefix, formatPrefix, type Prefix } from "../lib/prefix.ts";
import { isOffAnyway } from "./apply.ts";
import type { CreateVeth, Plan, Setting } from "./plan.ts";
import { mendingCommand } from "./source-check.ts";

/**
 * One of the two namespaces, each thing in it looked up once. In a pod all routes are read, for a default route cannot
 * be asked for; on the host, which may have a million, only the one that is meant.
 */
type Side = {
  readonly kernel: Kernel;
  readonly where: string;
  link(reference: LinkReference): LinkInFull | undefined;
  addresses(reference: LinkReference, family: Family): readonly InterfaceAddress[];
  routes(destination: Prefix): readonly Route[];
};

function sideOf(kernel: Kernel, where: string, readsAll: boolean): Side {
  const links = new Map<LinkReference, LinkInFull | undefined>();
  const routes = new Map<Family, readonly Route[]>();
  const table = (family: Family): readonly Route[] => {
    const known = routes.get(family) ?? kernel.routes({ family, table: MAIN_TABLE });
    routes.set(family, known);
    return known;
  };
  const link = (reference: LinkReference): LinkInFull | undefined => {
    if (!links.has(reference)) links.set(reference, kernel.linkInFull(reference));
    return links.get(reference);
  };
  return {
    kernel,
    where,
    link,
    // Each is asked for once: an end of the pair has one address of a family.
    addresses(reference, family) {
      const index = link(reference)?.index;
      return index === undefined ? [] : kernel.addresses(family, index);
    },
    routes(destination) {
      if (readsAll) return table(destination.family);
      const route = kernel.routeTo(destination);
      // Where rules send packets to another table, ours may be there all the same.
      return route !== undefined && equalPrefix(route.destination, destination)
        ? [route]
        : table(destination.family);
    },
  };
}

const MAIN_TABLE = 254;

type SetLink = Extract<Request, { type: "set link" }>;

/** What is missing or different, in words; empty when all is as planned. */
export function deviations(plan: Plan, host: Kernel, pod: Kernel): string[] {
  const here = sideOf(host, "on the host", false);
  const there = sideOf(pod, "in the pod", true);
  const links = pairFaults(plan.pair, here, there);
  // Without its links the rest is gone as well, and says nothing new.
  if (links.missing) return links.faults;
  const { faults } = links;
  if (plan.sourceCheck !== undefined) faults.push(...sourceCheckFaults(plan.sourceCheck, host));
  for (const setting of plan.hostSettings) faults.push(...settingFaults(setting, here));
  for (const setting of plan.podSettings) faults.push(...settingFaults(setting, there));
  for (const request of plan.pod) faults.push(...requestFaults(request, there));
  for (const request of plan.host) faults.push(...requestFaults(request, here));
  return faults;
}

function pairFaults(pair: CreateVeth, host: Side, pod: Side) {
  const { name, mac } = pair.peer;
  // The pod's MTU may be a later plugin's (tuning), and the result does not tell.
  const peer = { name, ...(mac === undefined ? {} : { mac }) };
  const ours = host.link(pair.end.name);
  const theirs = pod.link(name);
  const faults = [...endFaults(pair.end, ours, host.where), ...endFaults(peer, theirs, pod.where)];
  if (ours === undefined || theirs === undefined) return { missing: true, faults };
  if (ours.peer !== theirs.index || theirs.peer !== ours.index) {
    faults.push(`${ours.name} on the host and ${theirs.name} in the pod are no pair`);
  }
  return { missing: false, faults };
}

function endFaults(asked: CreateVeth["end"], link: Link | undefined, where: string): string[] {
  const { name, mac, mtu } = asked;
  if (link === undefined) return [`${name} is missing ${where}`];
  const faults: string[] = [];
  const differs = (what: string): void => void faults.push(`${name} ${where} ${what}`);
  if (link.kind !== "veth") differs(`is of kind ${link.kind ?? "none"}, expected veth`);
  if (link.mac !== mac) differs(`has MAC ${link.mac ?? "none"}, expected ${mac}`);
  if (mtu !== undefined && link.mtu !== mtu) differs(`has MTU ${link.mtu}, expected ${mtu}`);
  return faults;
}

function sourceCheckFaults(check: SourceCheck, host: Kernel): string[] {
  try {
    if (host.hasSourceCheck(check)) return [];
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return [error.message];
  }
  return [
    `the check of IPv6 sources is missing on the host, or another one: ${mendingCommand(check)}`,
  ];
}

function settingFaults({ name, value }: Setting, { kernel }: Side): string[] {
  try {
    const found = kernel.sysctl(name);
    return found === value ? [] : [`sysctl ${name} is ${found}, expected ${value}`];
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (isOffAnyway(name, value, error)) return [];
    return [error.message];
  }
}

function requestFaults(request: Request, side: Side): string[] {
  const { kernel, where } = side;
  switch (request.type) {
    case "set link":
      return linkFaults(request, side);
    case "set ipv4 settings":
      return ipv4Faults(request.link, request.settings, side.link(request.link)?.ipv4);
    case "add address": {
      const { address, length } = request;
      for (const has of side.addresses(request.link, address.family)) {
        if (has.length === length && equalAddress(has.address, address)) return [];
      }
      const text = `${formatAddress(address)}/${length}`;
      return [`address ${text} is missing on ${request.link} ${where}`];
    }
    case "add route":
      return hasRoute(side, request.route)
        ? []
        : [`route ${describeRoute(request.route)} is missing ${where}`];
    case "replace neighbour": {
      const { address, mac } = request;
      const entry = kernel.neighbour(side.link(request.link)?.index ?? 0, address);
      if (entry?.mac === mac && entry.state === "permanent") return [];
      const has = entry === undefined ? "missing" : `${entry.mac ?? "none"} ${entry.state}`;
      return [
        `neighbour ${formatAddress(address)} of ${request.link} is ${has} ${where}, expected ${mac} permanent`,
      ];
    }
    default:
      // A request that cannot be looked up must not be in a plan.
      throw new Error(`a plan has ${request.type}`);
  }
}

function linkFaults({ link, up, group }: SetLink, side: Side): string[] {
  const { where } = side;
  const found = side.link(link);
  const faults = found?.up === up ? [] : [`${link} is down ${where}`];
  if (group !== undefined && found?.group !== group) {
    faults.push(`${link} is in group ${found?.group ?? 0} ${where}, expected ${group}`);
  }
  return faults;
}

function ipv4Faults(
  link: LinkReference,
  expected: Ipv4Settings,
  found: Ipv4Settings | undefined,
): string[] {
  const faults: string[] = [];
  for (const name of IPV4_SETTINGS) {
    const value = expected[name];
    if (value === undefined || found?.[name] === value) continue;
    // The chain's portmap sets it for ports on 127.0.0.1.
    if (name === "route_localnet") continue;
    faults.push(
      `sysctl net/ipv4/conf/${link}/${name} is ${found?.[name] ?? "missing"}, expected ${value}`,
    );
  }
  return faults;
}

function hasRoute(side: Side, asked: RouteSpec): boolean {
  for (const route of side.routes(asked.destination)) if (isAsked(route, asked, side)) return true;
  return false;
}

function isAsked(
  route: Route,
  { destination, scope, nextHops = [] }: RouteSpec,
  side: Side,
): boolean {
  if (route.type !== "unicast" || route.scope !== scope) return false;
  if (route.nextHops.length !== nextHops.length) return false;
  if (!equalPrefix(route.destination, destination)) return false;
  let at = 0;
  for (const { link, gateway } of nextHops) {
    const hop = route.nextHops[at++];
    if (link !== undefined && hop?.link !== side.link(link)?.index) return false;
    if (gateway === undefined || hop?.gateway === undefined) {
      if (gateway !== hop?.gateway) return false;
    } else if (!equalAddress(hop.gateway, gateway)) return false;
  }
  return true;
}

function describeRoute({ destination, nextHops = [] }: RouteSpec): string {
  const ways = nextHops.map(({ gateway, link }) =>
    [gateway === undefined ? "" : ` via ${formatAddress(gateway)}`, ` dev ${link}`].join(""),
  );
  return `${formatPrefix(destination)}${ways.join("")}`;
}
