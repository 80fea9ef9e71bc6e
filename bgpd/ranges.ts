/**
 * The neighbours that ranges let in: there from their first connection on until they have left.
 *
 * Who may come, and as what, is `dynamic.ts`; their sessions are like all others, and `sessions.ts` has them.
 */

import { type Address, equalAddress } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { PeerPlan, SpeakerPlan } from "./cluster/speaker.ts";
import { dynamicPlan, rangeOf, refusal } from "./dynamic.ts";
import type { State } from "./fsm/state.ts";
import { DECONFIGURED, restartReason } from "./intention.ts";
import type { Neighbour } from "./neighbour.ts";
import type { StopReason } from "./peer.ts";

export type RangesOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** All of the speaker's, by name. */
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  readonly add: (plan: PeerPlan, range: string) => Neighbour;
  readonly update: (plan: PeerPlan) => void;
  readonly remove: (name: string, reason: StopReason) => void;
};

export class Ranges {
  readonly #options: RangesOptions;
  /** Those whose first connection has been handed over. */
  readonly #come = new WeakSet<Neighbour>();

  constructor(options: RangesOptions) {
    this.#options = options;
  }

  /** Neighbours of ranges that are others now go; those that stay get their policies and keys. */
  apply({ peers, ranges = [] }: SpeakerPlan, ended: readonly string[]): void {
    const { neighbours, remove, update } = this.#options;
    for (const { range: name, plan, session } of [...neighbours.values()]) {
      if (name === undefined) continue;
      const range = ranges.find((candidate) => candidate.name === name);
      const isNamed = peers.some(({ address }) => equalAddress(address, plan.address));
      if (range === undefined) remove(plan.name, DECONFIGURED);
      else if (ended.includes(name) || isNamed) remove(plan.name, restartReason(range.session));
      else {
        const { remoteAs } = session ?? plan;
        update({ ...dynamicPlan(range, plan.address), remoteAs });
      }
    }
  }

  /** The neighbour that a stranger becomes, or why it is not let in; undefined where no range has it. */
  admit({ ranges = [] }: SpeakerPlan, remote: Address): Neighbour | string | undefined {
    const range = rangeOf(ranges, remote);
    if (range === undefined) return undefined;
    const all = [...this.#options.neighbours.values()];
    const present = all.filter((neighbour) => neighbour.range === range.name).length;
    const refused = refusal(range, present);
    if (refused !== undefined) return refused;
    const neighbour = this.#options.add(dynamicPlan(range, remote), range.name);
    this.#come.add(neighbour);
    return neighbour;
  }

  /** A neighbour that is waited for again has gone. */
  seen(neighbour: Neighbour, state: State): void {
    if (state !== "Active" || !this.#come.has(neighbour)) return;
    // It may come back, and what it told is kept for that.
    if (neighbour.retention.id !== undefined) return;
    this.#options.clock.after(0, () => this.#forget(neighbour));
  }

  #forget(neighbour: Neighbour): void {
    const { neighbours, log, remove } = this.#options;
    const { name } = neighbour.plan;
    const isBack = neighbour.peer.status().state !== "Active";
    const isKept = neighbour.retention.id !== undefined;
    if (isBack || isKept || neighbours.get(name) !== neighbour) return;
    log.info({ peer: name }, "the neighbour is gone");
    remove(name, DECONFIGURED);
  }
}
