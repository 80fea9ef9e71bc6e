/**
 * Nexthop objects of the in-memory kernel (net/ipv4/nexthop.c): what Linux checks, and what they take along when
 * they go.
 */

import type { Nexthop, NexthopMember, NexthopSpec } from "./kernel.ts";
import { checkGateway, removeRoute, showRoute, takeRoute } from "./memory-route.ts";
import { hasCarrier, type MemoryLink, type MemoryNamespace, refusal } from "./memory-state.ts";

const LOOPBACK = 1;

/** Make an object, or change the one with its id, and tell of every route over it. */
export function addNexthop(
  namespace: MemoryNamespace,
  spec: NexthopSpec,
  mode: "exclusive" | "change",
): void {
  const nexthop = check(namespace, spec);
  const old = namespace.nexthops.get(nexthop.id);
  if (old !== undefined) {
    if (mode === "exclusive") throw refusal("EEXIST");
    const [was, is] = [old, nexthop].map(({ members }) => members !== undefined);
    if (was === false && is === true) {
      throw refusal("EINVAL", "Can not replace a nexthop with a nexthop group");
    }
    if (was === true && is === false) {
      throw refusal("EINVAL", "Can not replace a nexthop group with a nexthop");
    }
  }
  if (old === undefined && mode === "change") {
    throw refusal("ENOENT", "Replace specified without create and no entry exists");
  }
  namespace.nexthops.set(nexthop.id, nexthop);
  namespace.emit({ type: "nexthop", change: "new", nexthop });
  if (old === undefined) return;
  for (const route of namespace.routes) {
    if (!leadsOver(namespace, route.nexthop, nexthop.id)) continue;
    const shown = showRoute(namespace, route);
    namespace.emit({ type: "route", change: "new", route: shown, replaces: true });
  }
}

/** Remove an object and tell of it. */
export function deleteNexthop(namespace: MemoryNamespace, id: number): void {
  const nexthop = namespace.nexthops.get(id);
  if (nexthop === undefined) throw refusal("ENOENT");
  drop(namespace, nexthop, (change, gone) =>
    namespace.emit({ type: "nexthop", change, nexthop: gone }),
  );
}

/** The link has no carrier any more: what leads over it goes, and nobody is told. */
export function flushNexthops(link: MemoryLink): void {
  const { namespace } = link;
  for (const nexthop of [...namespace.nexthops.values()]) {
    if (nexthop.link === link.index) drop(namespace, nexthop, () => {});
  }
}

type Tell = (change: "new" | "deleted", nexthop: Nexthop) => void;

/** Out of the table and of its groups, with the routes over it; IPv6's are told of. */
function drop(namespace: MemoryNamespace, nexthop: Nexthop, tell: Tell): void {
  const { id } = nexthop;
  namespace.nexthops.delete(id);
  tell("deleted", nexthop);
  for (const group of [...namespace.nexthops.values()]) {
    if (group.members?.some((member) => member.id === id) !== true) continue;
    const members = group.members.filter((member) => member.id !== id);
    if (members.length === 0) {
      drop(namespace, group, tell);
    } else {
      const smaller = { ...group, members };
      namespace.nexthops.set(group.id, smaller);
      tell("new", smaller);
    }
  }
  for (const route of [...namespace.routes]) {
    if (route.nexthop !== id) continue;
    if (route.destination.family === 6) removeRoute(namespace, route);
    else takeRoute(namespace, route);
  }
}

function leadsOver(namespace: MemoryNamespace, over: number | undefined, id: number): boolean {
  if (over === undefined) return false;
  const members = namespace.nexthops.get(over)?.members ?? [];
  return over === id || members.some((member) => member.id === id);
}

/** The object that the kernel would store. Throws what it would refuse with. */
function check(namespace: MemoryNamespace, spec: NexthopSpec): Nexthop {
  const { id, protocol = 0, members, blackhole } = spec;
  if (members !== undefined) {
    checkMembers(namespace, members);
    const own = members.map((member) => (member.weight === 1 ? { id: member.id } : member));
    return { id, protocol, members: own };
  }
  if (blackhole === true) {
    if (namespace.links.get(LOOPBACK)?.up !== true) {
      throw refusal("ENETDOWN", "Device for nexthop is not up");
    }
    return { id, protocol, blackhole };
  }
  if (spec.link === undefined) {
    throw refusal("EINVAL", "Device attribute required for non-blackhole and non-fdb nexthops");
  }
  const link = namespace.find(spec.link);
  if (link === undefined) {
    if (typeof spec.link === "string") throw refusal("ENODEV", `no link is called ${spec.link}`);
    throw refusal("EINVAL", "Invalid device index");
  }
  if (!link.up) throw refusal("ENETDOWN", "Nexthop device is not up");
  if (!hasCarrier(link)) throw refusal("ENETDOWN", "Carrier for nexthop device is down");
  const { gateway, onLink } = spec;
  if (gateway === undefined) return { id, protocol, link: link.index };
  checkGateway(namespace, { gateway, link: link.index, ...(onLink === true ? { onLink } : {}) });
  const word = onLink === true ? { onLink } : {};
  return { id, protocol, gateway, link: link.index, ...word };
}

function checkMembers(namespace: MemoryNamespace, members: readonly NexthopMember[]): void {
  if (members.length === 0) throw refusal("EINVAL", "Invalid length for nexthop group attribute");
  if (new Set(members.map(({ id }) => id)).size < members.length) {
    throw refusal("EINVAL", "Nexthop id can not be used twice in a group");
  }
  for (const { id } of members) {
    const member = namespace.nexthops.get(id);
    if (member === undefined) throw refusal("EINVAL", "Invalid nexthop id");
    if (member.members !== undefined) {
      throw refusal("EINVAL", "Hash-threshold group can not be a nexthop within a group");
    }
    if (member.blackhole === true && members.length > 1) {
      const said = "Blackhole nexthop can not be used in a group with more than 1 path";
      throw refusal("EINVAL", said);
    }
  }
}
