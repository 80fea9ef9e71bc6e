/**
 * BGPPeer (projectcalico.org/v3): a session of some nodes with a router, or with another node; or, additions
 * of ours, sessions with whoever calls from a range, and a session with whoever is found on a link; or sessions of
 * nodes with pods of their own.
 */

import * as v from "valibot";
import type { Address } from "../lib/address.ts";
import type { AddPath } from "./add-path.ts";
import { type BfdSettings, detectionSettings } from "./bfd.ts";
import type { ImportPolicy, Timers } from "./bgp-configuration.ts";
import {
  type AnyEnd,
  type CallingEnd,
  endOf,
  type LinkEnd,
  misplaced,
  type PodsEnd,
  type RemoteEnd,
} from "./bgp-peer-end.ts";
import { type BgpPeerFields, bgpPeerFields, type Role, type Wrong } from "./bgp-peer-fields.ts";
import {
  type GracefulRestartSettings,
  restartContradiction,
  restartSettings,
} from "./graceful-restart.ts";
import type { NotHonouredFields } from "./not-honoured.ts";
import type { KeySource } from "./password.ts";
import { inMap } from "./scalar.ts";
import type { Selector } from "./selector.ts";

/** What sessions with named peers, with pods, with whoever is on a link or calls from a range have in common. */
type BgpSession = {
  readonly name: string;
  /** One node by name. */
  readonly node?: string | undefined;
  /** Nodes by label; with neither, all nodes. */
  readonly nodeSelector?: Selector | undefined;
  /** Names of BGPFilters, in order. */
  readonly filters: readonly string[];
  readonly timers: Timers;
  /** Where the TCP-MD5 key is; undefined for no key. */
  readonly password?: KeySource | undefined;
  /** The peer is at most so many hops away, and its packets prove it (RFC 5082). */
  readonly ttlSecurity?: number | undefined;
  readonly sourceAddress: "UseNodeIP" | "None";
  /** Ours on this session, where it is not the node's. */
  readonly localASNumber?: number | undefined;
  readonly numAllowedLocalASNumbers: number;
  readonly nextHopMode: "Auto" | "Self" | "Keep";
  /** The older way to say Keep, on external sessions only. */
  readonly keepOriginalNextHop: boolean;
  /** Additions of ours. Hops that an external session may take. */
  readonly multihop?: number | undefined;
  /** Name of the link that the session is bound to. */
  readonly interface?: string | undefined;
  /** Seconds. */
  readonly delayOpen?: number | undefined;
  readonly sendHoldTime?: number | undefined;
  /** Kept down, with this text for the peer. */
  readonly shutdown?: string | undefined;
  readonly acceptDefaultRoute: boolean;
  /** Undefined: the cluster's. */
  readonly importPolicy?: ImportPolicy | undefined;
  readonly exportPolicy: ExportPolicy;
  readonly rejectASSets?: boolean | undefined;
  readonly discardBlackhole?: boolean | undefined;
  readonly asOverride: boolean;
  readonly removePrivateAS: boolean;
  readonly gracefulShutdown: boolean;
  /** AIGP_SESSION (RFC 7311). */
  readonly aigp: boolean;
  /** Undefined: as the nodes' cluster IDs say. */
  readonly routeReflectorClient?: boolean | undefined;
  /** Ours towards the peer (RFC 9234). */
  readonly role?: Role | undefined;
  /** Only with a peer that says its own role. */
  readonly strictRole: boolean;
  readonly prefixLimit?: PrefixLimit | undefined;
  readonly addPath?: AddPath | undefined;
  readonly bfd?: BfdSettings | undefined;
  /** Seconds that the peer is asked to keep our routes while we are away. */
  readonly maxRestartTime?: number | undefined;
  readonly gracefulRestart?: GracefulRestartSettings | undefined;
};

export type BgpPeer = BgpSession & {
  readonly remote: RemoteEnd;
  readonly passive: boolean;
  /** Nodes at the other end get the session too, without a document of their own. */
  readonly reversePeering: boolean;
  /** The gateway by which the peer's address is reached, and only by it. */
  readonly reachableBy: Address | undefined;
};

/** With whoever calls from a range. */
export type BgpRange = BgpSession & Omit<CallingEnd, "type">;

