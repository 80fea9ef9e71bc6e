/**
 * Peers that are reached by one gateway alone (Calico's reachableBy): a route of its own leads to each, so that
 * no route that the peer itself tells can take the way to it, and its session down with it.
 */

import { type Address, formatAddress } from "../lib/address.ts";
import { hostPrefix, type Prefix } from "../lib/prefix.ts";
import type { SpeakerPlan } from "./cluster/speaker.ts";
import { isSame } from "./difference.ts";

/** The way to one peer. */
export type GatewayRoute = { readonly prefix: Prefix; readonly gateway: Address };

export class Gateways {
  #routes = new Map<string, GatewayRoute>();

  /** Those of the plan. What is no more; and whether anything is otherwise. */
  apply({ peers }: SpeakerPlan): {
    readonly removed: readonly Prefix[];
    readonly changed: boolean;
  } {
    const before = this.#routes;
    this.#routes = new Map(
      peers.flatMap(({ address, reachableBy }) =>
        reachableBy === undefined
          ? []
          : [[formatAddress(address), { prefix: hostPrefix(address), gateway: reachableBy }]],
      ),
    );
    const gone = [...before].filter(([key]) => !this.#routes.has(key));
    return {
      removed: gone.map(([, { prefix }]) => prefix),
      changed: !isSame([...before], [...this.#routes]),
    };
  }

  /** Each with its gateway. */
  get routes(): readonly GatewayRoute[] {
    return [...this.#routes.values()];
  }

  /** Whether the prefix is one peer's own, which BGP has no say in. */
  owns(prefix: Prefix): boolean {
    if (this.#routes.size === 0 || prefix.length !== hostPrefix(prefix).length) return false;
    return this.#routes.has(formatAddress(prefix));
  }

  /** What must be reached so that this next hop is. */
  behind(nextHop: Address): Address {
    if (this.#routes.size === 0) return nextHop;
    return this.#routes.get(formatAddress(nextHop))?.gateway ?? nextHop;
  }
}
