/**
 * What becomes of attributes on the way in, before any policy looks at them.
 */

import type { Attributes } from "../wire/attributes.ts";
import { isOriginValidationState } from "../wire/community.ts";
import { BLACKHOLE, GRACEFUL_SHUTDOWN, LLGR_STALE, NO_EXPORT } from "../wire/const.ts";
import type { AttributeSet } from "./attribute-set.ts";
import type { RibPeer } from "./route.ts";

type Change = (attributes: Attributes, peer: RibPeer) => Attributes;

/** For routes from outside. Each gives the record itself back where it has nothing to do. */
const FROM_OUTSIDE: readonly Change[] = [
  // RFC 8326 section 4.1: whoever tells this wants to be the last choice.
  (attributes) =>
    attributes.communities?.includes(GRACEFUL_SHUTDOWN) === true
      ? { ...attributes, localPref: 0 }
      : attributes,
  (attributes, peer) =>
    attributes.onlyToCustomer === undefined && isMarked(peer)
      ? { ...attributes, onlyToCustomer: peer.remoteAs }
      : attributes,
  // RFC 8097 section 2: the origin validation state is for our own AS to say.
  (attributes) => {
    if (attributes.extendedCommunities?.some(isOriginValidationState) !== true) return attributes;
    const { extendedCommunities = [], ...rest } = attributes;
    const kept = extendedCommunities.filter((one) => !isOriginValidationState(one));
    return kept.length === 0 ? rest : { ...rest, extendedCommunities: kept };
  },
];

/** The attributes as policies see them, and as they are used; undefined when they are the set's own. */
export function prepare(set: AttributeSet, peer: RibPeer): Attributes | undefined {
  // Nothing here concerns plain attributes, but for the mark that a role sets.
  if (set.isPlain && !isMarked(peer)) return undefined;
  const { attributes } = set;
  let prepared = attributes;
  if (peer.external) for (const change of FROM_OUTSIDE) prepared = change(prepared, peer);
  prepared = contained(prepared, peer);
  return prepared === attributes ? undefined : prepared;
}

/** RFC 9234 section 5: what comes from a provider, a peer or a route server goes to customers only. */
function isMarked({ external, rules: { role } }: RibPeer): boolean {
  return external && (role === "customer" || role === "peer" || role === "rs-client");
}

/** What a route is from the end of its peer's restart time on (RFC 9494 section 4.2). */
export function asLongLived(attributes: Attributes): Attributes {
  const { communities = [] } = attributes;
  if (communities.includes(LLGR_STALE)) return attributes;
  return { ...attributes, communities: [...communities, LLGR_STALE] };
}

/** RFC 7999 section 3.2: a blackhole that we dig stays in our own AS. */
function contained(attributes: Attributes, peer: RibPeer): Attributes {
  if (!isDiscarded({ attributes }, peer)) return attributes;
  const { communities = [] } = attributes;
  if (communities.includes(NO_EXPORT)) return attributes;
  return { ...attributes, communities: [...communities, NO_EXPORT] };
}

/** Whether packets to the route's prefix are to be dropped (RFC 7999 section 3.1, where configured). */
export function isDiscarded(
  route: { readonly attributes: Attributes },
  { rules }: Pick<RibPeer, "rules">,
): boolean {
  // The record is looked at last: it may have to be made.
  return rules.discardBlackhole && route.attributes.communities?.includes(BLACKHOLE) === true;
}
