/**
 * The in-memory twin of the kernel: namespaces joined by veths, for tests and simulations.
 *
 * It passes the suite that the real one passes (`test/suites/kernel`). What it leaves out: IPv6
 * link-local addresses, a bridge's MAC following its ports, learnt neighbours, packets.
 */

import { type Address, equalAddress } from "../lib/address.ts";
import { containsAddress } from "../lib/prefix.ts";
import { unreachable } from "../lib/unreachable.ts";
import { describeRequest } from "./describe.ts";
import {
  type Kernel,
  KernelError,
  type KernelEvent,
  type KernelEventType,
  type LinkReference,
  type Masquerade,
  type Request,
  type RouteDump,
  type RoutingRequest,
  type SourceCheck,
  type Undertaking,
  type WatchSource,
} from "./kernel.ts";
import { IPV4_SETTINGS } from "./link.ts";
import { addAddress, deleteAddress, deleteNeighbour, replaceNeighbour } from "./memory-address.ts";
import { dumpInParts } from "./memory-dump.ts";
import {
  createBridge,
  createLoopback,
  createVeth,
  deleteGroup,
  deleteLink,
  setLink,
} from "./memory-link.ts";
import { isMasquerading, putMasquerade } from "./memory-masquerade.ts";
import { addNexthop, deleteNexthop } from "./memory-nexthop.ts";
import { printNamespace } from "./memory-print.ts";
import { addRoute, deleteRoute, showRoute } from "./memory-route.ts";
import { addSourceCheck, hasSourceCheck } from "./memory-source-check.ts";
import { MemoryNamespace, Refusal, refusal, viewOf } from "./memory-state.ts";
import { readSetting, writeSetting } from "./memory-sysctl.ts";
import { undertake } from "./memory-undertaking.ts";

/** What an injected failure says; `words` as an extended ack would. */
export type InjectedFailure = { readonly code: string; readonly words?: string };

/** Looks at a request before it is done; answers with a failure to refuse it. */
export type Injection = (request: Request, namespace: number) => InjectedFailure | undefined;

export type MemoryHost = {
  /** A new namespace, as a number that stands for an open descriptor in requests. */
  createNamespace(name?: string): number;
  /** Destroy a namespace: its links go, and with veths their peers elsewhere. */
  removeNamespace(namespace: number): void;
  /** The kernel in a namespace, by default the host's own. Open as many as wanted. */
  kernel(namespace?: number): Kernel;
  /** Refuse requests until the returned function is called. */
  inject(injection: Injection): () => void;
  /** Lose the events that are on their way to the watchers of a namespace (ENOBUFS). */
  overrun(namespace?: number): void;
  /** Sorted text of every namespace. */
  print(): string;
};

export type MemoryHostOptions = {
  /** How events are delivered later; by default as a microtask. A simulation gives its clock's `after`. */
  readonly defer?: (run: () => void) => void;
  /** Routes of one part of a dump that is taken in parts; default 64. */
  readonly dumpPart?: number;
  /** How often who asks for the outcomes of an undertaking does so in vain, asked anew for each; default 0. */
  readonly delay?: () => number;
};

/** A host with one namespace, whose loopback is down. */
export function createMemoryHost(options: MemoryHostOptions = {}): MemoryHost {
  return new Host(options);
}

/** The host's own namespace; numbers that are no descriptors of a real process, to find mix-ups. */
const HOST_NAMESPACE = 1000;

/** What a watch for others' changes leaves out of a kernel's own. */
const OWN: ReadonlySet<KernelEvent["type"]> = new Set(["route", "nexthop"]);

class Host implements MemoryHost {
  readonly namespaces = new Map<number, MemoryNamespace>();
  readonly injections = new Set<Injection>();
  readonly defer: (run: () => void) => void;
  readonly dumpPart: number;
  readonly delay: () => number;
  #nextNamespace = HOST_NAMESPACE;
  #macs = 0;

  constructor({ defer = queueMicrotask, dumpPart = 64, delay = () => 0 }: MemoryHostOptions) {
    this.defer = defer;
    this.delay = delay;
    this.dumpPart = dumpPart;
    this.createNamespace("host");
  }

  createNamespace(name?: string): number {
    const number = this.#nextNamespace++;
    const namespace = new MemoryNamespace(number, name ?? `${number}`);
    this.namespaces.set(number, namespace);
    createLoopback(namespace);
    return number;
  }

  removeNamespace(number: number): void {
    const namespace = this.#existing(number);
    for (const link of [...namespace.links.values()]) {
      if (link.kind !== "loopback" && namespace.links.has(link.index)) deleteLink(link);
    }
    this.namespaces.delete(number);
  }

