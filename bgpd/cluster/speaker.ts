/**
 * What one node's daemon is to do, computed from the cluster's documents: nothing of it is state.
 *
 * `plan.ts` makes it (pure); the daemon compares two of them and touches only what differs.
 */

import type { Address, Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import type { BgpFilter } from "../../resource/bgp-filter.ts";

export type SpeakerPlan = {
  readonly node: string;
  readonly asNumber: number;
  /** BGP Identifier: the node's IPv4 address. */
  readonly routerId: Address;
  /** TCP port to listen on. */
  readonly listenPort: number;
  /** The node's addresses, at most one of a family: what it listens on, never "any", and its next hops. */
  readonly listenAddresses: readonly Address[];
  /** Blocks to originate (with a blackhole below each) and to publish in the node file. */
  readonly blocks: readonly Prefix[];
  /** The cluster's pools: what an external peer may not announce to us. */
  readonly pools: readonly Prefix[];
  readonly peers: readonly PeerPlan[];
};

export type PeerPlan = {
  /** `mesh NODE`, or the BGPPeer's name (with ` NODE` when it selects several nodes). */
  readonly name: string;
  readonly origin: "mesh" | "BGPPeer";
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
  readonly acceptDefaultRoute: boolean;
  /** In order; empty means the built-in policy alone. */
  readonly filters: readonly BgpFilter[];
};
