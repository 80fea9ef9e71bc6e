/**
 * BGPConfiguration (projectcalico.org/v3): what holds for every speaker of the cluster.
 */

import * as v from "valibot";
import type { Address, Family } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import { type AddPath, addPathSchema } from "./add-path.ts";
import { type Aggregate, aggregatesFrom, aggregatesSchema } from "./aggregate.ts";
import { type BfdSettings, bfdSchema } from "./bfd.ts";
import { type Community, communitySchema, parseCommunity } from "./community.ts";
import {
  type GracefulRestartSettings,
  gracefulRestartSchema,
  restartTimeSchema,
} from "./graceful-restart.ts";
import type { NotHonouredFields } from "./not-honoured.ts";
import { type KeySource, passwordSchema } from "./password.ts";
import {
  asNumberSchema,
  booleanSchema,
  communicationSchema,
  eitherPrefixSchema,
  holdTimeSchema,
  inList,
  inMap,
  mapOf,
  nameSchema,
  oneOf,
  peeringAddressSchemas,
  portSchema,
  prioritySchema,
  secondsSchema,
  textOf,
  wholeNumber,
} from "./scalar.ts";
import type { ServiceRanges } from "./service.ts";

export type BgpConfiguration = {
  readonly asNumber: number;
  readonly listenPort: number;
  readonly nodeToNodeMeshEnabled: boolean;
  readonly timers: Timers;
  /** NodeIP: the node's addresses; None: any. */
  readonly bindMode: "NodeIP" | "None";
  /** Where the TCP-MD5 key of all mesh sessions is. */
  readonly nodeMeshPassword?: KeySource | undefined;
  /** Where the addresses of services are. */
  readonly serviceRanges: ServiceRanges;
  /** Disabled: load balancers' addresses are announced each by itself. */
  readonly serviceLoadBalancerAggregation: "Enabled" | "Disabled";
  /** Of our routes, in filters and, unless the daemon is told another metric, in the kernel. */
  readonly normalPriority: Readonly<Record<Family, number>>;
  /** Which of the pools' routes bgpd puts into the kernel; no pool has an encapsulation. */
  readonly programClusterRoutes: (typeof PROGRAMMED)[number];
  readonly prefixAdvertisements: readonly PrefixAdvertisement[];
  /** An addition of ours. */
  readonly aggregates: readonly Aggregate[];
  /** Additions of ours: whether nodes can be called at all, and the daemon's last words (RFC 9003). */
  readonly listen: boolean;
  readonly shutdownMessage: string | undefined;
  /** Additions of ours; a BGPPeer may say otherwise. */
  readonly importPolicy: ImportPolicy;
  readonly rejectASSets: boolean;
  readonly discardBlackhole: boolean;
  /** A Node may say otherwise. */
  readonly clientToClientReflection: boolean;
  readonly bestPath: BestPathSettings;
  readonly multipath: MultipathSettings;
  readonly bfd?: BfdSettings | undefined;
  readonly gracefulRestart?: GracefulRestartSettings | undefined;
  /** Seconds, of mesh sessions. */
  readonly nodeMeshMaxRestartTime?: number | undefined;
  /** An addition of ours, of mesh sessions. */
  readonly nodeMeshAddPath?: AddPath | undefined;
  /** Where pods reach their own node: one of a family at most, IPv4 first. */
  readonly localWorkloadPeering: readonly Address[];
};

/** Of the node called `node` alone; undefined: the cluster's. */
export type NodeConfiguration = {
  readonly node: string;
  readonly listenPort: number | undefined;
  readonly timers: Timers;
  readonly prefixAdvertisements: readonly PrefixAdvertisement[] | undefined;
  readonly importPolicy: ImportPolicy | undefined;
  readonly rejectASSets: boolean | undefined;
  readonly discardBlackhole: boolean | undefined;
};

/** Where the RFCs leave the decision process a choice. */
export type BestPathSettings = {
  readonly alwaysCompareMED: boolean;
  readonly missingMEDIsWorst: boolean;
  readonly preferOldestExternal: boolean;
};

