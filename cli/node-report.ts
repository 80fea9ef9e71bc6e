/**
 * What nodes would do by their plans: sessions, announcements, rules. Nodes that do the same are one group.
 *
 * Pure. The words for people are `node-report-text.ts`.
 */

import { planRestart } from "../bgpd/cluster/restart.ts";
import {
  type BfdPlan,
  DEFAULT_PREFIX_LIMIT,
  type GracefulRestartPlan,
  type PeerPlan,
  type RangePlan,
  type SpeakerPlan,
  type UnnumberedPlan,
  type WorkloadsPlan,
} from "../bgpd/cluster/speaker.ts";
import { compileFilters, type FilterDirection } from "../bgpd/policy/filter.ts";
import { type Address, equalAddress, formatAddress, parseAddress } from "../lib/address.ts";
import { formatPrefix } from "../lib/prefix.ts";
import { DEFAULT_PRIORITY } from "../resource/bgp-configuration.ts";
import { formatCommunity } from "../resource/community.ts";
import type { AsRange } from "../resource/scalar.ts";
import { countOf, describeAddPath } from "./words.ts";

/** One node's own. */
export type NodeReport = {
  readonly name: string;
  /** IPv4 first. */
  readonly addresses: readonly string[];
  readonly asNumber: number;
  /** In order of preference; empty where it claims them. */
  readonly blocks: readonly string[];
  /** Addresses of Services that it announces by themselves. */
  readonly services: readonly { readonly prefix: string; readonly service: string }[];
};

/** Sessions that differ in nothing but the other end. */
export type SessionReport = {
  /** Of the BGPPeer, or "mesh". */
  readonly name: string;
  /** Who is at the other end: Nodes by name, else addresses, a range, a link, or pods. Null: the other nodes of the mesh. */
  readonly peers: readonly string[] | null;
  /** Of a range: as many as may call at once. */
  readonly count: number;
  readonly port: number;
  /** Of the other end; null where those differ. */
  readonly asNumber: number | null;
  /** Ours, where it is not the node's. */
  readonly localAsNumber: number | null;
  readonly kind: "internal" | "external";
  /** What its routes are, such as "IPv4". */
  readonly families: readonly string[];
  /** Seconds. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  readonly connectRetryTime: number;
  /** Hops, of external sessions. */
  readonly ttl: number;
  /** What else is not as usual, in words. */
  readonly marks: readonly string[];
  /** Rules in order, the built-in policy last. */
  readonly incoming: readonly string[];
  readonly outgoing: readonly string[];
};

export type GroupReport = {
  readonly nodes: readonly NodeReport[];
  readonly listenPort: number;
  /** Null: where the nodes' addresses are; empty: nowhere. */
  readonly listenAddresses: readonly string[] | null;
  /** Of nodes that reflect routes. */
  readonly clusterId: string | null;
  readonly sessions: readonly SessionReport[];
  /** What is announced besides blocks, and what is said of prefixes. */
  readonly announcements: readonly string[];
  /** What is left to somebody else to put into the kernel. */
  readonly omissions: readonly string[];
  /** Pools whose pods' connections leave with the node's address. */
  readonly masquerade: readonly string[];
};

/** Group nodes as their plans come; no plan is kept. */
export class Groups {
  readonly #groups = new Map<string, { readonly nodes: NodeReport[]; readonly rest: Common }>();

  add(plan: SpeakerPlan): void {
    const rest = commonOf(plan);
    const key = JSON.stringify(rest);
    const group = this.#groups.get(key) ?? { nodes: [], rest };
    this.#groups.set(key, group);
    group.nodes.push({
      name: plan.node,
      addresses: plan.addresses.map(formatAddress),
      asNumber: plan.asNumber,
      blocks: plan.blocks.map(formatPrefix),
      services: plan.serviceRoutes.map(({ prefix, service }) => ({
        prefix: formatPrefix(prefix),
        service,
      })),
    });
  }

