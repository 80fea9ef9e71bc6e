/**
 * Groups of nodes in words and tables.
 */

import type { GroupReport, NodeReport, SessionReport } from "./node-report.ts";
import { type Look, styled } from "./style.ts";
import { type Column, type Fact, formatFacts, formatTable } from "./table.ts";
import { countOf, listSome } from "./words.ts";

/** Longer tables are cut, and what is left out is counted. */
const MOST_NODES = 12;
const MOST_SERVICES = 24;

const NODES: readonly Column<NodeReport>[] = [
  { title: "NODE", cell: ({ name }) => styled(name, "strong") },
  { title: "ADDRESS", cell: ({ addresses }) => addresses.join(" ") },
  { title: "AS", cell: ({ asNumber }) => String(asNumber), align: "right" },
  { title: "BLOCKS", cell: ({ blocks }) => blocks.join(" ") || "none named" },
  {
    title: "SERVICES",
    cell: ({ services }) =>
      services.length === 0 ? "" : countOf(services.length, "address", "addresses"),
    optional: true,
  },
];

const SESSIONS: readonly Column<SessionReport>[] = [
  { title: "SESSION", cell: ({ name }) => styled(name, "strong") },
  { title: "WITH", cell: withWhom },
  { title: "PORT", cell: ({ port }) => String(port), align: "right" },
  { title: "AS", cell: ({ asNumber }) => (asNumber === null ? "each its own" : String(asNumber)) },
  {
    title: "OUR AS",
    cell: ({ localAsNumber }) => (localAsNumber === null ? "" : String(localAsNumber)),
    optional: true,
  },
  { title: "KIND", cell: ({ kind }) => kind },
  { title: "ROUTES", cell: ({ families }) => families.join(" ") },
  { title: "HOLD", cell: ({ holdTime }) => seconds(holdTime), align: "right" },
  { title: "KEEPALIVE", cell: ({ keepaliveTime }) => seconds(keepaliveTime), align: "right" },
  { title: "RETRY", cell: ({ connectRetryTime }) => seconds(connectRetryTime), align: "right" },
  { title: "TTL", cell: ({ ttl }) => String(ttl), align: "right" },
  { title: "ALSO", cell: ({ marks }) => marks.join(", "), optional: true },
];

/** One group: its nodes, their sessions, what they announce, the rules of each session. */
export function formatGroup(group: GroupReport, look: Look): string {
  const { nodes, sessions } = group;
  const left = nodes.length - MOST_NODES;
  const more = left > 0 ? `and ${left} more, which --node shows one by one\n` : "";
  return [
    formatTable(nodes.slice(0, MOST_NODES), NODES, look) + more,
    formatTable(sessions, SESSIONS, look) || "no sessions\n",
    formatFacts(factsOf(group), look),
  ].join("\n");
}

function factsOf({ clusterId, announcements, omissions, sessions, ...group }: GroupReport): Fact[] {
  const masqueraded = group.masquerade.map(
    (pool) => `connections from ${pool} to beyond the pools`,
  );
  return [
    ["listens", listening(group)],
    ...(clusterId === null ? [] : [["reflects", `cluster ${clusterId}`] as const]),
    ["announces", ["blocks", ...announcements]],
    ...servicesOf(group.nodes),
    ...(omissions.length === 0 ? [] : [["not in the kernel", omissions] as const]),
    ...(masqueraded.length === 0 ? [] : [["masquerades", masqueraded] as const]),
    ...sessions.flatMap((session): Fact[] => [
      [`${titleOf(session, sessions)} in`, session.incoming],
      [`${titleOf(session, sessions)} out`, session.outgoing],
    ]),
  ];
}

/** One document may give sessions of both kinds. */
function titleOf({ name, kind }: SessionReport, sessions: readonly SessionReport[]): string {
  const isMixed = sessions.some((other) => other.name === name && other.kind !== kind);
  return isMixed ? `${name} ${kind}` : name;
}

/** One by one for a node alone: the table has how many. */
function servicesOf([node, ...others]: readonly NodeReport[]): Fact[] {
  if (node === undefined || others.length > 0 || node.services.length === 0) return [];
  const left = node.services.length - MOST_SERVICES;
  const lines = node.services
    .slice(0, MOST_SERVICES)
    .map(({ prefix, service }) => `${prefix} of Service ${service}`);
  return [["services", left > 0 ? [...lines, `and ${left} more, which --json shows`] : lines]];
}

function listening({
  listenPort,
  listenAddresses,
}: Pick<GroupReport, "listenPort" | "listenAddresses">): string {
  if (listenAddresses === null) return `port ${listenPort}`;
  if (listenAddresses.length === 0) return "nowhere";
  return `port ${listenPort} at ${listenAddresses.join(" ")}`;
}

function withWhom({ peers, count }: SessionReport): string {
  if (peers === null) return countOf(count, "other node");
  return listSome(peers);
}

function seconds(time: number): string {
  return time === 0 ? "none" : `${time}s`;
}
