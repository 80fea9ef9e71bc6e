/**
 * The policy for what no filter decides: safe towards external peers, open among our own nodes.
 *
 * Its point is that a cluster whose only configuration is a peer's address cannot hijack a network, and
 * cannot be hijacked: out go our own blocks and services, and nothing that is ours comes in. Who wants
 * Calico's behaviour says so (importPolicy: all, exportPolicy: pools); without any policy nothing goes in
 * or out (RFC 8212).
 */

import { type Address, compareAddress, formatAddress } from "../../lib/address.ts";
import {
  containsAddress,
  containsPrefix,
  equalPrefix,
  formatPrefix,
  type Prefix,
  parsePrefix,
} from "../../lib/prefix.ts";
import type { AggregatePlan, PeerPlan, SpeakerPlan } from "../cluster/speaker.ts";
import type { PolicyRoute, Verdict } from "./route.ts";

/** Special-purpose prefixes that no neighbour can have for us (RFC 6890), with what each is. */
const MARTIANS: readonly (readonly [prefix: string, name: string])[] = [
  ["0.0.0.0/8", "this network"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved"],
  ["::/127", "unspecified or loopback"],
  ["::ffff:0.0.0.0/96", "IPv4-mapped"],
  ["fe80::/10", "link-local"],
  ["ff00::/8", "multicast"],
];

/** How `manx why` says that another would have taken the route. */
const CALICO_TAKES = "Calico takes it, and so does importPolicy: all";

const INTERNAL = accept("built-in policy: an internal peer");
const MESH = accept("built-in policy: a node of the mesh");
const ANYTHING = accept("built-in policy: neither ours nor special");
const ALL = accept("built-in policy: importPolicy is all");
const NO_IMPORT = reject(
  "no policy: importPolicy is none, and no filter rule accepts it (RFC 8212)",
);
const DEFAULT_REFUSED = reject(
  `built-in policy: a default route, and acceptDefaultRoute is not set (${CALICO_TAKES})`,
);
const OWN_BLOCK = accept("built-in policy: this node's own block");
const OWN_SERVICE = accept("built-in policy: a service range");
const OWN_SERVICE_ADDRESS = accept("built-in policy: a service's address");
const IN_POOL = accept("built-in policy: in a pool, and exportPolicy is pools");
const AGGREGATE = accept("built-in policy: this node's aggregate");
/** Of an aggregate to who is not told of it. */
const UNTOLD = {
  Routers: reject("an aggregate for routers: nodes are told its parts"),
  All: reject("an aggregate that this peer makes itself: it is told the parts"),
} as const;
const NOT_OWN = reject("built-in policy: only this node's own blocks are told to external peers");
const NOT_OWN_POOL = reject(
  "built-in policy: only this node's own blocks are told to external peers (Calico tells what lies in a pool, and so does exportPolicy: pools)",
);
const NO_EXPORT_POLICY = reject(
  "no policy: exportPolicy is none, and no filter rule accepts it (RFC 8212)",
);

/** What comes in. */
export function builtInImport(
  peer: PeerPlan,
  speaker: SpeakerPlan,
): (route: PolicyRoute) => Verdict {
  const same = sameForAll(peer);
  if (same !== undefined) return () => same;
  const refusals = [
    ...ownPrefixes(speaker).map(([prefix, what]) => ({
      prefix,
      verdict: reject(
        `built-in policy: inside our own ${what} ${formatPrefix(prefix)} (${CALICO_TAKES})`,
      ),
    })),
    ...MARTIANS.map(([text, name]) => ({
      prefix: parsePrefix(text),
      verdict: reject(`built-in policy: ${name} (${text}; ${CALICO_TAKES})`),
    })),
  ];
  const hosts = hostsBeyond(peer, speaker);
  const coverings = new Map<Address, Verdict>();
  return ({ prefix }) => {
    if (prefix.length === 0) return peer.acceptDefaultRoute ? ANYTHING : DEFAULT_REFUSED;
    for (const { prefix: ours, verdict } of refusals) {
      if (containsPrefix(ours, prefix)) return verdict;
    }
    const host = firstCovered(prefix, hosts);
    if (host === undefined) return ANYTHING;
    const verdict = coverings.get(host) ?? covering(host);
    coverings.set(host, verdict);
    return verdict;
  };
}

function covering(host: Address): Verdict {
  return reject(
    `built-in policy: it covers ${formatAddress(host)}, a Node's or a peer's address, and is a pod's (${CALICO_TAKES})`,
  );
}

/** The first of these addresses, which are in ascending order, that lies in the prefix. */
function firstCovered(prefix: Prefix, hosts: readonly Address[]): Address | undefined {
  let low = 0;
  for (let high = hosts.length; low < high; ) {
    const middle = (low + high) >>> 1;
    const host = hosts[middle];
    if (host !== undefined && compareAddress(host, prefix) < 0) low = middle + 1;
    else high = middle;
  }
  const first = hosts[low];
  return first !== undefined && containsAddress(prefix, first) ? first : undefined;
}

/** What goes out. */
export function builtInExport(
  peer: PeerPlan,
  { serviceRanges, pools, unexportedPools, aggregates }: SpeakerPlan,
): (route: PolicyRoute) => Verdict {
  const unexported = unexportedPools.map((prefix) => ({
    prefix,
    verdict: reject(`in pool ${formatPrefix(prefix)}, which has disableBGPExport`),
  }));
  const wholes = aggregates.map((aggregate) => ({
    prefix: aggregate.prefix,
    verdict: isToldOf(peer, aggregate) ? AGGREGATE : UNTOLD[aggregate.audience],
  }));
  const parts = aggregates
    .filter((aggregate) => aggregate.summaryOnly && isToldOf(peer, aggregate))
    .map(({ prefix }) => ({
      prefix,
      verdict: reject(
        `in the aggregate ${formatPrefix(prefix)}, which is told in its place (summaryOnly)`,
      ),
    }));
  const { exportPolicy } = peer.policy;
  const isInternal = peer.localAs === peer.remoteAs;
  return ({ prefix, source }) => {
    for (const { prefix: pool, verdict } of unexported) {
      if (containsPrefix(pool, prefix)) return verdict;
    }
    for (const { prefix: whole, verdict } of wholes) {
      if (source === "local" && equalPrefix(whole, prefix)) return verdict;
    }
    for (const { prefix: whole, verdict } of parts) {
      if (containsPrefix(whole, prefix)) return verdict;
    }
    if (isInternal) return INTERNAL;
    if (exportPolicy === "none") return NO_EXPORT_POLICY;
    if (source === "local") {
      const range = serviceRanges.find((candidate) => containsPrefix(candidate, prefix));
      if (range === undefined) return OWN_BLOCK;
      return equalPrefix(range, prefix) ? OWN_SERVICE : OWN_SERVICE_ADDRESS;
    }
    const isInPool = pools.some((pool) => containsPrefix(pool, prefix));
    if (!isInPool) return NOT_OWN;
    return exportPolicy === "pools" ? IN_POOL : NOT_OWN_POOL;
  };
}

/** What decides how `builtInImport` answers, as data that can be compared as JSON. */
export function builtInImportKey(peer: PeerPlan, speaker: SpeakerPlan): unknown {
  const same = sameForAll(peer);
  if (same !== undefined) return same.reason;
  const own = ownPrefixes(speaker).map(([prefix]) => formatPrefix(prefix));
  return [peer.acceptDefaultRoute, own, hostsBeyond(peer, speaker).map(formatAddress)];
}

/** The same for `builtInExport`. */
export function builtInExportKey(
  peer: PeerPlan,
  { serviceRanges, pools, unexportedPools, aggregates }: SpeakerPlan,
): unknown {
  const { localAs, remoteAs, policy } = peer;
  const unexported = [
    unexportedPools.map(formatPrefix),
    aggregates.map((aggregate) => [
      formatPrefix(aggregate.prefix),
      aggregate.summaryOnly,
      // Why a peer is not told has words of its own.
      isToldOf(peer, aggregate) || aggregate.audience,
    ]),
  ];
  if (localAs === remoteAs) return ["internal", unexported];
  const own = [serviceRanges, pools].map((prefixes) => prefixes.map(formatPrefix));
  return [policy.exportPolicy, unexported, ...own];
}

/** Who makes the aggregate needs its parts, each of them, and not another's aggregate. */
function isToldOf({ node }: PeerPlan, { audience, makers }: AggregatePlan): boolean {
  if (node === undefined) return true;
  return audience === "All" && !makers.includes(node);
}

/** What of the cluster's own an external peer may not announce, in words. */
export function ownPrefixes({
  pools,
  blocks,
  serviceRanges,
  aggregates,
}: SpeakerPlan): (readonly [prefix: Prefix, what: string])[] {
  const isInPool = (prefix: Prefix): boolean => pools.some((pool) => containsPrefix(pool, prefix));
  return [
    ...pools.map((prefix) => [prefix, "pool"] as const),
    ...aggregates
      .filter(({ prefix }) => !isInPool(prefix))
      .map(({ prefix }) => [prefix, "aggregate"] as const),
    ...blocks.map((prefix) => [prefix, "block"] as const),
    ...serviceRanges.map((prefix) => [prefix, "service range"] as const),
  ];
}

/** Whose packets a pod of ours must not draw to itself: routers are trusted with more than what runs in a pod. */
function hostsBeyond({ behindUs }: PeerPlan, { hosts = [] }: SpeakerPlan): readonly Address[] {
  return behindUs === true ? hosts : [];
}

/** The verdict on every prefix, where that does not depend on the prefix. */
function sameForAll(peer: PeerPlan): Verdict | undefined {
  if (peer.localAs === peer.remoteAs) return INTERNAL;
  if (peer.origin === "mesh") return MESH;
  const { importPolicy } = peer.policy;
  if (importPolicy === "safe") return undefined;
  return importPolicy === "all" ? ALL : NO_IMPORT;
}

function accept(reason: string): Verdict {
  return { accept: true, reason };
}

function reject(reason: string): Verdict {
  return { accept: false, reason };
}
