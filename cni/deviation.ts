/**
 * How the kernel differs from a plan: for each request of it, whether its effect is there.
 */

import {
  type Kernel,
  KernelError,
  type Link,
  type LinkReference,
  type Request,
  type RouteSpec,
} from "../kernel/kernel.ts";
import { equalAddress, formatAddress } from "../lib/address.ts";
import { equalPrefix, formatPrefix } from "../lib/prefix.ts";
import { isOffAnyway } from "./apply.ts";
import type { CreateVeth, Plan, Setting } from "./plan.ts";

type Side = { readonly kernel: Kernel; readonly where: string };

/** What is missing or different, in words; empty when all is as planned. */
export function deviations(plan: Plan, host: Kernel, pod: Kernel): string[] {
  const sides = {
    host: { kernel: host, where: "on the host" },
    pod: { kernel: pod, where: "in the pod" },
  };
  const links = pairFaults(plan.pair, sides.host, sides.pod);
  // Without its links the rest is gone as well, and says nothing new.
  if (links.missing) return links.faults;
  return [
    ...links.faults,
    ...plan.hostSettings.flatMap((setting) => settingFaults(setting, sides.host)),
    ...plan.podSettings.flatMap((setting) => settingFaults(setting, sides.pod)),
    ...plan.pod.flatMap((request) => requestFaults(request, sides.pod)),
    ...plan.host.flatMap((request) => requestFaults(request, sides.host)),
  ];
}

function pairFaults(pair: CreateVeth, host: Side, pod: Side) {
  const { name, mac } = pair.peer;
  // The pod's MTU may be a later plugin's (tuning), and the result does not tell.
  const peer = { name, ...(mac === undefined ? {} : { mac }) };
  const ends = [
    { side: host, asked: pair.end, link: host.kernel.link(pair.end.name) },
    { side: pod, asked: peer, link: pod.kernel.link(name) },
  ];
  const faults = ends.flatMap(({ side, asked, link }) => {
    if (link === undefined) return [`${asked.name} is missing ${side.where}`];
    return endFaults(asked, link).map((fault) => `${asked.name} ${side.where} ${fault}`);
  });
  const [ours, theirs] = ends.map(({ link }) => link);
  if (ours === undefined || theirs === undefined) return { missing: true, faults };
  if (ours.peer !== theirs.index || theirs.peer !== ours.index) {
    faults.push(`${ours.name} on the host and ${theirs.name} in the pod are no pair`);
  }
  return { missing: false, faults };
}

function endFaults(asked: CreateVeth["end"], link: Link): string[] {
  const faults: string[] = [];
  if (link.kind !== "veth") faults.push(`is of kind ${link.kind ?? "none"}, expected veth`);
  if (link.mac !== asked.mac) faults.push(`has MAC ${link.mac ?? "none"}, expected ${asked.mac}`);
  if (asked.mtu !== undefined && link.mtu !== asked.mtu) {
    faults.push(`has MTU ${link.mtu}, expected ${asked.mtu}`);
  }
  return faults;
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

function requestFaults(request: Request, { kernel, where }: Side): string[] {
  switch (request.type) {
    case "set link":
      return kernel.link(request.link)?.up === request.up
        ? []
        : [`${request.link} is down ${where}`];
    case "set ipv4 settings":
      return Object.entries(request.settings).flatMap(([name, value]) => {
        const setting = { name: `net/ipv4/conf/${request.link}/${name}`, value: String(value) };
        return settingFaults(setting, { kernel, where });
      });
    case "add address": {
      const { address, length } = request;
      const link = indexOf(kernel, request.link);
      const found = kernel
        .addresses(address.family)
        .some(
          (has) => has.link === link && has.length === length && equalAddress(has.address, address),
        );
      const text = `${formatAddress(address)}/${length}`;
      return found ? [] : [`address ${text} is missing on ${request.link} ${where}`];
    }
    case "add route":
      return hasRoute(kernel, request.route)
        ? []
        : [`route ${describeRoute(request.route)} is missing ${where}`];
    case "replace neighbour": {
      const { address, mac } = request;
      const link = indexOf(kernel, request.link);
      const entry = kernel
        .neighbours(address.family)
        .find((has) => has.link === link && equalAddress(has.address, address));
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

function hasRoute(kernel: Kernel, asked: RouteSpec): boolean {
  const { destination, scope, nextHops = [] } = asked;
  const links = nextHops.map(({ link }) => indexOf(kernel, link));
  return kernel.routes({ family: destination.family, table: 254 }).some(
    (route) =>
      route.type === "unicast" &&
      route.scope === scope &&
      route.nextHops.length === nextHops.length &&
      equalPrefix(route.destination, destination) &&
      route.nextHops.every(({ gateway, link }, at) => {
        const expected = nextHops[at]?.gateway;
        if (link !== links[at]) return false;
        if (gateway === undefined || expected === undefined) return gateway === expected;
        return equalAddress(gateway, expected);
      }),
  );
}

function describeRoute({ destination, nextHops = [] }: RouteSpec): string {
  const ways = nextHops.map(({ gateway, link }) =>
    [gateway === undefined ? "" : ` via ${formatAddress(gateway)}`, ` dev ${link}`].join(""),
  );
  return `${formatPrefix(destination)}${ways.join("")}`;
}

function indexOf(kernel: Kernel, link: LinkReference | undefined): number | undefined {
  return link === undefined ? undefined : kernel.link(link)?.index;
}
