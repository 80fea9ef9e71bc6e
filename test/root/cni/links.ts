/**
 * Debian's reference plugins as links of a chain behind manx: how each is configured, what the container
 * wishes from it, and a damage that only its own CHECK can find.
 */

import type { Json } from "./scene.ts";

export type Link = {
  readonly config: { readonly type: string } & Json;
  /** Arguments by capability. */
  readonly wish: Json;
  /** A command for `sh` that breaks what the plugin made for pod "a", the first of its block. */
  readonly damage: { readonly where: "host" | "a"; readonly command: string };
};

/** Of pod "a" in network "pods". */
export const HOST_END = "manx0b3b1f0306f";
export const HOST_PORT = 8080;
export const POD_PORT = 80;

/** bit/s: slow enough that a megabyte takes half a second. */
export const RATE = 16_000_000;
/** bits: a queue of more packets than TCP starts with. */
export const BURST = 800_000;

const portmap: Link = {
  config: { type: "portmap", snat: true, capabilities: { portMappings: true } },
  wish: {
    portMappings: [{ hostPort: HOST_PORT, containerPort: POD_PORT, protocol: "tcp" }],
  },
  damage: { where: "host", command: "iptables -t nat -F CNI-HOSTPORT-DNAT" },
};

const bandwidth: Link = {
  config: { type: "bandwidth", capabilities: { bandwidth: true } },
  wish: {
    bandwidth: { ingressRate: RATE, ingressBurst: BURST, egressRate: RATE, egressBurst: BURST },
  },
  damage: { where: "host", command: "ip link delete $(ip -br link | grep -o '^bwp[0-9a-f]*')" },
};

const firewall: Link = {
  config: { type: "firewall", backend: "iptables" },
  wish: {},
  damage: { where: "host", command: "iptables -F CNI-FORWARD" },
};

const tuning: Link = {
  config: { type: "tuning", mtu: 1300, sysctl: { "net.core.somaxconn": "777" } },
  wish: {},
  damage: { where: "a", command: "sysctl -qw net.core.somaxconn=778" },
};

export const LINKS = { portmap, bandwidth, firewall, tuning } as const;

/** Chains by what a test is to call them. */
export const CHAINS: Readonly<Record<string, readonly Link[]>> = {
  portmap: [portmap],
  bandwidth: [bandwidth],
  firewall: [firewall],
  tuning: [tuning],
  "portmap, bandwidth, firewall and tuning": [portmap, bandwidth, firewall, tuning],
};

/** What the container wishes from all of them. */
export function wishOf(links: readonly Link[]): Json {
  return Object.assign({}, ...links.map(({ wish }) => wish));
}
