/**
 * What ADD makes, as data: kernel requests and settings, in the order in which they are done.
 *
 * CHECK reads the same plan, so it looks at everything that ADD makes and at nothing else. Every step
 * below hangs on the host end: deleting that takes all of it back.
 */

import type { Ipv4Settings, Request } from "../kernel/kernel.ts";
import { hostPrefix } from "../lib/prefix.ts";
import { type Attachment, GATEWAY, HOST_MAC } from "./attachment.ts";

export type Setting = { readonly name: string; readonly value: string };

export type CreateVeth = Extract<Request, { type: "create veth" }>;

export type Plan = {
  /** The pair; the peer is born in the pod's namespace. */
  readonly pair: CreateVeth;
  /** Of the host end, before it is up. */
  readonly settings: readonly Setting[];
  readonly pod: readonly Request[];
  readonly host: readonly Request[];
};

/** The plan of an attachment; `namespace` is the pod's, an open descriptor. */
export function planOf(attachment: Attachment, namespace: number): Plan {
  const { hostEnd, podEnd, podMac, address, routes } = attachment;
  const mtu = attachment.mtu === undefined ? {} : { mtu: attachment.mtu };
  const alias = attachment.alias === undefined ? {} : { alias: attachment.alias };
  const link = podEnd;
  const routed: Request[] = [];
  for (const destination of routes) {
    const nextHops = [{ gateway: GATEWAY, link }];
    routed.push({ type: "add route", route: { destination, scope: "global", nextHops } });
  }
  return {
    pair: {
      type: "create veth",
      end: { name: hostEnd, mac: HOST_MAC, ...mtu },
      peer: { name: podEnd, mac: podMac, ...mtu, namespace },
    },
    settings: settingsOf(hostEnd),
    pod: [
      { type: "set link", link, up: true },
      { type: "add address", link, address, length: hostPrefix(address).length },
      {
        type: "add route",
        route: { destination: hostPrefix(GATEWAY), scope: "link", nextHops: [{ link }] },
      },
      ...routed,
      // No ARP: it is answered only where the host has a route to the gateway over another link.
      { type: "replace neighbour", link, address: GATEWAY, mac: HOST_MAC },
    ],
    host: [
      { type: "set ipv4 settings", link: hostEnd, settings: IPV4_SETTINGS },
      { type: "set link", link: hostEnd, up: true, ...alias },
      {
        type: "add route",
        route: { destination: hostPrefix(address), scope: "link", nextHops: [{ link: hostEnd }] },
      },
      { type: "replace neighbour", link: hostEnd, address, mac: podMac },
    ],
  };
}

/** Of the host end. */
const IPV4_SETTINGS: Ipv4Settings = {
  forwarding: 1,
  // Whatever the pod's own source, only its address comes in.
  rp_filter: 1,
  // For software in the pod that flushes neighbours and asks again.
  proxy_arp: 1,
  // The node's loopback is no pod's business, whatever conf/default says.
  route_localnet: 0,
};

/** What only a file can say. */
function settingsOf(hostEnd: string): Setting[] {
  // Without an IPv6 address there is nothing to speak it for: no link-local, no solicitations.
  return [{ name: `net/ipv6/conf/${hostEnd}/disable_ipv6`, value: "1" }];
}
