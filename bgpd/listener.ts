/**
 * The listening sockets of the speaker: one on each of the node's addresses, never on "any".
 *
 * A connection goes to the peer with its remote address. All others are told Cease/Connection Rejected
 * (RFC 4486 section 4) and closed.
 */

import { type Address, formatAddress } from "../lib/address.ts";
import { type Clock, systemClock, type Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Peer } from "./peer.ts";
import { encodeNotification } from "./peer-session.ts";
import type { Connection, ListeningSocket, Transport } from "./transport.ts";
import { CEASE, CONNECTION_REJECTED } from "./wire/const.ts";

/** An address that cannot be listened on (not there yet, still in use) is tried again, in ms. */
const RETRY = 2000;

export type ListenerOptions = {
  readonly transport: Transport;
  readonly addresses: readonly Address[];
  readonly port: number;
  readonly log: Logger;
  /** The peer with that address. */
  readonly find: (remote: Address) => Peer | undefined;
  readonly clock?: Clock;
};

export type Listener = {
  /** Accept no more. Sessions go on. */
  close(): void;
};

/** Listen on every address; one that fails is logged and tried again until `close`. */
export function createListener(options: ListenerOptions): Listener {
  const { transport, addresses, port, log, clock = systemClock } = options;
  const sockets = new Set<ListeningSocket>();
  const retries = new Map<Address, Timer>();

  const open = (address: Address, isFirst: "first" | "again"): void => {
    retries.delete(address);
    try {
      sockets.add(
        transport.listen({ address, port }, (connection) => receive(connection, options)),
      );
      log.info({ address: formatAddress(address), port }, "listening");
    } catch (error) {
      if (isFirst === "first") log.error({ err: error }, "cannot listen; trying again");
      retries.set(
        address,
        clock.after(RETRY, () => open(address, "again")),
      );
    }
  };
  for (const address of addresses) open(address, "first");

  return {
    close() {
      for (const socket of sockets) socket.close();
      for (const retry of retries.values()) retry.cancel();
    },
  };
}

function receive(connection: Connection, { find, log }: ListenerOptions): void {
  const peer = find(connection.remote);
  if (peer !== undefined) {
    peer.accept(connection);
    return;
  }
  log.warn(
    { remote: formatAddress(connection.remote), local: formatAddress(connection.local) },
    "connection rejected: no peer has this address",
  );
  connection.write(
    encodeNotification({ code: CEASE, subcode: CONNECTION_REJECTED, data: new Uint8Array() }),
  );
  connection.close();
}
