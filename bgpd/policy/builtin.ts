/**
 * What holds where no filter decides.
 *
 * Members of the cluster trust each other: sessions within the AS and of the mesh take everything.
 * Towards everyone else a node tells its own blocks alone, so that it is never in transit by mistake,
 * and takes neither what is ours, nor what may not be routed, nor, unasked, the default route.
 */

import { containsPrefix, formatPrefix, type Prefix, parsePrefix } from "../../lib/prefix.ts";
import type { PeerPlan } from "../cluster/speaker.ts";
import type { CompiledPolicy, Policy, Verdict } from "./verdict.ts";

/** Prefixes that no routing protocol carries (RFC 6890), with their names. */
const MARTIANS: readonly (readonly [prefix: string, name: string])[] = [
  ["0.0.0.0/8", "this network"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved"],
  ["::/127", "unspecified and loopback"],
  ["fe80::/10", "link-local"],
  ["ff00::/8", "multicast"],
];

const TRUSTED: Verdict = { accept: true, reason: "built-in policy: a peer within the cluster" };
const FITTING: Verdict = { accept: true, reason: "built-in policy: nothing speaks against it" };
const OWN: Verdict = { accept: true, reason: "built-in policy: our own block" };
const FOREIGN: Verdict = {
  accept: false,
  reason: "built-in policy: only our own blocks are told to an external peer",
};
const DEFAULT_ROUTE: Verdict = {
  accept: false,
  reason: "built-in policy: the default route, and the peer has no acceptDefaultRoute",
};

type Guard = { readonly prefix: Prefix; readonly verdict: Verdict };

/** Into the RIB. */
export function builtinImport(peer: PeerPlan, pools: readonly Prefix[]): CompiledPolicy {
  if (peer.origin === "mesh" || isInternal(peer)) return { policy: () => TRUSTED, key: "trust" };
  const guards = [
    ...MARTIANS.map(([text, name]) => refusal(parsePrefix(text), `inside ${text} (${name})`)),
    ...pools.map((pool) => refusal(pool, `inside our own pool ${formatPrefix(pool)}`)),
  ];
  const { acceptDefaultRoute } = peer;
  return {
    policy: guarded(guards, acceptDefaultRoute ? FITTING : DEFAULT_ROUTE),
    key: `guard ${acceptDefaultRoute} ${pools.map(formatPrefix).join(" ")}`,
  };
}

/** Out to the peer. */
export function builtinExport(peer: PeerPlan): CompiledPolicy {
  if (isInternal(peer)) return { policy: () => TRUSTED, key: "trust" };
  return { policy: ({ source }) => (source === "local" ? OWN : FOREIGN), key: "own" };
}

function guarded(guards: readonly Guard[], ofDefault: Verdict): Policy {
  return ({ prefix }) => {
    if (prefix.length === 0) return ofDefault;
    for (let i = 0; i < guards.length; i++) {
      const guard = guards[i];
      if (guard !== undefined && containsPrefix(guard.prefix, prefix)) return guard.verdict;
    }
    return FITTING;
  };
}

function refusal(prefix: Prefix, reason: string): Guard {
  return { prefix, verdict: { accept: false, reason: `built-in policy: ${reason}` } };
}

/** The same AS (RFC 4271 section 1.1). */
function isInternal({ localAs, remoteAs }: PeerPlan): boolean {
  return localAs === remoteAs;
}
