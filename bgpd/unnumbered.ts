/**
 * Unnumbered peers: on each link of the plan the neighbour that router advertisements have found, and its session.
 *
 * How neighbours are found is `nd/`; their sessions are like all others, and `sessions.ts` has them. A session is with
 * one address at each end: where either is another, it is another session.
 */

import type { KernelEvent } from "../kernel/kernel.ts";
import { type Address, equalAddress, formatAddress, withoutZone } from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { PeerPlan, SpeakerPlan, UnnumberedPlan } from "./cluster/speaker.ts";
import { DECONFIGURED, RECONFIGURED, restartReason } from "./intention.ts";
import type { Discovery, DiscoveryFactory, Router, Standing } from "./nd/nd.ts";
import type { Neighbour } from "./neighbour.ts";
import type { StopReason } from "./peer.ts";

/** While a neighbour advertises, another on its link has to wait; ms without a word until it need not. */
const SILENCE = 30_000;

export type UnnumberedOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** Undefined: nobody is looked for. */
  readonly discovery: DiscoveryFactory | undefined;
  /** Whether `observe` is told what happens to links. */
  readonly events: "watched" | "told";
  /** All of the speaker's, by name. */
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  readonly add: (plan: PeerPlan) => Neighbour;
  readonly update: (plan: PeerPlan) => void;
  readonly remove: (name: string, reason: StopReason) => void;
  /** Peers are at other addresses than before, or we are. */
  readonly onMoved: () => void;
};

/** One that has no neighbour yet. */
export type Waiting = {
  readonly plan: UnnumberedPlan;
  /** Ours on the link; undefined where there is none. */
  readonly local: Address | undefined;
  readonly reason: string;
  /** For how long, ms. */
  readonly since: number;
};

export class Unnumbered {
  readonly #options: UnnumberedOptions;
  /** By link. */
  #plans = new Map<string, UnnumberedPlan>();
  #discovery: Discovery | undefined;
  /** Since when those without a neighbour wait, by name. */
  readonly #waiting = new Map<string, number>();

  constructor(options: UnnumberedOptions) {
    this.#options = options;
  }

  /** Peers that are others now go; those that stay get their policies and keys. */
  apply({ unnumbered = [] }: SpeakerPlan, ended: readonly string[]): void {
    const { neighbours, remove, discovery, events } = this.#options;
    for (const { name } of this.#plans.values()) {
      const next = unnumbered.find((plan) => plan.name === name);
      if (next === undefined) this.#waiting.delete(name);
      if (!neighbours.has(name)) continue;
      if (next === undefined) remove(name, DECONFIGURED);
      else if (ended.includes(name)) remove(name, restartReason(next.session));
    }
    this.#plans = new Map(unnumbered.map((plan) => [plan.link, plan]));
    if (unnumbered.length > 0) {
      this.#discovery ??= discovery?.({ events, onChange: (link) => this.#look(link) });
    }
    this.#discovery?.apply([...this.#plans.keys()]);
    for (const plan of unnumbered) {
      const present = neighbours.get(plan.name);
      if (present !== undefined) this.#update(plan, present);
      this.#settle(plan);
    }
  }

  /** Take in what happens to links and addresses. */
  observe(event: KernelEvent): void {
    this.#discovery?.observe(event);
  }

  /** Everybody's session is being ended: look for all anew when `apply` comes. */
  stop(): void {
    this.#discovery?.stop();
    this.#discovery = undefined;
  }

  /** The sessions of those who are found. */
  get found(): PeerPlan[] {
    return [...this.#plans.values()].flatMap(
      ({ name }) => this.#options.neighbours.get(name)?.plan ?? [],
    );
  }

