/**
 * What the in-memory kernel holds: namespaces with links, and how they look from outside.
 *
 * Records are mutable, as the kernel's own are; what leaves through `Kernel` is copied.
 */

import { constants } from "node:os";
import type { Address } from "../lib/address.ts";
import { type Failure, failureOf } from "./failure.ts";
import type {
  KernelEvent,
  Link,
  LinkReference,
  Masquerade,
  Neighbour,
  Nexthop,
  Scope,
  SourceCheck,
} from "./kernel.ts";
import { RouteTable } from "./memory-table.ts";

export type LinkAddress = {
  readonly address: Address;
  readonly length: number;
  readonly scope: Scope;
  readonly protocol?: number;
};

export type MemoryLink = {
  namespace: MemoryNamespace;
  index: number;
  name: string;
  readonly kind: "loopback" | "veth" | "bridge";
  mac: string;
  mtu: number;
  alias: string | undefined;
  group: number;
  up: boolean;
  master: MemoryLink | undefined;
  peer: MemoryLink | undefined;
  /** A bridge that never had a port has carrier of its own. */
  hadPorts: boolean;
  addresses: LinkAddress[];
  /** By text of the address. */
  readonly neighbours: Map<string, Neighbour>;
  /** Settings of the link below /proc/sys that were written, by `ipv4/conf/forwarding`. */
  readonly settings: Map<string, string>;
  /** As watchers saw it last. */
  published: Link | undefined;
};

/** One network namespace. `number` stands for an open descriptor of it in requests. */
export class MemoryNamespace {
  readonly number: number;
  readonly name: string;
  readonly links = new Map<number, MemoryLink>();
  readonly routes = new RouteTable();
  readonly nexthops = new Map<number, Nexthop>();
  /** Settings that belong to no link, by path. */
  readonly settings = new Map<string, string>();
  /** By table and chain. */
  readonly sourceChecks = new Map<string, SourceCheck>();
  /** By family and table. */
  readonly masquerades = new Map<string, Masquerade>();
  readonly listeners = new Set<(event: KernelEvent) => void>();
  readonly #ids = new Map<MemoryNamespace, number>();
  #lastIndex = 0;

  constructor(number: number, name: string) {
    this.number = number;
    this.name = name;
  }

  emit(event: KernelEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  /** The index that a link coming with `wanted` gets. */
  takeIndex(wanted?: number): number {
    if (wanted !== undefined && !this.links.has(wanted)) return wanted;
    do this.#lastIndex++;
    while (this.links.has(this.#lastIndex));
    return this.#lastIndex;
  }

  /** How this namespace numbers another (IFLA_LINK_NETNSID). */
  idOf(other: MemoryNamespace): number {
    const id = this.#ids.get(other) ?? this.#ids.size;
    this.#ids.set(other, id);
    return id;
  }

  find(reference: LinkReference): MemoryLink | undefined {
    if (typeof reference === "number") return this.links.get(reference);
    for (const link of this.links.values()) if (link.name === reference) return link;
    return undefined;
  }

  /** The link that a request is about; `said` is what the kernel says of an unknown index. */
  need(reference: LinkReference, said = ""): MemoryLink {
    const link = this.find(reference);
    if (link !== undefined) return link;
    throw refusal(
      "ENODEV",
      typeof reference === "string" ? `no link is called ${reference}` : said,
    );
  }
}

/** Thrown inside the twin; becomes a `KernelError` that says what was asked for. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.words);
    this.failure = failure;
  }
}

/** A refusal by errno's name, with the words of an extended ack where there are any. */
export function refusal(code: string, said = ""): Refusal {
  const numbers: Readonly<Record<string, number>> = constants.errno;
  return new Refusal(failureOf(numbers[code] ?? 0, said));
}

/** IFF_LOWER_UP: the other end, or a port, is up as well. */
export function hasCarrier(link: MemoryLink): boolean {
  if (!link.up) return false;
  switch (link.kind) {
    case "veth":
      return link.peer?.up === true;
    case "bridge":
      return !link.hadPorts || portsOf(link).some(hasCarrier);
    default:
      return true;
  }
}

export function portsOf(bridge: MemoryLink): MemoryLink[] {
  return [...bridge.namespace.links.values()].filter(({ master }) => master === bridge);
}

/** The link as `Kernel.links` shows it. */
export function viewOf(link: MemoryLink): Link {
  const { namespace, index, name, kind, mac, mtu, alias, group, up, master, peer } = link;
  return {
    index,
    name,
    ...(kind === "loopback" ? {} : { kind }),
    mac,
    mtu,
    ...(alias === undefined ? {} : { alias }),
    up,
    carrier: hasCarrier(link),
    ...(master === undefined ? {} : { master: master.index }),
    ...(group === 0 ? {} : { group }),
    ...(peer === undefined ? {} : { peer: peer.index }),
    ...(peer === undefined || peer.namespace === namespace
      ? {}
      : { peerNamespace: namespace.idOf(peer.namespace) }),
  };
}
