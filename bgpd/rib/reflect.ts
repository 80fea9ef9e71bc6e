/**
 * Route reflection (RFC 4456): which routes of internal peers go to other internal peers, and what they carry then.
 */

import type { Attributes } from "../wire/attributes.ts";
import type { SessionRules } from "./rules.ts";

/** Why an internal peer is not told what another one said (section 6); undefined when it is. */
export function notReflected(
  from: Pick<SessionRules, "reflection"> | undefined,
  { reflection }: Pick<SessionRules, "reflection">,
): string | undefined {
  if (reflection === undefined) {
    return "learned from an internal peer, and not reflected to another (RFC 4271 section 9.2)";
  }
  const isFromClient = from?.reflection?.client === true;
  if (isFromClient !== reflection.client) return undefined;
  if (!isFromClient) {
    return "learned from an internal peer that is no client of ours, and nor is this one (RFC 4456 section 6)";
  }
  if (reflection.clientToClient) return undefined;
  return "learned from a client, and our clients are not told each other's routes";
}

/** What a reflected route carries besides what it came with (section 8). */
export function reflected(
  { originatorId, clusterList = [] }: Attributes,
  /** BGP Identifier of the peer that told it. */
  identifier: number,
  clusterId: number,
): Pick<Attributes, "originatorId" | "clusterList"> {
  return { originatorId: originatorId ?? identifier, clusterList: [clusterId, ...clusterList] };
}
