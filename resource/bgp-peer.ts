/**
 * BGPPeer (projectcalico.org/v3): a session of some nodes with a router, or with another node.
 */

import * as v from "valibot";
import type { Address } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import { type Timers, timerFields } from "./bgp-configuration.ts";
import {
  type AsRange,
  asNumberSchema,
  asRangeSchema,
  booleanSchema,
  communicationSchema,
  linkSchema,
  mapOf,
  nameSchema,
  passwordSchema,
  peerAddressSchema,
  prefixSchema,
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
  readonly node: string | undefined;
  /** Nodes by label; with neither, all nodes. */
  readonly nodeSelector: Selector | undefined;
  /** Names of BGPFilters, in order. */
  readonly filters: readonly string[];
  readonly timers: Timers;
  /** Path of the file that has the TCP-MD5 key; undefined for no key. */
  readonly passwordFile: string | undefined;
  /** The peer is at most so many hops away, and its packets prove it (RFC 5082). */
  readonly ttlSecurity: number | undefined;
  /** Hops that an external session may take. */
  readonly multihop: number | undefined;
  readonly sourceAddress: "UseNodeIP" | "None";
  /** Name of the link that the session is bound to. */
  readonly interface: string | undefined;
  /** Seconds. */
  readonly delayOpen: number | undefined;
  readonly sendHoldTime: number | undefined;
  /** Kept down, with this text for the peer. */
  readonly shutdown: string | undefined;
  readonly acceptDefaultRoute: boolean;
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

/** Neighbours of a range, unless it says how many. */
const DEFAULT_LIMIT = 100;

const fields = mapOf({
  node: v.optional(nameSchema),
  nodeSelector: v.optional(selectorSchema),
  peerIP: v.optional(peerAddressSchema),
  asNumber: v.optional(asNumberSchema),
  listenRange: v.optional(prefixSchema),
  asNumbers: v.optional(v.pipe(v.array(asRangeSchema, LIST), v.minLength(1, LIST))),
  listenLimit: v.optional(wholeNumber(1, 10_000, "a number of neighbours")),
  filters: v.optional(v.array(nameSchema, "expected a list of names of BGPFilters"), []),
  password: v.optional(passwordSchema),
  ttlSecurity: v.optional(wholeNumber(1, 254, "hops to the peer")),
  multihop: v.optional(wholeNumber(1, 255, "hops to the peer")),
  sourceAddress: v.optional(
    v.picklist(["UseNodeIP", "None"], "expected UseNodeIP or None"),
    "UseNodeIP",
  ),
  interface: v.optional(linkSchema),
  delayOpen: v.optional(secondsSchema(1)),
  sendHoldTime: v.optional(secondsSchema(0, "; 0 switches the timer off")),
  shutdown: v.optional(communicationSchema),
  acceptDefaultRoute: v.optional(booleanSchema, false),
  passive: v.optional(booleanSchema, false),
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
    found.push(["peerIP", `${missing} a host's IPv4 address, or a listenRange instead`]);
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
  if (spec.multihop !== undefined && spec.ttlSecurity !== undefined) {
    found.push(["multihop", "expected either multihop or ttlSecurity, which says the hops too"]);
  }
  return found;
}

/** Fields of Calico's that this version does not honour, with the values that mean the same as absence. */
export const BGP_PEER_NOT_HONOURED: Readonly<Record<string, readonly unknown[]>> = {
  "spec.peerSelector": [],
  "spec.keepOriginalNextHop": [false],
  "spec.nextHopMode": ["Auto"],
  "spec.password.secretKeyRef": [],
  "spec.maxRestartTime": [],
  "spec.numAllowedLocalASNumbers": [0],
  "spec.reachableBy": [],
  "spec.failureDetectionMode": ["None"],
  "spec.restartMode": [],
  "spec.localASNumber": [],
  "spec.reversePeering": ["Auto"],
  "spec.localWorkloadSelector": [],
};

/** The record of a checked document. */
export function bgpPeerFrom(name: string, spec: Fields): BgpPeer | BgpRange {
  const { holdTime, keepaliveTime, connectRetryTime, password, node, nodeSelector } = spec;
  const { ttlSecurity, multihop, delayOpen, sendHoldTime, shutdown, passive } = spec;
  const session: BgpSession = {
    name,
    node,
    nodeSelector,
    filters: spec.filters,
    timers: { holdTime, keepaliveTime, connectRetryTime },
    passwordFile: password?.file,
    ttlSecurity,
    multihop,
    sourceAddress: spec.sourceAddress,
    interface: spec.interface,
    delayOpen,
    sendHoldTime,
    shutdown,
    acceptDefaultRoute: spec.acceptDefaultRoute,
  };
  const { peerIP, asNumber = 0, listenRange, asNumbers, listenLimit = DEFAULT_LIMIT } = spec;
  if (peerIP !== undefined) return { ...session, ...peerIP, asNumber, passive };
  if (listenRange === undefined) throw new TypeError(`BGPPeer ${name} was not checked`);
  const ranges = asNumbers ?? [{ first: asNumber, last: asNumber }];
  return { ...session, remotes: listenRange, asNumbers: ranges, limit: listenLimit };
}
