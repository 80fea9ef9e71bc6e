/**
 * Neighbours that nobody has named (a BGPPeer's `listenRange`): who of them is let in, and as what.
 *
 * One comes into being with its first connection and is forgotten when it waits for the next: after its
 * last session it stays, Idle, as long as peer oscillation damping holds it, so that people can see why
 * it left. Pure.
 */

import { type Address, formatAddress } from "../lib/address.ts";
import { containsAddress } from "../lib/prefix.ts";
import type { PeerPlan, RangePlan } from "./cluster/speaker.ts";

/** The most specific range with the address. */
export function rangeOf(ranges: readonly RangePlan[], remote: Address): RangePlan | undefined {
  return ranges
    .filter(({ remotes }) => containsAddress(remotes, remote))
    .toSorted((a, b) => b.remotes.length - a.remotes.length)[0];
}

/** Why nobody more of a range is let in, where `present` are there; undefined where one is. */
export function refusal({ name, limit, session }: RangePlan, present: number): string | undefined {
  if (session.shutdown !== undefined) return `BGPPeer ${name} is shut down`;
  if (session.keyless !== undefined) return `BGPPeer ${name} has no key: ${session.keyless}`;
  return present < limit ? undefined : `BGPPeer ${name} has its listenLimit of ${limit} neighbours`;
}

/** The plan of the neighbour with the address. */
export function dynamicPlan({ name, session }: RangePlan, remote: Address): PeerPlan {
  return { ...session, name: `${name} ${formatAddress(remote)}`, address: remote };
}
