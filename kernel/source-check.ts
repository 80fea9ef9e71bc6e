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

import { NetlinkConnection } from "./conn.ts";
import { NETLINK_NETFILTER } from "./const.ts";
import { KernelError, type SourceCheck } from "./kernel.ts";
import { SystemError } from "./libc.ts";
import type { Message } from "./message.ts";
import {
  CMP,
  compare,
  counter,
  drop,
  type Expression,
  header,
  isHooked,
  isRule,
  META,
  mask,
  meta,
  NFT_MSG,
  rulesIn,
  wayBack,
  writeChain,
  writeChainQuestion,
  writeRulesQuestion,
} from "./nftables.ts";
import { openPort } from "./port.ts";

/** Of an IPv6 header (RFC 8200 section 3). */
const SOURCE = { offset: 8, length: 16 } as const;

/** Make sure that it is there, in this thread's namespace. One question where it is. Throws `KernelError`. */
export function ensureSourceCheck(check: SourceCheck): void {
  withConnection((connection) => {
    const chain = chainOf(connection, check);
    if (chain !== undefined && rulesIn(chain) > 0) return;
    writeChain((type, flags) => connection.begin(type, flags), check, ruleOf(check));
    const failure = connection.transact();
    if (failure === undefined) return;
    const words =
      failure.code === "ENOENT" ? "the kernel has no nft_fib_ipv6: load it" : failure.words;
    throw refused(`NFT_MSG_NEWRULE ${nameOf(check)}`, words, failure);
  });
}

/** Whether it is there, exactly as `ensureSourceCheck` makes it. Throws `KernelError`. */
export function hasSourceCheck(check: SourceCheck): boolean {
  return withConnection((connection) => {
    const chain = chainOf(connection, check);
    if (chain === undefined || !isHooked(chain)) return false;
    const rule = ruleOf(check);
    const rules = connection.dump(
      NFT_MSG.GETRULE,
      (writer) => writeRulesQuestion(writer, check),
      (message) => isRule(message, rule),
    );
    return rules.length === 1 && rules[0] === true;
  });
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

/** The answer about its chain; undefined when there is none. */
function chainOf(connection: NetlinkConnection, check: SourceCheck): Message | undefined {
  writeChainQuestion(connection.begin(NFT_MSG.GETCHAIN, 0), check);
  const answer = connection.get();
  if ("body" in answer) return answer;
  if (answer.code === "ENOENT") return undefined;
  const words = answer.code === "EINVAL" ? "the kernel has no nf_tables: load it" : answer.words;
  throw refused(`NFT_MSG_GETCHAIN ${nameOf(check)}`, words, answer);
}

function withConnection<Result>(act: (connection: NetlinkConnection) => Result): Result {
  const connection = connect();
  try {
    return act(connection);
  } finally {
    connection.close();
  }
}

function connect(): NetlinkConnection {
  try {
    return new NetlinkConnection(openPort({ protocol: NETLINK_NETFILTER }));
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== "EPROTONOSUPPORT") throw error;
    throw refused("socket NETLINK_NETFILTER", "the kernel has no nfnetlink: load it", error);
  }
}

function refused(what: string, words: string, { code, errno }: { code: string; errno: number }) {
  return new KernelError(`${what}: ${words} (${code})`, code, errno);
}

function nameOf({ table, chain }: SourceCheck): string {
  return `ip6 ${table} ${chain}`;
}

/** The address, or the mask, that begins with these octets and goes on with zeros. */
function address(...octets: readonly number[]): Uint8Array {
  const all = new Uint8Array(SOURCE.length);
  all.set(octets);
  return all;
}
