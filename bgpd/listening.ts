/**
 * Where a speaker listens, and who must sign with what to be let in: as its plan says, and for peers whose addresses no
 * document has as they are found.
 *
 * The sockets are `listener.ts`.
 */

import { type Address, isUnspecified } from "../lib/address.ts";
import type { Logger } from "../lib/log.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import type { Difference } from "./difference.ts";
import { keysOf } from "./intention.ts";
import { createListener, type Listener, type ListenerOptions } from "./listener.ts";
import type { Transport } from "./transport.ts";

/** Peers whose addresses no document has. */
export type Found = {
  readonly peers: readonly PeerPlan[];
  /** Ours on their links. */
  readonly addresses: readonly Address[];
};

export type ListeningOptions = {
  readonly transport: Transport;
  readonly log: Logger;
  /** What is in force; not called before the first `apply`. */
  readonly plan: () => SpeakerPlan;
  readonly found: () => Found;
  /** Whom a connection is for. */
  readonly find: ListenerOptions["find"];
};

export class Listening {
  readonly #options: ListeningOptions;
  #listener: Listener | undefined;

  constructor(options: ListeningOptions) {
    this.#options = options;
  }

  /** Listen where the plan in force says, anew where that has changed; otherwise its keys may have. */
  apply({ listen }: Pick<Difference, "listen">): void {
    if (listen) this.#open();
    else this.#sign();
  }

  /** Who is found on a link calls our address there, and pods call theirs of us: `::` and 0.0.0.0 cover them already. */
  follow(): void {
    const { plan, found } = this.#options;
    const { listenAddresses, workloads = [] } = plan();
    const isCovered = ({ family }: Address): boolean =>
      listenAddresses.some((one) => one.family === family && isUnspecified(one));
    const isNowhere = listenAddresses.length === 0;
    const more = [...found().addresses, ...(workloads[0]?.localAddresses ?? [])];
    this.#sign();
    this.#listener?.setAddresses([
      ...listenAddresses,
      ...(isNowhere ? [] : more.filter((address) => !isCovered(address))),
    ]);
  }

  /** Accept no more. Sessions go on. */
  close(): void {
    this.#listener?.close();
  }

  #open(): void {
    const { transport, log, plan, find } = this.#options;
    const { listenAddresses: addresses, listenPort: port } = plan();
    this.#listener?.close();
    this.#listener = createListener({
      transport,
      addresses,
      port,
      log,
      find,
      keys: keysOf(plan()),
    });
  }

  #sign(): void {
    const { plan, found } = this.#options;
    this.#listener?.setKeys(keysOf(plan(), found().peers));
  }
}
