/**
 * The real kernel: `Kernel` over rtnetlink, bound to one network namespace.
 *
 * The socket is made inside the namespace and stays there, so that only files below /proc/sys need the
 * thread to enter it again.
 */

import { type Address, formatAddress } from "../lib/address.ts";
import { linkOfAddress, readAddress, writeAddressFilter } from "./address.ts";
import { Batch } from "./batch.ts";
import { NetlinkConnection } from "./conn.ts";
import { RTM } from "./const.ts";
import { describeRequest } from "./describe.ts";
import {
  type InterfaceAddress,
  type Kernel,
  KernelError,
  type KernelEvent,
  type KernelEventType,
  type Link,
  type LinkInFull,
  type LinkReference,
  type Masquerade,
  type Neighbour,
  type Nexthop,
  type Request,
  type Route,
  type RouteDump,
  type RoutingRequest,
  type SourceCheck,
  type Undertaking,
  type WatchSource,
} from "./kernel.ts";
import { readLink, readLinkInFull, writeLinkReference } from "./link.ts";
import { hasMasquerade, setMasquerade } from "./masquerade.ts";
import type { Message } from "./message.ts";
import { readNeighbour, writeNeighbour } from "./neighbour.ts";
import { insideNamespace } from "./netns.ts";
import { readNexthop, writeNexthopId } from "./nexthop.ts";
import { openPort } from "./port.ts";
import { type Begin, writeRequest } from "./request.ts";
import {
  familyTo,
  type RouteFilter,
  readRoute,
  takeRoutes,
  writeRouteFilter,
  writeRouteQuestion,
} from "./route.ts";
import { dumpRoutes } from "./route-dump.ts";
import { ensureSourceCheck, hasSourceCheck } from "./source-check.ts";
import { readSysctl, writeSysctl } from "./sysctl.ts";
import { groupsOf, listenTo } from "./watch.ts";

export type OpenOptions = {
  /** Path or open descriptor of the namespace; absent: the thread's own. A descriptor must stay open. */
  readonly namespace?: string | number;
  /** Called when that is the namespace that the thread is in; what it throws is thrown. */
  readonly refuseOwn?: () => void;
};

/** Open the kernel in a namespace. Throws `SystemError`, or ENOENT of the path. */
export function openKernel(options: OpenOptions = {}): Kernel {
  return new NetlinkKernel(options);
}

const NO_WAY = ["ENETUNREACH", "EHOSTUNREACH", "EINVAL", "EACCES", "ESRCH"];

class NetlinkKernel implements Kernel {
  readonly #namespace: string | number | undefined;
  readonly #connection: NetlinkConnection;
  /** For what is told by another thread: answers to what is asked meanwhile would lie between its own. */
  #later: NetlinkConnection | undefined;
  readonly #watches = new Set<() => void>();
  readonly #dumps = new Set<RouteDump>();

  constructor({ namespace, refuseOwn }: OpenOptions) {
    this.#namespace = namespace;
    this.#connection = this.#inside(() => new NetlinkConnection(openPort()), refuseOwn);
  }

  links(): Link[] {
    return this.#connection.dump(RTM.GETLINK, (writer) => writeLinkReference(writer), readLink);
  }

  link(reference: LinkReference): Link | undefined {
    return this.#linkAs(reference, readLink);
  }

  linkInFull(reference: LinkReference): LinkInFull | undefined {
    return this.#linkAs(reference, readLinkInFull);
  }

