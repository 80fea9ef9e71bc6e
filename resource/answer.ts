/**
 * What the daemon answers on its API socket: the shapes that the CLI, the lab and scripts rely on.
 *
 * Addresses and prefixes are text, times milliseconds, AS paths lists of numbers or sets.
 */

import type { Family } from "../lib/address.ts";

export type StatusAnswer = {
  readonly version: string;
  readonly node: string;
  readonly asNumber: number;
  readonly routerId: string;
  /** Since the daemon started. */
  readonly uptime: number;
  readonly blocks: readonly string[];
  readonly configuration: {
    readonly source: string;
    /** Counts accepted configurations, from 1. */
    readonly generation: number;
    /** Why the last reading was refused (the one before it stays in force); empty when it was fine. */
    readonly faults: readonly string[];
  };
  /** `away`: of those without a session, whose routes are kept for their return. */
  readonly peers: {
    readonly configured: number;
    readonly established: number;
    readonly away: number;
    /** Those that are found on links; absent where there are none. */
    readonly unnumbered?: readonly UnnumberedAnswer[];
  };
  readonly rib: {
    readonly prefixes: number;
    readonly ipv4Prefixes: number;
    readonly ipv6Prefixes: number;
    readonly paths: number;
    readonly attributeSets: number;
  };
  readonly fib: FibAnswer;
  /** Prefixes whose connections leave with the node's address; absent where there are none. */
  readonly masquerade?: { readonly sources: readonly string[]; readonly error: string | null };
  readonly ready: { readonly ok: boolean; readonly reason: string };
};

/** A peer that is the neighbour on a link. */
export type UnnumberedAnswer = {
  readonly name: string;
  readonly link: string;
  /** Null while nobody is found, for `reason`. */
  readonly address: string | null;
  readonly reason: string;
};

export type FibAnswer = {
  readonly mode: "kernel" | "none";
  readonly protocol: number;
  readonly installed: number;
  /** Routes the kernel refused, with its words. */
  readonly failed: readonly { readonly prefix: string; readonly error: string }[];
  /** Routes of an earlier daemon still kept until this one has converged. */
  readonly stale: number;
  /** What others deleted or changed and we put back since the start. */
  readonly healed: number;
};

/** What the daemon wants in the kernel. */
export type FibTableAnswer = {
  readonly mode: "kernel" | "none";
  readonly protocol: number;
  /** By family. */
  readonly metrics: Readonly<Record<Family, number>>;
  readonly table: number;
  readonly routes: readonly FibRouteAnswer[];
  /** What is chosen and left to somebody else (programClusterRoutes), and why. */
  readonly left: readonly { readonly prefix: string; readonly reason: string }[];
};

export type FibRouteAnswer = {
  readonly prefix: string;
  /** Empty when it leads nowhere, which `reason` then says. */
  readonly ways: readonly FibWayAnswer[] | "blackhole";
  /** Why it is not installed as wanted; empty when nothing is known against it. */
  readonly reason: string;
};

export type FibWayAnswer = {
  readonly gateway: string;
  /** By name. */
  readonly link: string;
  readonly weight: number;
  readonly onLink: boolean;
};

export type PeerAnswer = {
  readonly name: string;
  readonly origin: "mesh" | "BGPPeer";
  /** `pods SELECTOR` of a BGPPeer that selects no pod of this node. */
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localAs: number;
  /** 0 as long as a neighbour of a range has not said it. */
  readonly remoteAs: number;
  readonly state: "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established";
  /** Time in that state. */
  readonly since: number;
  /** Why the last session ended or the last try failed; empty when there was none. */
  readonly lastError: string;
  /** Kept down by its document, with this text for the peer; null where it is not. */
  readonly shutdown: string | null;
  /** The BGPPeer whose range the neighbour came by; null for one that a document names. */
  readonly range: string | null;
  /** Name of the link that it is found on; its `address` is that name until it is. Null for one that has an address. */
  readonly link: string | null;
  readonly flaps: number;
  readonly identifier: string | null;
  readonly capabilities: readonly string[];
  /** Seconds, as negotiated when Established, else as configured. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  /** Of all families together. */
  readonly prefixes: PrefixCounts;
  /** Of each family that the session carries; empty unless Established. */
  readonly families: readonly FamilyAnswer[];
  /** Families with routes that may be gone soon. */
  readonly stale: readonly StaleAnswer[];
  readonly messages: {
    readonly updatesReceived: number;
    readonly updatesSent: number;
    readonly received: number;
    readonly sent: number;
  };
  /** Absent where the path is not watched. */
  readonly bfd?: BfdAnswer;
};

