/** A plan as text, so that a test shows all of it. */

import type { PeerPlan, SpeakerPlan } from "../../../bgpd/cluster/speaker.ts";
import { formatAddress } from "../../../lib/address.ts";
import { formatPrefix } from "../../../lib/prefix.ts";

/** The speaker, then a line for each peer. */
export function printPlan(plan: SpeakerPlan): string {
  const prefixes = (list: SpeakerPlan["blocks"]): string => list.map(formatPrefix).join(" ") || "-";
  const listens = plan.listenAddresses.map(formatAddress).join(" ") || "nowhere";
  const ranges = (plan.ranges ?? []).map(
    ({ name, remotes, limit, session }) =>
      `${name} from ${formatPrefix(remotes)}, at most ${limit} of AS ${(session.asNumbers ?? []).map(({ first, last }) => `${first}-${last}`).join(" ")}, ttl ${session.ttl}`,
  );
  return [
    `${plan.node} AS ${plan.asNumber} id ${formatAddress(plan.routerId)} listens ${listens} port ${plan.listenPort}`,
    `blocks ${prefixes(plan.blocks)} pools ${prefixes(plan.pools)}`,
    ...plan.peers.map(printPeer),
    ...ranges,
  ].join("\n");
}

/** Session, timers, then what is not as usual. */
export function printPeer(peer: PeerPlan): string {
  const ends = `${formatAddress(peer.localAddress)} AS ${peer.localAs} to ${formatAddress(peer.address)}:${peer.port} AS ${peer.remoteAs}`;
  const timers = `hold ${peer.holdTime} keepalive ${peer.keepaliveTime} retry ${peer.connectRetryTime}`;
  const marks = [
    peer.passive ? "passive" : "",
    peer.acceptDefaultRoute ? "default" : "",
    peer.key === undefined ? "" : "key",
    peer.ttlSecurity === undefined ? "" : `within ${peer.ttlSecurity} hops`,
    peer.source === undefined ? "" : "from any address",
    peer.link === undefined ? "" : `on ${peer.link}`,
    peer.delayOpen === undefined ? "" : `delay ${peer.delayOpen}`,
    peer.sendHoldTime === undefined ? "" : `send hold ${peer.sendHoldTime}`,
    peer.shutdown === undefined ? "" : `down: ${peer.shutdown}`,
    peer.filters.map(({ name }) => `filter ${name}`).join(" "),
  ].filter((mark) => mark !== "");
  return [`${peer.name} (${peer.origin})`, ends, `ttl ${peer.ttl}`, timers, ...marks].join(", ");
}
