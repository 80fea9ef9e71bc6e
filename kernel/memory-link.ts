/** Links of the in-memory kernel: made, changed, moved and destroyed as net/core/rtnetlink.c does. */

import { parseAddress } from "../lib/address.ts";
import type { Request, VethEnd } from "./kernel.ts";
import { addAddress, clearAddresses, flushNeighbours, raiseAddresses } from "./memory-address.ts";
import { flushNexthops } from "./memory-nexthop.ts";
import { flushRoutes } from "./memory-route.ts";
import { type MemoryLink, type MemoryNamespace, portsOf, refusal, viewOf } from "./memory-state.ts";

type SetLink = Extract<Request, { type: "set link" }>;

const LOOPBACK_ADDRESS = { address: parseAddress("127.0.0.1"), length: 8, scope: "host" } as const;
const LOOPBACK_ADDRESS6 = { address: parseAddress("::1"), length: 128, scope: "host" } as const;

/** The loopback link of a new namespace. */
export function createLoopback(namespace: MemoryNamespace): void {
  const link = makeLink(namespace, "loopback", {
    name: "lo",
    mac: "00:00:00:00:00:00",
    mtu: 65_536,
  });
  link.published = viewOf(link);
}

/** A pair of links; `nextMac` gives those without one theirs. */
export function createVeth(
  here: { readonly namespace: MemoryNamespace; readonly end: VethEnd },
  there: { readonly namespace: MemoryNamespace; readonly end: VethEnd },
  nextMac: () => string,
): void {
  for (const { namespace, end } of [here, there]) checkEnd(namespace, end);
  if (here.namespace === there.namespace && here.end.name === there.end.name) {
    throw refusal("EEXIST");
  }
  const [peer, link] = [there, here].map(({ namespace, end }) =>
    makeLink(namespace, "veth", { ...end, mac: end.mac ?? nextMac(), mtu: end.mtu ?? 1500 }),
  );
  if (peer === undefined || link === undefined) return;
  peer.peer = link;
  link.peer = peer;
  publish(peer);
  publish(link);
}

export function createBridge(
  namespace: MemoryNamespace,
  end: { readonly name: string; readonly mtu?: number },
  nextMac: () => string,
): void {
  checkEnd(namespace, end);
  publish(makeLink(namespace, "bridge", { name: end.name, mac: nextMac(), mtu: end.mtu ?? 1500 }));
}

/** Change a link; what was done before a refusal stays done. */
export function setLink(
  link: MemoryLink,
  change: SetLink,
  target: MemoryNamespace | undefined,
): void {
  if (target !== undefined) moveLink(link, target);
  const { alias, group, mac, mtu, name, master, up } = change;
  if (alias !== undefined) link.alias = checkAlias(alias);
  if (group !== undefined) link.group = group;
  if (mac !== undefined) link.mac = checkMac(mac);
  if (mtu !== undefined) link.mtu = checkMtu(mtu);
  if (name !== undefined && name !== link.name) {
    checkName(link.namespace, name);
    link.name = name;
  }
  publish(link);
  if (master !== undefined) setMaster(link, master);
  if (up === true && !link.up) raise(link);
  if (up === false && link.up) lower(link);
}

/** Destroy a link, and with a veth its other end. */
export function deleteLink(link: MemoryLink): void {
  if (link.kind === "loopback") throw refusal("EOPNOTSUPP");
  for (const port of link.kind === "bridge" ? portsOf(link) : []) {
    port.master = undefined;
    publish(port);
  }
  const { peer } = link;
  for (const end of peer === undefined ? [link] : [link, peer]) {
    leave(end);
    end.peer = undefined;
  }
}

/** Destroy all links of a group. */
export function deleteGroup(namespace: MemoryNamespace, group: number): void {
  const links = [...namespace.links.values()].filter((link) => link.group === group);
  if (links.length === 0) throw refusal("ENODEV");
  // The other end of one may be another of them.
  for (const link of links) if (namespace.links.has(link.index)) deleteLink(link);
}

function makeLink(
  namespace: MemoryNamespace,
  kind: MemoryLink["kind"],
  { name, mac, mtu }: Required<Omit<VethEnd, "queues">>,
): MemoryLink {
  const link: MemoryLink = {
    namespace,
    index: namespace.takeIndex(),
    name,
    kind,
    mac,
    mtu,
    alias: undefined,
    group: 0,
    up: false,
    master: undefined,
    peer: undefined,
    hadPorts: false,
    addresses: [],
    neighbours: new Map(),
    settings: new Map(),
    published: undefined,
  };
  namespace.links.set(link.index, link);
  return link;
}

