/**
 * What peers had counted when they left the plan, summed by kind: a sum over many peers must not fall
 * when one of them goes.
 */

import type { Family } from "../lib/address.ts";
import type { Neighbour } from "./neighbour.ts";

/** Where a peer comes from: the mesh between nodes, or a BGPPeer document. */
export type PeerKind = Neighbour["plan"]["origin"];

/** What of a peer only grows, over all its sessions. */
export type PeerCounters = {
  readonly flaps: number;
  readonly received: number;
  readonly sent: number;
  readonly updates: Readonly<Record<Family, { readonly received: number; readonly sent: number }>>;
  readonly faulty: number;
};

const NO_UPDATES = { received: 0, sent: 0 };

export const NO_COUNTERS: PeerCounters = {
  flaps: 0,
  received: 0,
  sent: 0,
  updates: { 4: NO_UPDATES, 6: NO_UPDATES },
  faulty: 0,
};

/** A peer's, as they are now. */
export function countersOf({ peer, traffic }: Pick<Neighbour, "peer" | "traffic">): PeerCounters {
  const { flaps, messages } = peer.status();
  return { flaps, received: messages.received, sent: messages.sent, ...traffic };
}

/** Both together. */
export function addCounters(a: PeerCounters, b: PeerCounters): PeerCounters {
  const updates = (family: Family) => ({
    received: a.updates[family].received + b.updates[family].received,
    sent: a.updates[family].sent + b.updates[family].sent,
  });
  return {
    flaps: a.flaps + b.flaps,
    received: a.received + b.received,
    sent: a.sent + b.sent,
    updates: { 4: updates(4), 6: updates(6) },
    faulty: a.faulty + b.faulty,
  };
}

export class Departed {
  readonly #byKind = new Map<PeerKind, PeerCounters>();

  /** A peer goes. */
  add(neighbour: Neighbour): void {
    const { origin } = neighbour.plan;
    this.#byKind.set(origin, addCounters(this.of(origin), countersOf(neighbour)));
  }

  /** All that went so far. */
  of(kind: PeerKind): PeerCounters {
    return this.#byKind.get(kind) ?? NO_COUNTERS;
  }
}
