/**
 * BGPConfiguration (projectcalico.org/v3): what holds for every speaker of the cluster.
 */

import * as v from "valibot";
import {
  asNumberSchema,
  booleanSchema,
  holdTimeSchema,
  mapOf,
  portSchema,
  secondsSchema,
} from "./scalar.ts";

export type BgpConfiguration = {
  readonly asNumber: number;
  readonly listenPort: number;
  readonly nodeToNodeMeshEnabled: boolean;
  readonly timers: Timers;
};

/** Seconds; undefined leaves the default to whoever plans. */
export type Timers = {
  readonly holdTime: number | undefined;
  readonly keepaliveTime: number | undefined;
  readonly connectRetryTime: number | undefined;
};

/** Calico's default (RFC 6996: the first of the private AS numbers). */
export const DEFAULT_AS_NUMBER = 64_512;
export const DEFAULT_PORT = 179;

/** Additions of ours, in the kinds that describe sessions. */
export const timerFields = {
  holdTime: v.optional(holdTimeSchema),
  keepaliveTime: v.optional(secondsSchema(0, "; 0 switches the timer off")),
  connectRetryTime: v.optional(secondsSchema(1)),
};

export const bgpConfigurationSpec = mapOf({
  asNumber: v.optional(asNumberSchema, DEFAULT_AS_NUMBER),
  listenPort: v.optional(portSchema, DEFAULT_PORT),
  nodeToNodeMeshEnabled: v.optional(booleanSchema, true),
  ...timerFields,
});

/** Fields of Calico's that this version does not honour. */
export const BGP_CONFIGURATION_NOT_HONOURED: Readonly<Record<string, readonly unknown[]>> = {
  "spec.logSeverityScreen": ["Info"],
  "spec.serviceClusterIPs": [],
  "spec.serviceExternalIPs": [],
  "spec.serviceLoadBalancerIPs": [],
  "spec.communities": [],
  "spec.prefixAdvertisements": [],
  "spec.bindMode": ["NodeIP"],
  "spec.nodeMeshPassword": [],
  "spec.nodeMeshMaxRestartTime": [],
  "spec.ignoredInterfaces": [],
  "spec.localWorkloadPeeringIPV4": [],
  "spec.localWorkloadPeeringIPV6": [],
  "spec.serviceLoadBalancerAggregation": ["Enabled"],
};

/** The record of a checked document. */
export function bgpConfigurationFrom({
  holdTime,
  keepaliveTime,
  connectRetryTime,
  ...rest
}: v.InferOutput<typeof bgpConfigurationSpec>): BgpConfiguration {
  return { ...rest, timers: { holdTime, keepaliveTime, connectRetryTime } };
}
