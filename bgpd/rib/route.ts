/**
 * The words in which the RIB speaks with its neighbours: peers, policies, changes, views.
 *
 * Only types; the tables are in the other files of this folder. `bgpd/policy` makes functions that
 * fit `RoutePolicy` by structure, and the daemon joins the two.
 */

import type { Address, Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import type { Attributes } from "../wire/attributes.ts";
import type { WireContext } from "../wire/context.ts";
import type { MultiprotocolNextHop } from "../wire/multiprotocol.ts";
import type { SessionRules } from "./rules.ts";

/** Where a route came from, as policies and the decision see it. */
export type RouteSource = "local" | "internal" | "external";

/** The same for who is told it: what an external peer `behindUs` says is told with our own next hop. */
export type ToldSource = RouteSource | "behind us";

/**
 * What a policy looks at. The record and its prefix are scratch: they are valid during the call only,
 * so that a million prefixes cost no objects. `attributes` is shared and immutable.
 */
export type PolicyRoute = {
  readonly prefix: Prefix;
  readonly attributes: Attributes;
  readonly source: RouteSource;
};

/**
 * A policy's answer. One record per rule, made when the policy is compiled and returned again and
 * again, so that it can be stored by identity and `rewrite` is applied once per attribute set.
 */
export type PolicyVerdict = {
  readonly accept: boolean;
  /** For people: `BGPFilter tor-in, importV4 rule 2 (Reject 10.0.0.0/8)`. */
  readonly reason: string;
  readonly rewrite?: (attributes: Attributes) => Attributes;
};

export type RoutePolicy = (route: PolicyRoute) => PolicyVerdict;

/** What we tell as next hop where it is "self", or why there is no address to tell. */
export type OwnNextHop =
  | MultiprotocolNextHop
  | { readonly nextHop: undefined; readonly reason: string };

/** What the RIB must know of a peer whose session is Established. */
export type RibPeer = {
  readonly name: string;
  /** External: another AS (RFC 4271 section 1.1). */
  readonly external: boolean;
  /** Ours on this session. */
  readonly localAs: number;
  /** The speaker's own, where the session has another (local AS). */
  readonly speakerAs: number;
  readonly remoteAs: number;
  /** The peer's address: the decision's last tie-break, and what is not sent back to. */
  readonly address: Address;
  /** The peer's BGP Identifier as an unsigned word. */
  readonly identifier: number;
  /** Our address on the session. */
  readonly localAddress: Address;
  /** NEXT_HOP where it is "self", for prefixes of each family. */
  readonly nextHops: Readonly<Record<Family, OwnNextHop>>;
  /** All ways to the peer are ours, and others need not know it to use what it tells. */
  readonly behindUs?: true;
  /** Its families are those in which the peer has tables. */
  readonly wire: WireContext;
  readonly rules: SessionRules;
  readonly importPolicy: RoutePolicy;
  readonly exportPolicy: RoutePolicy;
  /** Peers with equal keys (and equal session parameters) share an update group. */
  readonly exportKey: string;
};

/** What of an established peer may become another. */
export type RibPolicies = Pick<RibPeer, "rules" | "importPolicy" | "exportPolicy" | "exportKey">;

/** A peer's number in the RIB's tables, valid from `addPeer` to `removePeer`. */
export type PeerId = number;

/** What the decision does where the RFCs leave a choice. */
export type PathSelection = {
  /** MULTI_EXIT_DISC is compared between neighbour ASes too. */
  readonly alwaysCompareMed: boolean;
  /** A route without MULTI_EXIT_DISC has the highest, and not 0 (RFC 4271 section 9.1.2.2 c). */
  readonly missingMedIsWorst: boolean;
  /** An external best path stays where only identifiers and addresses speak for another (RFC 5004). */
  readonly preferOldestExternal: boolean;
  /** Paths that share the traffic to a prefix, from 1: the best alone. */
  readonly maximumPaths: number;
  /** They may have different AS_PATHs of one length. */
  readonly relaxedAsPath: boolean;
};

/** The RFCs' rules, and one path for each prefix. */
export const PLAIN_SELECTION: PathSelection = {
  alwaysCompareMed: false,
  missingMedIsWorst: false,
  preferOldestExternal: false,
  maximumPaths: 1,
  relaxedAsPath: false,
};

/**
 * Why a path may be gone soon: its peer tells its table anew (RFC 7313), restarts (RFC 4724), or has been away so long
 * that the path is only a last resort (RFC 9494).
 */
export type Staleness = "refresh" | "restart" | "long-lived";

/**
 * The step that decided between two paths (RFC 4271 section 9.1.2.2, RFC 4456 section 9, RFC 5004, RFC 9494; the last
 * for paths of one peer), in order.
 * A path that lost carries the step at which it lost; the best one the step that beat the last rival.
 */
export const DECISION_RULES = [
  "only path",
  "not long-lived stale",
  "locally originated",
  "higher LOCAL_PREF",
  "lower AIGP metric",
  "shorter AS_PATH",
  "lower ORIGIN",
  "lower MULTI_EXIT_DISC from the same neighbour AS",
  "lower MULTI_EXIT_DISC",
  "external over internal",
  "lower cost to NEXT_HOP",
  "older external path",
  "lower BGP Identifier",
  "shorter CLUSTER_LIST",
  "lower peer address",
  "lower path identifier",
] as const;

export type DecisionRule = (typeof DECISION_RULES)[number];

/** One of several next hops that share a prefix's traffic. */
export type Share = {
  readonly address: Address;
  /** Relative, from 1; absent where all have the same. */
  readonly weight?: number;
};

/** A new answer to "where does this prefix go": what the FIB is told. `best` is shared by prefixes in a row. */
export type BestChange = {
  readonly prefix: Prefix;
  /** Undefined: no route any more. */
  readonly best:
    | {
        readonly source: RouteSource;
        readonly nextHop: Address | undefined;
        /** Where several share the traffic: all of them, the best path's first. */
        readonly shares?: readonly Share[];
        readonly peer: string;
        /** Packets to it are to be dropped (RFC 7999). */
        readonly discard?: true;
      }
    | undefined;
};

/** A path as people and the API see it. */
export type PathView = {
  /** Peer name, or undefined for a route originated here. */
  readonly peer: string | undefined;
  /** The peer's Path Identifier (RFC 7911); absent where its paths have none. */
  readonly pathId?: number;
  readonly source: RouteSource;
  /** As received, before the import policy. */
  readonly received: Attributes;
  /** As used, after it. */
  readonly attributes: Attributes;
  /** "multipath": it shares the traffic with the best. */
  readonly state: "best" | "multipath" | "valid" | "rejected";
  /** Absent where the peer stands by it. */
  readonly stale?: Staleness;
  /**
   * best, multipath and valid: the decision's rule, with both values where they decide
   * ("shorter AS_PATH: 1 < 2"), and why one that is as good as the best does not share its traffic;
   * rejected: which filter, loop or unreachable next hop.
   */
  readonly reason: string;
};

export type PrefixView = { readonly prefix: Prefix; readonly paths: readonly PathView[] };

/** What a peer was told of a prefix, or why it was not. */
export type AdvertisedView = {
  readonly prefix: Prefix;
  /** The Path Identifier that we give it; absent where the peer is told of the best path alone. */
  readonly pathId?: number;
  readonly advertised: boolean;
  readonly attributes: Attributes | undefined;
  readonly reason: string;
};

/** How the RIB asks whether a next hop can be used, and at what cost (RFC 4271 section 9.1.2.1). */
export type ResolveNextHop = (nextHop: Address) => {
  readonly reachable: boolean;
  readonly cost: number;
  /** For people, when not reachable: "no route to 172.30.0.12". */
  readonly reason?: string;
};

/** What one UPDATE did. */
export type ReceiveSummary = {
  readonly announced: number;
  readonly withdrawn: number;
  /** Prefixes withdrawn because of RFC 7606 faults. */
  readonly treatedAsWithdraw: number;
  /** Fault messages, for the log. */
  readonly faults: readonly string[];
  /**
   * The peer's prefixes have just come to the number that is worth a warning, or exceed their limit; or nobody's would
   * have room any more, and not all of these were taken.
   */
  readonly limit?: "warning" | "exceeded" | "no room";
  /** Which families it told of. */
  readonly families: readonly Family[];
  /** The family whose End-of-RIB marker the UPDATE was (RFC 4724 section 2). */
  readonly endOfRib: Family | undefined;
};

/** The RIB: adj-in, decision and adj-out of one speaker. Everything is synchronous. */
export type Rib = {
  addPeer(peer: RibPeer): PeerId;
  /** Forget the peer: its paths are withdrawn and its adj-out dropped. */
  removePeer(peer: PeerId): void;
  /**
   * The peer's session is over, and the peer is expected back (RFC 4724 section 4.2): it is told nothing more, and what it
   * told of these families stays as stale; of the others nothing does. What was stale before is gone, unless it is
   * long-lived.
   */
  retain(peer: PeerId, families: readonly Family[]): void;
  /** It is back, with another session; what it told before stays stale until it is told again or swept. */
  resume(peer: PeerId, record: RibPeer): void;
  /** Stale routes of a family become long-lived stale: the last choice (RFC 9494 section 4.2). */
  age(peer: PeerId, family: Family): void;
  /** Stale routes of a family go: all that a restart has left, or the long-lived ones alone. */
  sweep(peer: PeerId, family: Family, which: "all" | "long-lived"): void;
  /** Decide and tell nothing of these families until they are released (RFC 4724 section 4.1). */
  defer(families: readonly Family[]): void;
  release(family: Family): void;
  /** New policies for an established peer; adj-in and adj-out are re-evaluated, only changes are sent. */
  setPolicies(peer: PeerId, policies: RibPolicies): void;
  /** Other next hops of our own: peers are told the difference. */
  setNextHops(peer: PeerId, nextHops: RibPeer["nextHops"]): void;
  /** Take an UPDATE (its body: after the 19-octet header). Throws `BgpError` to reset the session. */
  receive(peer: PeerId, buffer: Uint8Array, start: number, end: number): ReceiveSummary;
  /**
   * Send the whole table of a family once more (RFC 2918 section 4), after what the peer is being told already.
   * `onEnd` is called when all of it has left through the sink; not if the peer goes before that.
   */
  refresh(peer: PeerId, family: Family, onEnd?: () => void): void;
  /**
   * The peer announces its whole table of a family again; at the end the rest of what it had of it is gone
   * (RFC 7313).
   */
  beginRefresh(peer: PeerId, family: Family): void;
  endRefresh(peer: PeerId, family: Family): void;
  /**
   * The peer's connection does not take what it is sent: nothing more is sent to it, and what it misses is
   * told at `catchUp`. Not from inside `onSend`.
   */
  lag(peer: PeerId): void;
  catchUp(peer: PeerId): void;
  /** Decide by other choices from now on: every prefix is decided anew. */
  setSelection(selection: PathSelection): void;
  /** Put a route of our own in (again with other attributes: replaced), or take it out. */
  originate(prefix: Prefix, attributes: Attributes): void;
  withdraw(prefix: Prefix): void;
  /** Say again by `onBest` what is chosen of each prefix within these. */
  restate(within: readonly Prefix[]): void;
  /** The answers of `resolve` may have changed: ask again for every next hop in use. */
  nextHopsChanged(): void;
  /**
   * Decide and export what is pending for about `milliseconds`; true when more is left. Best changes
   * and messages leave through the sinks before it returns.
   */
  work(milliseconds: number): boolean;
  /** Whether decisions are pending; else what is left is to tell single peers what others know. */
  readonly isDeciding: boolean;
  /** All paths of one prefix; undefined when there is none. */
  lookup(prefix: Prefix): PrefixView | undefined;
  /** The most specific prefix with a best path that holds the address. */
  longestMatch(address: Address): PrefixView | undefined;
  /** Every prefix, in `comparePrefix` order. */
  routes(): PrefixView[];
  /** Adj-RIB-In of a peer, pre-policy, rejected ones included, in order. */
  received(peer: PeerId): { readonly prefix: Prefix; readonly path: PathView }[];
  /**
   * Adj-RIB-Out of a peer with, for each best route not sent, why not; with ADD-PATH (RFC 7911) for each path that
   * can be used.
   */
  advertised(peer: PeerId): AdvertisedView[];
  /** The same of one prefix; nothing when there is no path to tell of. */
  advertisedTo(peer: PeerId, prefix: Prefix): AdvertisedView[];
  counts(): {
    readonly prefixes: number;
    readonly byFamily: Readonly<Record<Family, number>>;
    readonly paths: number;
    readonly attributeSets: number;
    readonly updateGroups: number;
  };
  /** What one family's tables hold. */
  sizeOf(family: Family): { readonly prefixes: number; readonly paths: number };
  /** What deciding and telling have cost since the start, in plain numbers. */
  readonly effort: Readonly<RibEffort>;
  /** Of one family, or of all that the session carries. */
  peerCounts(peer: PeerId, family?: Family): PeerCounts;
};

/**
 * Paths of a peer: received in all, accepted by policy, chosen as best, stale; and prefixes sent to it, or paths where
 * it is told several of one.
 */
export type PeerCounts = {
  readonly received: number;
  readonly accepted: number;
  readonly best: number;
  readonly stale: number;
  readonly advertised: number;
};

/** Work since the start; times in milliseconds, taken once per slice. */
export type RibEffort = {
  /** Prefixes decided, each time anew. */
  decisions: number;
  /** Choosing paths and judging them by the export policies. */
  decisionTime: number;
  /** Making messages and handing them to the sessions. */
  exportTime: number;
};

export type RibOptions = {
  /** Our BGP Identifier as an unsigned word: loops by ORIGINATOR_ID are found with it. */
  readonly identifier: number;
  readonly resolve: ResolveNextHop;
  readonly selection: PathSelection;
  /** Milliseconds, for `work`'s budget. */
  readonly now: () => number;
  /** Prefixes, paths and attribute sets that a family's tables hold at most; 2^26 when absent. */
  readonly most?: number;
  /** The clock is looked at once per this many decisions, or other small pieces of work; 256 when absent. */
  readonly stride?: number;
  /** Called within `work` for each prefix; the change is a scratch record, valid during the call only. */
  readonly onBest: (change: BestChange) => void;
  /** Whether more is to be originated yet: who waits for the whole table waits for that too. Absent: never. */
  readonly isUnsettled?: () => boolean;
  /** Whether the peer has its table, and is to wait for End-of-RIB: tables of others are still to come. Absent: never. */
  readonly isPartial?: (peer: string, family: Family) => boolean;
  /** Whole UPDATEs of a family for a peer. The bytes are shared by several peers: they must not be changed. */
  readonly onSend: (peer: PeerId, bytes: Uint8Array, family: Family) => void;
};