  kernel(namespace = HOST_NAMESPACE): Kernel {
    return new MemoryKernel(this, this.#existing(namespace));
  }

  inject(injection: Injection): () => void {
    this.injections.add(injection);
    return () => this.injections.delete(injection);
  }

  overrun(namespace = HOST_NAMESPACE): void {
    this.#existing(namespace).emit({ type: "overrun" });
  }

  print(): string {
    return [...this.namespaces.values()].map(printNamespace).join("");
  }

  /** The namespace that a request names. */
  need(number: number): MemoryNamespace {
    const namespace = this.namespaces.get(number);
    if (namespace === undefined) throw refusal("EBADF");
    return namespace;
  }

  nextMac(): string {
    const count = this.#macs++;
    const bytes = [24, 16, 8, 0].map((shift) => ((count >>> shift) & 0xff).toString(16));
    return `02:00:${bytes.map((byte) => byte.padStart(2, "0")).join(":")}`;
  }

  #existing(number: number): MemoryNamespace {
    const namespace = this.namespaces.get(number);
    if (namespace !== undefined) return namespace;
    throw new KernelError(`there is no namespace ${number} (EBADF)`, "EBADF", 9);
  }
}

class MemoryKernel implements Kernel {
  readonly #host: Host;
  readonly #namespace: MemoryNamespace;
  readonly #watches = new Set<() => void>();
  #isOpen = true;
  /** A request of this kernel's is being done: what is told meanwhile is its consequence. */
  #isAsking = false;

  constructor(host: Host, namespace: MemoryNamespace) {
    this.#host = host;
    this.#namespace = namespace;
  }

  links() {
    return this.#links().map(viewOf);
  }

  link(reference: LinkReference) {
    this.#check();
    const link = this.#namespace.find(reference);
    return link === undefined ? undefined : viewOf(link);
  }

