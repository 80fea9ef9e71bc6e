/**
 * What peers are sent, and when: one that does not take it is told nothing more until it does, and who asks for
 * its table again (RFC 2918) gets it when all that was sent before has left.
 */

import type { Family } from "../lib/address.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Peer, SessionInfo } from "./peer.ts";
import { refreshMessage } from "./refresh.ts";
import type { PeerId, Rib } from "./rib/route.ts";

/** A peer with so many bytes to send is told nothing more until they have left. */
const MOST_BACKLOG = 1 << 20;

/** What of a neighbour counts here. */
type Recipient = Pick<Neighbour, "wantsRefresh"> & {
  readonly peer: Pick<Peer, "send" | "backlog">;
  readonly session: Pick<SessionInfo, "enhancedRefresh"> | undefined;
};

/** What tells them. */
type Teller = Pick<Rib, "refresh" | "lag" | "catchUp">;

/** Of the peers of one RIB. */
export class Outflow {
  readonly #rib: () => Teller;
  readonly #peers: ReadonlyMap<PeerId, Recipient>;
  /** They had too much to send, sometime since the RIB's last turn. */
  readonly #slow = new Set<PeerId>();
  /** They wait for their tables. */
  readonly #asking = new Set<PeerId>();
  /** They are told nothing. */
  readonly #lagging = new Set<PeerId>();
  /** Families whose tables they are being told again. */
  readonly #refreshing = new Map<PeerId, Set<Family>>();

  /** `peers` are the Established ones. */
  constructor(rib: () => Teller, peers: ReadonlyMap<PeerId, Recipient>) {
    this.#rib = rib;
    this.#peers = peers;
  }

  /** What the RIB tells a peer; how many UPDATEs it is. */
  send(id: PeerId, bytes: Uint8Array): number {
    const peer = this.#peers.get(id)?.peer;
    if (peer === undefined) return 0;
    const updates = peer.send(bytes);
    // Told to the RIB between its turns, when all that it has begun to tell is told.
    if (peer.backlog() > MOST_BACKLOG) this.#slow.add(id);
    return updates;
  }

  /** The peer asks for its table of a family again. */
  ask(id: PeerId, family: Family): void {
    this.#peers.get(id)?.wantsRefresh.add(family);
    this.#asking.add(id);
  }

  /** All that a peer was sent has left; true when it waits for more. */
  drained(id: PeerId): boolean {
    const wasLagging = this.#lagging.delete(id);
    if (wasLagging) this.#rib().catchUp(id);
    return wasLagging || (this.#peers.get(id)?.wantsRefresh.size ?? 0) > 0;
  }

  /** Between two turns of the RIB: who is slow lags from now on, and who asked gets its table. */
  attend(): void {
    for (const id of this.#slow) this.#lag(id);
    this.#slow.clear();
    for (const id of this.#asking) {
      const neighbour = this.#peers.get(id);
      if (neighbour === undefined) {
        this.#asking.delete(id);
        continue;
      }
      const { wantsRefresh, peer } = neighbour;
      if (peer.backlog() > 0 || this.#lagging.has(id)) continue;
      for (const family of wantsRefresh) {
        // Who asks again meanwhile gets it again after that.
        if (this.#refreshing.get(id)?.has(family) === true) continue;
        wantsRefresh.delete(family);
        this.#refresh(id, neighbour, family);
      }
      if (wantsRefresh.size === 0) this.#asking.delete(id);
    }
  }

  /** The peer is not Established any more. */
  forget(id: PeerId): void {
    this.#asking.delete(id);
    this.#slow.delete(id);
    this.#lagging.delete(id);
    this.#refreshing.delete(id);
  }

  #lag(id: PeerId): void {
    // Where everything has left meanwhile, nobody would say so again.
    if ((this.#peers.get(id)?.peer.backlog() ?? 0) === 0) return;
    this.#lagging.add(id);
    this.#rib().lag(id);
  }

  /** The whole table once more, between its begin and end where the peer knows them (RFC 7313). */
  #refresh(id: PeerId, { peer, session }: Recipient, family: Family): void {
    const isEnhanced = session?.enhancedRefresh === true;
    const families = this.#refreshing.get(id) ?? new Set<Family>();
    this.#refreshing.set(id, families.add(family));
    if (isEnhanced) peer.send(refreshMessage("begin", family));
    this.#rib().refresh(id, family, () => {
      families.delete(family);
      if (isEnhanced) peer.send(refreshMessage("end", family));
    });
  }
}
