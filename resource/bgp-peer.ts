/**
 * BGPPeer (projectcalico.org/v3): a session of some nodes with a router, or with another node; or, additions
 * of ours, sessions with whoever calls from a range, and a session with whoever is found on a link; or sessions of
 * nodes with pods of their own.
 */

import * as v from "valibot";
import { type Address, isLinkLocal } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import { type AddPath, addPathSchema } from "./add-path.ts";
import {
  type BfdSettings,
  bfdSchema,
  detectionSettings,
  failureDetectionModeSchema,
} from "./bfd.ts";
import {
  type ImportPolicy,
  importPolicySchema,
  type Timers,
  timerFields,
} from "./bgp-configuration.ts";
import {
  type GracefulRestartSettings,
  peerGracefulRestartSchema,
  restartContradiction,
  restartModeFields,
  restartSettings,
} from "./graceful-restart.ts";
import type { NotHonouredFields } from "./not-honoured.ts";
import { type KeySource, passwordSchema } from "./password.ts";
import {
  type AsRange,
  asNumberSchema,
  asRangeSchema,
  booleanSchema,
  communicationSchema,
  eitherPrefixSchema,
  hostAddressSchema,
  inMap,
  linkSchema,
  mapOf,
  missing,
  nameSchema,
  oneOf,
  type PeerAs,
  peerAddressSchema,
  peerAsSchema,
  secondsSchema,
  selectorSchema,
  type WordedSelector,
  wholeNumber,
  wordedSelectorSchema,
} from "./scalar.ts";
import type { Selector } from "./selector.ts";

const LIST = 'expected a list of AS numbers or ranges, such as [64513, "64520-64530"]';

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

/** The other end: one address, or Nodes by label. */
export type RemoteEnd =
  | {
      readonly type: "address";
      readonly address: Address;
      /** Undefined: the Node's where the address is one's, else 179. */
      readonly port: number | undefined;
      readonly asNumber: number;
    }
  | { readonly type: "nodes"; readonly selector: Selector };

/** An addition of ours: neighbours that nobody has named, by where they call from. */
export type BgpRange = BgpSession & {
  readonly remotes: Prefix;
  readonly asNumbers: readonly AsRange[];
  /** So many of them at once. */
  readonly limit: number;
};

/** An addition of ours: the neighbour on a link, by its router advertisements. */
export type BgpUnnumbered = BgpSession & {
  /** The link's name; nodes that have this session all call it so. */
  readonly link: string;
  readonly peerAs: PeerAs;
  readonly passive: boolean;
};

/** Each pod of the node that the selector picks. */
export type BgpWorkloads = BgpSession & {
  readonly workloads: WordedSelector;
  readonly asNumber: number;
  readonly passive: boolean;
};

/** What a BGPPeer may be. */
export type AnyBgpPeer = BgpPeer | BgpRange | BgpUnnumbered | BgpWorkloads;

/** What an external peer is told where no filter decides: our own, what lies in pools (as Calico), nothing. */
export type ExportPolicy = "safe" | "pools" | "none";

/** RFC 9234 section 4.1, as the capability names them. */
export const ROLES = ["provider", "rs", "rs-client", "customer", "peer"] as const;

export type Role = (typeof ROLES)[number];

export type PrefixLimit = {
  /** 0: none. */
  readonly max: number;
  /** Percent of `max`. */
  readonly warningThreshold: number;
  /** Seconds until the session may come back; undefined: not before somebody asks. */
  readonly restartTime?: number | undefined;
};

/** Neighbours of a range, unless it says how many. */
const DEFAULT_LIMIT = 100;