/** How many equal paths share the traffic to a prefix, and whether their AS_PATHs may differ. */
export type MultipathSettings = {
  readonly maximumPaths: number;
  readonly relaxedASPath: boolean;
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
/** The same as Calico's. */
export const DEFAULT_PRIORITY = 1024;
/** The document of the cluster, and how those of nodes are called: `node.NAME`. */
export const CLUSTER_NAME = "default";
export const NODE_PREFIX = "node.";

/** Calico's words for the pools whose routes are programmed: all, those with IP in IP, those without, none. */
const PROGRAMMED = ["Enabled", "EnabledNoEncapOnly", "EnabledIPIPOnly", "Disabled"] as const;

/** As many as Calico's daemon merges. */
export const DEFAULT_MAXIMUM_PATHS = 16;
/** Beyond, sets change with every path that comes or goes, and nobody has so many uplinks. */
const MOST_PATHS = 64;

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

const communityFields = {
  communities: v.optional(
    v.array(
      mapOf({ name: nameSchema, value: communitySchema }),
      "expected a list of names and values",
    ),
    [],
  ),
};

const prefixAdvertisementsSchema = v.array(
  mapOf({
    cidr: eitherPrefixSchema,
    communities: v.pipe(
      v.array(communityOrNameSchema, "expected a list of communities"),
      v.minLength(1, "expected at least one community"),
    ),
  }),
  "expected a list of prefixes with communities",
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
    programClusterRoutes: v.optional(oneOf(...PROGRAMMED), "EnabledNoEncapOnly"),
    ipv4NormalRoutePriority: v.optional(prioritySchema, DEFAULT_PRIORITY),
    ipv6NormalRoutePriority: v.optional(prioritySchema, DEFAULT_PRIORITY),
    ...communityFields,
    prefixAdvertisements: v.optional(prefixAdvertisementsSchema, []),
    aggregates: aggregatesSchema,
    listen: v.optional(booleanSchema, true),
    shutdownMessage: v.optional(communicationSchema),
    importPolicy: v.optional(importPolicySchema, "safe"),
    rejectASSets: v.optional(booleanSchema, false),
    discardBlackhole: v.optional(booleanSchema, false),
    clientToClientReflection: v.optional(booleanSchema, true),
    bestPath: v.optional(
      mapOf({
        alwaysCompareMED: v.optional(booleanSchema, false),
        missingMEDIsWorst: v.optional(booleanSchema, false),
        preferOldestExternal: v.optional(booleanSchema, false),
      }),
      {},
    ),
    multipath: v.optional(
      mapOf({
        maximumPaths: v.optional(
          wholeNumber(1, MOST_PATHS, "a number of paths"),
          DEFAULT_MAXIMUM_PATHS,
        ),
        relaxedASPath: v.optional(booleanSchema, false),
      }),
      {},
    ),
    bfd: bfdSchema,
    gracefulRestart: gracefulRestartSchema,
    nodeMeshMaxRestartTime: restartTimeSchema,
    nodeMeshAddPath: addPathSchema,
    localWorkloadPeeringIPV4: v.optional(peeringAddressSchemas[4]),
    localWorkloadPeeringIPV6: v.optional(peeringAddressSchemas[6]),
    ...timerFields,
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (dataset.typed) unknownNames(dataset.value).forEach(addIssue);
  }),
);

/** What one node has otherwise than the cluster: the spec of the document `node.NAME`. */
export const nodeConfigurationSpec = v.pipe(
  mapOf({
    listenPort: v.optional(portSchema),
    ...communityFields,
    prefixAdvertisements: v.optional(prefixAdvertisementsSchema),
    importPolicy: v.optional(importPolicySchema),
    rejectASSets: v.optional(booleanSchema),
    discardBlackhole: v.optional(booleanSchema),
    ...timerFields,
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (dataset.typed) unknownNames(dataset.value).forEach(addIssue);
  }),
);

type NamedCommunities = {
  readonly communities: readonly { readonly name: string; readonly value: Community }[];
  readonly prefixAdvertisements?:
    | { readonly cidr: Prefix; communities: (Community | string)[] }[]
    | undefined;
};

/** Communities by names that the document does not have. */
function unknownNames(spec: NamedCommunities) {
  const { communities, prefixAdvertisements = [] } = spec;
  const names = communities.map(({ name }) => name);
  const message = `no community of this name in spec.communities: there are ${names.join(", ") || "none"}`;
  return prefixAdvertisements.flatMap((advertisement, index) =>
    advertisement.communities.flatMap((one, at) => {
      if (typeof one !== "string" || names.includes(one)) return [];
      const path: [v.IssuePathItem, ...v.IssuePathItem[]] = [
        inMap(spec, "prefixAdvertisements"),
        inList(prefixAdvertisements, index),
        inMap(advertisement, "communities"),
        inList(advertisement.communities, at),
      ];
      return [{ message, path }];
    }),
  );
}

