/**
 * Links on which ICMPv6 is carried in one process: the twin of `socket.ts`, on whatever clock it is given.
 */

import { type Address, equalAddress, formatAddress, withoutZone } from "../../lib/address.ts";
import type { Clock } from "../../lib/clock.ts";
import {
  ALL_NODES,
  ALL_ROUTERS,
  FULL_HOPS,
  ROUTER_ADVERTISEMENT,
  ROUTER_SOLICITATION,
} from "./const.ts";
import type { NdArrival, OpenNdSocket } from "./nd.ts";

/** How a host is on one of its links: who is on the same wire hears it. */
export type NdEnd = { readonly wire: string; readonly address: Address };

type Member = {
  readonly endOf: (link: number) => NdEnd | undefined;
  readonly links: () => readonly number[];
  readonly joined: Set<number>;
  readonly onArrival: (arrival: NdArrival) => void;
};

const HEARD: readonly number[] = [ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT];

export class MemoryNdNetwork {
  readonly #clock: Clock;
  readonly #members = new Set<Member>();
  /** Messages that have been sent, in order. */
  readonly sent: { readonly bytes: Uint8Array; readonly from: Address; readonly to: Address }[] =
    [];
  /** Hop limit that messages arrive with. */
  hops = FULL_HOPS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A host's sockets; `endOf` says how it is on a link now, undefined where it has none or no address. */
  host(links: () => readonly number[], endOf: (link: number) => NdEnd | undefined): OpenNdSocket {
    return (onArrival) => {
      const member: Member = { endOf, links, joined: new Set(), onArrival };
      this.#members.add(member);
      return {
        join: ({ zone = 0 }) => void member.joined.add(zone),
        leave: ({ zone = 0 }) => void member.joined.delete(zone),
        send: (bytes, to, local) => this.#carry(member, bytes, withoutZone(to), local),
        close: () => void this.#members.delete(member),
      };
    };
  }

  #carry(from: Member, bytes: Uint8Array, target: Address, local: Address): string | undefined {
    const end = local.zone === undefined ? undefined : from.endOf(local.zone);
    const source = withoutZone(local);
    if (end === undefined || !equalAddress(end.address, source)) {
      return `sendto ${formatAddress(target)}: EADDRNOTAVAIL`;
    }
    const { wire } = end;
    this.sent.push({ bytes, from: source, to: target });
    const [type = 0] = bytes;
    if (!HEARD.includes(type)) return undefined;
    for (const member of this.#members) {
      if (member === from) continue;
      for (const link of linksOf(member, wire, target)) {
        this.#clock.after(1, () => {
          if (!this.#members.has(member)) return;
          member.onArrival({ bytes, source, hops: this.hops, link });
        });
      }
    }
    return undefined;
  }
}

/** By which of a host's links it hears what is sent to an address on a wire. */
function linksOf({ endOf, links, joined }: Member, wire: string, target: Address): number[] {
  return links().filter((link) => {
    const end = endOf(link);
    if (end?.wire !== wire) return false;
    if (equalAddress(target, ALL_NODES)) return true;
    return equalAddress(target, ALL_ROUTERS) ? joined.has(link) : equalAddress(target, end.address);
  });
}
