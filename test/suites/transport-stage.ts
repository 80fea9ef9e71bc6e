/** What the suite of `transport.ts` and its parts are played on: a harness, and the connections between its two ends. */

import { afterEach, beforeEach } from "bun:test";
import type {
  Connection,
  ConnectionHandlers,
  ListeningSocket,
  Transport,
} from "../../bgpd/transport.ts";
import type { Address } from "../../lib/address.ts";

/** One machine with a client's and a server's address, and time that passes. */
export type TransportHarness = {
  readonly client: Transport;
  readonly server: Transport;
  readonly clientAddress: Address;
  readonly serverAddress: Address;
  /** A port of the server on which connection requests are never answered. */
  silentPort(): number;
  /** Let time pass until the condition holds; throws when it does not within 5 s. */
  until(condition: () => boolean): Promise<void>;
  /** Let so many milliseconds pass. */
  wait(duration: number): Promise<void>;
  close(): void;
};

/** Keeps what a connection says. */
export class Ear implements ConnectionHandlers {
  readonly chunks: Uint8Array[] = [];
  readonly ends: string[] = [];
  received = 0;
  drains = 0;

  onData(bytes: Uint8Array): void {
    this.chunks.push(bytes);
    this.received += bytes.length;
  }

  onDrain(): void {
    this.drains++;
  }

  onEnd(reason: string): void {
    this.ends.push(reason);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.chunks));
  }
}

/** Bytes that show when one is missing, doubled or out of order. */
export function pattern(length: number, start = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    bytes[index] = ((start + index) * 2_654_435_761) >>> 24;
  }
  return bytes;
}

export type TransportStage = {
  readonly harness: TransportHarness;
  /** Those that `listen` made. */
  readonly sockets: readonly ListeningSocket[];
  /** Reset when the test is over. */
  keep(connection: Connection): void;
  /** The port on which the server listens from now on. */
  listen(onConnection: (connection: Connection) => void, port?: number): number;
  /** Both ends of a new connection, each with its ear. */
  joined(): Promise<Joined>;
};

type Joined = {
  readonly near: Connection;
  readonly far: Connection;
  readonly nearEar: Ear;
  readonly farEar: Ear;
};

/** A stage of its own for each test of the `describe` around it; `open` gives a fresh harness. */
export function setStage(open: () => TransportHarness): TransportStage {
  let harness: TransportHarness;
  let sockets: ListeningSocket[];
  let connections: Connection[];

  beforeEach(() => {
    harness = open();
    sockets = [];
    connections = [];
  });

  afterEach(() => {
    for (const connection of connections) connection.reset();
    for (const socket of sockets) socket.close();
    harness.close();
  });

  function listen(onConnection: (connection: Connection) => void, port = 0): number {
    const options = { address: harness.serverAddress, port };
    const socket = harness.server.listen(options, (connection) => {
      connections.push(connection);
      onConnection(connection);
    });
    sockets.push(socket);
    return socket.port;
  }

  async function joined(): Promise<Joined> {
    let near: Connection | undefined;
    let far: Connection | undefined;
    const port = listen((connection) => {
      far = connection;
    });
    harness.client.connect(
      { remote: harness.serverAddress, port, local: harness.clientAddress },
      {
        onOpen: (connection) => {
          near = connection;
          connections.push(connection);
        },
        onFail: (reason) => {
          throw new Error(reason);
        },
      },
    );
    await harness.until(() => near !== undefined && far !== undefined);
    const [nearEar, farEar] = [new Ear(), new Ear()];
    near!.receive(nearEar);
    far!.receive(farEar);
    return { near: near!, far: far!, nearEar, farEar };
  }
  return {
    get harness() {
      return harness;
    },
    get sockets() {
      return sockets;
    },
    keep: (connection) => void connections.push(connection),
    listen,
    joined,
  };
}
