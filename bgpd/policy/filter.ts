/**
 * BGPFilter rules as functions: the first rule that matches decides; a filter may have no opinion.
 *
 * Called for every prefix, so nothing here allocates after compilation.
 */

import { bitsOf, type Family } from "../../lib/address.ts";
import { containsPrefix, equalPrefix, formatPrefix, type Prefix } from "../../lib/prefix.ts";
import { unreachable } from "../../lib/unreachable.ts";
import type { BgpFilter, FilterRule } from "../../resource/bgp-filter.ts";
import type { PartialPolicy, Verdict } from "./verdict.ts";

export type Direction = "import" | "export";

type Rule = { readonly matches: (prefix: Prefix) => boolean; readonly verdict: Verdict };

/** The filters' rules of one direction, in order. */
export function compileFilters(
  filters: readonly BgpFilter[],
  direction: Direction,
): { readonly decide: PartialPolicy; readonly key: string } {
  const rules4 = filters.flatMap((filter) => compileRules(filter, direction, 4));
  const rules6 = filters.flatMap((filter) => compileRules(filter, direction, 6));
  return {
    decide({ prefix }) {
      const rules = prefix.family === 4 ? rules4 : rules6;
      for (let i = 0; i < rules.length; i++) {
        const rule = rules[i];
        if (rule?.matches(prefix)) return rule.verdict;
      }
      return undefined;
    },
    // A reason spells its rule out, so the reasons together say everything.
    key: [...rules4, ...rules6].map(({ verdict }) => verdict.reason).join("\n"),
  };
}

function compileRules(filter: BgpFilter, direction: Direction, family: Family): Rule[] {
  const list = `${direction}V${family}` as const;
  return filter[list].map((rule, index) => ({
    matches: compileMatch(rule, family),
    verdict: {
      accept: rule.action === "Accept",
      reason: `BGPFilter ${filter.name}: ${list} rule ${index + 1}: ${describeRule(rule)}`,
    },
  }));
}

function compileMatch(
  { cidr, matchOperator, prefixLength }: FilterRule,
  family: Family,
): (prefix: Prefix) => boolean {
  if (cidr === undefined || matchOperator === undefined) return () => true;
  const min = prefixLength?.min ?? 0;
  const max = prefixLength?.max ?? bitsOf(family);
  const isIn = (prefix: Prefix): boolean =>
    prefix.length >= min && prefix.length <= max && containsPrefix(cidr, prefix);
  switch (matchOperator) {
    case "Equal":
      return (prefix) => equalPrefix(prefix, cidr);
    case "NotEqual":
      return (prefix) => !equalPrefix(prefix, cidr);
    case "In":
      return isIn;
    case "NotIn":
      return (prefix) => !isIn(prefix);
    default:
      return unreachable(matchOperator);
  }
}

/** `Reject In 10.0.0.0/8 length 16 to 24`, `Accept everything`. */
function describeRule({ action, cidr, matchOperator, prefixLength }: FilterRule): string {
  if (cidr === undefined || matchOperator === undefined) return `${action} everything`;
  const { min, max } = prefixLength ?? {};
  const from = min === undefined ? "" : ` from /${min}`;
  const to = max === undefined ? "" : ` to /${max}`;
  return `${action} ${matchOperator} ${formatPrefix(cidr)}${from}${to}`;
}