/** Tell watchers how the link looks now, then those whose carrier hangs on it. */
function publish(link: MemoryLink): void {
  const { namespace, index, published } = link;
  // The other end of a pair is deleted a moment later: of this one nothing more is told.
  if (namespace.links.get(index) !== link) return;
  const view = viewOf(link);
  if (published !== undefined && JSON.stringify(published) === JSON.stringify(view)) return;
  link.published = view;
  namespace.emit({ type: "link", change: "new", link: view });
  if (published?.carrier === true && !view.carrier) {
    flushNeighbours(link, "learnt");
    flushNexthops(link);
  }
  if (link.peer !== undefined) publish(link.peer);
  if (link.master !== undefined) publish(link.master);
}

function raise(link: MemoryLink): void {
  link.up = true;
  publish(link);
  raiseAddresses(link);
  if (link.kind !== "loopback") return;
  for (const own of [LOOPBACK_ADDRESS, LOOPBACK_ADDRESS6]) {
    const isThere = link.addresses.some(({ address }) => address.family === own.address.family);
    if (!isThere) addAddress(link, own);
  }
}

function lower(link: MemoryLink): void {
  link.up = false;
  publish(link);
  flushNeighbours(link, "all");
  clearAddresses(link, 6);
  flushRoutes(link.namespace, link, "down");
}

function setMaster(link: MemoryLink, reference: number | string): void {
  const { namespace } = link;
  const before = link.master;
  if (reference === 0) {
    link.master = undefined;
  } else {
    const master = namespace.find(reference);
    if (master === undefined) throw refusal("EINVAL");
    if (master.kind !== "bridge") throw refusal("EOPNOTSUPP");
    master.hadPorts = true;
    link.master = master;
  }
  publish(link);
  if (before !== undefined) publish(before);
}

function moveLink(link: MemoryLink, target: MemoryNamespace): void {
  if (link.kind !== "veth") throw refusal("EINVAL", "The interface netns is immutable");
  if (target === link.namespace) return;
  if (target.find(link.name) !== undefined) throw refusal("EEXIST");
  leave(link);
  link.namespace = target;
  link.index = target.takeIndex(link.index);
  target.links.set(link.index, link);
  link.settings.clear();
  publish(link);
  if (link.peer !== undefined) publish(link.peer);
}

/** Out of its namespace, with all that hangs on it. */
function leave(link: MemoryLink): void {
  const { namespace, master } = link;
  if (link.up) lower(link);
  clearAddresses(link);
  flushNeighbours(link, "all");
  flushRoutes(namespace, link, "gone");
  link.master = undefined;
  namespace.links.delete(link.index);
  namespace.emit({ type: "link", change: "deleted", link: viewOf(link) });
  link.published = undefined;
  if (master !== undefined) publish(master);
}

function checkEnd(namespace: MemoryNamespace, { name, mac, mtu }: VethEnd): void {
  checkName(namespace, name);
  if (mac !== undefined) checkMac(mac);
  if (mtu !== undefined) checkMtu(mtu);
}

/** IFNAMSIZ is 16 with the NUL. */
function checkName(namespace: MemoryNamespace, name: string): void {
  if (name.length > 15) throw refusal("ERANGE", "Attribute failed policy validation");
  if (name === "" || name === "." || name === ".." || /[/:\s]/.test(name)) throw refusal("EINVAL");
  if (namespace.find(name) !== undefined) throw refusal("EEXIST");
}

/** IFALIASZ is 256 with the NUL. An empty one takes it away. */
function checkAlias(alias: string): string | undefined {
  if (alias.length > 255) throw refusal("EINVAL");
  return alias === "" ? undefined : alias;
}

function checkMac(mac: string): string {
  if (/^([0-9a-f][13579bdf]|00:00:00:00:00:00)/i.test(mac)) throw refusal("EADDRNOTAVAIL");
  return mac.toLowerCase();
}

function checkMtu(mtu: number): number {
  if (mtu < 68) throw refusal("EINVAL", "mtu less than device minimum");
  if (mtu > 65_535) throw refusal("EINVAL", "mtu greater than device maximum");
  return mtu;
}