  addresses(family?: 4 | 6, link?: number) {
    return this.#links().flatMap(({ index, addresses }) =>
      addresses
        .filter(() => link === undefined || link === index)
        .filter(({ address }) => family === undefined || address.family === family)
        .map((entry) => ({ link: index, ...entry })),
    );
  }

  routes({ family, table, protocol, exceptProtocol }: Parameters<Kernel["routes"]>[0] = {}) {
    this.#check();
    return [...this.#namespace.routes]
      .filter(
        (route) =>
          (family === undefined || route.destination.family === family) &&
          (table === undefined || route.table === table) &&
          (protocol === undefined || route.protocol === protocol) &&
          route.protocol !== exceptProtocol,
      )
      .map((route) => showRoute(this.#namespace, route));
  }

  routesInParts({ family, table, protocol }: Parameters<Kernel["routesInParts"]>[0]): RouteDump {
    this.#check();
    const size = this.#host.dumpPart;
    return dumpInParts({ namespace: this.#namespace, family, table, protocol, size });
  }

  routeTo(address: Address) {
    const [best] = this.routes({ family: address.family, table: 254 })
      .filter(({ destination }) => containsAddress(destination, address))
      .sort((a, b) => b.destination.length - a.destination.length || a.metric - b.metric);
    return best === undefined || !["unicast", "local"].includes(best.type) ? undefined : best;
  }

  nexthops() {
    this.#check();
    return [...this.#namespace.nexthops.values()].sort((a, b) => a.id - b.id);
  }

  neighbour(link: number, address: Address) {
    return this.neighbours(address.family).find(
      (entry) => entry.link === link && equalAddress(entry.address, address),
    );
  }

  linkInFull(reference: LinkReference) {
    const link = this.link(reference);
    if (link === undefined) return undefined;
    const value = (name: string): number =>
      Number(readSetting(this.#namespace, `net/ipv4/conf/${link.name}/${name}`));
    const ipv4 = {
      forwarding: value("forwarding"),
      proxy_arp: value("proxy_arp"),
      rp_filter: value("rp_filter"),
      route_localnet: value("route_localnet"),
    };
    return { ...link, ipv4 };
  }

  neighbours(family?: 4 | 6) {
    return this.#links()
      .flatMap(({ neighbours }) => [...neighbours.values()])
      .filter(({ address }) => family === undefined || address.family === family);
  }

  settleCarrier(reference: LinkReference) {
    if (this.link(reference) !== undefined) return;
    throw new KernelError(`RTM_GETLINK ${reference}: No such device (ENODEV)`, "ENODEV", 19);
  }

  apply(request: Request): void {
    const [error] = this.applyAll([request]);
    if (error !== undefined) throw error;
  }

  applyAll(requests: readonly Request[]): (KernelError | undefined)[] {
    this.#check();
    return requests.map((request) => {
      this.#isAsking = true;
      try {
        this.#do(request);
        return undefined;
      } catch (error) {
        if (error instanceof Refusal) return error.failure.toError(describeRequest(request));
        throw error;
      } finally {
        this.#isAsking = false;
      }
    });
  }

  applyLater(requests: readonly RoutingRequest[]): Undertaking {
    this.#check();
    return undertake(requests, this.#host.delay(), (some) => this.applyAll(some));
  }

  ensureSourceCheck(check: SourceCheck): void {
    this.#check();
    addSourceCheck(this.#namespace, check);
  }

  hasSourceCheck(check: SourceCheck): boolean {
    this.#check();
    return hasSourceCheck(this.#namespace, check);
  }

  setMasquerade(masquerade: Masquerade): void {
    this.#check();
    putMasquerade(this.#namespace, masquerade);
  }

  hasMasquerade(masquerade: Masquerade): boolean {
    this.#check();
    return isMasquerading(this.#namespace, masquerade);
  }

  watch(
    types: readonly KernelEventType[],
    listener: (event: KernelEvent) => void,
    source: WatchSource = "all",
  ): () => void {
    this.#check();
    const queue: KernelEvent[] = [];
    const deliver = (): void => {
      for (const event of queue.splice(0)) if (this.#watches.has(stop)) listener(event);
    };
    const take = (event: KernelEvent): void => {
      if (event.type === "overrun") queue.length = 0;
      else if (!types.includes(event.type)) return;
      else if (source === "others" && this.#isAsking && OWN.has(event.type)) return;
      if (queue.push(event) === 1) this.#host.defer(deliver);
    };
    const stop = (): void => {
      this.#namespace.listeners.delete(take);
      this.#watches.delete(stop);
    };
    this.#namespace.listeners.add(take);
    this.#watches.add(stop);
    return stop;
  }

  sysctl(name: string): string {
    this.#check();
    return readSetting(this.#namespace, name);
  }

  setSysctl(name: string, value: string): void {
    this.#check();
    writeSetting(this.#namespace, name, value);
  }

  close(): void {
    for (const stop of [...this.#watches]) stop();
    this.#isOpen = false;
  }

  #check(): void {
    if (!this.#isOpen) throw new KernelError("the kernel is closed (EBADF)", "EBADF", 9);
  }

  #links() {
    this.#check();
    return [...this.#namespace.links.values()].sort((a, b) => a.index - b.index);
  }

  #do(request: Request): void {
    const host = this.#host;
    const namespace = this.#namespace;
    for (const injection of host.injections) {
      const failure = injection(request, namespace.number);
      if (failure !== undefined) throw refusal(failure.code, failure.words);
    }
    switch (request.type) {
      case "create veth": {
        const { end, peer } = request;
        const there = peer.namespace === undefined ? namespace : host.need(peer.namespace);
        createVeth({ namespace, end }, { namespace: there, end: peer }, () => host.nextMac());
        break;
      }
      case "create bridge":
        createBridge(namespace, request, () => host.nextMac());
        break;
      case "set link": {
        const target = request.namespace === undefined ? undefined : host.need(request.namespace);
        setLink(namespace.need(request.link), request, target);
        break;
      }
      case "set ipv4 settings": {
        const { name } = namespace.need(request.link);
        for (const setting of IPV4_SETTINGS) {
          const value = request.settings[setting];
          if (value === undefined) continue;
          writeSetting(namespace, `net/ipv4/conf/${name}/${setting}`, String(value));
        }
        break;
      }
      case "delete group":
        deleteGroup(namespace, request.group);
        break;
      case "delete link": {
        const link = namespace.find(request.link);
        if (link === undefined) throw refusal("ENODEV");
        deleteLink(link);
        break;
      }
      case "add address": {
        const { address, length, scope = "global", protocol } = request;
        addAddress(namespace.need(request.link, "ipv4: Device not found"), {
          address,
          length,
          scope,
          ...(protocol === undefined ? {} : { protocol }),
        });
        break;
      }
      case "delete address":
        deleteAddress(
          namespace.need(request.link, "ipv4: Device not found"),
          request.address,
          request.length,
        );
        break;
      case "add route":
        addRoute(namespace, request.route, "exclusive");
        break;
      case "replace route":
        addRoute(namespace, request.route, "replace");
        break;
      case "delete route":
        deleteRoute(namespace, request.route);
        break;
      case "add nexthop":
        addNexthop(namespace, request.nexthop, "exclusive");
        break;
      case "change nexthop":
        addNexthop(namespace, request.nexthop, "change");
        break;
      case "delete nexthop":
        deleteNexthop(namespace, request.id);
        break;
      case "replace neighbour":
        replaceNeighbour(namespace.need(request.link), request);
        break;
      case "delete neighbour":
        deleteNeighbour(namespace.need(request.link), request.address);
        break;
      default:
        unreachable(request);
    }
  }
}