  /** In the order of their first nodes. */
  get reports(): readonly GroupReport[] {
    return [...this.#groups.values()].map(({ nodes, rest }) => ({ nodes, ...rest }));
  }
}

type Common = Omit<GroupReport, "nodes">;

function commonOf(plan: SpeakerPlan): Common {
  const listens = plan.listenAddresses.map(formatAddress);
  return {
    listenPort: plan.listenPort,
    listenAddresses: isAtHome(plan) ? null : listens,
    clusterId: plan.clusterId === undefined ? null : formatAddress(plan.clusterId),
    sessions: [
      ...sessionsOf(plan),
      ...(plan.ranges ?? []).flatMap((range) => rangeOf(range, plan)),
      ...(plan.unnumbered ?? []).map((peer) => unnumberedOf(peer, plan)),
      ...(plan.workloads ?? []).map((pods) => workloadsOf(pods, plan)),
    ],
    announcements: announcementsOf(plan),
    omissions: omissionsOf(plan),
    masquerade: (plan.masquerade?.sources ?? []).map(formatPrefix),
  };
}

/** Whether the node listens at its own addresses and nowhere else. */
function isAtHome({ addresses, listenAddresses }: SpeakerPlan): boolean {
  const isOwn = (listens: Address, at: number): boolean => {
    const own = addresses[at];
    return own !== undefined && equalAddress(own, listens);
  };
  return addresses.length === listenAddresses.length && listenAddresses.every(isOwn);
}

/** What the daemon keeps out of the kernel although it knows it. */
function omissionsOf({ unprogrammed }: SpeakerPlan): string[] {
  return unprogrammed
    .filter(({ why }) => why === "cluster routes")
    .map(({ prefix }) => `routes in the pool ${formatPrefix(prefix)} (programClusterRoutes)`);
}

function announcementsOf({
  services,
  aggregates,
  unexportedPools,
  advertisements,
}: SpeakerPlan): string[] {
  return [
    ...aggregates.map(({ prefix, audience, summaryOnly, makers }) => {
      const whom = audience === "Routers" ? "routers" : "all that do not make it";
      const instead = summaryOnly ? ", in place of its parts" : ", beside its parts";
      const others = makers.length === 1 ? "" : `, made by ${makers.length} nodes`;
      return `aggregate ${formatPrefix(prefix)} to ${whom}${instead}${others}`;
    }),
    ...services.map((prefix) => `services ${formatPrefix(prefix)}`),
    ...unexportedPools.map((prefix) => `nothing of the pool ${formatPrefix(prefix)}`),
    ...advertisements.map(
      ({ prefix, communities }) =>
        `with ${communities.map(formatCommunity).join(" ")} what lies in ${formatPrefix(prefix)}`,
    ),
  ];
}

function sessionsOf(plan: SpeakerPlan): SessionReport[] {
  const alike = new Map<string, { readonly peers: PeerPlan[]; readonly report: SessionReport }>();
  const rules = new Map<string, Pick<SessionReport, "incoming" | "outgoing">>();
  for (const peer of plan.peers) {
    const report = sessionOf(peer, plan, rules);
    const key = JSON.stringify({ ...report, asNumber: null });
    const known = alike.get(key);
    if (known === undefined) alike.set(key, { peers: [peer], report });
    else known.peers.push(peer);
  }
  return [...alike.values()].map(({ peers, report }) => ({
    ...report,
    peers:
      report.name === "mesh"
        ? null
        : peers.map(({ node, address }) => node ?? formatAddress(address)),
    count: peers.length,
    asNumber: new Set(peers.map(({ remoteAs }) => remoteAs)).size === 1 ? report.asNumber : null,
  }));
}

/** Sessions with neighbours of our own AS and with those of others have other rules. */
function rangeOf({ name, remotes, limit, session }: RangePlan, plan: SpeakerPlan): SessionReport[] {
  const { localAs, asNumbers = [] } = session;
  const external = asNumbers.find(({ first, last }) => first !== localAs || last !== localAs);
  const isInternal = asNumbers.some(({ first, last }) => first <= localAs && localAs <= last);
  const remotesAs = [
    ...(isInternal ? [localAs] : []),
    ...(external === undefined
      ? []
      : [external.first === localAs ? external.last : external.first]),
  ];
  const [only, another] = asNumbers;
  const isOne = another === undefined && only?.first === only?.last;
  return remotesAs.map((remoteAs) => {
    const peer = { ...session, name, address: remotes, remoteAs };
    const report = sessionOf(peer, plan, new Map());
    return {
      ...report,
      peers: [formatPrefix(remotes)],
      count: limit,
      asNumber: isOne ? report.asNumber : null,
      marks: [
        `at most ${limit} who call`,
        ...(isOne ? [] : [`of AS ${asNumbers.map(formatAsRange).join(" ")}`]),
        ...report.marks.filter((mark) => mark !== WAITS),
      ],
    };
  });
}

function unnumberedOf({ name, link, session }: UnnumberedPlan, plan: SpeakerPlan): SessionReport {
  const address = { address: ANYBODY, localAddress: ANYBODY };
  const report = sessionOf({ ...session, name, ...address }, plan, new Map());
  const isKnown = session.asNumbers === undefined;
  return {
    ...report,
    peers: [link],
    asNumber: isKnown ? report.asNumber : null,
    marks: [
      "found by router advertisements",
      ...(isKnown ? [] : ["of any AS but ours"]),
      ...report.marks,
    ],
  };
}

/** Which pods there are, and at which addresses, only the node itself knows. */
function workloadsOf(
  { name, selector, localAddresses, session }: WorkloadsPlan,
  plan: SpeakerPlan,
): SessionReport {
  const address = { address: ANYBODY, localAddress: ANYBODY };
  const report = sessionOf({ ...session, name, ...address }, plan, new Map());
  const called = localAddresses.map(formatAddress).join(" and ");
  return {
    ...report,
    peers: [`pods ${selector.text}`],
    marks: [`who call ${called}`, ...report.marks],
  };
}

function sessionOf(
  peer: PeerPlan,
  plan: SpeakerPlan,
  rules: Map<string, Pick<SessionReport, "incoming" | "outgoing">>,
): SessionReport {
  const name = baseName(peer);
  const isExternal = peer.localAs !== peer.remoteAs;
  const key = `${name} ${isExternal} ${peer.node === undefined}`;
  const known = rules.get(key) ?? rulesOf(peer);
  rules.set(key, known);
  return {
    name,
    peers: null,
    count: 1,
    port: peer.port,
    asNumber: peer.remoteAs,
    localAsNumber: peer.localAs === plan.asNumber ? null : peer.localAs,
    kind: isExternal ? "external" : "internal",
    families: peer.families.map((family) => `IPv${family}`),
    holdTime: peer.holdTime,
    keepaliveTime: peer.keepaliveTime,
    connectRetryTime: peer.connectRetryTime,
    ttl: peer.ttl,
    marks: marksOf(peer),
    ...known,
  };
}

/** Without the Node at the other end, which is not all that the document gives. */
function baseName({ name, origin, node }: PeerPlan): string {
  if (origin === "mesh") return "mesh";
  return node !== undefined && name.endsWith(` ${node}`) ? name.slice(0, -node.length - 1) : name;
}

/** Who is found has no address before. */
const ANYBODY = parseAddress("fe80::");

/** Of a passive session. */
const WAITS = "waits to be called";

function marksOf({
  key,
  secret,
  keyless,
  ttlSecurity,
  source,
  link,
  delayOpen,
  sendHoldTime,
  shutdown,
  bfd,
  gracefulRestart,
  passive,
  role,
  aigp,
  addPath,
  reachableBy,
  policy,
}: PeerPlan): string[] {
  const { prefixLimit } = policy;
  return [
    shutdown === undefined ? "" : describeShutdown(shutdown),
    passive ? WAITS : "",
    describeKey(key, secret),
    keyless === undefined ? "" : `no session: ${keyless}`,
    ttlSecurity === undefined ? "" : `TTL security within ${countOf(ttlSecurity, "hop")}`,
    source === undefined ? "" : "from any address",
    link === undefined ? "" : `on ${link}`,
    delayOpen === undefined ? "" : `OPEN delayed by ${delayOpen}s`,
    sendHoldTime === undefined ? "" : describeSendHold(sendHoldTime),
    policy.reflection?.client === true ? "a client" : "",
    role === undefined ? "" : `role ${role.role}${role.strict ? " strictly" : ""}`,
    aigp ? "AIGP" : "",
    addPath === undefined ? "" : sayAddPath(addPath, policy.toldPaths),
    bfd === undefined ? "" : describeBfd(bfd),
    ...describeRestart(gracefulRestart),
    reachableBy === undefined ? "" : `by ${formatAddress(reachableBy)} alone`,
    policy.nextHop === "Auto" ? "" : `next hop ${policy.nextHop}`,
    policy.asOverride ? "AS override" : "",
    policy.removePrivateAs ? "removes private ASes" : "",
    policy.allowedOwnAs === 0 ? "" : `our AS allowed ${policy.allowedOwnAs} times`,
    policy.refuseAsSets ? "refuses AS_SETs" : "",
    policy.discardBlackhole ? "obeys BLACKHOLE" : "",
    policy.gracefulShutdown ? "going away" : "",
    sayLimit(prefixLimit),
  ].filter((mark) => mark !== "");
}

/** Nothing of a limit that nobody has asked for. */
function sayLimit(limit: PeerPlan["policy"]["prefixLimit"]): string {
  if (limit === undefined) return "any number of prefixes";
  return limit === DEFAULT_PREFIX_LIMIT ? "" : `at most ${limit.max} prefixes`;
}

function sayAddPath(
  { receive, send }: NonNullable<PeerPlan["addPath"]>,
  told: PeerPlan["policy"]["toldPaths"],
): string {
  return describeAddPath(send ? { receive, ...told } : { receive, send: null });
}

function formatAsRange({ first, last }: AsRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

function describeKey(key: PeerPlan["key"], secret: PeerPlan["secret"]): string {
  if (secret !== undefined) return `with the key ${secret.key} of Secret ${secret.name}`;
  return key === undefined ? "" : "with a password";
}

function describeShutdown(text: string): string {
  return text === "" ? "shut down" : `shut down: ${text}`;
}

function describeSendHold(time: number): string {
  return time === 0 ? "no send hold timer" : `send hold ${time}s`;
}

/** What is not as usual. */
function describeRestart(plan: GracefulRestartPlan | undefined): string[] {
  const usual = planRestart([], undefined);
  if (plan === undefined || usual === undefined) return ["no graceful restart"];
  const {
    mode,
    notifications,
    restartTime,
    longLivedStaleTime,
    peerRestartTime,
    peerLongLivedStaleTime,
  } = plan;
  const asks = mode === "full";
  const isOther = (name: "peerRestartTime" | "peerLongLivedStaleTime"): boolean =>
    plan[name] !== usual[name];
  return [
    asks ? "" : "helps restarts only",
    notifications ? "graceful NOTIFICATIONs" : "",
    !asks || restartTime === usual.restartTime ? "" : `restart ${restartTime}s`,
    !asks || longLivedStaleTime === 0 ? "" : `long-lived stale ${longLivedStaleTime}s`,
    isOther("peerRestartTime") ? `peer's restart at most ${peerRestartTime}s` : "",
    isOther("peerLongLivedStaleTime")
      ? `peer's routes long-lived stale at most ${peerLongLivedStaleTime}s`
      : "",
    plan.partialDeployment ? "long-lived stale routes to all of the AS" : "",
  ];
}

function describeBfd({ multihop, authentication, strict, ...timers }: BfdPlan): string {
  const { minTransmitInterval, minReceiveInterval, detectMultiplier } = timers;
  const times = `${minTransmitInterval}/${minReceiveInterval} ms, ${detectMultiplier} lost`;
  const kind = [multihop ? " multihop" : "", authentication === undefined ? "" : " with a key"];
  return `BFD${kind.join("")} (${times})${strict ? " first" : ""}`;
}

function rulesOf(peer: PeerPlan): Pick<SessionReport, "incoming" | "outgoing"> {
  return {
    incoming: withLast(filterLines(peer, "import"), builtInImport(peer)),
    outgoing: withLast(filterLines(peer, "export"), builtInExport(peer)),
  };
}

/** What no rule decides is for the built-in policy. */
function withLast(rules: readonly string[], builtIn: string): string[] {
  return rules.length === 0 ? [builtIn] : [...rules, `otherwise ${builtIn}`];
}

function filterLines({ filters, localAs, remoteAs }: PeerPlan, direction: FilterDirection) {
  // They are asked about no route.
  const normalPriority = { 4: DEFAULT_PRIORITY, 6: DEFAULT_PRIORITY };
  const external = localAs !== remoteAs;
  const session = { external, interfaceOf: () => undefined, normalPriority };
  return ([4, 6] as const).flatMap((family) =>
    compileFilters(filters, direction, family, session).map(({ verdict }) => verdict.reason),
  );
}

function builtInImport({
  localAs,
  remoteAs,
  origin,
  policy,
  acceptDefaultRoute,
}: PeerPlan): string {
  if (localAs === remoteAs || origin === "mesh" || policy.importPolicy === "all") {
    return "everything";
  }
  if (policy.importPolicy === "none") return "nothing";
  const but = acceptDefaultRoute ? "" : ", the default route";
  return `everything but what is ours${but} and special prefixes`;
}

function builtInExport({ localAs, remoteAs, policy }: PeerPlan): string {
  if (localAs === remoteAs) return "everything";
  if (policy.exportPolicy === "none") return "nothing";
  const pools = policy.exportPolicy === "pools" ? ", and all that lies in pools" : "";
  return `what this node announces${pools}`;
}
