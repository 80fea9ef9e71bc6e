/**
 * BGPConfiguration (projectcalico.org/v3): what holds for every speaker of the cluster.
 */

import * as v from "valibot";
import {
  asNumberSchema,
  booleanSchema,
  communicationSchema,
  holdTimeSchema,
  mapOf,
  passwordSchema,
  portSchema,
  secondsSchema,
} from "./scalar.ts";

export type BgpConfiguration = {
  readonly asNumber: number;
  readonly listenPort: number;
  readonly nodeToNodeMeshEnabled: boolean;
  readonly timers: Timers;
  /** NodeIP: the node's addresses; None: any. */
  readonly bindMode: "NodeIP" | "None";
  /** Path of the file with the TCP-MD5 key of all mesh sessions. */
  readonly meshPasswordFile: string | undefined;
  /** Additions of ours: whether nodes can be called at all, and the daemon's last words (RFC 9003). */
  readonly listen: boolean;
  readonly shutdownMessage: string | undefined;
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
  bindMode: v.optional(v.picklist(["NodeIP", "None"], "expected NodeIP or None"), "NodeIP"),
  nodeMeshPassword: v.optional(passwordSchema),
  listen: v.optional(booleanSchema, true),
  shutdownMessage: v.optional(communicationSchema),
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
  "spec.nodeMeshPassword.secretKeyRef": [],
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
  nodeMeshPassword,
  shutdownMessage,
  ...rest
}: v.InferOutput<typeof bgpConfigurationSpec>): BgpConfiguration {
  return {
    ...rest,
    timers: { holdTime, keepaliveTime, connectRetryTime },
    meshPasswordFile: nodeMeshPassword?.file,
    shutdownMessage,
  };
}
