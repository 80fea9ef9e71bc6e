/**
 * The real kernel: `Kernel` over rtnetlink, bound to one network namespace.
 *
 * The socket is made inside the namespace and stays there, so that only files below /proc/sys need the
 * thread to enter it again.
 */

import { unreachable } from "../lib/unreachable.ts";
import { readAddress, writeAddress } from "./address.ts";
import { type Body, NetlinkConnection, type Outgoing } from "./conn.ts";
import { NLM_F, RTM } from "./const.ts";
import { describeRequest } from "./describe.ts";
import {
  type InterfaceAddress,
  type Kernel,
  KernelError,
  type KernelEvent,
  type KernelEventType,
  type Link,
  type LinkReference,
  type Neighbour,
  type Request,
  type Route,
} from "./kernel.ts";
import { readLink, writeBridge, writeLinkChange, writeLinkReference, writeVeth } from "./link.ts";
import { readNeighbour, writeNeighbour } from "./neighbour.ts";
import { insideNamespace } from "./netns.ts";
import { familyTo, readRoute, writeNewRoute, writeOldRoute } from "./route.ts";
import { readSysctl, writeSysctl } from "./sysctl.ts";
import { groupsOf, listenTo } from "./watch.ts";

export type OpenOptions = {
  /** Path or open descriptor of the namespace; absent: the thread's own. A descriptor must stay open. */
  readonly namespace?: string | number;
};

/** Open the kernel in a namespace. Throws `SystemError`, or ENOENT of the path. */
export function openKernel(options: OpenOptions = {}): Kernel {
  return new NetlinkKernel(options.namespace);
}

const RT_TABLE_ANY = 0;

class NetlinkKernel implements Kernel {
  readonly #namespace: string | number | undefined;
  readonly #connection: NetlinkConnection;
  readonly #watches = new Set<() => void>();

  constructor(namespace: string | number | undefined) {
    this.#namespace = namespace;
    this.#connection = this.#inside(() => new NetlinkConnection());
  }

  links(): Link[] {
    return this.#connection.dump(RTM.GETLINK, (writer) => writeLinkReference(writer), readLink);
  }

