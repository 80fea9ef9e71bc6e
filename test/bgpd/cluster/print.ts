/** A plan as text, so that a test shows all of it. */

import { planRestart } from "../../../bgpd/cluster/restart.ts";
import { DEFAULT_POLICY, type PeerPlan, type SpeakerPlan } from "../../../bgpd/cluster/speaker.ts";
import { formatAddress, parseAddress } from "../../../lib/address.ts";
import { formatPrefix } from "../../../lib/prefix.ts";
import { formatCommunity } from "../../../resource/community.ts";

/** The speaker, then a line for each peer. */
export function printPlan(plan: SpeakerPlan): string {
  const prefixes = (list: SpeakerPlan["blocks"]): string => list.map(formatPrefix).join(" ") || "-";
  const listens = plan.listenAddresses.map(formatAddress).join(" ") || "nowhere";
  const ranges = (plan.ranges ?? []).map(
    ({ name, remotes, limit, session }) =>
      `${name} from ${formatPrefix(remotes)}, at most ${limit} of AS ${(session.asNumbers ?? []).map(({ first, last }) => `${first}-${last}`).join(" ")}, ttl ${session.ttl}`,
  );
  const unnumbered = (plan.unnumbered ?? []).map(({ link, session }) => {
    const ends = { address: parseAddress("fe80::1"), localAddress: parseAddress("fe80::") };
    const ranges = session.asNumbers?.map(({ first, last }) => `${first}-${last}`) ?? [];
    return [`found on ${link}: ${printPeer({ ...session, ...ends })}`, ...ranges].join(" ");
  });
  const workloads = (plan.workloads ?? []).map(({ selector, localAddresses, session }) => {
    const [localAddress = parseAddress("::")] = localAddresses;
    const ends = { address: parseAddress("0.0.0.0"), localAddress };
    const called = localAddresses.map(formatAddress).join(" ");
    return `pods ${selector.text} at ${called}: ${printPeer({ ...session, ...ends })}`;
  });
  return [
    `${plan.node} AS ${plan.asNumber} id ${formatAddress(plan.routerId)} listens ${listens} port ${plan.listenPort}`,
    `blocks ${prefixes(plan.blocks)} pools ${prefixes(plan.pools)}`,
    ...(plan.unexportedPools.length === 0 ? [] : [`untold ${prefixes(plan.unexportedPools)}`]),
    ...(plan.services.length === 0 ? [] : [`services ${prefixes(plan.services)}`]),
    ...plan.advertisements.map(
      ({ prefix, communities }) =>
        `${formatPrefix(prefix)} with ${communities.map(formatCommunity).join(" ")}`,
    ),
    ...printSelection(plan.selection),
    ...plan.peers.map(printPeer),
    ...ranges,
    ...unnumbered,
    ...workloads,
  ].join("\n");
}

/** What is not as usual of the decision. */
function printSelection({ maximumPaths, ...selection }: SpeakerPlan["selection"]): string[] {
  const asked = Object.entries(selection).flatMap(([name, value]) => (value ? [name] : []));
  const marks = [...(maximumPaths === 16 ? [] : [`${maximumPaths} paths`]), ...asked];
  return marks.length === 0 ? [] : [`decides by ${marks.join(" ")}`];
}

const USUAL_RESTART = planRestart([], undefined);

/** What is not as usual. */
function printRestart(plan: PeerPlan["gracefulRestart"]): string[] {
  if (plan === undefined) return ["no restart"];
  return Object.entries(plan)
    .filter(([key, value]) => value !== USUAL_RESTART?.[key as keyof typeof plan])
    .map(([key, value]) => `${key} ${value}`);
}

/** Session, timers, then what is not as usual. */
export function printPeer(peer: PeerPlan): string {
  const ends = `${formatAddress(peer.localAddress)} AS ${peer.localAs} to ${formatAddress(peer.address)}:${peer.port} AS ${peer.remoteAs}`;
  const timers = `hold ${peer.holdTime} keepalive ${peer.keepaliveTime} retry ${peer.connectRetryTime}`;
  const families = peer.families.map((family) => `IPv${family}`).join(" ");
  const carried = families === "IPv4" ? [] : [families];
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
    peer.role === undefined ? "" : `role ${peer.role.role}${peer.role.strict ? " strictly" : ""}`,
    peer.aigp ? "aigp" : "",
    ...printRestart(peer.gracefulRestart),
    peer.addPath === undefined ? "" : `add-path ${JSON.stringify(peer.addPath)}`,
    ...Object.entries(peer.policy)
      .filter(([key, value]) => value !== DEFAULT_POLICY[key as keyof typeof DEFAULT_POLICY])
      .map(([key, value]) => `${key} ${JSON.stringify(value)}`),
  ].filter((mark) => mark !== "");
  return [
    `${peer.name} (${peer.origin})`,
    ends,
    ...carried,
    `ttl ${peer.ttl}`,
    timers,
    ...marks,
  ].join(", ");
}
