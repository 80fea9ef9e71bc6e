/**
 * Behind which links next hops are, for rules that ask: remembered until something has moved, and then known to be the
 * same or not. A pod's link that comes is no reason to ask all rules of all routes again.
 */

import { type Address, formatAddress } from "../../lib/address.ts";

export type LocationsOptions = {
  /** Name of the link that packets to a next hop leave by now; undefined when there is none. */
  readonly interfaceOf: (nextHop: Address) => string | undefined;
  /** How many next hops are remembered; of more it counts as moved whatever moves. */
  readonly most?: number;
};

/** More than next hops of many peers: of a table that has one for each route nobody remembers them all. */
const MOST = 10_000;

export class Locations {
  readonly #options: LocationsOptions;
  readonly #known = new Map<
    string,
    { readonly nextHop: Address; readonly link: string | undefined }
  >();
  #areTooMany = false;

  constructor(options: LocationsOptions) {
    this.#options = options;
  }

  /** The link's name, as it is until `haveMoved`. */
  of(nextHop: Address): string | undefined {
    const key = formatAddress(nextHop);
    const known = this.#known.get(key);
    if (known !== undefined) return known.link;
    const link = this.#options.interfaceOf(nextHop);
    if (this.#known.size < (this.#options.most ?? MOST)) this.#known.set(key, { nextHop, link });
    else this.#areTooMany = true;
    return link;
  }

  /** Look anew; true when an answer may be another than it was, and all are forgotten. */
  haveMoved(): boolean {
    const { interfaceOf } = this.#options;
    const areSame = [...this.#known.values()].every(
      ({ nextHop, link }) => interfaceOf(nextHop) === link,
    );
    if (areSame && !this.#areTooMany) return false;
    this.#known.clear();
    this.#areTooMany = false;
    return true;
  }
}
