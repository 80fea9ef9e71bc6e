/**
 * A peer's policies: its filters first, and the built-in policy for what they leave open.
 *
 * An Accept of a filter is final, the built-in policy does not get to see the route: a peer whose last
 * rule accepts everything is a transit peer, as somebody wished.
 */

import type { PeerPlan, SpeakerPlan } from "../cluster/speaker.ts";
import { builtinExport, builtinImport } from "./builtin.ts";
import { compileFilters, type Direction } from "./filter.ts";
import type { CompiledPolicy } from "./verdict.ts";

export type { CompiledPolicy } from "./verdict.ts";

/** Which of the peer's routes we use. */
export function compileImport(peer: PeerPlan, speaker: SpeakerPlan): CompiledPolicy {
  return join(peer, "import", builtinImport(peer, speaker.pools));
}

/** Which of our routes the peer is told; BGP's own rules (split horizon, loops) are the RIB's. */
export function compileExport(peer: PeerPlan, _speaker: SpeakerPlan): CompiledPolicy {
  return join(peer, "export", builtinExport(peer));
}

function join(peer: PeerPlan, direction: Direction, builtin: CompiledPolicy): CompiledPolicy {
  if (peer.filters.length === 0) return builtin;
  const { decide, key } = compileFilters(peer.filters, direction);
  return {
    policy: (route) => decide(route) ?? builtin.policy(route),
    key: `${key}\n${builtin.key}`,
  };
}
