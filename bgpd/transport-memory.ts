/**
 * The transport's twin: hosts in one process, joined by a network with latency, cuts and crashes.
 *
 * It runs on whatever clock it is given; with a virtual one and a seeded `random` every run can be
 * repeated exactly. Used by tests and simulations.
 */

import {
  type Address,
  equalAddress,
  formatAddress,
  withoutZone,
  withZone,
} from "../lib/address.ts";
import type { Clock } from "../lib/clock.ts";
import { containsAddress, formatPrefix, type Prefix } from "../lib/prefix.ts";
import type { Secret } from "../lib/secret.ts";
import type {
  Attempt,
  ConnectHandlers,
  Connection,
  ConnectOptions,
  ListeningSocket,
  ListenOptions,
  Transport,
} from "./transport.ts";
import { isSameKey, type Link, MemoryConnection, USUAL_HOPS } from "./transport-pipe.ts";

export type MemoryNetworkOptions = {
  readonly clock: Clock;
  /** Milliseconds one way, asked for each segment. Default 1. */
  readonly latency?: () => number;
  /** Bytes in a segment, asked for each. Default 65,536. */
  readonly segment?: () => number;
  /** Bytes under way in one direction of a connection. Default 262,144. */
  readonly window?: number;
};

type Listening = ListenOptions & {
  readonly onConnection: (connection: Connection) => void;
  readonly keys: Map<string, { readonly remotes: Prefix; readonly key: Secret }>;
};

/** A connection request that has not been answered. */
type Request = Attempt & {
  readonly from: Address;
  readonly to: Address;
  readonly knock: () => void;
};

/** The first port that is given to who asks for none. */
const EPHEMERAL = 32768;

export class MemoryNetwork {
  readonly #link: Link;
  readonly #hosts = new Set<string>();
  readonly #listening = new Set<Listening>();
  readonly #connections = new Set<MemoryConnection>();
  readonly #requests = new Set<Request>();
  readonly #cuts = new Set<string>();
  /** Link-local addresses of hosts that have one link in common, each with its own host's number of it. */
  readonly #cables: (readonly [Address, Address])[] = [];
  #port = EPHEMERAL;

