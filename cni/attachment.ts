/**
 * One attachment as plain data: what its two ends are called and what goes over them.
 *
 * Names and MACs follow from the request alone, so a DEL without any state finds what an ADD made, and
 * what ADD would do can be computed before anything is done.
 */

import type { Request } from "../ipam/protocol/request.ts";
import { type Address, address4, type Family } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import type { Setting } from "./plan.ts";

export type Attachment = {
  readonly hostEnd: string;
  /** Of the host end: whose it is, for people and for GC; absent where the kernel has no room for it. */
  readonly alias?: string;
  /** CNI_IFNAME. */
  readonly podEnd: string;
  readonly podMac: string;
  /** One of a family, or one of each. */
  readonly addresses: readonly Address[];
  /** What the pod reaches through its interface. */
  readonly routes: readonly Prefix[];
  readonly gateways: Gateways;
  readonly mtu?: number;
  /** Of each end, each way. */
  readonly queues: number;
  /** Of the pod's namespace. */
  readonly sysctls: readonly Setting[];
  /** Whether the pod forwards what comes in over the interface. */
  readonly forwarding: boolean;
};

/** What an attachment's ends are called, by the request alone. */
export type Ends = Pick<Attachment, "hostEnd" | "alias" | "podEnd" | "podMac">;

/** Every host end has it, so a pod that moved or slept need learn nothing. */
export const HOST_MAC = "ee:ee:ee:ee:ee:ee";

/** IFALIASZ less the NUL (linux/if.h). The parts are ASCII but for the interface's name. */
const ALIAS_MAX = 200;

/** Every pod's IPv4 gateway: on no interface, answered for by the permanent neighbour entry. */
const GATEWAY: Address = address4(0xa9_fe_01_01);

/** Every pod's IPv6 gateway: the link-local address that `HOST_MAC` makes (RFC 4291 appendix A), on every host end. */
const GATEWAY6: Address = {
  family: 6,
  w0: 0xfe80_0000,
  w1: 0,
  w2: 0xecee_eeff,
  w3: 0xfeee_eeee,
};

/** A pod's gateway in each family. */
export type Gateways = Readonly<Record<Family, Address>>;

/** Where the configuration names none. */
export const GATEWAYS: Gateways = { 4: GATEWAY, 6: GATEWAY6 };

/**
 * `manx` and the first 11 digits of SHA-1 over `NETWORK/CONTAINER/INTERFACE` (none of which may have a
 * slash): 15 characters, Linux' limit. The last 12 digits make the pod's MAC, locally administered and
 * unicast.
 */
export function endsOf({
  network,
  container,
  interfaceName,
}: Pick<Request, "network" | "container" | "interfaceName">): Ends {
  const name = `${network}/${container}/${interfaceName}`;
  const digits = Bun.SHA1.hash(name, "hex");
  return {
    hostEnd: `manx${digits.slice(0, 11)}`,
    ...(name.length <= ALIAS_MAX ? { alias: name } : {}),
    podEnd: interfaceName,
    podMac: macOf(digits.slice(-12)),
  };
}

/** Twelve digits as a MAC: the bits that say "group" and "made by the manufacturer" are turned off. */
function macOf(digits: string): string {
  const second = (Number.parseInt(digits.charAt(1), 16) & 0xc) | 0x2;
  let mac = digits.charAt(0) + second.toString(16);
  for (let at = 2; at < 12; at += 2) mac += `:${digits.slice(at, at + 2)}`;
  return mac;
}