  /** Ours on the links, with them. */
  get addresses(): Address[] {
    return [...this.#plans.keys()].flatMap((link) => this.#standing(link).local ?? []);
  }

  get waiting(): Waiting[] {
    const { clock, neighbours } = this.#options;
    return [...this.#plans.values()]
      .filter(({ name }) => !neighbours.has(name))
      .map((plan) => {
        const { local, reason } = this.#standing(plan.link);
        const began = this.#waiting.get(plan.name) ?? clock.now();
        return { plan, local, reason, since: clock.now() - began };
      });
  }

  /** Name of the link that an address of one is on; undefined for addresses of others. */
  linkOf({ zone }: Pick<Address, "zone">): string | undefined {
    if (zone === undefined) return undefined;
    return [...this.#plans.keys()].find((link) => this.#standing(link).local?.zone === zone);
  }

  /** The peer that a caller on one of the links is, or why it is not let in; undefined for who calls elsewhere. */
  admit(remote: Address): Neighbour | string | undefined {
    const link = this.linkOf(remote);
    const plan = link === undefined ? undefined : this.#plans.get(link);
    if (plan === undefined || link === undefined) return undefined;
    const { neighbours, log } = this.#options;
    const standing = this.#standing(link);
    const present = neighbours.get(plan.name);
    if (present !== undefined && !this.#isReplaceable(present, standing)) {
      const text = formatAddress(withoutZone(present.plan.address));
      return `the neighbour of BGPPeer ${plan.name} on ${link} is ${text}`;
    }
    if (standing.local === undefined) return standing.reason;
    // The kernel has let in who does not sign, for it does not know yet who must.
    if (plan.session.key !== undefined) {
      return `BGPPeer ${plan.name} has a password, and its neighbour on ${link} has not advertised yet`;
    }
    log.info({ peer: plan.name, link, neighbour: formatAddress(remote) }, "the neighbour calls");
    return this.#meet(plan, standing.local, remote);
  }

  #standing(link: string): Standing {
    return (
      this.#discovery?.standing(link) ?? {
        local: undefined,
        reason: "this speaker does not look for neighbours on links",
      }
    );
  }

  #look(link: string): void {
    const plan = this.#plans.get(link);
    if (plan !== undefined && this.#settle(plan)) this.#options.onMoved();
  }

  /** Have the session that the link's standing asks for; true when it is with another address than before. */
  #settle(plan: UnnumberedPlan): boolean {
    const { neighbours, remove, log, clock } = this.#options;
    const { name, link } = plan;
    const standing = this.#standing(link);
    const present = neighbours.get(name);
    const { local, reason } = standing;
    if (present !== undefined && (local === undefined || !isOurs(present, local))) {
      log.info({ peer: name, link }, `the neighbour is lost: ${local ? "we moved" : reason}`);
      remove(name, RECONFIGURED);
      this.#waiting.set(name, clock.now());
    }
    const router = this.#chosen(standing, neighbours.get(name));
    if (local === undefined || router === undefined) {
      if (!neighbours.has(name) && !this.#waiting.has(name)) this.#waiting.set(name, clock.now());
      return true;
    }
    if (isAt(neighbours.get(name), router.address)) return false;
    const neighbour = formatAddress(withoutZone(router.address));
    log.info({ peer: name, link, neighbour }, "the neighbour is found");
    this.#meet(plan, local, router.address);
    return true;
  }

  /** The router to have the session with: not another while the one before is there. */
  #chosen(standing: Standing, present: Neighbour | undefined): Router | undefined {
    if (standing.local === undefined) return undefined;
    const { routers } = standing;
    const [newest] = routers.toSorted((a, b) => b.heard - a.heard);
    const known = routers.find(({ address }) => isAt(present, address));
    if (present === undefined || this.#isReplaceable(present, standing)) return newest;
    return known;
  }

  /** Without a session, and silent while others may speak. */
  #isReplaceable(present: Neighbour, standing: Standing): boolean {
    if (present.session !== undefined || standing.local === undefined) return false;
    const known = standing.routers.find(({ address }) => isAt(present, address));
    return known === undefined || this.#options.clock.now() - known.heard > SILENCE;
  }

  #meet(plan: UnnumberedPlan, localAddress: Address, address: Address): Neighbour {
    const { neighbours, add, remove } = this.#options;
    const { name, session } = plan;
    if (neighbours.has(name)) remove(name, RECONFIGURED);
    this.#waiting.delete(name);
    return add({ ...session, name, localAddress, address });
  }

  #update({ name, session }: UnnumberedPlan, { plan }: Neighbour): void {
    // Which AS it is stays known while it is away: its kept routes are that AS's.
    const { address, localAddress, remoteAs } = plan;
    this.#options.update({ ...session, name, address, localAddress, remoteAs });
  }
}

function isOurs({ plan }: Neighbour, local: Address): boolean {
  return equalAddress(plan.localAddress, local);
}

function isAt(neighbour: Neighbour | undefined, address: Address): boolean {
  return neighbour !== undefined && equalAddress(neighbour.plan.address, address);
}
