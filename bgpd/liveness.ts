/**
 * BFD for BGP (RFC 5882 sections 3 and 4): a session beside each peer whose plan asks for one, and what its end
 * means for the peer.
 */

import { isDeepStrictEqual } from "node:util";
import type { InterfaceAddress } from "../kernel/kernel.ts";
import { type Address, equalAddress, withoutZone } from "../lib/address.ts";
import { containsAddress, prefixOf } from "../lib/prefix.ts";
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
  /** What the kernel's links have; undefined where nobody looks. */
  readonly addresses: () => readonly InterfaceAddress[] | undefined;
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
export function createLiveness({ start, addresses, onFailure, onUp }: LivenessOptions): Liveness {
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

  /** Undefined where none is wanted. Who was on a link when his session began is watched until he is gone. */
  const planOf = (
    { name, bfd, address, source, localAddress }: PeerPlan,
    look: LivenessOptions["addresses"],
  ): SessionPlan | undefined => {
    if (bfd === undefined) return undefined;
    const ends = { remote: address, local: localAddress };
    if (bfd.multihop || (bfd.ifConnected !== true && source !== "any")) {
      return sessionPlan(ends, bfd);
    }
    const known = watched.get(name);
    const before = known && equalAddress(known.remote, withoutZone(address)) ? known : undefined;
    const own = addressTowards(address, look()) ?? before?.local;
    if (own === undefined && bfd.ifConnected) return undefined;
    return sessionPlan(source === "any" ? { ...ends, local: own ?? localAddress } : ends, bfd);
  };

  return {
    apply(peers) {
      let found: ReturnType<LivenessOptions["addresses"]>;
      const look = () => {
        found ??= addresses();
        return found;
      };
      const plans = new Map(
        peers.flatMap((peer) => {
          const plan = planOf(peer, look);
          return plan === undefined ? [] : [[peer.name, plan] as const];
        }),
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
    permits: (peer) =>
      peer.bfd?.strict !== true ||
      start === undefined ||
      up.has(peer.name) ||
      planOf(peer, addresses) === undefined,
    status: (name) => bfd?.status(name),
    stop: async () => await bfd?.stop(),
  };
}

/** The address of a link in whose network the peer is; undefined where there is none. */
function addressTowards(
  peer: Address,
  addresses: readonly InterfaceAddress[] = [],
): Address | undefined {
  return addresses.find(
    ({ address, length, scope }) =>
      scope === "global" &&
      address.family === peer.family &&
      containsAddress(prefixOf(address, length), peer),
  )?.address;
}

function sessionPlan(
  { local, remote }: { readonly local: Address; readonly remote: Address },
  bfd: BfdPlan,
): SessionPlan {
  const { strict, ifConnected, authentication, ...times } = bfd;
  return {
    local: withoutZone(local),
    remote: withoutZone(remote),
    link: remote.zone ?? 0,
    ...times,
    authentication:
      authentication === undefined
        ? undefined
        : { ...authentication, key: authentication.key.reveal() },
  };
}