/** Of the BFD session beside a peer; times in ms. */
export type BfdAnswer = {
  readonly state: "AdminDown" | "Down" | "Init" | "Up";
  /** Time in that state. */
  readonly since: number;
  /** Why it left Up last, in RFC 5880's words. */
  readonly diagnostic: string;
  readonly remoteState: BfdAnswer["state"];
  readonly remoteDiagnostic: string;
  readonly localDiscriminator: number;
  /** 0 while unknown. */
  readonly remoteDiscriminator: number;
  readonly multihop: boolean;
  readonly strict: boolean;
  readonly authentication: string | null;
  /** Between our packets, before jitter. */
  readonly transmitInterval: number;
  /** 0 while nothing was heard. */
  readonly detectionTime: number;
  readonly failures: number;
  readonly packets: {
    readonly sent: number;
    readonly received: number;
    readonly discarded: number;
  };
  /** Why a packet was discarded or could not be sent last; empty when none was. */
  readonly lastFault: string;
  /** How late our packets and detections were, against the time they were due. */
  readonly lateness: {
    readonly count: number;
    readonly sum: number;
    readonly maximum: number;
    /** How many were at most so late and later than the one before; `null`: later than all. */
    readonly buckets: readonly { readonly bound: number | null; readonly count: number }[];
  };
};

/** Routes kept for a peer that restarts, is away for long, or tells its table anew. */
export type StaleAnswer = {
  /** "IPv4 unicast". */
  readonly name: string;
  readonly stage: "refresh" | "restart" | "long-lived";
  readonly prefixes: number;
  /** Until they go or, where that is agreed, are used as a last resort. */
  readonly left: number;
};

export type PrefixCounts = {
  readonly received: number;
  readonly accepted: number;
  readonly best: number;
  readonly advertised: number;
};

export type FamilyAnswer = {
  /** "IPv4 unicast". */
  readonly name: string;
  readonly prefixes: PrefixCounts;
  /** Ours, as the peer is told; null when there is none. */
  readonly nextHop: string | null;
  /** Our link-local address beside it (RFC 2545). */
  readonly nextHopLinkLocal: string | null;
  /** Why there is no next hop, so that no route that needs ours is told; else empty. */
  readonly reason: string;
  /** Absent where neither side tells several paths of a prefix (RFC 7911). */
  readonly addPath?: AddPathAnswer;
};

/** What was negotiated, and which paths the peer is told; null: the best alone. */
export type AddPathAnswer = {
  readonly receive: boolean;
  readonly send: "All" | "BestN" | "ECMP" | null;
  /** With BestN: how many. */
  readonly count?: number;
};

export type AttributesAnswer = {
  readonly origin: "IGP" | "EGP" | "INCOMPLETE";
  /** Sequences spliced in; a set is an array of its own. */
  readonly asPath: readonly (number | readonly number[])[];
  readonly nextHop: string | null;
  readonly localPref: number | null;
  readonly multiExitDisc: number | null;
  readonly communities: readonly string[];
  /** `65000:1:2`. */
  readonly largeCommunities: readonly string[];
  /** `rt:65000:100` where the type is known, else `0x…`; those of IPv6 too. */
  readonly extendedCommunities: readonly string[];
  /** Decimal digits, for it may exceed what a number holds (RFC 7311). */
  readonly aigp: string | null;
  /** The AS that said so (RFC 9234). */
  readonly onlyToCustomer: number | null;
  /** Of a reflected route (RFC 4456): the BGP Identifier of who brought it into the AS. */
  readonly originatorId: string | null;
  /** The clusters through which it came, the last first. */
  readonly clusterList: readonly string[];
};

export type PathAnswer = {
  readonly peer: string | null;
  /** Of RFC 7911, as the peer gives it; absent where it tells of one path to a prefix. */
  readonly pathId?: number;
  readonly source: "local" | "internal" | "external";
  /** "multipath": it shares the traffic with the best, which is what peers are told. */
  readonly state: "best" | "multipath" | "valid" | "rejected";
  /** Why it may be gone soon; absent where its peer stands by it. */
  readonly stale?: StaleAnswer["stage"];
  readonly reason: string;
  readonly attributes: AttributesAnswer;
};

export type RouteAnswer = {
  readonly prefix: string;
  readonly paths: readonly PathAnswer[];
  /** "installed", "not installed: …" (with the kernel's words), "blackhole", or "" without a FIB. */
  readonly kernel: string;
};

/** One line of `routes --received PEER`. */
export type ReceivedAnswer = { readonly prefix: string; readonly path: PathAnswer };

/** One line of `routes --advertised PEER`. */
export type AdvertisedAnswer = {
  readonly prefix: string;
  /** As we give it; absent where the peer is told of one path to a prefix. */
  readonly pathId?: number;
  readonly advertised: boolean;
  readonly reason: string;
  readonly attributes: AttributesAnswer | null;
};

export type WhyAnswer = {
  /** As asked: a prefix or an address. */
  readonly target: string;
  /** The prefix that answers (for an address: the longest match); null when there is none. */
  readonly prefix: string | null;
  readonly route: RouteAnswer | null;
  /** Per peer: what it was told of the prefix, or why not. */
  readonly advertised: readonly (AdvertisedAnswer & { readonly peer: string })[];
  /** One or two sentences for people, always there: "10.244.2.0/24 goes to …, because …". */
  readonly summary: string;
};

/** Any refusal: HTTP status 4xx with this body. */
export type ErrorAnswer = { readonly error: string };

/** The paths of the API, all GET: query `target` for why; `received`/`advertised` name a peer. */
export const API_PATHS = {
  status: "/status",
  peers: "/peers",
  routes: "/routes",
  why: "/why",
  fib: "/fib",
} as const;

/** Where the daemon listens unless told otherwise. */
export const DEFAULT_API_SOCKET = "/run/manx/bgpd.sock";
