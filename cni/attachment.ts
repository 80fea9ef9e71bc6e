/**
 * One attachment as plain data: its two ends and what goes over them, so that what ADD would do can be computed
 * before anything is done.
 */

import type { Ends } from "../ipam/ends.ts";
import { type Address, address4, type Family } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import type { Setting } from "./plan.ts";

export type Attachment = Ends & {
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
  /** Whether only packets from the pod's own addresses are let in. */
  readonly sourceCheck: boolean;
};

/** Every host end has it, so a pod that moved or slept need learn nothing. */
export const HOST_MAC = "ee:ee:ee:ee:ee:ee";

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