  addresses(family?: 4 | 6, link?: number): InterfaceAddress[] {
    try {
      return this.#connection.dump(
        RTM.GETADDR,
        (writer) => writeAddressFilter(writer, family, link),
        // A kernel without strict dumps takes the filter for a wish.
        (message) =>
          link === undefined || linkOfAddress(message) === link ? readAddress(message) : undefined,
      );
    } catch (error) {
      if (error instanceof KernelError && error.code === "ENODEV") return [];
      throw error;
    }
  }

  routes({
    family,
    table,
    protocol,
    exceptProtocol,
  }: Parameters<Kernel["routes"]>[0] = {}): Route[] {
    if (family !== undefined) return this.#routesOf({ family, table, protocol }, exceptProtocol);
    const of = (one: 4 | 6) => this.#routesOf({ family: one, table, protocol }, exceptProtocol);
    return [...of(4), ...of(6)];
  }

  routesInParts({ family, table, protocol }: Parameters<Kernel["routesInParts"]>[0]): RouteDump {
    this.#connection.check();
    // Of its own: answers to what is asked meanwhile would lie between the parts.
    const connection = this.#inside(() => new NetlinkConnection(openPort()));
    const dump = dumpRoutes(connection, { family, table, protocol }, (closed) =>
      this.#dumps.delete(closed),
    );
    this.#dumps.add(dump);
    return dump;
  }

  routeTo(address: Address): Route | undefined {
    writeRouteQuestion(this.#connection.begin(RTM.GETROUTE, 0), address);
    const answer = this.#connection.get();
    if ("body" in answer) return readRoute(answer);
    // What a blackhole, an unreachable or a prohibiting route says, and no route at all.
    if (NO_WAY.includes(answer.code)) return undefined;
    throw answer.toError(`RTM_GETROUTE ${formatAddress(address)}`);
  }

  neighbour(link: number, address: Address): Neighbour | undefined {
    writeNeighbour(this.#connection.begin(RTM.GETNEIGH, 0), address, link);
    const answer = this.#connection.get();
    if ("body" in answer) return readNeighbour(answer);
    if (answer.code === "ENOENT") return undefined;
    throw answer.toError(`RTM_GETNEIGH ${formatAddress(address)}`);
  }

  neighbours(family?: 4 | 6): Neighbour[] {
    return this.#connection.dump(
      RTM.GETNEIGH,
      (writer) =>
        writer
          .u8(family === undefined ? 0 : familyTo(family))
          .u8(0)
          .u16(0)
          .u32(0)
          .u16(0)
          .u8(0)
          .u8(0),
      readNeighbour,
    );
  }

  nexthops(): Nexthop[] {
    return this.#connection.dump(RTM.GETNEXTHOP, (writer) => writeNexthopId(writer), readNexthop);
  }

  settleCarrier(link: LinkReference): void {
    // Who asks for a link is told what holds for it, so the kernel sees to that before (rtnl_getlink).
    writeLinkReference(this.#connection.begin(RTM.GETLINK, 0), link);
    const answer = this.#connection.get();
    if (!("body" in answer)) throw answer.toError(`RTM_GETLINK ${link}`);
  }

  apply(request: Request): void {
    const [error] = this.applyAll([request]);
    if (error !== undefined) throw error;
  }

  applyAll(requests: readonly Request[]): (KernelError | undefined)[] {
    this.#connection.check();
    const outcomes: (KernelError | undefined)[] = [];
    const waiting: Request[] = [];
    const names = new Map<string, number>();
    const begin: Begin = (type, flags) => this.#connection.begin(type, flags);
    const flush = (): void => {
      // No `map`, for the first of the array's own methods that a process calls costs it 70 µs.
      let at = 0;
      const failures = this.#connection.exchange();
      for (const request of waiting) {
        outcomes.push(failures[at++]?.toError(describeRequest(request)));
      }
      waiting.length = 0;
    };
    const indexOf = (reference: LinkReference): number => {
      if (typeof reference === "number") return reference;
      const known = names.get(reference);
      if (known !== undefined) return known;
      // What goes before may be what makes the link.
      flush();
      const index = this.#indexOf(reference);
      names.set(reference, index);
      return index;
    };
    for (const request of requests) {
      try {
        // Resolving a name may flush, so it must be over before the request joins those that wait.
        writeRequest(request, indexOf, begin);
        waiting.push(request);
        if (waiting.length === this.#connection.window) flush();
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        flush();
        outcomes.push(
          new KernelError(`${describeRequest(request)}: ${error.message}`, error.code, error.errno),
        );
      }
      // A name may mean another link after this.
      if (request.type === "delete link" || isRenaming(request)) names.clear();
    }
    flush();
    return outcomes;
  }

  applyLater(requests: readonly RoutingRequest[]): Undertaking {
    this.#connection.check();
    return new Batch(this.#laterConnection(), requests, (reference) =>
      typeof reference === "number" ? reference : this.#indexOf(reference),
    );
  }

  ensureSourceCheck(check: SourceCheck): void {
    this.#connection.check();
    this.#inside(() => ensureSourceCheck(check));
  }

  hasSourceCheck(check: SourceCheck): boolean {
    this.#connection.check();
    return this.#inside(() => hasSourceCheck(check));
  }

  setMasquerade(masquerade: Masquerade): void {
    this.#connection.check();
    this.#inside(() => setMasquerade(masquerade));
  }

  hasMasquerade(masquerade: Masquerade): boolean {
    this.#connection.check();
    return this.#inside(() => hasMasquerade(masquerade));
  }

  watch(
    types: readonly KernelEventType[],
    listener: (event: KernelEvent) => void,
    source: WatchSource = "all",
  ): () => void {
    this.#connection.check();
    const groups = groupsOf(types);
    const own = source === "all" ? [] : [this.#connection, this.#laterConnection()];
    const deafTo = own.map((connection) => connection.portId());
    const connection = this.#inside(() => new NetlinkConnection(openPort({ groups, deafTo })));
    const stop = listenTo(connection, listener);
    this.#watches.add(stop);
    return () => {
      this.#watches.delete(stop);
      stop();
    };
  }

  sysctl(name: string): string {
    this.#connection.check();
    return this.#inside(() => readSysctl(name));
  }

  setSysctl(name: string, value: string): void {
    this.#connection.check();
    this.#inside(() => writeSysctl(name, value));
  }

  close(): void {
    for (const stop of this.#watches) stop();
    for (const dump of this.#dumps) dump.close();
    this.#later?.close();
    this.#connection.close();
  }

  #laterConnection(): NetlinkConnection {
    this.#later ??= this.#inside(() => new NetlinkConnection(openPort({ isRoomy: true })));
    return this.#later;
  }

  #linkAs<Read>(reference: LinkReference, read: (message: Message) => Read): Read | undefined {
    writeLinkReference(this.#connection.begin(RTM.GETLINK, 0), reference);
    const answer = this.#connection.get();
    if ("body" in answer) return read(answer);
    if (answer.code === "ENODEV") return undefined;
    throw answer.toError(`RTM_GETLINK ${reference}`);
  }

  #routesOf(filter: RouteFilter, exceptProtocol: number | undefined): Route[] {
    try {
      return this.#connection.dump(
        RTM.GETROUTE,
        (writer) => writeRouteFilter(writer, filter),
        takeRoutes(filter, exceptProtocol),
      );
    } catch (error) {
      // A table that nobody has put a route into does not exist.
      if (error instanceof KernelError && error.code === "ENOENT") return [];
      throw error;
    }
  }

  /** Of the link with this name, without decoding the rest of it. */
  #indexOf(name: string): number {
    writeLinkReference(this.#connection.begin(RTM.GETLINK, 0), name);
    const answer = this.#connection.get();
    if ("body" in answer) return answer.body.getInt32(4, true);
    if (answer.code !== "ENODEV") throw answer.toError(`RTM_GETLINK ${name}`);
    throw new KernelError(`no link is called ${name} (ENODEV)`, "ENODEV", 19);
  }

  #inside<Result>(run: () => Result, refuseOwn?: () => void): Result {
    if (this.#namespace === undefined) return run();
    return insideNamespace(this.#namespace, run, refuseOwn);
  }
}

function isRenaming(request: Request): boolean {
  if (request.type !== "set link") return false;
  return request.name !== undefined || request.namespace !== undefined;
}
