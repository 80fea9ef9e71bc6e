/**
 * The check of IPv6 sources: what IPv4 has as a setting of a link (`rp_filter=1`) is a rule of nf_tables for IPv6.
 *
 * There is one for all links, in a chain of its own. As `nft` writes it:
 *
 *     table ip6 manx {
 *       chain sources {
 *         type filter hook prerouting priority raw; policy accept;
 *         iifname "manx*" iifgroup != 1835101817 ip6 saddr != fe80::/10 ip6 saddr != ::
 *           fib saddr . iif oif missing counter drop
 *       }
 *     }
 *
 * Whoever comes first makes it, as one transaction that leaves the chain with this rule alone: of many who come at
 * once each leaves the same.
 */

import type { SourceCheck } from "./kernel.ts";
import { chainOf, nameOf, refused, rulesOf, withNetfilter } from "./nfnetlink.ts";
import {
  type Chain,
  CMP,
  compare,
  counter,
  drop,
  type Expression,
  type Hook,
  header,
  isHooked,
  isRule,
  META,
  mask,
  meta,
  rulesIn,
  Transaction,
  wayBack,
} from "./nftables.ts";
import type { Begin } from "./request.ts";

const FAMILY = 6;
const NF_INET_PRE_ROUTING = 0;
/** Of an IPv6 header (RFC 8200 section 3). */
const SOURCE = { offset: 8, length: 16 } as const;

/** Make sure that it is there, in this thread's namespace. One question where it is. Throws `KernelError`. */
export function ensureSourceCheck(check: SourceCheck): void {
  withNetfilter((connection) => {
    const chain = chainOf(connection, chainOfCheck(check));
    if (chain !== undefined && rulesIn(chain) > 0) return;
    writeCheck((type, flags) => connection.begin(type, flags), check);
    const failure = connection.transact();
    if (failure === undefined) return;
    const words =
      failure.code === "ENOENT" ? "the kernel has no nft_fib_ipv6: load it" : failure.words;
    throw refused(`NFT_MSG_NEWRULE ${nameOf(chainOfCheck(check))}`, words, failure);
  });
}

/** Whether it is there, exactly as `ensureSourceCheck` makes it. Throws `KernelError`. */
export function hasSourceCheck(check: SourceCheck): boolean {
  return withNetfilter((connection) => {
    const chain = chainOf(connection, chainOfCheck(check));
    if (chain === undefined || !isHooked(chain, hook())) return false;
    const rule = ruleOf(check);
    const rules = rulesOf(connection, chainOfCheck(check), (message) => isRule(message, rule));
    return rules.length === 1 && rules[0] === true;
  });
}

/**
 * The chain with the rule and no other, whatever was in it. As `nft` has it: add table, add chain, flush chain, add
 * rule.
 */
export function writeCheck(begin: Begin, check: SourceCheck): void {
  const { table, chain } = check;
  const transaction = new Transaction(begin, FAMILY);
  transaction.addTable(table);
  transaction.addChain(table, chain, hook());
  transaction.flushChain(table, chain);
  transaction.addRule(table, chain, ruleOf(check));
  transaction.end();
}

/** Before connections are tracked (NF_IP6_PRI_RAW). No constant: an ADD without IPv6 is not to pay for it. */
function hook(): Hook {
  return { type: "filter", number: NF_INET_PRE_ROUTING, priority: -300 };
}

/** Where it is. */
export function chainOfCheck({ table, chain }: SourceCheck): Chain {
  return { family: FAMILY, table, chain };
}

/** The rule, step by step. */
export function ruleOf({ links, exempt }: SourceCheck): Expression[] {
  const group = new Uint8Array(4);
  new DataView(group.buffer).setUint32(0, exempt, true);
  return [
    meta(META.iifname),
    compare(CMP.eq, new TextEncoder().encode(links)),
    meta(META.iifgroup),
    compare(CMP.neq, group),
    // Link-local sources are valid on every link, and no router forwards them.
    header(SOURCE.offset, SOURCE.length),
    mask(address(0xff, 0xc0)),
    compare(CMP.neq, address(0xfe, 0x80)),
    // Who has no address yet asks whether anybody else has it (RFC 4862 section 5.4.2). Newer kernels let that in whatever
    // `fib` is to find.
    header(SOURCE.offset, SOURCE.length),
    compare(CMP.neq, address()),
    wayBack(),
    compare(CMP.eq, new Uint8Array(4)),
    counter(),
    drop(),
  ];
}

/** The address, or the mask, that begins with these octets and goes on with zeros. */
function address(...octets: readonly number[]): Uint8Array {
  const all = new Uint8Array(SOURCE.length);
  all.set(octets);
  return all;
}