const bgpPeerFields = mapOf({
  node: v.optional(nameSchema),
  nodeSelector: v.optional(selectorSchema),
  peerIP: v.optional(peerAddressSchema),
  asNumber: v.optional(peerAsSchema),
  peerSelector: v.optional(selectorSchema),
  localWorkloadSelector: v.optional(wordedSelectorSchema),
  reversePeering: v.optional(oneOf("Auto", "Manual"), "Auto"),
  reachableBy: v.optional(hostAddressSchema),
  listenRange: v.optional(eitherPrefixSchema),
  asNumbers: v.optional(v.pipe(v.array(asRangeSchema, LIST), v.minLength(1, LIST))),
  listenLimit: v.optional(wholeNumber(1, 10_000, "a number of neighbours")),
  filters: v.optional(v.array(nameSchema, "expected a list of names of BGPFilters"), []),
  password: v.optional(passwordSchema),
  ttlSecurity: v.optional(wholeNumber(1, 254, "hops to the peer")),
  multihop: v.optional(wholeNumber(1, 255, "hops to the peer")),
  sourceAddress: v.optional(oneOf("UseNodeIP", "None"), "UseNodeIP"),
  interface: v.optional(linkSchema),
  localASNumber: v.optional(asNumberSchema),
  numAllowedLocalASNumbers: v.optional(wholeNumber(0, 255, "a number of ASes"), 0),
  nextHopMode: v.optional(oneOf("Auto", "Self", "Keep")),
  keepOriginalNextHop: v.optional(booleanSchema, false),
  delayOpen: v.optional(secondsSchema(1)),
  sendHoldTime: v.optional(secondsSchema(0, "; 0 switches the timer off")),
  shutdown: v.optional(communicationSchema),
  acceptDefaultRoute: v.optional(booleanSchema, false),
  passive: v.optional(booleanSchema, false),
  importPolicy: v.optional(importPolicySchema),
  exportPolicy: v.optional(oneOf("safe", "pools", "none"), "safe"),
  rejectASSets: v.optional(booleanSchema),
  discardBlackhole: v.optional(booleanSchema),
  asOverride: v.optional(booleanSchema, false),
  removePrivateAS: v.optional(booleanSchema, false),
  gracefulShutdown: v.optional(booleanSchema, false),
  aigp: v.optional(booleanSchema, false),
  routeReflectorClient: v.optional(booleanSchema),
  role: v.optional(oneOf(...ROLES)),
  strictRole: v.optional(booleanSchema, false),
  prefixLimit: v.optional(
    mapOf({
      max: wholeNumber(0, 0xffff_ffff, "a number of prefixes, or 0 for no limit"),
      warningThreshold: v.optional(wholeNumber(1, 100, "a percentage"), 75),
      restartTime: v.optional(secondsSchema(1)),
    }),
  ),
  addPath: addPathSchema,
  bfd: bfdSchema,
  failureDetectionMode: failureDetectionModeSchema,
  ...restartModeFields,
  gracefulRestart: peerGracefulRestartSchema,
  ...timerFields,
});