  constructor({ clock, latency, segment, window }: MemoryNetworkOptions) {
    this.#link = {
      clock,
      window: window ?? 262_144,
      latency: latency ?? (() => 1),
      segment: segment ?? (() => 65_536),
      isCut: (a, b) => this.#cuts.has(pair(a, b)),
    };
  }

  /** A host with one address, and its transport. */
  host(address: Address): Transport {
    this.#hosts.add(formatAddress(address));
    return {
      connect: (options, handlers) => this.#connect(address, options, handlers),
      listen: (options, onConnection) =>
        this.#listen({ ...options, onConnection, keys: new Map() }),
    };
  }

  /**
   * Two link-local addresses of different hosts, each with its link, are on one wire from now on. No third host may have
   * either of them on a link of the same number.
   */
  join(one: Address, other: Address): void {
    for (const address of [one, other]) this.#hosts.add(formatAddress(address));
    this.#cables.push([one, other]);
  }

  /** Connections of which neither end is closed. */
  get connections(): number {
    return [...this.#connections].filter((end) => end.isOpen).length / 2;
  }

  /** Nothing passes between the two until `mend`; TCP keeps what was under way. */
  cut(a: Address, b: Address): void {
    this.#cuts.add(pair(a, b));
  }

  mend(a: Address, b: Address): void {
    this.#cuts.delete(pair(a, b));
    for (const connection of this.#connections) connection.deliver();
    // TCP sends its requests again and again: one gets through now.
    for (const request of this.#requests) {
      if (pair(request.from, request.to) === pair(a, b)) request.knock();
    }
  }

  /** The process on a host is killed: its system resets the connections and closes the ports. */
  kill(address: Address): void {
    for (const connection of this.#connections) {
      if (equalAddress(connection.local, address)) connection.reset();
    }
    for (const socket of this.#listening) {
      if (equalAddress(socket.address, address)) this.#listening.delete(socket);
    }
    for (const request of this.#requests) if (equalAddress(request.from, address)) request.cancel();
  }

  #listen(socket: Listening): ListeningSocket {
    const port = socket.port === 0 ? this.#port++ : socket.port;
    if (this.#listener(socket.address, port) !== undefined) {
      throw new Error(`${formatAddress(socket.address)} port ${port} is in use`);
    }
    const bound = { ...socket, port };
    this.#listening.add(bound);
    return {
      address: socket.address,
      port,
      close: () => this.#listening.delete(bound),
      setKey(remotes, key) {
        if (remotes.family !== socket.address.family) {
          throw new Error(`cannot set the key of ${formatPrefix(remotes)}: Invalid argument`);
        }
        if (key === undefined) bound.keys.delete(formatPrefix(remotes));
        else bound.keys.set(formatPrefix(remotes), { remotes, key });
      },
    };
  }

  #listener(address: Address, port: number): Listening | undefined {
    for (const socket of this.#listening) {
      if (socket.port === port && equalAddress(socket.address, address)) return socket;
    }
    return undefined;
  }

  #connect(host: Address, options: ConnectOptions, handlers: ConnectHandlers): Attempt {
    const from = options.local ?? host;
    const to = this.#across(from, options.remote);
    const later = (run: () => void): void => {
      this.#link.clock.after(this.#link.latency(), () => {
        if (this.#requests.has(request)) run();
      });
    };
    const answer = (tell: () => void): void => {
      this.#requests.delete(request);
      tell();
    };
    const arrive = (): void => {
      if (this.#link.isCut(from, to) || !this.#hosts.has(formatAddress(to))) return;
      const listening = this.#listener(to, options.port);
      // A request that is not signed as it should be, or an answer from too far, is dropped in silence.
      if (listening !== undefined && !isSameKey(keyFor(listening, from), options.key)) return;
      later(() =>
        answer(() => {
          if (listening !== undefined) handlers.onOpen(this.#connected(from, to, options));
          else handlers.onFail("connection refused");
        }),
      );
    };
    const request: Request = {
      from,
      to,
      knock: () => later(arrive),
      cancel: () => this.#requests.delete(request),
    };
    this.#requests.add(request);
    request.knock();
    return request;
  }

  /** Whom `from` means by a link-local address on its link, as that host itself says it. */
  #across(from: Address, to: Address): Address {
    if (to.zone === undefined) return to;
    const ends = this.#cables.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]);
    const found = ends.find(
      ([near, far]) => equalAddress(near, from) && equalAddress(withoutZone(far), withoutZone(to)),
    );
    return found?.[1] ?? to;
  }

  /** Our end is there; the other one's host accepts a moment later, or resets. */
  #connected(
    from: Address,
    to: Address,
    { port, key, hops, leastHops, remote }: ConnectOptions,
  ): Connection {
    for (const end of this.#connections) if (end.isGone) this.#connections.delete(end);
    const source = this.#port++;
    const seen = to.zone === undefined ? from : withZone(from, to.zone);
    const ours = new MemoryConnection(this.#link, [from, source], [remote, port]);
    const theirs = new MemoryConnection(this.#link, [to, port], [seen, source]);
    for (const end of [ours, theirs]) {
      this.#connections.add(end);
      end.setKey(key);
    }
    ours.restrict({ hops: hops ?? USUAL_HOPS, leastHops: leastHops ?? 0 });
    MemoryConnection.join(ours, theirs, () => {
      const socket = this.#listener(to, port);
      if (socket === undefined) theirs.reset();
      else socket.onConnection(theirs);
    });
    return ours;
  }
}

/** The key of the most specific prefix, as the kernel chooses it. */
function keyFor({ keys }: Listening, remote: Address): Secret | undefined {
  return [...keys.values()]
    .filter(({ remotes }) => containsAddress(remotes, remote))
    .sort((a, b) => b.remotes.length - a.remotes.length)[0]?.key;
}

function pair(a: Address, b: Address): string {
  return [formatAddress(a), formatAddress(b)].sort().join(" ");
}
