/**
 * When a router speaks on one link: advertisements by themselves and as answers (RFC 4861 sections 6.2.4 and 6.2.6),
 * and solicitations until somebody has advertised (section 6.3.7). Pure over the time that it is told.
 */

import { type Address, formatAddress } from "../../lib/address.ts";
import {
  ALL_NODES,
  ALL_ROUTERS,
  MAX_RA_DELAY_TIME,
  MAX_RTR_ADV_INTERVAL,
  MAX_RTR_SOLICITATIONS,
  MIN_DELAY_BETWEEN_RAS,
  MIN_RTR_ADV_INTERVAL,
  RTR_SOLICITATION_INTERVAL,
} from "./const.ts";

/** One message that is due. */
export type Due = { readonly type: "solicitation" | "advertisement"; readonly to: Address };

/** Who asks is answered alone, unless so many wait for it: then all are told at once. */
const MOST_ANSWERS = 8;
const NEVER = Number.POSITIVE_INFINITY;

export class Timing {
  readonly #random: () => number;
  #advertiseAt: number;
  /** When everybody was told last. */
  #advertised = Number.NEGATIVE_INFINITY;
  /** By who asked. */
  readonly #answers = new Map<string, { readonly to: Address; readonly at: number }>();
  #solicitAt: number;
  #solicited = 0;

  /** From `now` on; both kinds are due at once. `random` is uniform in [0, 1). */
  constructor(now: number, random: () => number) {
    this.#random = random;
    this.#advertiseAt = now;
    this.#solicitAt = now;
  }

  /** When `due` has something next. */
  get next(): number {
    const answers = [...this.#answers.values()].map(({ at }) => at);
    return Math.min(this.#advertiseAt, this.#solicitAt, ...answers);
  }

  /** What is to be sent now; it counts as sent. */
  due(now: number): Due[] {
    const found: Due[] = [];
    if (this.#solicitAt <= now) {
      found.push({ type: "solicitation", to: ALL_ROUTERS });
      this.#solicited++;
      const isLast = this.#solicited === MAX_RTR_SOLICITATIONS;
      this.#solicitAt = isLast ? NEVER : now + RTR_SOLICITATION_INTERVAL;
    }
    if (this.#advertiseAt <= now) {
      found.push({ type: "advertisement", to: ALL_NODES });
      const span = MAX_RTR_ADV_INTERVAL - MIN_RTR_ADV_INTERVAL;
      this.#advertised = now;
      this.#advertiseAt = now + MIN_RTR_ADV_INTERVAL + this.#random() * span;
    }
    for (const [key, { to, at }] of this.#answers) {
      if (at > now) continue;
      this.#answers.delete(key);
      found.push({ type: "advertisement", to });
    }
    return found;
  }

  /** Somebody asks for an advertisement: an answer follows; to all where he has no address (undefined). */
  asked(source: Address | undefined, now: number): void {
    const at = now + this.#random() * MAX_RA_DELAY_TIME;
    if (source === undefined || this.#answers.size >= MOST_ANSWERS) {
      const earliest = this.#advertised + MIN_DELAY_BETWEEN_RAS + (at - now);
      this.#advertiseAt = Math.min(this.#advertiseAt, Math.max(at, earliest));
      return;
    }
    const key = formatAddress(source);
    if (!this.#answers.has(key)) this.#answers.set(key, { to: source, at });
  }

  /** Somebody has advertised: nobody need be asked any more. */
  heard(): void {
    this.#solicitAt = NEVER;
  }
}
