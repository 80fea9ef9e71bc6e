/**
 * BGPConfiguration (projectcalico.org/v3): what holds for every speaker of the cluster.
 */

import * as v from "valibot";
import type { Prefix } from "../lib/prefix.ts";
import { type BfdSettings, bfdSchema } from "./bfd.ts";
import { type Community, communitySchema, parseCommunity } from "./community.ts";
import {
  asNumberSchema,
  booleanSchema,
  communicationSchema,
  eitherPrefixSchema,
  holdTimeSchema,
  mapOf,
  nameSchema,
  oneOf,
  passwordSchema,
  portSchema,
  secondsSchema,
  textOf,
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
  /** Ranges that every node announces: of ClusterIPs, of external and of load balancers' addresses. */
  readonly services: readonly Prefix[];
  readonly prefixAdvertisements: readonly PrefixAdvertisement[];
  /** Additions of ours: whether nodes can be called at all, and the daemon's last words (RFC 9003). */
  readonly listen: boolean;
  readonly shutdownMessage: string | undefined;
  /** Additions of ours; a BGPPeer may say otherwise. */
  readonly importPolicy: ImportPolicy;
  readonly rejectASSets: boolean;
  readonly discardBlackhole: boolean;
  readonly bfd?: BfdSettings | undefined;
};

/** What comes in where no filter decides: the safe built-in policy, everything (as Calico), or nothing. */
export type ImportPolicy = "safe" | "all" | "none";

/** Communities for what is told of a range. */
export type PrefixAdvertisement = {
  readonly prefix: Prefix;
  readonly communities: readonly Community[];
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

export const importPolicySchema = oneOf("safe", "all", "none");

const rangesSchema = v.optional(
  v.array(mapOf({ cidr: eitherPrefixSchema }), 'expected a list such as [{cidr: "10.96.0.0/12"}]'),
  [],
);

/** A community, or the name of one that the same document has. */
const communityOrNameSchema = textOf(
  "expected a community such as 65000:100 or 65000:1:2, or the name of one in spec.communities",
  (text) => parseCommunity(text) ?? (v.is(nameSchema, text) ? text : undefined),
);

export const bgpConfigurationSpec = v.pipe(
  mapOf({
    asNumber: v.optional(asNumberSchema, DEFAULT_AS_NUMBER),
    listenPort: v.optional(portSchema, DEFAULT_PORT),
    nodeToNodeMeshEnabled: v.optional(booleanSchema, true),
    bindMode: v.optional(oneOf("NodeIP", "None"), "NodeIP"),
    nodeMeshPassword: v.optional(passwordSchema),
    serviceClusterIPs: rangesSchema,
    serviceExternalIPs: rangesSchema,
    serviceLoadBalancerIPs: rangesSchema,
    serviceLoadBalancerAggregation: v.optional(oneOf("Enabled", "Disabled"), "Enabled"),
    communities: v.optional(
      v.array(
        mapOf({ name: nameSchema, value: communitySchema }),
        "expected a list of names and values",
      ),
      [],
    ),
    prefixAdvertisements: v.optional(
      v.array(
        mapOf({
          cidr: eitherPrefixSchema,
          communities: v.pipe(
            v.array(communityOrNameSchema, "expected a list of communities"),
            v.minLength(1, "expected at least one community"),
          ),
        }),
        "expected a list of prefixes with communities",
      ),
      [],
    ),
    listen: v.optional(booleanSchema, true),
    shutdownMessage: v.optional(communicationSchema),
    importPolicy: v.optional(importPolicySchema, "safe"),
    rejectASSets: v.optional(booleanSchema, false),
    discardBlackhole: v.optional(booleanSchema, false),
    bfd: bfdSchema,
    ...timerFields,
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { communities, prefixAdvertisements } = dataset.value;
    const names = communities.map(({ name }) => name);
    for (const [index, advertisement] of prefixAdvertisements.entries()) {
      for (const [at, one] of advertisement.communities.entries()) {
        if (typeof one !== "string" || names.includes(one)) continue;
        const list = names.join(", ") || "none";
        addIssue({
          message: `no community of this name in spec.communities: there are ${list}`,
          path: [
            inMap(dataset.value, "prefixAdvertisements"),
            inList(prefixAdvertisements, index),
            inMap(advertisement, "communities"),
            inList(advertisement.communities, at),
          ],
        });
      }
    }
  }),
);

/** One step on the way to a value, as valibot names it. */
function inMap(input: Record<string, unknown>, key: string): v.ObjectPathItem {
  return { type: "object", origin: "value", input, key, value: input[key] };
}

function inList(input: unknown[], key: number): v.ArrayPathItem {
  return { type: "array", origin: "value", input, key, value: input[key] };
}

/** Fields of Calico's that this version does not honour. */
export const BGP_CONFIGURATION_NOT_HONOURED: Readonly<Record<string, readonly unknown[]>> = {
  "spec.logSeverityScreen": ["Info"],
  "spec.nodeMeshPassword.secretKeyRef": [],
  "spec.nodeMeshMaxRestartTime": [],
  "spec.ignoredInterfaces": [],
  "spec.localWorkloadPeeringIPV4": [],
  "spec.localWorkloadPeeringIPV6": [],
};

/** The record of a checked document. */
export function bgpConfigurationFrom({
  holdTime,
  keepaliveTime,
  connectRetryTime,
  nodeMeshPassword,
  shutdownMessage,
  serviceClusterIPs,
  serviceExternalIPs,
  serviceLoadBalancerIPs,
  serviceLoadBalancerAggregation,
  communities,
  prefixAdvertisements,
  ...rest
}: v.InferOutput<typeof bgpConfigurationSpec>): BgpConfiguration {
  const named = new Map(communities.map(({ name, value }) => [name, value]));
  const balanced = serviceLoadBalancerAggregation === "Enabled" ? serviceLoadBalancerIPs : [];
  const ranges = [...serviceClusterIPs, ...serviceExternalIPs, ...balanced];
  return {
    ...rest,
    timers: { holdTime, keepaliveTime, connectRetryTime },
    meshPasswordFile: nodeMeshPassword?.file,
    shutdownMessage,
    services: ranges.map(({ cidr }) => cidr),
    prefixAdvertisements: prefixAdvertisements.map(({ cidr, communities: wanted }) => ({
      prefix: cidr,
      communities: wanted.flatMap((one) =>
        typeof one === "string" ? (named.get(one) ?? []) : [one],
      ),
    })),
  };
}
