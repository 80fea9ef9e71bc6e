/**
 * BGPPeer (projectcalico.org/v3): a session of some nodes with a router, or with another node.
 */

import * as v from "valibot";
import type { Address } from "../lib/address.ts";
import { type Timers, timerFields } from "./bgp-configuration.ts";
import {
  asNumberSchema,
  booleanSchema,
  mapOf,
  nameSchema,
  peerAddressSchema,
  selectorSchema,
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
  /** Additions of ours. */
  readonly acceptDefaultRoute: boolean;
  readonly passive: boolean;
};

export const bgpPeerSpec = mapOf({
  node: v.optional(nameSchema),
  nodeSelector: v.optional(selectorSchema),
  peerIP: peerAddressSchema,
  asNumber: asNumberSchema,
  filters: v.optional(v.array(nameSchema, "expected a list of names of BGPFilters"), []),
  acceptDefaultRoute: v.optional(booleanSchema, false),
  passive: v.optional(booleanSchema, false),
  ...timerFields,
});

/** Fields of Calico's that this version does not honour, with the values that mean the same as absence. */
export const BGP_PEER_NOT_HONOURED: Readonly<Record<string, readonly unknown[]>> = {
  "spec.peerSelector": [],
  "spec.sourceAddress": ["UseNodeIP"],
  "spec.keepOriginalNextHop": [false],
  "spec.nextHopMode": ["Auto"],
  "spec.password": [],
  "spec.maxRestartTime": [],
  "spec.numAllowedLocalASNumbers": [0],
  "spec.ttlSecurity": [],
  "spec.reachableBy": [],
  "spec.failureDetectionMode": ["None"],
  "spec.restartMode": [],
  "spec.localASNumber": [],
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
    ...rest
  }: v.InferOutput<typeof bgpPeerSpec>,
): BgpPeer {
  return {
    name,
    node,
    nodeSelector,
    ...peerIP,
    ...rest,
    timers: { holdTime, keepaliveTime, connectRetryTime },
  };
}
