/**
 * The Established sessions of one speaker: each is a peer of the RIB, with policies and our next hops, until it is over
 * and nothing of it is kept.
 *
 * What is kept, and for how long, is `retention.ts`, what they are sent, and when, `outflow.ts`.
 */

import type { InterfaceAddress } from "../kernel/kernel.ts";
import type { Family } from "../lib/address.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import type { Expected } from "./deferral.ts";
import type { Delays } from "./delays.ts";
import type { Loss } from "./loss.ts";
import { type Neighbour, type Policies, ribPeerOf, ribPoliciesOf } from "./neighbour.ts";
import { Outflow } from "./outflow.ts";
import { ownNextHops } from "./own-next-hop.ts";
import type { SessionInfo } from "./peer.ts";
import type { PeerId, Rib } from "./rib/route.ts";

export type EstablishedOptions = {
  /** What is in force. */
  readonly plan: () => SpeakerPlan;
  readonly rib: () => Rib;
  /** Of the kernel's links; undefined for a speaker that does not look. */
  readonly addresses: () => readonly InterfaceAddress[] | undefined;
  readonly policiesOf: (plan: PeerPlan) => Policies;
  readonly delays: Pick<Delays, "sent" | "lost">;
  /** A session is Established; the peer may have restarted. */
  readonly onUp: (peer: Expected, restarted: { readonly restarted: boolean }) => void;
  /** An Established session is over. */
  readonly onLost: (name: string) => void;
  /** Nothing is kept any more of a peer that is away. */
  readonly onAbandoned: (neighbour: Neighbour) => void;
  /** There may be something to decide or to send. */
  readonly onWork: () => void;
};

export class Established {
  readonly #options: EstablishedOptions;
  readonly #neighbours = new Map<PeerId, Neighbour>();
  readonly #outflow: Outflow;

  constructor(options: EstablishedOptions) {
    this.#options = options;
    this.#outflow = new Outflow(options.rib, this.#neighbours);
  }

  /** A neighbour's session has come up: the RIB has a peer more, or one is back. */
  up(neighbour: Neighbour, session: SessionInfo): void {
    const { plan: speaker, rib, addresses, policiesOf, onUp, onWork } = this.#options;
    const { remoteAs, restart } = session;
    const { retention } = neighbour;
    // Who came by a range has only now said which AS it is, and policies depend on that.
    if (remoteAs !== neighbour.plan.remoteAs) {
      this.abandon(neighbour);
      neighbour.plan = { ...neighbour.plan, remoteAs };
      Object.assign(neighbour, policiesOf(neighbour.plan));
    }
    const own = { node: speaker().addresses, kernel: addresses() };
    const nextHops = ownNextHops(session, own);
    neighbour.session = session;
    neighbour.nextHops = nextHops;
    neighbour.keepalives = 0;
    neighbour.ended.clear();
    neighbour.wantsRefresh.clear();
    const record = ribPeerOf(neighbour, session, nextHops, speaker());
    const known = retention.id;
    const id = known ?? rib().addPeer(record);
    if (known !== undefined) {
      rib().resume(known, record);
      retention.resumed(session.wire.families, restart);
    }
    neighbour.id = id;
    this.#neighbours.set(id, neighbour);
    const { families } = session.wire;
    onUp({ name: neighbour.plan.name, families }, { restarted: restart?.restarted === true });
    onWork();
  }

  /** Its session is over, if it had one: the RIB keeps of the peer what was agreed, after a "hard" loss nothing. */
  down(neighbour: Neighbour, loss: Loss): void {
    const { id, plan, session, retention } = neighbour;
    const { rib, delays, onLost, onWork } = this.#options;
    neighbour.session = undefined;
    neighbour.nextHops = undefined;
    if (id === undefined) return;
    const { gracefulRestart } = plan;
    const isKept =
      loss === "graceful" &&
      session?.restart !== undefined &&
      gracefulRestart !== undefined &&
      retention.lost(id, session.restart, gracefulRestart);
    if (!isKept) {
      retention.end();
      if (rib().peerCounts(id).best > 0) delays.lost();
      rib().removePeer(id);
    }
    this.#neighbours.delete(id);
    this.#outflow.forget(id);
    neighbour.id = undefined;
    onLost(plan.name);
    onWork();
  }

  /** What is kept of a peer that is away goes. */
  abandon(neighbour: Neighbour): void {
    const { rib, onAbandoned, onWork } = this.#options;
    const { id } = neighbour.retention;
    neighbour.retention.end();
    if (id === undefined) return;
    rib().removePeer(id);
    onAbandoned(neighbour);
    onWork();
  }

  /** The policies of a neighbour are others: for its session, or for what is kept of it. */
  setPolicies(neighbour: Neighbour, policies: Policies): void {
    Object.assign(neighbour, policies);
    const id = neighbour.id ?? neighbour.retention.id;
    if (id !== undefined) this.#options.rib().setPolicies(id, ribPoliciesOf(neighbour));
  }

  /** Links have come by addresses, or lost them: peers are told other next hops, or a family no more. */
  readdress(): void {
    const kernel = this.#options.addresses();
    for (const [id, neighbour] of this.#neighbours) {
      const { session } = neighbour;
      if (session === undefined) continue;
      const nextHops = ownNextHops(session, { node: this.#options.plan().addresses, kernel });
      if (JSON.stringify(nextHops) === JSON.stringify(neighbour.nextHops)) continue;
      neighbour.nextHops = nextHops;
      this.#options.rib().setNextHops(id, nextHops);
    }
  }

  /** What the RIB tells a peer of a family. */
  send(id: PeerId, bytes: Uint8Array, family: Family): void {
    const neighbour = this.#neighbours.get(id);
    if (neighbour === undefined) return;
    neighbour.traffic.updates[family].sent += this.#outflow.send(id, bytes);
    this.#options.delays.sent(family);
  }

  /** Between two turns of the RIB. */
  attend(): void {
    this.#outflow.attend();
  }

  /** The neighbour asks for its table of a family again (RFC 2918), which counts where the session carries it. */
  ask({ id, session }: Neighbour, family: Family): void {
    const isCarried = session?.wire.families.includes(family) === true;
    if (id !== undefined && isCarried) this.#outflow.ask(id, family);
    this.#options.onWork();
  }

  /** All that it was sent has left. */
  drained({ id }: Neighbour): void {
    if (id !== undefined && this.#outflow.drained(id)) this.#options.onWork();
  }
}