/** Fields of Calico's that this version does not honour. */
export const BGP_CONFIGURATION_NOT_HONOURED: NotHonouredFields = {
  "spec.logSeverityScreen": {
    idle: ["Info"],
    why: "each daemon's log has the level that --log-level or MANX_LOG says",
    noted: true,
  },
  "spec.ignoredInterfaces": {
    idle: [[]],
    why: "no interface's network is announced, so there is none to leave out; next hops are reached as the kernel's routes say",
    noted: true,
  },
};

/** What holds where there is no document. */
export function defaultConfiguration(): BgpConfiguration {
  return bgpConfigurationFrom(v.parse(bgpConfigurationSpec, {}));
}

/** The record of a checked document. */
export function bgpConfigurationFrom({
  holdTime,
  keepaliveTime,
  connectRetryTime,
  shutdownMessage,
  serviceClusterIPs,
  serviceExternalIPs,
  serviceLoadBalancerIPs,
  ipv4NormalRoutePriority,
  ipv6NormalRoutePriority,
  communities,
  prefixAdvertisements,
  aggregates,
  localWorkloadPeeringIPV4,
  localWorkloadPeeringIPV6,
  ...rest
}: v.InferOutput<typeof bgpConfigurationSpec>): BgpConfiguration {
  const prefixes = (ranges: readonly { readonly cidr: Prefix }[]) => ranges.map(({ cidr }) => cidr);
  return {
    ...rest,
    timers: { holdTime, keepaliveTime, connectRetryTime },
    shutdownMessage,
    normalPriority: { 4: ipv4NormalRoutePriority, 6: ipv6NormalRoutePriority },
    serviceRanges: {
      ClusterIP: prefixes(serviceClusterIPs),
      "external IP": prefixes(serviceExternalIPs),
      "load balancer's address": prefixes(serviceLoadBalancerIPs),
    },
    prefixAdvertisements: advertisementsFrom({ communities, prefixAdvertisements }),
    aggregates: aggregatesFrom(aggregates),
    localWorkloadPeering: [localWorkloadPeeringIPV4, localWorkloadPeeringIPV6].flatMap(
      (address) => address ?? [],
    ),
  };
}

/** The record of a checked document `node.NAME`. */
export function nodeConfigurationFrom(
  name: string,
  spec: v.InferOutput<typeof nodeConfigurationSpec>,
): NodeConfiguration {
  const { holdTime, keepaliveTime, connectRetryTime, listenPort, prefixAdvertisements } = spec;
  const { importPolicy, rejectASSets, discardBlackhole } = spec;
  return {
    node: name.slice(NODE_PREFIX.length),
    listenPort,
    timers: { holdTime, keepaliveTime, connectRetryTime },
    prefixAdvertisements: prefixAdvertisements === undefined ? undefined : advertisementsFrom(spec),
    importPolicy,
    rejectASSets,
    discardBlackhole,
  };
}

/** What holds for one node: its own before the cluster's, field by field. */
export function configurationOf(
  cluster: BgpConfiguration,
  own: NodeConfiguration | undefined,
): BgpConfiguration {
  if (own === undefined) return cluster;
  return {
    ...cluster,
    listenPort: own.listenPort ?? cluster.listenPort,
    timers: timersOver(own.timers, cluster.timers),
    prefixAdvertisements: own.prefixAdvertisements ?? cluster.prefixAdvertisements,
    importPolicy: own.importPolicy ?? cluster.importPolicy,
    rejectASSets: own.rejectASSets ?? cluster.rejectASSets,
    discardBlackhole: own.discardBlackhole ?? cluster.discardBlackhole,
  };
}

/** Hold and keepalive time go together: who gives one of them means both. */
function timersOver(own: Timers, common: Timers): Timers {
  const given = own.holdTime ?? own.keepaliveTime;
  return {
    ...(given === undefined ? common : own),
    connectRetryTime: own.connectRetryTime ?? common.connectRetryTime,
  };
}

function advertisementsFrom({
  communities,
  prefixAdvertisements = [],
}: NamedCommunities): PrefixAdvertisement[] {
  const named = new Map(communities.map(({ name, value }) => [name, value]));
  return prefixAdvertisements.map(({ cidr, communities: wanted }) => ({
    prefix: cidr,
    communities: wanted.flatMap((one) =>
      typeof one === "string" ? (named.get(one) ?? []) : [one],
    ),
  }));
}
