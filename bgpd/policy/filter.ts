/**
 * BGPFilter rules as predicates over a route. A rule's verdict is one record, made when it is compiled.
 *
 * What a rule asks of attributes and of the next hop is answered once per attribute set; per prefix only
 * the prefix is looked at.
 */

import type { Address, Family } from "../../lib/address.ts";
import { containsPrefix, equalPrefix, formatPrefix, type Prefix } from "../../lib/prefix.ts";
import type { BgpFilter, FilterOperation, FilterRule } from "../../resource/bgp-filter.ts";
import { formatCommunity } from "../../resource/community.ts";
import { prependAs } from "../wire/as-path.ts";
import type { AsSegment, Attributes } from "../wire/attributes.ts";
import { addCommunity, hasCommunity } from "./community.ts";
import { localPrefOf, priorityOf } from "./priority.ts";
import type { PolicyRoute, Verdict } from "./route.ts";

export type FilterDirection = "import" | "export";

/** The session that rules are compiled for. */
export type FilterSession = {
  readonly external: boolean;
  /** Name of the link that packets to a next hop leave by. */
  readonly interfaceOf: (nextHop: Address) => string | undefined;
  /** Of routes that nobody prefers. */
  readonly normalPriority: Readonly<Record<Family, number>>;
};

/** A rule ready to be asked. */
export type CompiledRule = {
  readonly verdict: Verdict;
  /** Whether routes with these attributes can match at all; undefined where it does not depend on them. */
  readonly concerns:
    | ((attributes: Attributes, source: PolicyRoute["source"]) => boolean)
    | undefined;
  readonly matches: (prefix: Prefix) => boolean;
};

/** The rules of one direction and family, of all filters in order. */
export function compileFilters(
  filters: readonly BgpFilter[],
  direction: FilterDirection,
  family: Family,
  session: FilterSession,
): CompiledRule[] {
  const list = `${direction}V${family}` as const;
  const normal = session.normalPriority[family];
  return filters.flatMap((filter) =>
    filter[list].flatMap((rule, index) => {
      const peerType = session.external ? "eBGP" : "iBGP";
      if (rule.peerType !== undefined && rule.peerType !== peerType) return [];
      const where = `BGPFilter ${filter.name}: ${list} rule ${index + 1} (${rule.place})`;
      const rewrite = rewriteOf(rule.operations);
      const links = rule.interface === undefined ? undefined : patternOf(rule.interface);
      const verdict: Verdict = {
        accept: rule.action === "Accept",
        reason: `${where}: ${describeRule(rule)}`,
        ...(rewrite === undefined ? {} : { rewrite }),
      };
      return [
        {
          verdict,
          concerns: asksAttributes(rule)
            ? (attributes, source) =>
                concerns(rule, attributes, source, normal) &&
                (links === undefined || leavesBy(links, attributes, source, session))
            : undefined,
          matches: (prefix) => matches(rule, prefix),
        },
      ];
    }),
  );
}

/** What decides how the filters answer, as data that can be compared as JSON. */
export function filterKey(filters: readonly BgpFilter[], direction: FilterDirection): unknown {
  const describe = (rule: FilterRule): string => `${rule.place}: ${describeRule(rule)}`;
  return filters.map((filter) => [
    filter.name,
    filter[`${direction}V4`].map(describe),
    filter[`${direction}V6`].map(describe),
  ]);
}

/** Whether any rule looks at interfaces. */
export function looksAtLinks(filters: readonly BgpFilter[], direction: FilterDirection): boolean {
  return someRule(filters, direction, (rule) => rule.interface !== undefined);
}

/** Whether any rule asks for a priority. */
export function asksPriority(filters: readonly BgpFilter[], direction: FilterDirection): boolean {
  return someRule(filters, direction, (rule) => rule.priority !== undefined);
}

function someRule(
  filters: readonly BgpFilter[],
  direction: FilterDirection,
  holds: (rule: FilterRule) => boolean,
): boolean {
  return filters.some((filter) =>
    [...filter[`${direction}V4`], ...filter[`${direction}V6`]].some(holds),
  );
}

/** Whether the last rule for these accepts every route that comes to it. */
export function endsInAccept(
  filters: readonly BgpFilter[],
  direction: FilterDirection,
  family: Family,
): boolean {
  const last = filters.flatMap((filter) => filter[`${direction}V${family}`]).at(-1);
  return last !== undefined && describeRule(last) === "Accept everything";
}

function asksAttributes({
  source,
  community,
  asPathPrefix,
  priority,
  ...rule
}: FilterRule): boolean {
  const asked = [source, community, asPathPrefix, priority, rule.interface];
  return asked.some((condition) => condition !== undefined);
}

