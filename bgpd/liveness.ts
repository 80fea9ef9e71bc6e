/**
 * BFD for BGP (RFC 5882 sections 3 and 4): a session beside each peer whose plan asks for one, and what its end
 * means for the peer.
 */

import { isDeepStrictEqual } from "node:util";
import { withoutZone } from "../lib/address.ts";
import type { Bfd, BfdFactory, SessionChange, SessionPlan, SessionStatus } from "./bfd/bfd.ts";
import type { BfdPlan, PeerPlan } from "./cluster/speaker.ts";

export type Failure = {
  /** In words. */
  readonly cause: string;
  /** It cannot have been the end of the peer's control plane instead (RFC 5882 section 4.3). */
  readonly independent: boolean;
};

export type LivenessOptions = {
  /** Undefined: nothing is watched, and nobody waits for it. */
  readonly start: BfdFactory | undefined;
  /** The path to the peer has failed. */
  readonly onFailure: (name: string, failure: Failure) => void;
  /** The path to the peer works. */
  readonly onUp: (name: string) => void;
};

export type Liveness = {
  /** Have sessions for these peers, touching only what differs from before. */
  apply(peers: readonly PeerPlan[]): void;
  /** Whether a peer may be spoken with: not before its session is Up, if it is strict. */
  permits(plan: PeerPlan): boolean;
  status(name: string): SessionStatus | undefined;
  /** Say AdminDown to all. */
  stop(): Promise<void>;
};

/** Nothing is started until a plan wants it. */
export function createLiveness({ start, onFailure, onUp }: LivenessOptions): Liveness {
  const watched = new Map<string, SessionPlan>();
  const up = new Set<string>();
  let bfd: Bfd | undefined;

  const changed = ({ name, to, cause, failure, independent }: SessionChange): void => {
    if (to === "Up") {
      up.add(name);
      onUp(name);
      return;
    }
    up.delete(name);
    if (failure) onFailure(name, { cause, independent });
  };

  return {
    apply(peers) {
      const plans = new Map(
        peers.flatMap((peer) =>
          peer.bfd === undefined ? [] : [[peer.name, sessionPlan(peer, peer.bfd)] as const],
        ),
      );
      for (const name of [...watched.keys()].filter((name) => !plans.has(name))) {
        watched.delete(name);
        up.delete(name);
        bfd?.remove(name);
      }
      if (start === undefined) return;
      for (const [name, plan] of plans) {
        const before = watched.get(name);
        if (before !== undefined && isDeepStrictEqual(before, plan)) continue;
        watched.set(name, plan);
        bfd ??= start(changed);
        bfd.set(name, plan);
      }
    },
    permits: ({ name, bfd: wanted }) =>
      wanted?.strict !== true || start === undefined || up.has(name),
    status: (name) => bfd?.status(name),
    stop: async () => await bfd?.stop(),
  };
}

function sessionPlan(
  { address, localAddress }: Pick<PeerPlan, "address" | "localAddress">,
  bfd: BfdPlan,
): SessionPlan {
  const { strict, authentication, ...times } = bfd;
  return {
    local: withoutZone(localAddress),
    remote: withoutZone(address),
    link: address.zone ?? 0,
    ...times,
    authentication:
      authentication === undefined
        ? undefined
        : { ...authentication, key: authentication.key.reveal() },
  };
}