export const bgpPeerSpec = v.pipe(
  bgpPeerFields,
  v.rawTransform<Fields, Fields & { readonly end: AnyEnd }>(
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

type Fields = v.InferOutput<typeof bgpPeerFields>;

/** Whoever calls from a range. */
type CallingEnd = Pick<BgpRange, "remotes" | "asNumbers" | "limit"> & { readonly type: "range" };

/** Whoever is on a link. */
type LinkEnd = Pick<BgpUnnumbered, "link" | "peerAs"> & { readonly type: "link" };

/** The node's own pods. */
type PodsEnd = Pick<BgpWorkloads, "workloads" | "asNumber"> & { readonly type: "pods" };

type AnyEnd = RemoteEnd | CallingEnd | LinkEnd | PodsEnd;

/** A field, and what is wrong with it. */
type Wrong = readonly [field: keyof Fields, message: string];

/** Whom the sessions are with, or the field that is missing for it. */
function endOf(spec: Fields): AnyEnd | Wrong {
  const { peerIP, asNumber: peerAs, peerSelector, listenRange, asNumbers, listenLimit } = spec;
  if (isUnnumbered(spec)) {
    if (peerAs === undefined) return ["asNumber", missing(peerAsSchema)];
    return { type: "link", link: spec.interface, peerAs };
  }
  if (typeof peerAs === "string") {
    return ["asNumber", "expected an AS number: external and internal go with an interface alone"];
  }
  const asNumber = peerAs;
  if (spec.localWorkloadSelector !== undefined) {
    if (asNumber === undefined) return ["asNumber", missing(asNumberSchema)];
    return { type: "pods", workloads: spec.localWorkloadSelector, asNumber };
  }
  if (listenRange !== undefined) {
    const single = asNumber === undefined ? undefined : [{ first: asNumber, last: asNumber }];
    const ranges = asNumbers ?? single;
    if (ranges === undefined || (single !== undefined && asNumbers !== undefined)) {
      return ["asNumbers", "expected either asNumber or asNumbers with a listenRange"];
    }
    const limit = listenLimit ?? DEFAULT_LIMIT;
    return { type: "range", remotes: listenRange, asNumbers: ranges, limit };
  }
  if (peerSelector !== undefined) return { type: "nodes", selector: peerSelector };
  if (peerIP === undefined) {
    const others =
      "or, for Nodes, a peerSelector; or, for the nodes' own pods, a localWorkloadSelector; or, for who calls, a listenRange; or, for who is found on a link, an interface";
    return ["peerIP", `${missing(peerAddressSchema)}; ${others}`];
  }
  if (asNumber === undefined) return ["asNumber", missing(asNumberSchema)];
  return { type: "address", ...peerIP, asNumber };
}

/** Fields that do not go together. */
function contradictions(spec: Fields): Wrong[] {
  const found = saidTwice(spec);
  const isThere = (field: keyof Fields): boolean => spec[field] !== undefined;
  if (isUnnumbered(spec)) found.push(...misplaced(spec));
  if (isThere("localWorkloadSelector")) return [...found, ...besidePods(spec)];
  if (isThere("listenRange")) {
    const ofPeers = ["peerIP", "peerSelector", "reachableBy"] as const;
    for (const field of ofPeers.filter(isThere)) {
      found.push([field, "with listenRange whoever calls from it is the peer: remove it"]);
    }
    if (spec.sourceAddress === "None") {
      found.push(["sourceAddress", "with listenRange whoever calls chooses it: remove it"]);
    }
    if (spec.listenRange !== undefined && isLinkLocal(spec.listenRange)) {
      found.push([
        "listenRange",
        "expected no link-local one: an interface alone finds who is on a link",
      ]);
    }
  } else {
    const ofRanges = ["asNumbers", "listenLimit"] as const;
    for (const field of ofRanges.filter(isThere)) {
      found.push([field, "expected only with a listenRange"]);
    }
    if (isThere("peerSelector")) {
      const own = "with peerSelector the Nodes say";
      if (isThere("peerIP")) found.push(["peerIP", `${own} their addresses: remove it`]);
      if (isThere("asNumber")) found.push(["asNumber", `${own} their AS numbers: remove it`]);
      if (isThere("reachableBy")) found.push(["reachableBy", "goes with a peerIP"]);
    }
  }
  if (isThere("listenRange") && spec.bfd?.strict === true) {
    // BFD has nobody to speak with before the neighbour calls, and then it would not be let in.
    found.push([
      "bfd",
      "expected no strict with a listenRange: who calls is known by its call only",
    ]);
  }
  return [...found, ...hopsTwice(spec)];
}

/** Whether the neighbour on a link is meant: nothing else says who the peer is. */
function isUnnumbered(spec: Fields): spec is Fields & { readonly interface: string } {
  const { interface: link, peerIP, peerSelector, listenRange, localWorkloadSelector } = spec;
  const ends = [peerIP, peerSelector, listenRange, localWorkloadSelector];
  return link !== undefined && ends.every((end) => end === undefined);
}

/** What means nothing towards the neighbour on a link. */
function misplaced({ multihop, reachableBy, sourceAddress, bfd }: Fields): Wrong[] {
  const near = "with an interface alone the peer is on that link: remove it";
  return [
    ...(multihop === undefined ? [] : [["multihop", near] as const]),
    ...(reachableBy === undefined ? [] : [["reachableBy", near] as const]),
    ...(sourceAddress === "None"
      ? [["sourceAddress", "with an interface alone it is the link's own: remove it"] as const]
      : []),
    ...(bfd?.multihop === true
      ? [["bfd", "expected no multihop with an interface alone: the peer is on that link"] as const]
      : []),
  ];
}

/** What means nothing towards the node's own pods. */
function besidePods(spec: Fields): Wrong[] {
  const ends = ["peerIP", "peerSelector", "listenRange", "asNumbers", "listenLimit"] as const;
  const ways = ["reachableBy", "interface"] as const;
  const isThere = (field: keyof Fields): boolean => spec[field] !== undefined;
  const found: Wrong[] = [
    ...ends
      .filter(isThere)
      .map((field) => [field, "with localWorkloadSelector pods are the peers: remove it"] as const),
    ...ways
      .filter(isThere)
      .map(
        (field) =>
          [field, "with localWorkloadSelector each pod is on its own link: remove it"] as const,
      ),
  ];
  if (spec.sourceAddress === "None") {
    const own = "with localWorkloadSelector it is the localWorkloadPeering address: remove it";
    found.push(["sourceAddress", own]);
  }
  if (spec.failureDetectionMode === "BFDIfDirectlyConnected") {
    const none =
      "pods are in no network of the node's links: expected bfd with localWorkloadSelector";
    found.push(["failureDetectionMode", none]);
  }
  return [...found, ...hopsTwice(spec)];
}

/** Calico's fields against ours that say the same. */
function saidTwice(spec: Fields): Wrong[] {
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

function hopsTwice({ multihop, ttlSecurity }: Fields): Wrong[] {
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
