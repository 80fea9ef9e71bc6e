/**
 * Masquerading: connections from some prefixes that leave the node for others' leave with the node's address.
 *
 * Each family has a table that is there for this alone. As `nft` writes it:
 *
 *     table ip manx-outgoing {
 *       chain outgoing {
 *         type nat hook postrouting priority srcnat; policy accept;
 *         ip saddr 10.244.0.0/16 goto beyond
 *       }
 *       chain beyond {
 *         ip daddr 10.244.0.0/16 return
 *         counter masquerade fully-random
 *       }
 *     }
 *
 * It is made as one transaction, so that no connection passes between two versions of it.
 */

import { addressToBytes, type Family } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import type { Masquerade } from "./kernel.ts";
import type { Message } from "./message.ts";
import { chainOf, nameOf, refused, rulesOf, withNetfilter } from "./nfnetlink.ts";
import {
  type Chain,
  CMP,
  compare,
  counter,
  type Expression,
  goBack,
  goTo,
  type Hook,
  header,
  isHooked,
  isRule,
  mask,
  masquerade,
  Transaction,
} from "./nftables.ts";
import type { Begin } from "./request.ts";

const OUTGOING = "outgoing";
const BEYOND = "beyond";
/** NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC */
const SOURCE_NAT: Hook = { type: "nat", number: 4, priority: 100 };
/** Where the addresses are in a header (RFC 791 section 3.1, RFC 8200 section 3). */
const OFFSETS = {
  4: { source: 12, destination: 16 },
  6: { source: 8, destination: 24 },
} as const;

/** Have it so in this thread's namespace, whatever was there. Without sources there is none. Throws `KernelError`. */
export function setMasquerade(wanted: Masquerade): void {
  withNetfilter((connection) => {
    writeMasquerade((type, flags) => connection.begin(type, flags), wanted);
    const failure = connection.transact();
    if (failure === undefined) return;
    const words =
      failure.code === "ENOENT"
        ? "the kernel has no nft_masq or nft_chain_nat: load it"
        : failure.words;
    throw refused(`NFT_MSG_NEWRULE ${nameOf(chainIn(wanted, BEYOND))}`, words, failure);
  });
}

/** Whether it is so, with nothing else in its chains. Throws `KernelError`. */
export function hasMasquerade(wanted: Masquerade): boolean {
  return withNetfilter((connection) => {
    const outgoing = chainOf(connection, chainIn(wanted, OUTGOING));
    if (wanted.sources.length === 0) return outgoing === undefined;
    if (outgoing === undefined || !isHooked(outgoing, SOURCE_NAT)) return false;
    const rules = rulesFor(wanted);
    return [OUTGOING, BEYOND].every((chain) => {
      const own = rules[chain as keyof typeof rules];
      let at = 0;
      const take = (message: Message): boolean => isRule(message, own[at++] ?? []);
      const found = rulesOf(connection, chainIn(wanted, chain), take);
      return found.length === own.length && found.every((isOwn) => isOwn);
    });
  });
}

/** The table with these rules and no others. As `nft` has it: add table, delete table, add table, chains, rules. */
export function writeMasquerade(begin: Begin, wanted: Masquerade): void {
  const { family, table, sources } = wanted;
  const transaction = new Transaction(begin, family);
  transaction.addTable(table);
  transaction.deleteTable(table);
  if (sources.length > 0) {
    transaction.addTable(table);
    transaction.addChain(table, BEYOND);
    transaction.addChain(table, OUTGOING, SOURCE_NAT);
    for (const [chain, rules] of Object.entries(rulesFor(wanted))) {
      for (const rule of rules) transaction.addRule(table, chain, rule);
    }
  }
  transaction.end();
}

/** What packets pass, step by step. */
export function rulesFor({ family, sources, exempt }: Masquerade) {
  const { source, destination } = OFFSETS[family];
  return {
    [OUTGOING]: sources.map((prefix) => [...isIn(source, prefix), goTo(BEYOND)]),
    [BEYOND]: [
      ...exempt.map((prefix) => [...isIn(destination, prefix), goBack()]),
      [counter(), masquerade()],
    ],
  };
}

/**
 * Whether the address there is in the prefix, as `nft` asks it and shows it again: of whole octets those are loaded,
 * otherwise all, with a mask.
 */
function isIn(offset: number, prefix: Prefix): Expression[] {
  if (prefix.length === 0) return [];
  const address = addressToBytes(prefix);
  const length = prefix.length / 8;
  if (Number.isInteger(length)) {
    return [header(offset, length), compare(CMP.eq, address.subarray(0, length))];
  }
  const bits = address.map(
    (_, at) => (0xff00 >> Math.min(Math.max(prefix.length - 8 * at, 0), 8)) & 0xff,
  );
  return [header(offset, address.length), mask(bits), compare(CMP.eq, address)];
}

function chainIn({ family, table }: { family: Family; table: string }, chain: string): Chain {
  return { family, table, chain };
}
