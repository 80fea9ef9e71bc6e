/**
 * Communities that BGPConfiguration's prefixAdvertisements add to what no filter decides.
 */

import { containsPrefix, formatPrefix } from "../../lib/prefix.ts";
import type { PrefixAdvertisement } from "../../resource/bgp-configuration.ts";
import { formatCommunity } from "../../resource/community.ts";
import type { Attributes } from "../wire/attributes.ts";
import { addCommunity } from "./community.ts";
import type { PolicyRoute, Verdict } from "./route.ts";

/**
 * `policy` with the communities of every advertisement that holds an accepted prefix. Each verdict with
 * communities is made once, from the one without the last of them: prefixes cost no objects.
 */
export function withCommunities(
  advertisements: readonly PrefixAdvertisement[],
  policy: (route: PolicyRoute) => Verdict,
): (route: PolicyRoute) => Verdict {
  if (advertisements.length === 0) return policy;
  const made = advertisements.map(() => new Map<Verdict, Verdict>());
  return (route) => {
    let verdict = policy(route);
    if (!verdict.accept) return verdict;
    for (let index = 0; index < advertisements.length; index++) {
      const advertisement = advertisements[index];
      const known = made[index];
      if (advertisement === undefined || known === undefined) continue;
      if (!containsPrefix(advertisement.prefix, route.prefix)) continue;
      const next = known.get(verdict) ?? extended(verdict, advertisement);
      known.set(verdict, next);
      verdict = next;
    }
    return verdict;
  };
}

/** What decides which communities are added, as data that can be compared as JSON. */
export function advertisementsKey(advertisements: readonly PrefixAdvertisement[]): unknown {
  return advertisements.map(({ prefix, communities }) => [
    formatPrefix(prefix),
    communities.map(formatCommunity),
  ]);
}

function extended(
  { accept, reason, rewrite }: Verdict,
  { prefix, communities }: PrefixAdvertisement,
): Verdict {
  const list = communities.map(formatCommunity).join(" ");
  return {
    accept,
    reason: `${reason}; with ${list} (prefixAdvertisements ${formatPrefix(prefix)})`,
    rewrite: (attributes: Attributes) =>
      communities.reduce(addCommunity, rewrite?.(attributes) ?? attributes),
  };
}
