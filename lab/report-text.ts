/**
 * The lab's report for people: one section after the other, as they become known.
 *
 * Pure: records in, text out.
 */

import { formatRate } from "./limit.ts";
import { formatMatrix, formatMatrixBriefly } from "./matrix-text.ts";
import type { LabReport, NodeReport, Observation, RouteReport } from "./report.ts";
import { alignTable } from "./table.ts";

/** Above this many sessions, and this many routes of one kernel, what is alike is counted. */
const SESSIONS_SHOWN = 24;
const TABLES_SHOWN = 6;

/** All sections that the report has. */
export function formatReport(report: LabReport): string {
  return [
    formatCluster(report),
    formatSessions(report),
    formatTables(report),
    formatReachability(report),
    formatPublished(report),
    formatLimits(report),
    formatFailure(report),
    formatRecovery(report),
    formatVerdict(report),
  ]
    .filter((section) => section !== "")
    .join("\n");
}

/** Router, nodes, blocks, pods. */
export function formatCluster({ nodes, router, outside, startup }: LabReport): string {
  if (router === null || outside === null) return "";
  const rows = nodes.map((node) => [
    node.name,
    node.address,
    `AS ${node.asNumber}`,
    node.blocks.join(" "),
    podsOf(node),
  ]);
  const others = [
    [router.name, router.address, `AS ${router.asNumber}`, outside.prefix, router.detail],
    [outside.name, outside.address, "", "", `behind ${router.name}`],
  ];
  const after = startup === null ? "" : ` (up after ${seconds(startup)})`;
  return section(
    `Cluster${after}`,
    alignTable([["NODE", "ADDRESS", "AS", "BLOCK", "PODS"], ...rows, ...others]),
  );
}

/** Sessions as the nodes' daemons tell; alike ones are counted when there are many. */
export function formatSessions({ sessions }: LabReport): string {
  if (sessions.length === 0) return "";
  const heading = ["NODE", "PEER", "ADDRESS", "AS", "STATE", "HOLD", "RECEIVED", "SENT"];
  const up = sessions.filter(({ state }) => state === "Established");
  const title = `Sessions: ${up.length} of ${sessions.length} Established`;
  const shown = sessions.length > SESSIONS_SHOWN ? without(sessions, up) : sessions;
  const rows = shown.map((session) => [
    session.node,
    session.peer,
    session.address,
    String(session.remoteAs),
    session.state,
    `${session.holdTime} s`,
    String(session.prefixes.received),
    String(session.prefixes.advertised),
  ]);
  return section(title, rows.length === 0 ? [] : alignTable([heading, ...rows], numbersRight(6)));
}

/** Kernels' main tables; of a large lab the first one, and for the others their sizes. */
export function formatTables({ tables }: LabReport): string {
  if (tables.length === 0) return "";
  const whole = tables.length > TABLES_SHOWN ? tables.slice(0, 1) : tables;
  const rest = tables.slice(whole.length);
  const lines = whole.flatMap(({ name, routes }) => {
    const rows = routes.map((route) => [name, route.destination, wayOf(route), route.protocol]);
    return rows;
  });
  const sizes = rest.map(({ name, routes }) => `${name} ${routes.length}`);
  return section("Kernel routes", [
    ...alignTable([["KERNEL", "DESTINATION", "WAY", "PROTOCOL"], ...lines]),
    ...(sizes.length === 0 ? [] : [`routes of the others: ${sizes.join(", ")}`]),
  ]);
}

/** The matrix of everybody to everybody. */
export function formatReachability({ reachability }: LabReport): string {
  return reachability === null ? "" : section("Reachability", formatMatrix(reachability));
}

/** Where the outside host reaches pods by ports of their nodes. */
export function formatPublished({ published }: LabReport): string {
  if (published.length === 0) return "";
  const rows = published.map(({ pod, at, roundTrip, reason }) => [
    pod,
    at,
    roundTrip === null ? `lost: ${reason}` : `${roundTrip} ms`,
  ]);
  return section("Host ports", alignTable([["POD", "AT", "TCP"], ...rows]));
}

/** What transfers came to where pods are limited. */
export function formatLimits({ limits }: LabReport): string {
  if (limits.length === 0) return "";
  const rows = limits.map(({ pod, direction, limit, measured, reason }) => [
    pod,
    direction,
    formatRate(limit),
    measured === null ? `lost: ${reason}` : formatRate(measured),
  ]);
  return section("Bandwidth", alignTable([["POD", "WAY", "LIMIT", "MEASURED"], ...rows]));
}

/** The cut: who noticed when, and who still reached whom. */
export function formatFailure({ failure }: LabReport): string {
  if (failure === null) return "";
  return section(`Uplink of ${failure.node} cut`, [
    `routes withdrawn ${span(failure.withdrawn)} after the cut`,
    ...formatMatrixBriefly(failure.reachability),
  ]);
}

/** The mending: when routes were back, and when everybody reached everybody again. */
export function formatRecovery({ recovery, failure }: LabReport): string {
  if (recovery === null || failure === null) return "";
  return section(`Uplink of ${failure.node} mended`, [
    `routes back ${span(recovery.returned)} after mending`,
    `everybody reaches everybody after ${seconds(recovery.whole)}`,
    ...formatMatrixBriefly(recovery.reachability),
  ]);
}

/** The last word. */
export function formatVerdict({ ok, faults }: LabReport): string {
  return ok ? "PASS: every probe was answered\n" : section("FAIL", [...faults]);
}

/** `2.91 s (n1, first) to 3.02 s (tor, last)`. */
function span(observations: readonly Observation[]): string {
  const sorted = [...observations].sort((a, b) => a.after - b.after);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return "nowhere";
  if (sorted.length === 1) return `${seconds(first.after)} (${first.name})`;
  return `${seconds(first.after)} (${first.name}, first) to ${seconds(last.after)} (${last.name}, last)`;
}

/** `2.91 s`. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

function podsOf({ pods }: NodeReport): string {
  const names = pods.map(({ name, address }) => `${name} ${address}`);
  return names.length > 3
    ? `${names.slice(0, 2).join(", ")}, … ${names.at(-1)} (${names.length})`
    : names.join(", ");
}

function wayOf({ type, via }: RouteReport): string {
  const ways = via.join(", ");
  return type === "unicast" ? ways : [type, ways].filter((part) => part !== "").join(" ");
}

function without<T>(all: readonly T[], some: readonly T[]): T[] {
  return all.filter((item) => !some.includes(item));
}

function numbersRight(from: number): (column: number) => "left" | "right" {
  return (column) => (column >= from ? "right" : "left");
}

function section(title: string, lines: readonly string[]): string {
  return `${[title, ...lines.map((line) => `  ${line}`)].join("\n")}\n`;
}
