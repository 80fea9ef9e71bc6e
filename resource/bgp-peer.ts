/**
 * BGPPeer (projectcalico.org/v3): a session of some nodes with a router, or with another node.
 */

import * as v from "valibot";
import type { Address } from "../lib/address.ts";
import { type BfdSettings, bfdSchema } from "./bfd.ts";
import {
  type ImportPolicy,
  importPolicySchema,
  type Timers,
  timerFields,
} from "./bgp-configuration.ts";
import {
  asNumberSchema,
  booleanSchema,
  mapOf,
  nameSchema,
  oneOf,
  peerAddressSchema,
  secondsSchema,
  selectorSchema,
  wholeNumber,
} from "./scalar.ts";
import type { Selector } from "./selector.ts";

export type BgpPeer = {
  readonly name: string;
  /** One node by name. */
  readonly node: string | undefined;
  /** Nodes by label; with neither, all nodes. */
  readonly nodeSelector: Selector | undefined;
  readonly address: Address;
  /** Undefined: the cluster's where the address is a Node's, else 179. */
  readonly port: number | undefined;
  readonly asNumber: number;
  /** Names of BGPFilters, in order. */
  readonly filters: readonly string[];
  readonly timers: Timers;
  /** Ours on this session, where it is not the node's. */
  readonly localASNumber: number | undefined;
  readonly numAllowedLocalASNumbers: number;
  readonly nextHopMode: "Auto" | "Self" | "Keep";
  /** The older way to say Keep, on external sessions only. */
  readonly keepOriginalNextHop: boolean;
  /** Additions of ours. */
  readonly acceptDefaultRoute: boolean;
  readonly passive: boolean;
  /** Undefined: the cluster's. */
  readonly importPolicy: ImportPolicy | undefined;
  readonly exportPolicy: ExportPolicy;
  readonly rejectASSets: boolean | undefined;
  readonly discardBlackhole: boolean | undefined;
  readonly asOverride: boolean;
  readonly removePrivateAS: boolean;
  readonly gracefulShutdown: boolean;
  /** AIGP_SESSION (RFC 7311). */
  readonly aigp: boolean;
  /** Undefined: as the nodes' cluster IDs say. */
  readonly routeReflectorClient: boolean | undefined;
  /** Ours towards the peer (RFC 9234). */
  readonly role: Role | undefined;
  /** Only with a peer that says its own role. */
  readonly strictRole: boolean;
  readonly prefixLimit: PrefixLimit | undefined;
  readonly bfd?: BfdSettings | undefined;
};

/** What an external peer is told where no filter decides: our own, what lies in pools (as Calico), nothing. */
export type ExportPolicy = "safe" | "pools" | "none";

/** RFC 9234 section 4.1, as the capability names them. */
export const ROLES = ["provider", "rs", "rs-client", "customer", "peer"] as const;

export type Role = (typeof ROLES)[number];

export type PrefixLimit = {
  readonly max: number;
  /** Percent of `max`. */
  readonly warningThreshold: number;
  /** Seconds until the session may come back; undefined: not before somebody asks. */
  readonly restartTime: number | undefined;
};

export const bgpPeerSpec = mapOf({
  node: v.optional(nameSchema),
  nodeSelector: v.optional(selectorSchema),
  peerIP: peerAddressSchema,
  asNumber: asNumberSchema,
  filters: v.optional(v.array(nameSchema, "expected a list of names of BGPFilters"), []),
  localASNumber: v.optional(asNumberSchema),
  numAllowedLocalASNumbers: v.optional(wholeNumber(0, 255, "a number of ASes"), 0),
  nextHopMode: v.optional(oneOf("Auto", "Self", "Keep")),
  keepOriginalNextHop: v.optional(booleanSchema, false),
  acceptDefaultRoute: v.optional(booleanSchema, false),
  passive: v.optional(booleanSchema, false),
  importPolicy: v.optional(importPolicySchema),
  exportPolicy: v.optional(oneOf("safe", "pools", "none"), "safe"),
  rejectASSets: v.optional(booleanSchema),
  discardBlackhole: v.optional(booleanSchema),
  asOverride: v.optional(booleanSchema, false),
  removePrivateAS: v.optional(booleanSchema, false),
  gracefulShutdown: v.optional(booleanSchema, false),
  aigp: v.optional(booleanSchema, false),
  routeReflectorClient: v.optional(booleanSchema),
  role: v.optional(oneOf(...ROLES)),
  strictRole: v.optional(booleanSchema, false),
  prefixLimit: v.optional(
    mapOf({
      max: wholeNumber(1, 0xffff_ffff, "a number of prefixes"),
      warningThreshold: v.optional(wholeNumber(1, 100, "a percentage"), 75),
      restartTime: v.optional(secondsSchema(1)),
    }),
  ),
  bfd: bfdSchema,
  ...timerFields,
});

/** Fields of Calico's that this version does not honour, with the values that mean the same as absence. */
export const BGP_PEER_NOT_HONOURED: Readonly<Record<string, readonly unknown[]>> = {
  "spec.peerSelector": [],
  "spec.sourceAddress": ["UseNodeIP"],
  "spec.password": [],
  "spec.maxRestartTime": [],
  "spec.ttlSecurity": [],
  "spec.reachableBy": [],
  "spec.failureDetectionMode": ["None"],
  "spec.restartMode": [],
  "spec.reversePeering": ["Auto"],
  "spec.localWorkloadSelector": [],
};

/** The record of a checked document. */
export function bgpPeerFrom(
  name: string,
  {
    peerIP,
    holdTime,
    keepaliveTime,
    connectRetryTime,
    node,
    nodeSelector,
    localASNumber,
    nextHopMode,
    keepOriginalNextHop,
    importPolicy,
    rejectASSets,
    discardBlackhole,
    routeReflectorClient,
    role,
    prefixLimit,
    ...rest
  }: v.InferOutput<typeof bgpPeerSpec>,
): BgpPeer {
  return {
    name,
    node,
    nodeSelector,
    ...peerIP,
    ...rest,
    localASNumber,
    nextHopMode: nextHopMode ?? "Auto",
    keepOriginalNextHop,
    importPolicy,
    rejectASSets,
    discardBlackhole,
    routeReflectorClient,
    role,
    prefixLimit:
      prefixLimit === undefined
        ? undefined
        : { ...prefixLimit, restartTime: prefixLimit.restartTime },
    timers: { holdTime, keepaliveTime, connectRetryTime },
  };
}
