/**
 * BGPFilter rules as predicates over a prefix. A rule's verdict is one record, made when it is compiled.
 */

import type { Family } from "../../lib/address.ts";
import { containsPrefix, equalPrefix, formatPrefix, type Prefix } from "../../lib/prefix.ts";
import type { BgpFilter, FilterRule } from "../../resource/bgp-filter.ts";
import type { Verdict } from "./route.ts";

export type FilterDirection = "import" | "export";

/** A rule ready to be asked: its verdict, or undefined when it does not match. */
export type CompiledRule = (prefix: Prefix) => Verdict | undefined;

/** The rules of one direction and family, of all filters in order. */
export function compileFilters(
  filters: readonly BgpFilter[],
  direction: FilterDirection,
  family: Family,
): CompiledRule[] {
  const list = `${direction}V${family}` as const;
  return filters.flatMap((filter) =>
    filter[list].map((rule, index) => {
      const where = `BGPFilter ${filter.name}: ${list} rule ${index + 1}`;
      const verdict: Verdict = {
        accept: rule.action === "Accept",
        reason: `${where}: ${describeRule(rule)}`,
      };
      return (prefix) => (matches(rule, prefix) ? verdict : undefined);
    }),
  );
}

/** What decides how the filters answer, as data that can be compared as JSON. */
export function filterKey(filters: readonly BgpFilter[], direction: FilterDirection): unknown {
  return filters.map((filter) => [
    filter.name,
    filter[`${direction}V4`].map(describeRule),
    filter[`${direction}V6`].map(describeRule),
  ]);
}

/** `prefixLength` narrows what `cidr` names: NotIn and NotEqual are the opposite of the whole. */
function matches({ cidr, matchOperator, prefixLength }: FilterRule, prefix: Prefix): boolean {
  if (cidr === undefined) return isWithin(prefixLength, prefix.length);
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

/** `Reject In 10.0.0.0/8 /16 to /24`, `Accept everything`. */
function describeRule({ action, cidr, matchOperator, prefixLength }: FilterRule): string {
  const what = cidr === undefined ? "" : ` ${matchOperator} ${formatPrefix(cidr)}`;
  const { min, max } = prefixLength ?? {};
  const lengths =
    min === undefined && max === undefined ? "" : ` /${min ?? 0} to /${max ?? "longest"}`;
  return `${action}${what}${lengths}${what + lengths === "" ? " everything" : ""}`;
}
