/**
 * What one node's daemon is to do, computed from the cluster's documents: nothing of it is state.
 *
 * `plan.ts` makes it (pure); the daemon compares two of them and touches only what differs.
 */

import type { Address, Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import type { Secret } from "../../lib/secret.ts";
import type { SentPaths } from "../../resource/add-path.ts";
import type { AggregateAudience } from "../../resource/aggregate.ts";
import type { BFD_AUTH_TYPES, BfdAuthType } from "../../resource/bfd.ts";
import type { ImportPolicy, PrefixAdvertisement } from "../../resource/bgp-configuration.ts";
import type { BgpFilter } from "../../resource/bgp-filter.ts";
import type { ExportPolicy, PrefixLimit } from "../../resource/bgp-peer.ts";
import type { Role } from "../../resource/bgp-peer-fields.ts";
import type { SecretReference } from "../../resource/password.ts";
import type { AsRange, WordedSelector } from "../../resource/scalar.ts";

export type SpeakerPlan = {
  readonly node: string;
  readonly asNumber: number;
  /** BGP Identifier: the node's IPv4 address. */
  readonly routerId: Address;
  /** CLUSTER_ID of a node that reflects routes (RFC 4456 section 7). */
  readonly clusterId: Address | undefined;
  /** The node's addresses, one of a family at most, IPv4 first: its next hops. */
  readonly addresses: readonly Address[];
  /** TCP port to listen on. */
  readonly listenPort: number;
  /** The addresses to listen on; "any" only where that was asked for, none where nobody may call. */
  readonly listenAddresses: readonly Address[];
  /** Blocks to originate (with a blackhole below each) and to publish in the node file. */
  readonly blocks: readonly Prefix[];
  /** The cluster's pools: what an external peer may not announce to us. */
  readonly pools: readonly Prefix[];
  /** Pools of which nothing is told. */
  readonly unexportedPools: readonly Prefix[];
  /** Ranges of services that are originated. */
  readonly services: readonly Prefix[];
  /** All of them: nobody outside may announce what is in them. */
  readonly serviceRanges: readonly Prefix[];
  /** Addresses of services that are originated by themselves, in order; they lie in `serviceRanges`. */
  readonly serviceRoutes: readonly ServiceRoute[];
  /** Calico's, of what nobody prefers: our own routes and those of our nodes; in the kernel the routes' metric. */
  readonly normalPriority: Readonly<Record<Family, number>>;
  /** Ranges of which no route is put into the kernel. */
  readonly unprogrammed: readonly UnprogrammedRange[];
  /** Whose connections leave with the node's address; absent: nobody's. */
  readonly masquerade?: MasqueradePlan;
  /** What this node announces while it has a route to a part of it. */
  readonly aggregates: readonly AggregatePlan[];
  /** Communities for what is told. */
  readonly advertisements: readonly PrefixAdvertisement[];
  /** What the decision process does where the RFCs leave a choice. */
  readonly selection: SelectionPlan;
  readonly peers: readonly PeerPlan[];
  /** Who may call without being named; absent: nobody. */
  readonly ranges?: readonly RangePlan[];
  /** Peers that are found on links; absent: none. */
  readonly unnumbered?: readonly UnnumberedPlan[];
  /** Which pods of the node are peers; absent: none. The first that selects a pod has it. */
  readonly workloads?: readonly WorkloadsPlan[];
  /** Addresses of all Nodes and of this one's peers, ascending, where pods are peers: no pod may announce what covers one. */
  readonly hosts?: readonly Address[];
  /** What every peer is told when the daemon ends (RFC 9003). */
  readonly shutdownMessage?: string;
};

/** An address, and one of the Services that have it. */
export type ServiceRoute = { readonly prefix: Prefix; readonly service: string };

/** A range of whose routes the kernel needs none of ours. */
export type UnprogrammedRange = {
  readonly prefix: Prefix;
  readonly why:
    | "services"
    /** `programClusterRoutes` leaves them to somebody else. */
    | "cluster routes";
};

/** In order. */
export type MasqueradePlan = {
  /** Pools with `natOutgoing`. */
  readonly sources: readonly Prefix[];
  /** All pools: towards them pods keep their addresses. */
  readonly exempt: readonly Prefix[];
};

/** Neighbours that nobody has named: each of them gets a session like `session` when it calls. */
export type RangePlan = {
  /** The BGPPeer's. */
  readonly name: string;
  readonly remotes: Prefix;
  /** So many of them at once. */
  readonly limit: number;
  /** Without address; `remoteAs` is 0 until the neighbour has said who it is. */
  readonly session: Omit<PeerPlan, "address">;
};

/** The peer on a link: its session is like `session` once both ends' addresses there are known. */
export type UnnumberedPlan = {
  /** The BGPPeer's. */
  readonly name: string;
  /** The link's. */
  readonly link: string;
  /** `remoteAs` is 0 where any AS but ours is expected, until the neighbour has said its own. */
  readonly session: Omit<PeerPlan, "address" | "localAddress">;
};

/** Pods of the node: each that is selected has a session like `session`, of each family with a peering address. */
export type WorkloadsPlan = {
  /** The BGPPeer's. */
  readonly name: string;
  readonly selector: WordedSelector;
  /** Where pods reach the node: one of a family at most, at least one. */
  readonly localAddresses: readonly Address[];
  readonly session: Omit<PeerPlan, "address" | "localAddress">;
};

export type AggregatePlan = {
  readonly prefix: Prefix;
  readonly audience: AggregateAudience;
  /** Who is told of it is told nothing that lies in it. */
  readonly summaryOnly: boolean;
  /** The nodes that announce it, by name: to them the parts are told, for they need every one. */
  readonly makers: readonly string[];
};

/** It may change while sessions are up. */
export type SelectionPlan = {
  readonly alwaysCompareMed: boolean;
  readonly missingMedIsWorst: boolean;
  readonly preferOldestExternal: boolean;
  /** Equal paths that share the traffic to a prefix; 1: none does. */
  readonly maximumPaths: number;
  readonly relaxedAsPath: boolean;
};

export type PeerPlan = SessionOptions & {
  /** `mesh NODE`, or the BGPPeer's name (with ` NODE` where it gives sessions with several nodes, or what a pod is called). */
  readonly name: string;
  readonly origin: "mesh" | "BGPPeer";
  /** The Node at the other end, where it is one of the cluster's. */
  readonly node: string | undefined;
  readonly address: Address;
  readonly port: number;
  readonly remoteAs: number;
  readonly localAs: number;
  readonly localAddress: Address;
  /** Whose unicast prefixes the session is to carry: those of which the node has an address. */
  readonly families: readonly Family[];
  /** Seconds; 0 means no timer. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  readonly connectRetryTime: number;
  /** Wait for the peer to connect. */
  readonly passive: boolean;
  /** Hops an external session may take; 1 for directly connected ones. */
  readonly ttl: number;
  /** The gateway by which alone the peer's address is reached. */
  readonly reachableBy: Address | undefined;
  readonly acceptDefaultRoute: boolean;
  /** In order; empty means the built-in policy alone. */
  readonly filters: readonly BgpFilter[];
  /** Ours towards the peer (RFC 9234). */
  readonly role: RolePlan | undefined;
  /** AIGP_SESSION of an external session (RFC 7311 section 3.3). */
  readonly aigp: boolean;
  readonly policy: PeerPolicy;
  /** Absent: the path is not watched by BFD. */
  readonly bfd?: BfdPlan;
};

/** Of one peer's BFD session; times in ms. */
export type BfdPlan = {
  readonly multihop: boolean;
  /** Of what arrives, where `multihop`. */
  readonly minimumTtl: number;
  readonly detectMultiplier: number;
  readonly minTransmitInterval: number;
  readonly minReceiveInterval: number;
  /** No BGP session while the BFD session is not Up. */
  readonly strict: boolean;
  /** Only where the kernel shows the peer in a network of one of this node's links. */
  readonly ifConnected?: true;
  readonly authentication?: {
    readonly type: (typeof BFD_AUTH_TYPES)[BfdAuthType];
    readonly keyId: number;
    readonly key: Secret;
  };
};

/** Of one session (RFC 4724, RFC 9494); times in seconds. */
export type GracefulRestartPlan = {
  /** "helper": we keep the peer's routes, and do not ask it to keep ours. */
  readonly mode: "full" | "helper";
  /** RFC 8538. */
  readonly notifications: boolean;
  /** How long the peer is asked to keep our routes, and how long after that as a last resort. */
  readonly restartTime: number;
  readonly longLivedStaleTime: number;
  /** The most that we grant the peer of either. */
  readonly peerRestartTime: number;
  readonly peerLongLivedStaleTime: number;
  /** An internal peer that does not know RFC 9494 is told long-lived stale routes as well. */
  readonly partialDeployment: boolean;
};

export type RolePlan = {
  readonly role: Role;
  /** Only with a peer that says its own. */
  readonly strict: boolean;
};

/** What a peer's routes go through besides filters; it may change while the session is up. */
export type PeerPolicy = {
  readonly importPolicy: ImportPolicy;
  readonly exportPolicy: ExportPolicy;
  readonly allowedOwnAs: number;
  readonly refuseAsSets: boolean;
  readonly discardBlackhole: boolean;
  readonly nextHop: "Auto" | "Self" | "Keep";
  readonly asOverride: boolean;
  readonly removePrivateAs: boolean;
  readonly gracefulShutdown: boolean;
  readonly prefixLimit: PrefixLimit | undefined;
  /** Which paths of a prefix the peer is told, where the session carries several (RFC 7911). */
  readonly toldPaths: SentPaths;
  /** Undefined: nothing is reflected to or from the peer. */
  readonly reflection: ReflectionPlan | undefined;
};

/** A reflector's session with a peer of its AS (RFC 4456). */
export type ReflectionPlan = {
  /** CLUSTER_ID as an unsigned word. */
  readonly clusterId: number;
  readonly client: boolean;
  /** Clients are told each other's routes. */
  readonly clientToClient: boolean;
};

/** Four times the Internet's table: who tells more than that has lost his way, and may try again. */
export const DEFAULT_PREFIX_LIMIT: PrefixLimit = {
  max: 4_000_000,
  warningThreshold: 75,
  restartTime: 300,
};

/** The policy of a peer that nobody has said anything about. */
export const DEFAULT_POLICY: PeerPolicy = {
  importPolicy: "safe",
  exportPolicy: "safe",
  allowedOwnAs: 0,
  refuseAsSets: false,
  discardBlackhole: false,
  nextHop: "Auto",
  asOverride: false,
  removePrivateAs: false,
  gracefulShutdown: false,
  prefixLimit: DEFAULT_PREFIX_LIMIT,
  toldPaths: { send: "All" },
  reflection: undefined,
};

/** What most sessions have not; absent is off. */
export type SessionOptions = {
  /** TCP-MD5 (RFC 2385). */
  readonly key?: Secret;
  /** Where the key comes from, if not from a file. */
  readonly secret?: SecretReference;
  /** Kept down, because its key is missing: why. */
  readonly keyless?: string;
  /** The peer is at most so many hops away: what comes from farther is dropped (RFC 5082). */
  readonly ttlSecurity?: number;
  /** "any": connect from whatever address the system chooses, instead of `localAddress`. */
  readonly source?: "any";
  /** The link that the session's packets leave and come by. */
  readonly link?: string;
  /** DelayOpenTime, seconds. */
  readonly delayOpen?: number;
  /** SendHoldTime, seconds; 0 for none. Absent: as RFC 9687 recommends. */
  readonly sendHoldTime?: number;
  /** Kept down, and the peer is told why (RFC 9003); the text may be empty. */
  readonly shutdown?: string;
  readonly gracefulRestart?: GracefulRestartPlan;
  /** Several paths of a prefix, of all families (RFC 7911): which way they may go. */
  readonly addPath?: { readonly receive: boolean; readonly send: boolean };
  /** Instead of `remoteAs`, for a neighbour that nobody has named. */
  readonly asNumbers?: readonly AsRange[];
  /** The peer is a pod of this node: what it tells is reached by us alone. */
  readonly behindUs?: true;
};
