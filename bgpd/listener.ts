/**
 * The listening sockets of the speaker: one on each of the plan's addresses.
 *
 * A connection goes to the peer with its remote address. All others are told Cease/Connection Rejected
 * (RFC 4486 section 4) and closed; when many of them come, the rest is reset without a word, so that there
 * are never more than some that we have not done with.
 */

import { type Address, formatAddress } from "../lib/address.ts";
import { type Clock, systemClock, type Timer } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { formatPrefix, type Prefix } from "../lib/prefix.ts";
import type { Secret } from "../lib/secret.ts";
import { Admission } from "./admission.ts";
import type { Peer } from "./peer.ts";
import { encodeNotification } from "./peer-session.ts";
import type { Connection, ListeningSocket, Transport } from "./transport.ts";
import { CEASE, CONNECTION_REJECTED } from "./wire/const.ts";

/** An address that cannot be listened on (not there yet, still in use) is tried again, in ms. */
const RETRY = 2000;
/** Strangers that get an answer at once, and the ms until one more gets it. */
const BURST = 16;
const INTERVAL = 250;

/** Who must sign with what to be let in. */
export type ListenerKey = {
  readonly remotes: Prefix;
  readonly key: Secret;
  /** Index of the link that a link-local one is on; absent where they are anywhere. */
  readonly link?: number | undefined;
};

export type ListenerOptions = {
  readonly transport: Transport;
  readonly addresses: readonly Address[];
  readonly port: number;
  readonly log: Logger;
  /** The peer with that address; a string says why there is none. */
  readonly find: (remote: Address) => Peer | string | undefined;
  readonly keys?: readonly ListenerKey[];
  readonly clock?: Clock;
};

export type Listener = {
  /** These keys instead of those before. */
  setKeys(keys: readonly ListenerKey[]): void;
  /** On these addresses and no others; what is equal goes on. */
  setAddresses(addresses: readonly Address[]): void;
  /** Accept no more. Sessions go on. */
  close(): void;
};

/** Listen on every address; one that fails is logged and tried again until `close`. */
export function createListener(options: ListenerOptions): Listener {
  const { transport, addresses, port, log, clock = systemClock } = options;
  /** By address. */
  const sockets = new Map<string, ListeningSocket>();
  const retries = new Map<string, Timer>();
  const strangers = new Strangers(log, clock);
  let keys = options.keys ?? [];

  const sign = (
    { address, setKey }: ListeningSocket,
    { remotes, link }: Omit<ListenerKey, "key">,
    key: Secret | undefined,
  ): void => {
    // Nobody calls an address of the other family, or of another link.
    if (remotes.family !== address.family) return;
    if (link !== undefined && address.zone !== undefined && address.zone !== link) return;
    try {
      setKey(remotes, key);
    } catch (error) {
      log.error({ err: error }, "who connects from there cannot be let in by its key");
    }
  };
  const open = (address: Address, isFirst: "first" | "again"): void => {
    const name = formatAddress(address);
    retries.delete(name);
    try {
      const socket = transport.listen({ address, port }, (connection) => {
        const peer = options.find(connection.remote);
        if (peer === undefined || typeof peer === "string") strangers.reject(connection, peer);
        else peer.accept(connection);
      });
      sockets.set(name, socket);
      for (const entry of keys) sign(socket, entry, entry.key);
      log.info({ address: name, port }, "listening");
    } catch (error) {
      if (isFirst === "first") log.error({ err: error }, "cannot listen; trying again");
      retries.set(
        name,
        clock.after(RETRY, () => open(address, "again")),
      );
    }
  };
  for (const address of addresses) open(address, "first");
  const leave = (name: string): void => {
    sockets.get(name)?.close();
    sockets.delete(name);
    retries.get(name)?.cancel();
    retries.delete(name);
  };

  return {
    setKeys(next) {
      const named = new Set(next.map(nameOf));
      const gone = keys.filter((entry) => !named.has(nameOf(entry)));
      keys = next;
      for (const socket of sockets.values()) {
        for (const entry of gone) sign(socket, entry, undefined);
        for (const entry of next) sign(socket, entry, entry.key);
      }
    },
    setAddresses(next) {
      const names = new Set(next.map(formatAddress));
      const there = [...sockets.keys(), ...retries.keys()];
      for (const name of there.filter((one) => !names.has(one))) leave(name);
      for (const address of next) {
        if (!there.includes(formatAddress(address))) open(address, "first");
      }
    },
    close() {
      for (const name of [...sockets.keys(), ...retries.keys()]) leave(name);
    },
  };
}

function nameOf({ remotes, link }: ListenerKey): string {
  return link === undefined ? formatPrefix(remotes) : `${formatPrefix(remotes)}%${link}`;
}

/** Those whom nobody knows. */
class Strangers {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #admission: Admission;
  /** Reset without a word since the last line in the log. */
  #unheard = 0;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#admission = new Admission(BURST, INTERVAL, clock.now());
  }

  reject(connection: Connection, why = "no peer has this address"): void {
    if (!this.#admission.admit(this.#clock.now())) {
      this.#unheard++;
      connection.reset();
      return;
    }
    const others = this.#unheard === 0 ? {} : { others: this.#unheard };
    this.#unheard = 0;
    const { remote, local } = connection;
    this.#log.warn(
      { remote: formatAddress(remote), local: formatAddress(local), ...others },
      `connection rejected: ${why}`,
    );
    connection.write(
      encodeNotification({ code: CEASE, subcode: CONNECTION_REJECTED, data: new Uint8Array() }),
    );
    connection.close();
  }
}
