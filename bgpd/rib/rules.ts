/**
 * What a session does to routes besides its policies: loops it lets pass, paths it rewrites, its role.
 *
 * All of it is judged once per attribute set, and may change while the session is up.
 */

/** Ours towards an external peer (RFC 9234 section 4.1): a "provider" has the peer for a customer. */
export type Role = "provider" | "rs" | "rs-client" | "customer" | "peer";

export type SessionRules = {
  readonly role: Role | undefined;
  /** How often our AS numbers may stand in a path that we take (RFC 4271 section 9.1.2 says never). */
  readonly allowedOwnAs: number;
  /** Refuse paths with an AS_SET (RFC 9774 section 3). */
  readonly refuseAsSets: boolean;
  /** Traffic to prefixes with the BLACKHOLE community is dropped (RFC 7999). */
  readonly discardBlackhole: boolean;
  /** Auto: ours to external peers and for routes that begin here, else as it came. */
  readonly nextHop: "Auto" | "Self" | "Keep";
  /** The peer's AS in a path that it is told becomes ours. */
  readonly asOverride: boolean;
  /** Private AS numbers (RFC 6996) are taken out of paths that an external peer is told. */
  readonly removePrivateAs: boolean;
  /** What the peer is told is about to go away (RFC 8326). */
  readonly gracefulShutdown: boolean;
  readonly prefixLimit: PrefixLimit | undefined;
  /**
   * Long-lived stale routes (RFC 9494 section 4.3): "told" to who knows what they are; to others "withheld", or told so
   * that nobody else prefers or hears of them ("depreferred", section 4.6, within the AS).
   */
  readonly longLivedStale: "told" | "depreferred" | "withheld";
  /** Where the session carries several paths of a prefix (RFC 7911): which of them the peer is told. */
  readonly toldPaths: ToldPaths;
  /** Undefined: we reflect nothing. */
  readonly reflection: Reflection | undefined;
};

/** All that can be used, the best so many, or those that are equal to the best up to the cost to NEXT_HOP. */
export type ToldPaths =
  | { readonly send: "All" }
  | { readonly send: "ECMP" }
  | { readonly send: "BestN"; readonly count: number };

/** We as a route reflector, on one internal session (RFC 4456). */
export type Reflection = {
  /** Our CLUSTER_ID as an unsigned word. */
  readonly clusterId: number;
  /** The peer is a client: what it says all others are told, and it is told what they say. */
  readonly client: boolean;
  /** Clients are told each other's routes; not where they have sessions among themselves. */
  readonly clientToClient: boolean;
};

/** Prefixes that a peer may announce, before policy; where it announces several paths of one, each counts. */
export type PrefixLimit = {
  readonly most: number;
  /** So many are worth a warning. */
  readonly warnAt: number;
};

/** A session that asks for nothing. */
export const PLAIN_RULES: SessionRules = {
  role: undefined,
  allowedOwnAs: 0,
  refuseAsSets: false,
  discardBlackhole: false,
  nextHop: "Auto",
  asOverride: false,
  removePrivateAs: false,
  gracefulShutdown: false,
  prefixLimit: undefined,
  longLivedStale: "withheld",
  toldPaths: { send: "All" },
  reflection: undefined,
};

/** What of the rules changes what a peer is told: equal for peers that can share an update group. */
export function exportRulesKey(rules: SessionRules, remoteAs: number): string {
  const { role, nextHop, asOverride, removePrivateAs, gracefulShutdown, reflection } = rules;
  const { longLivedStale } = rules;
  const isOfAs = asOverride || removePrivateAs;
  const { clusterId, client, clientToClient } = reflection ?? {};
  const reflected = [clusterId, client, clientToClient];
  const told = [asOverride, removePrivateAs, gracefulShutdown, longLivedStale];
  const parts = [role, nextHop, ...told, ...reflected];
  return [...parts, isOfAs ? remoteAs : ""].join(" ");
}
