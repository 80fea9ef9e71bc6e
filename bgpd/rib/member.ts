/**
 * A peer in the RIB's tables of one family, with the counts that would be dear to gather when somebody asks.
 */

import type { PeerId, RibPeer } from "./route.ts";

export type Member = {
  readonly id: PeerId;
  /** Replaced when policies change. */
  peer: RibPeer;
  received: number;
  accepted: number;
  best: number;
  /** Counts the peer's refreshes (RFC 7313 section 4); `isRefreshing` between begin and end of one. */
  round: number;
  isRefreshing: boolean;
};

/** Every established peer whose session carries the family, by number. */
export type Members = ReadonlyMap<PeerId, Member>;
