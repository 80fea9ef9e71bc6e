/**
 * What plans say about sessions besides their parameters: whether they are wanted, how they end, who must sign.
 * Pure.
 */

import { hostPrefix } from "../lib/prefix.ts";
import type { PeerPlan, SessionOptions, SpeakerPlan } from "./cluster/speaker.ts";
import type { ListenerKey } from "./listener.ts";
import type { StopReason } from "./peer.ts";
import { CEASE, OTHER_CONFIGURATION_CHANGE, PEER_DECONFIGURED } from "./wire/const.ts";
import { administrativeShutdown } from "./wire/shutdown.ts";

/** The plan does not have the peer any more, or has it otherwise (RFC 4486 section 4). */
export const DECONFIGURED: StopReason = { code: CEASE, subcode: PEER_DECONFIGURED };
export const RECONFIGURED: StopReason = { code: CEASE, subcode: OTHER_CONFIGURATION_CHANGE };

/** Why the session ends that is to be replaced by one with this plan. */
export function restartReason({ shutdown }: Pick<PeerPlan, "shutdown">): StopReason {
  return shutdown === undefined ? RECONFIGURED : administrativeShutdown(shutdown);
}

/** Whether people want the session down, or it has no key that it must have. */
export function isDown({ shutdown, keyless }: SessionOptions): boolean {
  return shutdown !== undefined || keyless !== undefined;
}

/** Who must sign with what to be let in; `found` are those whose addresses no document has. */
export function keysOf(
  { peers, ranges = [] }: SpeakerPlan,
  found: readonly PeerPlan[] = [],
): ListenerKey[] {
  const named = [...peers, ...found].flatMap(({ address, key }) =>
    key === undefined ? [] : [{ remotes: hostPrefix(address), key, link: address.zone }],
  );
  const others = ranges.flatMap(({ remotes, session: { key } }) =>
    key === undefined ? [] : [{ remotes, key }],
  );
  return [...named, ...others];
}