  link(reference: LinkReference): Link | undefined {
    const answer = this.#connection.get(RTM.GETLINK, (writer) =>
      writeLinkReference(writer, reference),
    );
    if ("body" in answer) return readLink(answer);
    if (answer.code === "ENODEV") return undefined;
    throw answer.toError(`RTM_GETLINK ${reference}`);
  }

  addresses(family?: 4 | 6): InterfaceAddress[] {
    return this.#connection.dump(
      RTM.GETADDR,
      (writer) =>
        writer
          .u8(family === undefined ? 0 : familyTo(family))
          .u8(0)
          .u16(0)
          .u32(0),
      readAddress,
    );
  }

  routes({ family, table, protocol }: Parameters<Kernel["routes"]>[0] = {}): Route[] {
    const families = family === undefined ? ([4, 6] as const) : [family];
    return families.flatMap((one) =>
      this.#connection
        .dump(
          RTM.GETROUTE,
          (writer) => {
            writer.u8(familyTo(one)).u8(0).u8(0).u8(0);
            writer.u8(table === undefined || table > 255 ? RT_TABLE_ANY : table).u8(protocol ?? 0);
            writer.u8(0).u8(0).u32(0);
          },
          readRoute,
        )
        .filter(
          (route) =>
            (table === undefined || route.table === table) &&
            (protocol === undefined || route.protocol === protocol),
        ),
    );
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

  apply(request: Request): void {
    const [error] = this.applyAll([request]);
    if (error !== undefined) throw error;
  }

  applyAll(requests: readonly Request[]): (KernelError | undefined)[] {
    const outcomes: (KernelError | undefined)[] = [];
    let pending: { readonly request: Request; readonly outgoing: Outgoing }[] = [];
    const names = new Map<string, number>();
    const flush = (): void => {
      const failures = this.#connection.requestAll(pending.map(({ outgoing }) => outgoing));
      pending.forEach(({ request }, index) => {
        outcomes.push(failures[index]?.toError(describeRequest(request)));
      });
      pending = [];
    };
    const indexOf = (reference: LinkReference): number => {
      if (typeof reference === "number") return reference;
      const known = names.get(reference);
      if (known !== undefined) return known;
      // What goes before may be what makes the link.
      flush();
      const found = this.link(reference);
      if (found === undefined)
        throw new KernelError(`no link is called ${reference} (ENODEV)`, "ENODEV", 19);
      names.set(reference, found.index);
      return found.index;
    };
    for (const request of requests) {
      try {
        // Resolving a name may flush, so it must be over before the request joins the pending ones.
        const message = outgoing(request, indexOf);
        pending.push({ request, outgoing: message });
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

  watch(types: readonly KernelEventType[], listener: (event: KernelEvent) => void): () => void {
    this.#connection.check();
    const connection = this.#inside(() => new NetlinkConnection(groupsOf(types)));
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
    this.#connection.close();
  }

  #inside<Result>(run: () => Result): Result {
    return this.#namespace === undefined ? run() : insideNamespace(this.#namespace, run);
  }
}

function isRenaming(request: Request): boolean {
  if (request.type !== "set link") return false;
  return request.name !== undefined || request.namespace !== undefined;
}

/** A request as a message; references are resolved before anything is written. */
function outgoing(request: Request, indexOf: (reference: LinkReference) => number): Outgoing {
  const create = NLM_F.CREATE | NLM_F.EXCL;
  const replace = NLM_F.CREATE | NLM_F.REPLACE;
  switch (request.type) {
    case "create veth":
      return { type: RTM.NEWLINK, flags: create, body: (writer) => writeVeth(writer, request) };
    case "create bridge":
      return {
        type: RTM.NEWLINK,
        flags: create,
        body: (writer) => writeBridge(writer, request.name, request.mtu),
      };
    case "set link": {
      const index = indexOf(request.link);
      const master = request.master === undefined ? undefined : indexOf(request.master);
      return {
        type: RTM.NEWLINK,
        flags: 0,
        body: (writer) => writeLinkChange(writer, request, { index, master }),
      };
    }
    case "delete link":
      return {
        type: RTM.DELLINK,
        flags: 0,
        body: (writer) => writeLinkReference(writer, request.link),
      };
    case "add address":
    case "delete address": {
      const link = indexOf(request.link);
      const add = request.type === "add address";
      return {
        type: add ? RTM.NEWADDR : RTM.DELADDR,
        flags: add ? create : 0,
        body: (writer) => writeAddress(writer, { ...request, link }),
      };
    }
    case "add route":
    case "replace route":
    case "delete route": {
      const links = (request.route.nextHops ?? []).flatMap(({ link }) =>
        link === undefined ? [] : [link],
      );
      const resolved = new Map(links.map((link) => [link, indexOf(link)]));
      const linkIndex = (link: LinkReference): number => resolved.get(link) ?? 0;
      if (request.type === "delete route") {
        const body: Body = (writer) => writeOldRoute(writer, request.route, linkIndex);
        return { type: RTM.DELROUTE, flags: 0, body };
      }
      const flags = request.type === "add route" ? create : replace;
      const body: Body = (writer) => writeNewRoute(writer, request.route, linkIndex);
      return { type: RTM.NEWROUTE, flags, body };
    }
    case "replace neighbour": {
      const link = indexOf(request.link);
      const { address, mac, state = "permanent" } = request;
      return {
        type: RTM.NEWNEIGH,
        flags: replace,
        body: (writer) => writeNeighbour(writer, { link, address }, { mac, state }),
      };
    }
    case "delete neighbour": {
      const key = { link: indexOf(request.link), address: request.address };
      return { type: RTM.DELNEIGH, flags: 0, body: (writer) => writeNeighbour(writer, key) };
    }
    default:
      return unreachable(request);
  }
}
