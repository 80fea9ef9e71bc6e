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
import type { NotHonouredFields } from "./not-honoured.ts";
import {
  asNumberSchema,
  booleanSchema,
  hostAddressSchema,
  inMap,
  mapOf,
  missing,
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
  readonly remote: RemoteEnd;
  /** Nodes at the other end get the session too, without a document of their own. */
  readonly reversePeering: boolean;
  /** The gateway by which the peer's address is reached, and only by it. */
  readonly reachableBy: Address | undefined;
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

/** The other end: one address, or Nodes by label. */
export type RemoteEnd =
  | {
      readonly type: "address";
      readonly address: Address;
      /** Undefined: the Node's where the address is one's, else 179. */
      readonly port: number | undefined;
      readonly asNumber: number;
    }
  | { readonly type: "nodes"; readonly selector: Selector };

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

const bgpPeerFields = mapOf({
  node: v.optional(nameSchema),
  nodeSelector: v.optional(selectorSchema),
  peerIP: v.optional(peerAddressSchema),
  asNumber: v.optional(asNumberSchema),
  peerSelector: v.optional(selectorSchema),
  reversePeering: v.optional(oneOf("Auto", "Manual"), "Auto"),
  reachableBy: v.optional(hostAddressSchema),
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

export const bgpPeerSpec = v.pipe(
  bgpPeerFields,
  v.rawTransform<Fields, Fields & { readonly remote: RemoteEnd }>(
    ({ dataset: { value }, addIssue, NEVER }) => {
      const { peerIP, asNumber, peerSelector, reachableBy } = value;
      const wrong = (message: string, field: keyof Fields): never => {
        addIssue({ message, path: [inMap(value, field)] });
        return NEVER;
      };
      if (peerSelector !== undefined) {
        const own = "with peerSelector the Nodes say";
        if (peerIP !== undefined) return wrong(`${own} their addresses: remove it`, "peerIP");
        if (asNumber !== undefined) return wrong(`${own} their AS numbers: remove it`, "asNumber");
        if (reachableBy !== undefined) return wrong("goes with a peerIP", "reachableBy");
        return { ...value, remote: { type: "nodes", selector: peerSelector } };
      }
      if (peerIP === undefined) {
        return wrong(`${missing(peerAddressSchema)}; or, for Nodes, a peerSelector`, "peerIP");
      }
      if (asNumber === undefined) return wrong(missing(asNumberSchema), "asNumber");
      return { ...value, remote: { type: "address", ...peerIP, asNumber } };
    },
  ),
);

type Fields = v.InferOutput<typeof bgpPeerFields>;

/** Fields of Calico's that this version does not honour. */
export const BGP_PEER_NOT_HONOURED: NotHonouredFields = {
  "spec.sourceAddress": {
    idle: ["UseNodeIP"],
    why: "sessions have the node's address, by which its peers know it",
  },
  "spec.password": { idle: [], why: "sessions have no passwords" },
  "spec.maxRestartTime": { idle: [], why: "sessions have no graceful restart" },
  "spec.ttlSecurity": { idle: [], why: "the TTL of packets is not checked" },
  "spec.failureDetectionMode": { idle: ["None"], why: "BFD is asked for by the field bfd" },
  "spec.restartMode": { idle: [], why: "sessions have no graceful restart" },
  "spec.localWorkloadSelector": {
    idle: [],
    why: "a node has no sessions with its pods, whose addresses it does not choose; one with a fixed address can be a peerIP",
  },
};

/** The record of a checked document. */
export function bgpPeerFrom(
  name: string,
  {
    peerIP,
    asNumber,
    peerSelector,
    reversePeering,
    reachableBy,
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
    ...rest,
    reversePeering: reversePeering === "Auto",
    reachableBy,
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
