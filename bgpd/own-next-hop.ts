/**
 * The next hops that a session tells where they are "self": one for each family that it carries.
 *
 * An address that no link has leads nowhere, so that the kernel's addresses decide what of the node's
 * document can be told. Pure over one dump of them.
 */

import type { InterfaceAddress } from "../kernel/kernel.ts";
import {
  type Address,
  compareAddress,
  equalAddress,
  type Family,
  isLinkLocal,
  withoutZone,
} from "../lib/address.ts";
import { containsAddress, prefixOf } from "../lib/prefix.ts";
import type { SessionInfo } from "./peer.ts";
import type { OwnNextHop } from "./rib/route.ts";

export type OwnAddresses = {
  /** The node's, of its document. */
  readonly node: readonly Address[];
  /** What the kernel has; undefined for a speaker that does not look. */
  readonly kernel: readonly InterfaceAddress[] | undefined;
};

type Session = Pick<SessionInfo, "localAddress" | "remoteAddress" | "wire">;

/** Of both families, whether the session carries them or not. */
export function ownNextHops(
  session: Session,
  addresses: OwnAddresses,
): Readonly<Record<Family, OwnNextHop>> {
  return { 4: ownNextHop(session, addresses, 4), 6: ownNextHop(session, addresses, 6) };
}

/**
 * The session's own address where it is of the family, or where the peer takes IPv6 next hops for IPv4
 * (RFC 8950); a link-local one stands alone, for it is all that the peer can be sure to reach. Else one on the
 * session's link, the node's before others; else the node's on another link.
 */
function ownNextHop(session: Session, addresses: OwnAddresses, family: Family): OwnNextHop {
  const { localAddress, wire } = session;
  const isExtended = family === 4 && localAddress.family === 6 && wire.extendedNextHop;
  if (localAddress.family === family || isExtended) {
    return withLinkLocal(withoutZone(localAddress), session, addresses);
  }
  const node = addresses.node.find((address) => address.family === family);
  if (addresses.kernel !== undefined) {
    const link = localAddress.zone ?? linkOf(localAddress, addresses.kernel)?.link;
    const candidates = addresses.kernel.filter(
      ({ address, scope }) => address.family === family && scope === "global",
    );
    const here = candidates
      .filter((candidate) => candidate.link === link)
      .map(({ address }) => address)
      .sort(compareAddress);
    const own = here.find((address) => node !== undefined && equalAddress(address, node));
    const nearest = own ?? here[0];
    if (nearest !== undefined) return withLinkLocal(nearest, session, addresses);
    const isThere = candidates.some(({ address }) => node && equalAddress(address, node));
    if (isThere && node !== undefined) return { nextHop: node };
    const reason = `no link of this node has an IPv${family} address that could be the next hop`;
    return { nextHop: undefined, reason };
  }
  if (node !== undefined) return { nextHop: node };
  return { nextHop: undefined, reason: `this node has no IPv${family} address` };
}

/** With the link-local address of the session's link, where the peer is on that link (RFC 2545 section 3). */
function withLinkLocal(
  nextHop: Address,
  { localAddress, remoteAddress }: Session,
  { kernel = [] }: OwnAddresses,
): OwnNextHop {
  if (nextHop.family === 4 || isLinkLocal(nextHop)) return { nextHop };
  const local = linkOf(localAddress, kernel);
  if (local === undefined) return { nextHop };
  const isNear = containsAddress(prefixOf(local.address, local.length), remoteAddress);
  const found = kernel.find(
    ({ address, link, scope }) => link === local.link && address.family === 6 && scope === "link",
  );
  if (!isNear || found === undefined) return { nextHop };
  return { nextHop, nextHopLinkLocal: found.address };
}

function linkOf(
  localAddress: Address,
  kernel: readonly InterfaceAddress[],
): InterfaceAddress | undefined {
  return kernel.find(({ address }) => equalAddress(address, localAddress));
}