function concerns(
  { source: wanted, community, asPathPrefix, priority }: FilterRule,
  attributes: Attributes,
  source: PolicyRoute["source"],
  normal: number,
): boolean {
  if (wanted !== undefined && source === "local") return false;
  if (community !== undefined && !hasCommunity(attributes, community)) return false;
  if (asPathPrefix !== undefined && !beginsWith(attributes.asPath, asPathPrefix)) return false;
  return priority === undefined || priorityOf(attributes, source, normal) === priority;
}

/** What begins here leaves by no link. */
function leavesBy(
  links: RegExp,
  { nextHop }: Attributes,
  source: PolicyRoute["source"],
  { interfaceOf }: FilterSession,
): boolean {
  const name = nextHop === undefined || source === "local" ? undefined : interfaceOf(nextHop);
  return name !== undefined && links.test(name);
}

/** Sets and confederations in front are no sequence of ASes: such a path begins with nothing. */
function beginsWith(path: readonly AsSegment[], wanted: readonly number[]): boolean {
  const sequence: number[] = [];
  for (const { type, asNumbers } of path) {
    if (type !== "sequence" || sequence.length >= wanted.length) break;
    sequence.push(...asNumbers);
  }
  return wanted.every((asNumber, index) => sequence[index] === asNumber);
}

/** Names of links, where `*` stands for any text. */
function patternOf(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

/** `prefixLength` narrows what `cidr` names: NotIn and NotEqual are the opposite of the whole. */
function matches({ cidr, matchOperator, prefixLength }: FilterRule, prefix: Prefix): boolean {
  if (cidr === undefined) return true;
  switch (matchOperator) {
    case "Equal":
      return equalPrefix(cidr, prefix);
    case "NotEqual":
      return !equalPrefix(cidr, prefix);
    case "NotIn":
      return !(containsPrefix(cidr, prefix) && isWithin(prefixLength, prefix.length));
    default:
      return containsPrefix(cidr, prefix) && isWithin(prefixLength, prefix.length);
  }
}

function isWithin(bounds: FilterRule["prefixLength"], length: number): boolean {
  return length >= (bounds?.min ?? 0) && length <= (bounds?.max ?? 128);
}

function rewriteOf(operations: readonly FilterOperation[]): Verdict["rewrite"] {
  if (operations.length === 0) return undefined;
  return (attributes) => operations.reduce(operate, attributes);
}

function operate(attributes: Attributes, operation: FilterOperation): Attributes {
  switch (operation.type) {
    case "addCommunity":
      return addCommunity(attributes, operation.community);
    case "prependASPath": {
      const asPath = operation.asNumbers.reduceRight<readonly AsSegment[]>(
        (path, asNumber) => prependAs(path, asNumber),
        attributes.asPath,
      );
      return { ...attributes, asPath };
    }
    default:
      return { ...attributes, localPref: localPrefOf(operation.priority) };
  }
}

/** `Reject In 10.0.0.0/8 /16 to /24`, `Accept community 65000:1, addCommunity 65000:2`. */
function describeRule(rule: FilterRule): string {
  const { cidr, matchOperator, prefixLength } = rule;
  const { min, max } = prefixLength ?? {};
  const isOpen = min === undefined && max === undefined;
  const conditions = [
    cidr === undefined ? "" : `${matchOperator} ${formatPrefix(cidr)}`,
    isOpen ? "" : `/${min ?? 0} to /${max ?? "longest"}`,
    rule.source === undefined ? "" : `source ${rule.source}`,
    rule.interface === undefined ? "" : `interface ${rule.interface}`,
    rule.peerType === undefined ? "" : `peerType ${rule.peerType}`,
    rule.community === undefined ? "" : `community ${formatCommunity(rule.community)}`,
    rule.asPathPrefix === undefined ? "" : `asPathPrefix ${rule.asPathPrefix.join(" ")}`,
    rule.priority === undefined ? "" : `priority ${rule.priority}`,
  ].filter((text) => text !== "");
  const what = conditions.length === 0 ? "everything" : conditions.join(" ");
  return [`${rule.action} ${what}`, ...rule.operations.map(describeOperation)].join(", ");
}

function describeOperation(operation: FilterOperation): string {
  switch (operation.type) {
    case "addCommunity":
      return `addCommunity ${formatCommunity(operation.community)}`;
    case "prependASPath":
      return `prependASPath ${operation.asNumbers.join(" ")}`;
    default:
      return `setPriority ${operation.priority}`;
  }
}
