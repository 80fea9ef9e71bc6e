/**
 * What becomes of attributes on the way in, before any policy looks at them.
 */

import type { Attributes } from "../wire/attributes.ts";
import { isOriginValidationState } from "../wire/community.ts";
import { BLACKHOLE, GRACEFUL_SHUTDOWN, LLGR_STALE, NO_EXPORT } from "../wire/const.ts";
import type { RibPeer } from "./route.ts";

type Change = (attributes: Attributes, peer: RibPeer) => Attributes;

/** For routes from outside. Each gives the record itself back where it has nothing to do. */
const FROM_OUTSIDE: readonly Change[] = [
  // RFC 8326 section 4.1: whoever tells this wants to be the last choice.
  (attributes) =>
    attributes.communities?.includes(GRACEFUL_SHUTDOWN) === true
      ? { ...attributes, localPref: 0 }
      : attributes,
  // RFC 9234 section 5: what comes from a provider, a peer or a route server goes to customers only.
  (attributes, { rules: { role }, remoteAs }) =>
    attributes.onlyToCustomer === undefined &&
    (role === "customer" || role === "peer" || role === "rs-client")
      ? { ...attributes, onlyToCustomer: remoteAs }
      : attributes,
  // RFC 8097 section 2: the origin validation state is for our own AS to say.
  (attributes) => {
    const { extendedCommunities = [], ...rest } = attributes;
    if (!extendedCommunities.some(isOriginValidationState)) return attributes;
    const kept = extendedCommunities.filter((one) => !isOriginValidationState(one));
    return kept.length === 0 ? rest : { ...rest, extendedCommunities: kept };
  },
];

/** The attributes as policies see them, and as they are used. The same record when nothing changes. */
export function prepare(attributes: Attributes, peer: RibPeer): Attributes {
  const changes = peer.external ? FROM_OUTSIDE : [];
  return contained(
    changes.reduce((changed, change) => change(changed, peer), attributes),
    peer,
  );
}

/** What a route is from the end of its peer's restart time on (RFC 9494 section 4.2). */
export function asLongLived(attributes: Attributes): Attributes {
  const { communities = [] } = attributes;
  if (communities.includes(LLGR_STALE)) return attributes;
  return { ...attributes, communities: [...communities, LLGR_STALE] };
}

/** RFC 7999 section 3.2: a blackhole that we dig stays in our own AS. */
function contained(attributes: Attributes, peer: RibPeer): Attributes {
  const { communities = [] } = attributes;
  if (!isDiscarded(attributes, peer) || communities.includes(NO_EXPORT)) return attributes;
  return { ...attributes, communities: [...communities, NO_EXPORT] };
}

/** Whether packets to the route's prefix are to be dropped (RFC 7999 section 3.1, where configured). */
export function isDiscarded(
  { communities }: Attributes,
  { rules }: Pick<RibPeer, "rules">,
): boolean {
  return rules.discardBlackhole && communities?.includes(BLACKHOLE) === true;
}
