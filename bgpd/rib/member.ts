/**
 * A peer in the RIB's tables of one family, with the counts that would be dear to gather when somebody asks.
 */

import type { PeerId, RibPeer } from "./route.ts";

export type Member = {
  readonly id: PeerId;
  /** Replaced when policies change. */
  peer: RibPeer;
  received: number;
  /** Of these the ones told in this round. */
  told: number;
  accepted: number;
  best: number;
  /** Counts how often the peer began to tell its table anew: paths of an earlier round are stale. */
  round: number;
  /** What made them so: a refresh (RFC 7313 section 4) or a restart (RFC 4724 section 4.2); undefined: none is. */
  stale: "refresh" | "restart" | undefined;
  /** Paths of rounds before this one are long-lived stale (RFC 9494); 0: none is. */
  longLived: number;
  /** Paths of rounds before this one are gone, though their rows may be there for a while yet. */
  goneBefore: number;
};

/** Every established peer whose session carries the family, by number. */
export type Members = ReadonlyMap<PeerId, Member>;
