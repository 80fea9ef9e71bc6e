/**
 * What the daemon answers on its API socket: the shapes that the CLI, the lab and scripts rely on.
 *
 * Addresses and prefixes are text, times milliseconds, AS paths lists of numbers or sets.
 */

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
  readonly peers: { readonly configured: number; readonly established: number };
  readonly rib: {
    readonly prefixes: number;
    readonly paths: number;
    readonly attributeSets: number;
  };
  readonly fib: FibAnswer;
  readonly ready: { readonly ok: boolean; readonly reason: string };
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

export type PeerAnswer = {
  readonly name: string;
  readonly origin: "mesh" | "BGPPeer";
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
  readonly flaps: number;
  readonly identifier: string | null;
  readonly capabilities: readonly string[];
  /** Seconds, as negotiated when Established, else as configured. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  readonly prefixes: {
    readonly received: number;
    readonly accepted: number;
    readonly best: number;
    readonly advertised: number;
  };
  readonly messages: {
    readonly updatesReceived: number;
    readonly updatesSent: number;
    readonly received: number;
    readonly sent: number;
  };
};

export type AttributesAnswer = {
  readonly origin: "IGP" | "EGP" | "INCOMPLETE";
  /** Sequences spliced in; a set is an array of its own. */
  readonly asPath: readonly (number | readonly number[])[];
  readonly nextHop: string | null;
  readonly localPref: number | null;
  readonly multiExitDisc: number | null;
  readonly communities: readonly string[];
};

export type PathAnswer = {
  readonly peer: string | null;
  readonly source: "local" | "internal" | "external";
  readonly state: "best" | "valid" | "rejected";
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
} as const;

/** Where the daemon listens unless told otherwise. */
export const DEFAULT_API_SOCKET = "/run/manx/bgpd.sock";
