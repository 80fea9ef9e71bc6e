/**
 * The policy for what no filter decides: safe towards external peers, open among our own nodes.
 *
 * Its point is that a cluster whose only configuration is a peer's address cannot hijack a network, and
 * cannot be hijacked: out go our own blocks, and nothing that is ours comes in.
 */

import { containsPrefix, formatPrefix, type Prefix, parsePrefix } from "../../lib/prefix.ts";
import type { PeerPlan, SpeakerPlan } from "../cluster/speaker.ts";
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

const INTERNAL = accept("built-in policy: an internal peer");
const MESH = accept("built-in policy: a node of the mesh");
const ANYTHING = accept("built-in policy: neither ours nor special");
const DEFAULT_REFUSED = reject(
  "built-in policy: a default route, and acceptDefaultRoute is not set",
);
const OWN_BLOCK = accept("built-in policy: this node's own block");
const NOT_OWN = reject("built-in policy: only this node's own blocks are told to external peers");

/** What comes in. */
export function builtInImport(
  peer: PeerPlan,
  speaker: SpeakerPlan,
): (route: PolicyRoute) => Verdict {
  const open = trusted(peer);
  if (open !== undefined) return () => open;
  const refusals = [
    ...ownPrefixes(speaker).map(([prefix, what]) => ({
      prefix,
      verdict: reject(`built-in policy: inside our own ${what} ${formatPrefix(prefix)}`),
    })),
    ...MARTIANS.map(([text, name]) => ({
      prefix: parsePrefix(text),
      verdict: reject(`built-in policy: ${name} (${text})`),
    })),
  ];
  return ({ prefix }) => {
    if (prefix.length === 0) return peer.acceptDefaultRoute ? ANYTHING : DEFAULT_REFUSED;
    for (const { prefix: ours, verdict } of refusals) {
      if (containsPrefix(ours, prefix)) return verdict;
    }
    return ANYTHING;
  };
}

/** What goes out. */
export function builtInExport(peer: PeerPlan): (route: PolicyRoute) => Verdict {
  if (peer.localAs === peer.remoteAs) return () => INTERNAL;
  return ({ source }) => (source === "local" ? OWN_BLOCK : NOT_OWN);
}

/** What decides how both answer, as data that can be compared as JSON. */
export function builtInKey(peer: PeerPlan, speaker: SpeakerPlan): unknown {
  const open = trusted(peer);
  if (open !== undefined) return open.reason;
  const own = ownPrefixes(speaker).map(([prefix]) => formatPrefix(prefix));
  return [peer.acceptDefaultRoute, own];
}

function trusted(peer: PeerPlan): Verdict | undefined {
  if (peer.localAs === peer.remoteAs) return INTERNAL;
  return peer.origin === "mesh" ? MESH : undefined;
}

function ownPrefixes({ pools, blocks }: SpeakerPlan): (readonly [Prefix, string])[] {
  return [
    ...pools.map((prefix) => [prefix, "pool"] as const),
    ...blocks.map((prefix) => [prefix, "block"] as const),
  ];
}

function accept(reason: string): Verdict {
  return { accept: true, reason };
}

function reject(reason: string): Verdict {
  return { accept: false, reason };
}
