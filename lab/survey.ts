/**
 * What the lab's parts say of themselves, for the report: kernels' tables and daemons' sessions.
 */

import type { Kernel, Route } from "../kernel/kernel.ts";
import { formatAddress } from "../lib/address.ts";
import { formatPrefix } from "../lib/prefix.ts";
import type { RouteReport, SessionReport, TableReport } from "./report.ts";
import { askPeers, type Speaker } from "./speaker.ts";

const MAIN_TABLE = 254;

/** rtm_protocol by iproute2's names; 77 is ours. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  2: "kernel",
  3: "boot",
  4: "static",
  12: "bird",
  77: "manx",
};

/** IPv4 routes of the kernel's main table. */
export function mainRoutes(kernel: Kernel): Route[] {
  return kernel.routes({ family: 4, table: MAIN_TABLE });
}

/** The main table in the report's words. */
export function surveyTable(name: string, kernel: Kernel): TableReport {
  const names = new Map(kernel.links().map((link) => [link.index, link.name]));
  return { name, routes: mainRoutes(kernel).map((route) => describeRoute(route, names)) };
}

/** Every session of every speaker; one that does not answer has none. */
export async function surveySessions(speakers: readonly Speaker[]): Promise<SessionReport[]> {
  const sessions: SessionReport[] = [];
  for (const speaker of speakers) {
    for (const peer of (await askPeers(speaker)) ?? []) {
      const { name, address, remoteAs, state, since, holdTime, keepaliveTime, prefixes } = peer;
      sessions.push({
        node: speaker.name,
        peer: name,
        ...{ address, remoteAs, state, since, holdTime, keepaliveTime, prefixes },
      });
    }
  }
  return sessions;
}

function describeRoute(route: Route, names: ReadonlyMap<number, string>): RouteReport {
  return {
    destination: formatPrefix(route.destination),
    type: route.type,
    via: route.nextHops.map(({ gateway, link }) =>
      [
        ...(gateway === undefined ? [] : [formatAddress(gateway)]),
        ...(link === undefined ? [] : [`dev ${names.get(link) ?? link}`]),
      ].join(" "),
    ),
    protocol: PROTOCOLS[route.protocol] ?? String(route.protocol),
    metric: route.metric,
  };
}
