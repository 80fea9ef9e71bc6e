/**
 * What a new plan changes, so that a reload touches only that: a session whose parameters are equal
 * never flaps. Pure.
 */

import { formatPrefix, type Prefix } from "../lib/prefix.ts";
import type {
  PeerPlan,
  RangePlan,
  SpeakerPlan,
  UnnumberedPlan,
  WorkloadsPlan,
} from "./cluster/speaker.ts";

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
  /** Same session; its policies, and its key where it has one, may differ. */
  readonly kept: readonly PeerPlan[];
  /** Ranges whose neighbours must go, by name; those of others stay. */
  readonly endedRanges: readonly string[];
  /** Peers on links whose session must start anew, or that are no more. */
  readonly endedUnnumbered: readonly string[];
  /** BGPPeers that select pods whose sessions must start anew, or that are no more. */
  readonly endedWorkloads: readonly string[];
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
  const ended = <Plan extends { readonly name: string }>(
    earlier: readonly Plan[] = [],
    later: readonly Plan[] = [],
    madeOf: (plan: Plan) => unknown,
  ): string[] =>
    earlier
      .filter((plan) => {
        const next = later.find(({ name }) => name === plan.name);
        return speaker || next === undefined || !isSame(madeOf(plan), madeOf(next));
      })
      .map(({ name }) => name);
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
    endedRanges: ended(before?.ranges, after.ranges, members),
    endedUnnumbered: ended(before?.unnumbered, after.unnumbered, onLink),
    endedWorkloads: ended(before?.workloads, after.workloads, ofPods),
    withdrawn: before === undefined ? [] : missing(originations(before), originations(after)),
    originated: missing(originations(after), before === undefined ? [] : originations(before)),
  };
}

/** What the speaker originates: its blocks, and the ranges and addresses of services. */
export function originations(plan: SpeakerPlan): readonly Prefix[] {
  const { blocks, services, serviceRoutes } = plan;
  return [...blocks, ...services, ...serviceRoutes.map(({ prefix }) => prefix)];
}

/** Those of `from` that `other` does not have; there may be many. */
function missing(from: readonly Prefix[], other: readonly Prefix[]): Prefix[] {
  const known = new Set(other.map(formatPrefix));
  return from.filter((prefix) => !known.has(formatPrefix(prefix)));
}

/** What may change while the session is up. */
type Unsettled =
  | "node"
  | "reachableBy"
  | "filters"
  | "acceptDefaultRoute"
  | "policy"
  | "bfd"
  | "secret";

/**
 * The part of a plan that a session is made of; the rest is policy, or BFD's to compare. Of a key counts whether
 * there is one.
 */
function session<Plan extends Pick<PeerPlan, Unsettled>>({
  node,
  reachableBy,
  filters,
  acceptDefaultRoute,
  policy,
  bfd,
  secret,
  ...rest
}: Plan): unknown {
  return rest;
}

/** What the neighbours of a range have their sessions from. */
function members({ remotes, session: common }: RangePlan): unknown {
  return [remotes, session(common)];
}

/** What the peer on a link has its session from. */
function onLink({ link, session: common }: UnnumberedPlan): unknown {
  return [link, session(common)];
}

/** What pods have their sessions from; who they are, and at which address of ours, is found out for each of them. */
function ofPods({ session: common }: WorkloadsPlan): unknown {
  return session(common);
}

/** Whether two values are written alike. */
export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
