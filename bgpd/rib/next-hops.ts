/**
 * Answers to "can this next hop be used, and at what cost", asked once per next hop.
 */

import { type Address, formatAddress } from "../../lib/address.ts";
import type { ResolveNextHop } from "./route.ts";

type Answer = ReturnType<ResolveNextHop>;

/** A next hop with the answer in force. */
export type NextHopEntry = { readonly address: Address; answer: Answer };

/** What has a next hop, and remembers where the answers about it are. */
type Asking = { readonly nextHop: Address | undefined; hop: NextHopEntry | undefined };

const NO_NEXT_HOP: Answer = { reachable: false, cost: 0, reason: "it has no next hop" };

export class NextHops {
  readonly #resolve: ResolveNextHop;
  readonly #entries = new Map<number | string, NextHopEntry>();

  constructor(resolve: ResolveNextHop) {
    this.#resolve = resolve;
  }

  /** The answer in force. */
  ask(asking: Asking): Answer {
    if (asking.hop !== undefined) return asking.hop.answer;
    if (asking.nextHop === undefined) return NO_NEXT_HOP;
    asking.hop = this.#entry(asking.nextHop);
    return asking.hop.answer;
  }

  /** Ask again for those that somebody asks about and forget the rest; those whose answers differ from before. */
  refresh(asking: Iterable<Asking>): ReadonlySet<NextHopEntry> {
    const changed = new Set<NextHopEntry>();
    const inUse = new Set<NextHopEntry>();
    for (const { hop } of asking) if (hop !== undefined) inUse.add(hop);
    for (const [key, entry] of this.#entries) {
      if (!inUse.has(entry)) {
        this.#entries.delete(key);
        continue;
      }
      const answer = this.#resolve(entry.address);
      const same =
        answer.reachable === entry.answer.reachable &&
        answer.cost === entry.answer.cost &&
        answer.reason === entry.answer.reason;
      if (!same) changed.add(entry);
      entry.answer = answer;
    }
    return changed;
  }

  #entry(address: Address): NextHopEntry {
    const key = keyOf(address);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry = { address, answer: this.#resolve(address) };
    this.#entries.set(key, entry);
    return entry;
  }
}

function keyOf(address: Address): number | string {
  return address.family === 4 ? address.w0 : formatAddress(address);
}
