/**
 * Communities of documents in attributes of routes.
 */

import type { Community } from "../../resource/community.ts";
import type { Attributes, LargeCommunity } from "../wire/attributes.ts";

/** Whether the route carries it. */
export function hasCommunity(
  { communities = [], largeCommunities = [] }: Attributes,
  { type, value }: Community,
): boolean {
  return type === "standard"
    ? communities.includes(value)
    : largeCommunities.some((large) => isSame(large, value));
}

/** The attributes with it; the same record when they have it already. */
export function addCommunity(attributes: Attributes, community: Community): Attributes {
  if (hasCommunity(attributes, community)) return attributes;
  const { communities = [], largeCommunities = [] } = attributes;
  return community.type === "standard"
    ? { ...attributes, communities: [...communities, community.value] }
    : { ...attributes, largeCommunities: [...largeCommunities, community.value] };
}

function isSame(a: LargeCommunity, b: LargeCommunity): boolean {
  return a.every((word, index) => word === b[index]);
}