/** With whoever is on a link. */
export type BgpUnnumbered = BgpSession & Omit<LinkEnd, "type"> & { readonly passive: boolean };

/** With the node's own pods. */
export type BgpWorkloads = BgpSession & Omit<PodsEnd, "type"> & { readonly passive: boolean };

/** What a BGPPeer may be. */
export type AnyBgpPeer = BgpPeer | BgpRange | BgpUnnumbered | BgpWorkloads;

/** What an external peer is told where no filter decides: our own, what lies in pools (as Calico), nothing. */
export type ExportPolicy = "safe" | "pools" | "none";

export type PrefixLimit = {
  /** 0: none. */
  readonly max: number;
  /** Percent of `max`. */
  readonly warningThreshold: number;
  /** Seconds until the session may come back; undefined: not before somebody asks. */
  readonly restartTime?: number | undefined;
};

export const bgpPeerSpec = v.pipe(
  bgpPeerFields,
  v.rawTransform<BgpPeerFields, BgpPeerFields & { readonly end: AnyEnd }>(
    ({ dataset: { value }, addIssue, NEVER }) => {
      for (const [field, message] of contradictions(value)) {
        addIssue({ message, path: [inMap(value, field)] });
      }
      const end = endOf(value);
      if ("type" in end) return { ...value, end };
      const [field, message] = end;
      addIssue({ message, path: [inMap(value, field)] });
      return NEVER;
    },
  ),
);

/** Fields that do not go together. */
function contradictions(spec: BgpPeerFields): Wrong[] {
  return [...saidTwice(spec), ...misplaced(spec), ...hopsTwice(spec)];
}

/** Calico's fields against ours that say the same. */
function saidTwice(spec: BgpPeerFields): Wrong[] {
  const found: Wrong[] = [];
  if (spec.failureDetectionMode === "BFDIfDirectlyConnected") {
    const { enabled = true, multihop = false } = spec.bfd ?? {};
    const other = "with failureDetectionMode: BFDIfDirectlyConnected expected";
    if (!enabled) found.push(["bfd", `${other} no enabled: false`]);
    if (multihop) found.push(["bfd", `${other} no multihop`]);
  }
  const restart = restartContradiction(spec);
  return restart === undefined ? found : [...found, restart];
}

function hopsTwice({ multihop, ttlSecurity }: BgpPeerFields): Wrong[] {
  if (multihop === undefined || ttlSecurity === undefined) return [];
  return [["multihop", "expected either multihop or ttlSecurity, which says the hops too"]];
}

/** Fields of Calico's that this version does not honour. */
export const BGP_PEER_NOT_HONOURED: NotHonouredFields = {
  "spec.birdGatewayMode": {
    idle: ["Recursive"],
    why: "next hops are looked up among the kernel's routes, be the peer near or not",
  },
};

/** The record of a checked document. */
export function bgpPeerFrom(name: string, spec: v.InferOutput<typeof bgpPeerSpec>): AnyBgpPeer {
  const { end, peerIP, asNumber, peerSelector, localWorkloadSelector, ...others } = spec;
  const { listenRange, asNumbers, listenLimit, ...own } = others;
  const { passive, reversePeering, reachableBy, failureDetectionMode, restartMode, ...common } =
    own;
  const { holdTime, keepaliveTime, connectRetryTime, nextHopMode, ...rest } = common;
  const session: BgpSession = {
    name,
    ...rest,
    bfd: detectionSettings(failureDetectionMode, rest.bfd),
    ...restartSettings({ ...rest, restartMode }),
    nextHopMode: nextHopMode ?? "Auto",
    timers: { holdTime, keepaliveTime, connectRetryTime },
  };
  if (end.type === "range") {
    const { type, ...range } = end;
    return { ...session, ...range };
  }
  if (end.type === "link") {
    const { link, peerAs } = end;
    return { ...session, link, peerAs, passive };
  }
  if (end.type === "pods") {
    const { workloads, asNumber: peerAs } = end;
    return { ...session, workloads, asNumber: peerAs, passive };
  }
  return {
    ...session,
    remote: end,
    passive,
    reversePeering: reversePeering === "Auto",
    reachableBy,
  };
}
