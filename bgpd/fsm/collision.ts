/**
 * Connection collision detection: RFC 4271 section 6.8 as a pure function.
 *
 * It is asked when an OPEN has arrived on one of a peer's two connections, and answers which of them
 * must go. Both speakers come to the same answer by themselves, because both compare the same numbers.
 */

import { type Address, compareAddress, equalAddress } from "../../lib/address.ts";
import type { State } from "./state.ts";

/** A connection with its session. */
export type Contender = {
  readonly state: State;
  /** Who opened the TCP connection. */
  readonly initiator: "local" | "remote";
};

/** One side of the session. */
export type Speaker = { readonly identifier: Address; readonly asNumber: number };

export type Collision = {
  /** The connection on which the OPEN arrived. */
  readonly arrived: Contender;
  readonly other: Contender;
  readonly local: Speaker;
  readonly remote: Speaker;
  /** CollisionDetectEstablishedState (section 8.1.1). */
  readonly detectEstablished: boolean;
};

export type Resolution = "close arrived" | "close other" | "keep both";

/** Which connection section 6.8 closes. */
export function resolveCollision(collision: Collision): Resolution {
  const { other, detectEstablished } = collision;
  switch (other.state) {
    case "Idle":
      return "keep both";
    case "Connect":
    case "Active":
      // No OPEN of ours is on it: what is being attempted has come about by the other way.
      return "close other";
    // Section 6.8 allows for OpenSent too once the peer's identifier is known, and the OPEN at hand
    // says it. To wait for the other OPEN would let this one become Established in between, and then
    // the speakers close different connections.
    case "OpenSent":
    case "OpenConfirm":
      return choose(collision);
    case "Established":
      return detectEstablished ? choose(collision) : "close arrived";
  }
}

function choose({ arrived, other, local, remote }: Collision): Resolution {
  // A speaker opens one connection at a time: of two by the same one, the elder is a ghost.
  if (arrived.initiator === other.initiator) return "close other";
  return arrived.initiator === winner(local, remote) ? "close other" : "close arrived";
}

/** The higher BGP Identifier's connection stays; between equal ones the larger AS number's (RFC 6286). */
function winner(local: Speaker, remote: Speaker): Contender["initiator"] {
  const order = equalAddress(local.identifier, remote.identifier)
    ? local.asNumber - remote.asNumber
    : compareAddress(local.identifier, remote.identifier);
  return order > 0 ? "local" : "remote";
}
