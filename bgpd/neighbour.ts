/**
 * A peer as the daemon keeps it: its session, its compiled policies, and where it stands in the RIB.
 */

import type { Family } from "../lib/address.ts";
import type { Timer } from "../lib/clock.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import type { Peer, SessionInfo, StopReason } from "./peer.ts";
import type { CompiledPolicy } from "./policy/compile.ts";
import type { Retention } from "./retention.ts";
import type { PeerId, RibPeer, RibPolicies } from "./rib/route.ts";
import type { SessionRules } from "./rib/rules.ts";
import { CEASE, MAXIMUM_NUMBER_OF_PREFIXES_REACHED, SAFI_UNICAST } from "./wire/const.ts";
import { afiOf } from "./wire/family.ts";

/** UPDATEs of a peer since it is in the plan, over all its sessions. */
export type Traffic = {
  /** By the families that they tell of; one may tell of both. */
  readonly updates: Readonly<Record<Family, { received: number; sent: number }>>;
  /** Received with faults that left the session up (RFC 7606). */
  faulty: number;
};

/** What its plan lets in and out. */
export type Policies = {
  importPolicy: CompiledPolicy;
  exportPolicy: CompiledPolicy;
};

/** One peer with what the daemon keeps beside it. */
export type Neighbour = Policies & {
  plan: PeerPlan;
  readonly peer: Peer;
  /** Its number in the RIB while Established. */
  id: PeerId | undefined;
  /** What of its routes may be gone soon; while it is away, all that is kept of it. */
  readonly retention: Retention;
  session: SessionInfo | undefined;
  /** What it is told as next hop where that is "self". */
  nextHops: RibPeer["nextHops"] | undefined;
  /** KEEPALIVEs since it became Established. */
  keepalives: number;
  /** Families whose End-of-RIB marker has come since then. */
  readonly ended: Set<Family>;
  /** Families whose table it has asked for, and may have to wait for until there is room to send it. */
  readonly wantsRefresh: Set<Family>;
  /** The range that it came by; undefined for a peer of the plan. */
  readonly range: string | undefined;
  readonly traffic: Traffic;
  /** It had too many prefixes and is kept away; the timer brings it back, if there is one. */
  suspended: { readonly timer: Timer | undefined } | undefined;
};

/** One that has had no session yet. */
export function createNeighbour(
  made: Policies & Pick<Neighbour, "plan" | "peer" | "retention" | "range">,
): Neighbour {
  return {
    ...made,
    id: undefined,
    session: undefined,
    nextHops: undefined,
    keepalives: 0,
    suspended: undefined,
    ended: new Set(),
    wantsRefresh: new Set(),
    traffic: {
      updates: { 4: { received: 0, sent: 0 }, 6: { received: 0, sent: 0 } },
      faulty: 0,
    },
  };
}

/** The RIB's record of an Established peer. */
export function ribPeerOf(
  neighbour: Neighbour,
  session: SessionInfo,
  nextHops: RibPeer["nextHops"],
  speaker: SpeakerPlan,
): RibPeer {
  const { plan } = neighbour;
  const { zone } = session.remoteAddress;
  return {
    name: plan.name,
    external: plan.localAs !== plan.remoteAs,
    ...(plan.behindUs === true ? { behindUs: true } : {}),
    localAs: plan.localAs,
    speakerAs: speaker.asNumber,
    remoteAs: plan.remoteAs,
    address: session.remoteAddress,
    identifier: session.identifier.w0,
    localAddress: session.localAddress,
    nextHops,
    wire: zone === undefined ? session.wire : { ...session.wire, link: zone },
    ...ribPoliciesOf(neighbour),
  };
}

/** What may change while the session is up. */
export function ribPoliciesOf(neighbour: Neighbour): RibPolicies {
  const { plan, session, importPolicy, exportPolicy } = neighbour;
  return {
    rules: rulesOf(plan, session),
    importPolicy: importPolicy.policy,
    exportPolicy: exportPolicy.policy,
    exportKey: exportPolicy.key,
  };
}

/** Whether the peer has more prefixes than its plan allows; then how its session ends, and in which words. */
export function limitOf(
  { families, policy: { prefixLimit } }: PeerPlan,
  prefixes: number,
):
  | {
      readonly cease: StopReason;
      readonly reason: string;
      /** Seconds. */
      readonly restartTime: number | undefined;
    }
  | undefined {
  if (prefixLimit === undefined || prefixes <= prefixLimit.max) return undefined;
  const { max, restartTime } = prefixLimit;
  const then =
    restartTime === undefined
      ? "it stays down until prefixLimit is changed"
      : `it may come back after ${restartTime} s`;
  return {
    cease: {
      code: CEASE,
      subcode: MAXIMUM_NUMBER_OF_PREFIXES_REACHED,
      data: upperBound(families, max),
    },
    reason: `${prefixes} prefixes exceed the limit of ${max}; we sent Cease/Maximum Number of Prefixes Reached, and ${then}`,
    restartTime,
  };
}

/** AFI (2 octets), SAFI (1) and the upper bound (4), RFC 4486 section 4; nothing where it is of several families. */
function upperBound(families: readonly Family[], max: number): Uint8Array {
  const [family, ...others] = families;
  if (family === undefined || others.length > 0) return new Uint8Array();
  const data = new Uint8Array(7);
  const view = new DataView(data.buffer);
  view.setUint16(0, afiOf(family));
  view.setUint8(2, SAFI_UNICAST);
  view.setUint32(3, max);
  return data;
}

function rulesOf(
  { role, policy, gracefulRestart }: PeerPlan,
  session: SessionInfo | undefined,
): SessionRules {
  const { importPolicy, exportPolicy, prefixLimit, ...rules } = policy;
  const others = gracefulRestart?.partialDeployment === true ? "depreferred" : "withheld";
  return {
    ...rules,
    role: role?.role,
    longLivedStale: session?.restart?.longLived === true ? "told" : others,
    prefixLimit:
      prefixLimit === undefined
        ? undefined
        : {
            most: prefixLimit.max,
            warnAt: Math.ceil((prefixLimit.max * prefixLimit.warningThreshold) / 100),
          },
  };
}
