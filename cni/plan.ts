/**
 * What ADD makes, as data: kernel requests and settings, in the order in which they are done.
 *
 * CHECK reads the same plan, so it looks at everything that ADD makes and at nothing else. Every step
 * below hangs on the host end, deleting that takes all of it back; but for the source check, which is the node's.
 */

import type { Ipv4Settings, Request, SourceCheck } from "../kernel/kernel.ts";
import type { Address } from "../lib/address.ts";
import { hostPrefix } from "../lib/prefix.ts";
import { type Attachment, HOST_MAC } from "./attachment.ts";
import { SOURCE_CHECK, UNCHECKED } from "./source-check.ts";

export type Setting = { readonly name: string; readonly value: string };

export type CreateVeth = Extract<Request, { type: "create veth" }>;

export type Plan = {
  /** The pair; the peer is born in the pod's namespace. */
  readonly pair: CreateVeth;
  /** What the node must have before the host end is up. */
  readonly sourceCheck?: SourceCheck;
  /** Of the host end, before it is up. */
  readonly hostSettings: readonly Setting[];
  readonly podSettings: readonly Setting[];
  readonly pod: readonly Request[];
  readonly host: readonly Request[];
};

/** The plan of an attachment; `namespace` is the pod's, an open descriptor. */
export function planOf(attachment: Attachment, namespace: number): Plan {
  const { hostEnd, podEnd, podMac, addresses, routes, gateways, queues } = attachment;
  const mtu = attachment.mtu === undefined ? {} : { mtu: attachment.mtu };
  const alias = attachment.alias === undefined ? {} : { alias: attachment.alias };
  const forwarding = attachment.forwarding ? 1 : 0;
  const pod: Request[] = [
    // Namespaces inherit the node's, which forwards.
    { type: "set ipv4 settings", link: podEnd, settings: { forwarding } },
    { type: "set link", link: podEnd, up: true },
  ];
  const { sourceCheck } = attachment;
  const group = sourceCheck ? {} : { group: UNCHECKED };
  const host: Request[] = [
    { type: "set ipv4 settings", link: hostEnd, settings: ipv4Settings(sourceCheck) },
    { type: "set link", link: hostEnd, up: true, ...alias, ...group },
  ];
  let hasIpv6 = false;
  for (const address of addresses) {
    if (address.family === 6) hasIpv6 = true;
    addAddress(pod, host, attachment, address);
  }
  for (const destination of routes) {
    const nextHops = [{ gateway: gateways[destination.family], link: podEnd }];
    pod.push({ type: "add route", route: { destination, scope: "global", nextHops } });
  }
  return {
    pair: {
      type: "create veth",
      end: { name: hostEnd, mac: HOST_MAC, ...mtu, queues },
      peer: { name: podEnd, mac: podMac, ...mtu, queues, namespace },
    },
    ...(hasIpv6 && sourceCheck ? { sourceCheck: SOURCE_CHECK } : {}),
    hostSettings: hasIpv6 ? ipv6Settings(hostEnd) : [ipv6Disabled(hostEnd, "1")],
    podSettings: hasIpv6 ? [ipv6Disabled(podEnd, "0"), ...attachment.sysctls] : attachment.sysctls,
    pod,
    host,
  };
}

/** What one address needs on both sides. */
function addAddress(
  pod: Request[],
  host: Request[],
  { hostEnd, podEnd, podMac, gateways }: Attachment,
  address: Address,
): void {
  const gateway = gateways[address.family];
  const { length } = hostPrefix(address);
  pod.push({ type: "add address", link: podEnd, address, length });
  if (address.family === 4) {
    pod.push({
      type: "add route",
      route: { destination: hostPrefix(gateway), scope: "link", nextHops: [{ link: podEnd }] },
    });
  } else {
    host.push({ type: "add address", link: hostEnd, address: gateway, length: LINK_LOCAL_LENGTH });
  }
  // No ARP: it is answered only where the host has a route to the gateway over another link. Nor neighbour
  // discovery: it takes a second until the pod's own link-local address may be used.
  pod.push({ type: "replace neighbour", link: podEnd, address: gateway, mac: HOST_MAC });
  const scope = address.family === 4 ? "link" : "global";
  host.push(
    {
      type: "add route",
      route: { destination: hostPrefix(address), scope, nextHops: [{ link: hostEnd }] },
    },
    { type: "replace neighbour", link: hostEnd, address, mac: podMac },
  );
}

/** fe80::/64 (RFC 4291 section 2.5.6). */
const LINK_LOCAL_LENGTH = 64;

/** Of the host end. */
function ipv4Settings(sourceCheck: boolean): Ipv4Settings {
  return {
    forwarding: 1,
    // Only what comes from where a route leads back over the same link: from the pod's address.
    rp_filter: sourceCheck ? 1 : 0,
    // For software in the pod that flushes neighbours and asks again.
    proxy_arp: 1,
    // The node's loopback is no pod's business, whatever conf/default says.
    route_localnet: 0,
  };
}

/** Without an IPv6 address there is nothing to speak it for: no link-local, no solicitations. */
function ipv6Disabled(link: string, value: "0" | "1"): Setting {
  return { name: `net/ipv6/conf/${link}/disable_ipv6`, value };
}

function ipv6Settings(hostEnd: string): Setting[] {
  return [
    // Its link-local address is ours to give: the same on every node, whatever conf/default says.
    { name: `net/ipv6/conf/${hostEnd}/addr_gen_mode`, value: "1" },
    ipv6Disabled(hostEnd, "0"),
  ];
}
