/**
 * What a new plan changes, so that a reload touches only that: a session whose parameters are equal
 * never flaps. Pure.
 */

import { equalPrefix, type Prefix } from "../lib/prefix.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";

export type Difference = {
  /** The speaker itself is another (AS, identifier): every session must start again. */
  readonly speaker: boolean;
  readonly listen: boolean;
  /** Every prefix must be decided anew. */
  readonly selection: boolean;
  readonly removed: readonly string[];
  readonly added: readonly PeerPlan[];
  /** Session parameters differ: end it and start anew. */
  readonly restarted: readonly PeerPlan[];
  /** Same session; its policies may differ. */
  readonly kept: readonly PeerPlan[];
  readonly withdrawn: readonly Prefix[];
  readonly originated: readonly Prefix[];
};

/** Compare two plans; `before` is undefined at the start. */
export function difference(before: SpeakerPlan | undefined, after: SpeakerPlan): Difference {
  const old = new Map((before?.peers ?? []).map((peer) => [peer.name, peer]));
  const names = new Set(after.peers.map(({ name }) => name));
  const speaker =
    before !== undefined &&
    !isSame([before.asNumber, before.routerId], [after.asNumber, after.routerId]);
  const isKept = (peer: PeerPlan): boolean => {
    const previous = old.get(peer.name);
    return !speaker && previous !== undefined && isSame(session(previous), session(peer));
  };
  const missing = (from: readonly Prefix[], other: readonly Prefix[]): Prefix[] =>
    from.filter((prefix) => !other.some((candidate) => equalPrefix(candidate, prefix)));
  return {
    speaker,
    listen: !isSame(
      [before?.listenPort, before?.listenAddresses],
      [after.listenPort, after.listenAddresses],
    ),
    selection: !isSame(before?.selection, after.selection),
    removed: [...old.keys()].filter((name) => !names.has(name)),
    added: after.peers.filter(({ name }) => !old.has(name)),
    restarted: after.peers.filter((peer) => old.has(peer.name) && !isKept(peer)),
    kept: after.peers.filter(isKept),
    withdrawn: missing(before === undefined ? [] : originations(before), originations(after)),
    originated: missing(originations(after), before === undefined ? [] : originations(before)),
  };
}

/** What the speaker originates: its blocks, and the ranges of services. */
export function originations({ blocks, services }: SpeakerPlan): readonly Prefix[] {
  return [...blocks, ...services];
}

/** The part of a peer's plan that its session is made of; the rest is policy, or BFD's to compare. */
function session({
  node,
  reachableBy,
  filters,
  acceptDefaultRoute,
  policy,
  bfd,
  ...rest
}: PeerPlan): unknown {
  return rest;
}

/** Whether two values are written alike. */
export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
