/**
 * A peer's policies from its plan: the first filter rule that matches decides, else the built-in policy.
 *
 * An explicit Accept therefore opens what the built-in policy closes. What BGP itself forbids (loops,
 * NO_EXPORT, internal routes to internal peers) no policy can allow: that is the RIB's.
 */

import type { PeerPlan, SpeakerPlan } from "../cluster/speaker.ts";
import { builtInExport, builtInImport, builtInKey } from "./built-in.ts";
import { compileFilters, type FilterDirection, filterKey } from "./filter.ts";
import type { CompiledPolicy, PolicyRoute, Verdict } from "./route.ts";

export type { CompiledPolicy } from "./route.ts";

/** What we take from the peer. */
export function compileImport(peer: PeerPlan, speaker: SpeakerPlan): CompiledPolicy {
  return {
    policy: join(peer, "import", builtInImport(peer, speaker)),
    key: JSON.stringify([builtInKey(peer, speaker), filterKey(peer.filters, "import")]),
  };
}

/** What we tell the peer. */
export function compileExport(peer: PeerPlan): CompiledPolicy {
  const internal = peer.localAs === peer.remoteAs;
  return {
    policy: join(peer, "export", builtInExport(peer)),
    key: JSON.stringify([internal, filterKey(peer.filters, "export")]),
  };
}

/** The function it gives is called for every prefix: it allocates nothing. */
function join(
  { filters }: PeerPlan,
  direction: FilterDirection,
  otherwise: (route: PolicyRoute) => Verdict,
): (route: PolicyRoute) => Verdict {
  if (filters.length === 0) return otherwise;
  const rules4 = compileFilters(filters, direction, 4);
  const rules6 = compileFilters(filters, direction, 6);
  return (route) => {
    const { prefix } = route;
    for (const rule of prefix.family === 4 ? rules4 : rules6) {
      const verdict = rule(prefix);
      if (verdict !== undefined) return verdict;
    }
    return otherwise(route);
  };
}
