/** The check of pods' IPv6 sources: one rule for all host ends of the node, whichever network they are of. */

import type { SourceCheck } from "../kernel/kernel.ts";

/** The group of host ends whose sources are not checked: it comes with the link and goes with it. */
export const UNCHECKED = 0x6d61_6e79;

export const SOURCE_CHECK: SourceCheck = {
  table: "manx",
  chain: "sources",
  links: "manx",
  exempt: UNCHECKED,
};

/** What puts it right by hand, as one line for a shell. */
export function mendingCommand({ table, chain, links, exempt }: SourceCheck): string {
  const where = `ip6 ${table} ${chain}`;
  const rule = [
    `iifname "${links}*" iifgroup != ${exempt}`,
    "ip6 saddr != fe80::/10 ip6 saddr != ::",
    "fib saddr . iif oif missing counter drop",
  ];
  const commands = [
    `add table ip6 ${table}`,
    `add chain ${where} { type filter hook prerouting priority raw; policy accept; }`,
    `flush chain ${where}`,
    `add rule ${where} ${rule.join(" ")}`,
  ];
  return `nft '${commands.join("; ")}'`;
}
