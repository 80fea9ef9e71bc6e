/**
 * BGPPeer (projectcalico.org/v3): a session of some nodes with a router, or with another node; or, an addition
 * of ours, sessions with whoever calls from a range.
 */

import * as v from "valibot";
import type { Address } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import { type BfdSettings, bfdSchema } from "./bfd.ts";
import {
  type ImportPolicy,
  importPolicySchema,
  type Timers,
  timerFields,
} from "./bgp-configuration.ts";
import {
  type AsRange,
  asNumberSchema,
  asRangeSchema,
  booleanSchema,
  communicationSchema,
  eitherPrefixSchema,
  linkSchema,
  mapOf,
  nameSchema,
  oneOf,
  passwordSchema,
  peerAddressSchema,
  secondsSchema,
  selectorSchema,
  wholeNumber,
} from "./scalar.ts";
import type { Selector } from "./selector.ts";

const LIST = 'expected a list of AS numbers or ranges, such as [64513, "64520-64530"]';

/** What a session with a named peer and sessions with whoever calls from a range have in common. */
type BgpSession = {
  readonly name: string;
  /** One node by name. */
  readonly node?: string | undefined;
  /** Nodes by label; with neither, all nodes. */
  readonly nodeSelector?: Selector | undefined;
  /** Names of BGPFilters, in order. */
  readonly filters: readonly string[];
  readonly timers: Timers;
  /** Path of the file that has the TCP-MD5 key; undefined for no key. */
  readonly passwordFile: string | undefined;
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
  /** Ours towards the peer (RFC 9234). */
  readonly role?: Role | undefined;
  /** Only with a peer that says its own role. */
  readonly strictRole: boolean;
  readonly prefixLimit?: PrefixLimit | undefined;
  readonly bfd?: BfdSettings | undefined;
};

export type BgpPeer = BgpSession & {
  readonly address: Address;
  /** Undefined: the cluster's where the address is a Node's, else 179. */
  readonly port: number | undefined;
  readonly asNumber: number;
  readonly passive: boolean;
};

/** An addition of ours: neighbours that nobody has named, by where they call from. */
export type BgpRange = BgpSession & {
  readonly remotes: Prefix;
  readonly asNumbers: readonly AsRange[];
  /** So many of them at once. */
  readonly limit: number;
};

/** What an external peer is told where no filter decides: our own, what lies in pools (as Calico), nothing. */
export type ExportPolicy = "safe" | "pools" | "none";

/** RFC 9234 section 4.1, as the capability names them. */
export const ROLES = ["provider", "rs", "rs-client", "customer", "peer"] as const;

export type Role = (typeof ROLES)[number];

export type PrefixLimit = {
  readonly max: number;
  /** Percent of `max`. */
  readonly warningThreshold: number;
  /** Seconds until the session may come back; undefined: not before somebody asks. */
  readonly restartTime?: number | undefined;
};

/** Neighbours of a range, unless it says how many. */
const DEFAULT_LIMIT = 100;

const fields = mapOf({
  node: v.optional(nameSchema),
  nodeSelector: v.optional(selectorSchema),
  peerIP: v.optional(peerAddressSchema),
  asNumber: v.optional(asNumberSchema),
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
  role: v.optional(oneOf(...ROLES)),
  strictRole: v.optional(booleanSchema, false),
  prefixLimit: v.optional(
    mapOf({
      max: wholeNumber(1, 0xffff_ffff, "a number of prefixes"),
      warningThreshold: v.optional(wholeNumber(1, 100, "a percentage"), 75),
      restartTime: v.optional(secondsSchema(1)),
    }),
  ),
  bfd: bfdSchema,
  ...timerFields,
});

export const bgpPeerSpec = v.pipe(
  fields,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const input = dataset.value;
    for (const [key, message] of contradictions(input)) {
      const path = { type: "object", origin: "value", input, key, value: input[key] } as const;
      addIssue({ message, path: [path] });
    }
  }),
);

type Fields = v.InferOutput<typeof fields>;

/** Fields that do not go together, or are missing beside others. */
function contradictions(spec: Fields): [keyof Fields, string][] {
  const found: [keyof Fields, string][] = [];
  const isRange = spec.listenRange !== undefined;
  const missing = "missing: expected";
  if (isRange && spec.peerIP !== undefined) {
    found.push(["listenRange", "expected either peerIP or listenRange, not both"]);
  }
  if (!isRange && spec.peerIP === undefined) {
    found.push(["peerIP", `${missing} a host's address, or a listenRange instead`]);
  }
  if (!isRange && spec.asNumber === undefined) {
    found.push(["asNumber", `${missing} an AS number from 1 to 4294967294`]);
  }
  if (isRange && (spec.asNumber === undefined) === (spec.asNumbers === undefined)) {
    found.push(["asNumbers", "expected either asNumber or asNumbers with a listenRange"]);
  }
  for (const key of ["asNumbers", "listenLimit"] as const) {
    if (!isRange && spec[key] !== undefined) found.push([key, "expected only with a listenRange"]);
  }
  if (isRange && spec.bfd?.strict === true) {
    // BFD has nobody to speak with before the neighbour calls, and then it would not be let in.
    found.push([
      "bfd",
      "expected no strict with a listenRange: who calls is known by its call only",
    ]);
  }
  if (spec.multihop !== undefined && spec.ttlSecurity !== undefined) {
    found.push(["multihop", "expected either multihop or ttlSecurity, which says the hops too"]);
  }
  return found;
}

/** Fields of Calico's that this version does not honour, with the values that mean the same as absence. */
export const BGP_PEER_NOT_HONOURED: Readonly<Record<string, readonly unknown[]>> = {
  "spec.peerSelector": [],
  "spec.password.secretKeyRef": [],
  "spec.maxRestartTime": [],
  "spec.reachableBy": [],
  "spec.failureDetectionMode": ["None"],
  "spec.restartMode": [],
  "spec.reversePeering": ["Auto"],
  "spec.localWorkloadSelector": [],
};

/** The record of a checked document. */
export function bgpPeerFrom(name: string, spec: Fields): BgpPeer | BgpRange {
  const { peerIP, asNumber = 0, passive, listenRange, asNumbers, listenLimit, ...common } = spec;
  const { holdTime, keepaliveTime, connectRetryTime, password, nextHopMode, ...rest } = common;
  const session: BgpSession = {
    name,
    ...rest,
    nextHopMode: nextHopMode ?? "Auto",
    timers: { holdTime, keepaliveTime, connectRetryTime },
    passwordFile: password?.file,
  };
  if (peerIP !== undefined) return { ...session, ...peerIP, asNumber, passive };
  if (listenRange === undefined) throw new TypeError(`BGPPeer ${name} was not checked`);
  const ranges = asNumbers ?? [{ first: asNumber, last: asNumber }];
  return {
    ...session,
    remotes: listenRange,
    asNumbers: ranges,
    limit: listenLimit ?? DEFAULT_LIMIT,
  };
}
