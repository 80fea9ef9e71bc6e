/**
 * What one node's daemon is to do, computed from the cluster's documents: nothing of it is state.
 *
 * `plan.ts` makes it (pure); the daemon compares two of them and touches only what differs.
 */

import type { Address } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import type { Secret } from "../../lib/secret.ts";
import type { BgpFilter } from "../../resource/bgp-filter.ts";
import type { AsRange } from "../../resource/scalar.ts";

export type SpeakerPlan = {
  readonly node: string;
  readonly asNumber: number;
  /** BGP Identifier: the node's IPv4 address. */
  readonly routerId: Address;
  /** TCP port to listen on. */
  readonly listenPort: number;
  /** The addresses to listen on; "any" only where that was asked for, none where nobody may call. */
  readonly listenAddresses: readonly Address[];
  /** Blocks to originate (with a blackhole below each) and to publish in the node file. */
  readonly blocks: readonly Prefix[];
  /** The cluster's pools: what an external peer may not announce to us. */
  readonly pools: readonly Prefix[];
  readonly peers: readonly PeerPlan[];
  /** Who may call without being named; absent: nobody. */
  readonly ranges?: readonly RangePlan[];
  /** What every peer is told when the daemon ends (RFC 9003). */
  readonly shutdownMessage?: string;
};

/** Neighbours that come by themselves: each of them gets a session like `session` when it calls. */
export type RangePlan = {
  /** The BGPPeer's. */
  readonly name: string;
  readonly remotes: Prefix;
  /** So many of them at once. */
  readonly limit: number;
  /** Without address; `remoteAs` is 0 until the neighbour has said who it is. */
  readonly session: Omit<PeerPlan, "address">;
};

export type PeerPlan = SessionOptions & {
  /** `mesh NODE`, or the BGPPeer's name (with ` NODE` when it selects several nodes). */
  readonly name: string;
  readonly origin: "mesh" | "BGPPeer";
  readonly address: Address;
  readonly port: number;
  readonly remoteAs: number;
  readonly localAs: number;
  readonly localAddress: Address;
  /** Seconds; 0 means no timer. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  readonly connectRetryTime: number;
  /** Wait for the peer to connect. */
  readonly passive: boolean;
  /** Hops an external session may take; 1 for directly connected ones. */
  readonly ttl: number;
  readonly acceptDefaultRoute: boolean;
  /** In order; empty means the built-in policy alone. */
  readonly filters: readonly BgpFilter[];
};

/** What most sessions have not; absent is off. */
export type SessionOptions = {
  /** TCP-MD5 (RFC 2385). */
  readonly key?: Secret;
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
  /** Instead of `remoteAs`, for a neighbour that nobody has named. */
  readonly asNumbers?: readonly AsRange[];
};
