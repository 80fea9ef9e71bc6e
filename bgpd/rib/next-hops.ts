/**
 * Answers to "can this next hop be used, and at what cost", asked once per next hop.
 */

import { type Address, formatAddress } from "../../lib/address.ts";
import type { ResolveNextHop } from "./route.ts";

type Answer = ReturnType<ResolveNextHop>;
type Entry = { readonly address: Address; answer: Answer };

const NO_NEXT_HOP: Answer = { reachable: false, cost: 0, reason: "it has no next hop" };

export class NextHops {
  readonly #resolve: ResolveNextHop;
  readonly #answers = new Map<number | string, Entry>();
  /** By the record that an attribute set holds: no text is made of an address that was asked before. */
  #byRecord = new WeakMap<Address, Entry>();

  constructor(resolve: ResolveNextHop) {
    this.#resolve = resolve;
  }

  /** The answer in force. */
  ask(address: Address | undefined): Answer {
    if (address === undefined) return NO_NEXT_HOP;
    let entry = this.#byRecord.get(address);
    if (entry === undefined) {
      entry = this.#entry(address);
      this.#byRecord.set(address, entry);
    }
    return entry.answer;
  }

  /**
   * Ask again for those in use and forget the rest; tells of a next hop whether its answer differs from
   * before.
   */
  refresh(inUse: Iterable<Address>): (address: Address | undefined) => boolean {
    const changed = new Set<number | string>();
    const keep = new Set([...inUse].map(keyOf));
    this.#byRecord = new WeakMap();
    for (const [key, entry] of this.#answers) {
      if (!keep.has(key)) {
        this.#answers.delete(key);
        continue;
      }
      const answer = this.#resolve(entry.address);
      const same =
        answer.reachable === entry.answer.reachable &&
        answer.cost === entry.answer.cost &&
        answer.reason === entry.answer.reason;
      if (!same) changed.add(key);
      entry.answer = answer;
    }
    return (address) => address !== undefined && changed.has(keyOf(address));
  }

  #entry(address: Address): Entry {
    const key = keyOf(address);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const entry = { address, answer: this.#resolve(address) };
    this.#answers.set(key, entry);
    return entry;
  }
}

function keyOf(address: Address): number | string {
  return address.family === 4 ? address.w0 : formatAddress(address);
}
