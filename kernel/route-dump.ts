/** A dump of routes, read by and by: a read is a part, and between two of them the kernel keeps the place. */

import type { DumpPart, NetlinkConnection } from "./conn.ts";
import { RTM } from "./const.ts";
import { KernelError, type Route, type RouteDump } from "./kernel.ts";
import { type RouteFilter, takeRoutes, writeRouteFilter } from "./route.ts";

/** Begin the dump on a connection that is for nothing else, and is closed with it. Throws `KernelError`. */
export function dumpRoutes(
  connection: NetlinkConnection,
  filter: RouteFilter,
  onClose: (dump: RouteDump) => void,
): RouteDump {
  return new ReadDump(connection, filter, onClose);
}

class ReadDump implements RouteDump {
  readonly #connection: NetlinkConnection;
  readonly #take: ReturnType<typeof takeRoutes>;
  readonly #onClose: (dump: RouteDump) => void;
  #isOpen = true;
  isTorn = false;

  constructor(
    connection: NetlinkConnection,
    filter: RouteFilter,
    onClose: (dump: RouteDump) => void,
  ) {
    this.#connection = connection;
    this.#take = takeRoutes(filter);
    this.#onClose = onClose;
    this.#closingOnFailure(() =>
      connection.beginDump(RTM.GETROUTE, (writer) => writeRouteFilter(writer, filter)),
    );
  }

  next(): Route[] | undefined {
    if (!this.#isOpen) return undefined;
    const { items, interrupted, isLast } = this.#closingOnFailure(() => this.#part());
    if (interrupted) this.isTorn = true;
    if (isLast) this.close();
    return items;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#connection.close();
    this.#onClose(this);
  }

  #part(): DumpPart<Route> {
    try {
      return this.#connection.readPart(this.#take);
    } catch (error) {
      // A table that nobody has put a route into does not exist.
      if (!(error instanceof KernelError) || error.code !== "ENOENT") throw error;
      return { items: [], interrupted: false, isLast: true };
    }
  }

  #closingOnFailure<Result>(run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      this.close();
      throw error;
    }
  }
}
