/** Questions to nf_tables and its transactions, over a socket that is for one of them (NETLINK_NETFILTER). */

import { NetlinkConnection } from "./conn.ts";
import { NETLINK_NETFILTER } from "./const.ts";
import { KernelError } from "./kernel.ts";
import { SystemError } from "./libc.ts";
import type { Message } from "./message.ts";
import { type Chain, NFT_MSG, writeChainQuestion, writeRulesQuestion } from "./nftables.ts";
import { openPort } from "./port.ts";

/** A connection of this thread's namespace, while it is used. Throws `KernelError` where the kernel has none. */
export function withNetfilter<Result>(act: (connection: NetlinkConnection) => Result): Result {
  const connection = connect();
  try {
    return act(connection);
  } finally {
    connection.close();
  }
}

/** The answer about a chain; undefined when there is none. Throws `KernelError`. */
export function chainOf(connection: NetlinkConnection, where: Chain): Message | undefined {
  writeChainQuestion(connection.begin(NFT_MSG.GETCHAIN, 0), where);
  const answer = connection.get();
  if ("body" in answer) return answer;
  if (answer.code === "ENOENT") return undefined;
  const words = answer.code === "EINVAL" ? "the kernel has no nf_tables: load it" : answer.words;
  throw refused(`NFT_MSG_GETCHAIN ${nameOf(where)}`, words, answer);
}

/** What `take` makes of each rule of a chain, in their order. */
export function rulesOf<Item>(
  connection: NetlinkConnection,
  where: Chain,
  take: (message: Message) => Item,
): Item[] {
  return connection.dump(NFT_MSG.GETRULE, (writer) => writeRulesQuestion(writer, where), take);
}

/** Why something was not done, in words that say more than errno does. */
export function refused(
  what: string,
  words: string,
  { code, errno }: { readonly code: string; readonly errno: number },
): KernelError {
  return new KernelError(`${what}: ${words} (${code})`, code, errno);
}

/** `ip6 manx sources` */
export function nameOf({ family, table, chain }: Chain): string {
  return `${family === 4 ? "ip" : "ip6"} ${table} ${chain}`;
}

function connect(): NetlinkConnection {
  try {
    return new NetlinkConnection(openPort({ protocol: NETLINK_NETFILTER }));
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== "EPROTONOSUPPORT") throw error;
    throw refused("socket NETLINK_NETFILTER", "the kernel has no nfnetlink: load it", error);
  }
}
