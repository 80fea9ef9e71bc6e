/**
 * What the daemon wants in the kernel against what is there, as the kernel itself says it. Pure.
 */

import type { Link, Route } from "../kernel/kernel.ts";
import { formatAddress } from "../lib/address.ts";
import { formatPrefix } from "../lib/prefix.ts";
import type { FibTableAnswer, FibWayAnswer } from "../resource/answer.ts";

/** missing: wanted and not there; different: it leads elsewhere; alien: ours by its protocol, and not wanted. */
export type Problem = "missing" | "different" | "alien";

export type Difference = {
  readonly prefix: string;
  readonly problem: Problem;
  /** Where the daemon wants it to lead; empty for an alien. */
  readonly wanted: string;
  /** Where the kernel's route leads; empty when it is missing. */
  readonly found: string;
  readonly reason: string;
};

/** Compare; `routes` are everybody's of every table. */
export function compareFib(
  { routes: wanted, metrics, table, protocol, left }: FibTableAnswer,
  all: readonly Route[],
  links: readonly Link[],
): Difference[] {
  const routes = all.filter((route) => route.protocol === protocol);
  const others = new Set(
    all
      .filter((route) => route.protocol !== protocol)
      .map(({ destination }) => formatPrefix(destination)),
  );
  const reasons = new Map(left.map(({ prefix, reason }) => [prefix, reason]));
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const isPlaced = (route: Route): boolean =>
    route.table === table && route.metric === metrics[route.destination.family];
  const there = new Map(
    routes.filter(isPlaced).map((route) => [formatPrefix(route.destination), route]),
  );
  const known = new Set(wanted.map(({ prefix }) => prefix));
  const differences = wanted.flatMap(({ prefix, ways, reason }): Difference[] => {
    const route = there.get(prefix);
    const found = route === undefined ? "" : foundText(route, names);
    const text = ways === "blackhole" ? ways : wantedText(ways);
    if (text !== "" && found === text) return [];
    if (route !== undefined) {
      const why = reason === "" ? "somebody changed it" : reason;
      return [{ prefix, problem: "different", wanted: text, found, reason: why }];
    }
    const why = reason === "" ? "somebody removed it" : reason;
    return [{ prefix, problem: "missing", wanted: text, found, reason: why }];
  });
  const aliens = routes.flatMap((route): Difference[] => {
    const prefix = formatPrefix(route.destination);
    if (isPlaced(route) && known.has(prefix)) return [];
    const reason = isPlaced(route)
      ? (reasons.get(prefix) ?? "no BGP route is used for it")
      : `it is in table ${route.table} with metric ${route.metric}: the daemon's are in table ${table} with metric ${metrics[route.destination.family]}`;
    return [{ prefix, problem: "alien", wanted: "", found: foundText(route, names), reason }];
  });
  const unattended = left
    .filter(({ prefix }) => !others.has(prefix))
    .map(({ prefix, reason }): Difference => {
      const why = `nobody has put it there: ${reason}`;
      return { prefix, problem: "missing", wanted: "", found: "", reason: why };
    });
  return [...differences, ...aliens, ...unattended];
}

function wantedText(ways: readonly FibWayAnswer[]): string {
  return ways
    .map(({ gateway, link, weight, onLink }) => wayText({ gateway, link, weight, onLink }))
    .sort()
    .join(" and ");
}

function foundText({ type, nextHops }: Route, names: ReadonlyMap<number, string>): string {
  if (type !== "unicast") return type;
  return nextHops
    .map(({ gateway, link = 0, weight = 1, onLink = false }) =>
      wayText({
        gateway: gateway === undefined ? "" : formatAddress(gateway),
        link: names.get(link) ?? `link ${link}`,
        weight,
        onLink,
      }),
    )
    .sort()
    .join(" and ");
}

function wayText({ gateway, link, weight, onLink }: FibWayAnswer): string {
  const via = gateway === "" ? "" : `via ${gateway} `;
  return `${via}dev ${link}${onLink ? " onlink" : ""}${weight === 1 ? "" : ` weight ${weight}`}`;
}
