/**
 * What every Transport does: run on the kernel's TCP and on the in-memory twin.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type {
  Connection,
  ConnectionHandlers,
  ConnectOptions,
  ListeningSocket,
  Transport,
} from "../../bgpd/transport.ts";
import { type Address, formatAddress } from "../../lib/address.ts";
import { hostPrefix, parsePrefix, prefixOf } from "../../lib/prefix.ts";
import { Secret } from "../../lib/secret.ts";

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
class Ear implements ConnectionHandlers {
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
function pattern(length: number, start = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    bytes[index] = ((start + index) * 2_654_435_761) >>> 24;
  }
  return bytes;
}

const MEGABYTE = 1 << 20;

function keyOf(text: string): Secret {
  return new Secret(new TextEncoder().encode(text));
}

/** The suite; `open` gives a fresh harness for each test. */
export function transportSuite(name: string, open: () => TransportHarness): void {
  describe(name, () => {
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

    /** Both ends of a new connection, each with its ear. */
    async function joined(): Promise<{
      readonly near: Connection;
      readonly far: Connection;
      readonly nearEar: Ear;
      readonly farEar: Ear;
    }> {
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

    test("a connection knows both addresses and ports at both ends", async () => {
      const { near, far } = await joined();
      expect(formatAddress(near.local)).toBe(formatAddress(harness.clientAddress));
      expect(formatAddress(near.remote)).toBe(formatAddress(harness.serverAddress));
      expect(formatAddress(far.remote)).toBe(formatAddress(harness.clientAddress));
      expect(formatAddress(far.local)).toBe(formatAddress(harness.serverAddress));
      expect([far.localPort, far.remotePort]).toEqual([near.remotePort, near.localPort]);
    });

    test("nothing is called from inside connect", async () => {
      let inside = true;
      const calls: boolean[] = [];
      const port = listen(() => {});
      harness.client.connect(
        { remote: harness.serverAddress, port },
        {
          onOpen: (connection) => {
            connections.push(connection);
            calls.push(inside);
          },
          onFail: () => calls.push(inside),
        },
      );
      inside = false;
      await harness.until(() => calls.length > 0);
      expect(calls).toEqual([false]);
    });

    test("a port on which nobody listens refuses, once and in words", async () => {
      const failures: string[] = [];
      harness.client.connect(
        { remote: harness.serverAddress, port: 1, local: harness.clientAddress },
        { onOpen: () => failures.push("opened"), onFail: (reason) => failures.push(reason) },
      );
      await harness.until(() => failures.length > 0);
      await harness.wait(20);
      expect(failures).toEqual(["connection refused"]);
    });

    test("a request that is not answered stays open, and says nothing once cancelled", async () => {
      const outcomes: string[] = [];
      const attempt = harness.client.connect(
        { remote: harness.serverAddress, port: harness.silentPort() },
        { onOpen: () => outcomes.push("opened"), onFail: (reason) => outcomes.push(reason) },
      );
      await harness.wait(100);
      expect(outcomes).toEqual([]);
      attempt.cancel();
      attempt.cancel();
      await harness.wait(100);
      expect(outcomes).toEqual([]);
    });

    test("a request cancelled at once never becomes a connection of ours", async () => {
      const outcomes: string[] = [];
      const ends = new Ear();
      const port = listen((connection) => connection.receive(ends));
      harness.client
        .connect(
          { remote: harness.serverAddress, port },
          { onOpen: () => outcomes.push("opened"), onFail: (reason) => outcomes.push(reason) },
        )
        .cancel();
      await harness.wait(50);
      expect(outcomes).toEqual([]);
      expect(ends.received).toBe(0);
    });

    test("data goes both ways, small writes in order", async () => {
      const { near, far, nearEar, farEar } = await joined();
      const whole = pattern(300);
      for (let index = 0; index < 300; index += 3) near.write(whole.subarray(index, index + 3));
      far.write(Uint8Array.of(1, 2, 3));
      await harness.until(() => farEar.received === 300 && nearEar.received === 3);
      expect(farEar.bytes).toEqual(whole);
      expect(nearEar.bytes).toEqual(Uint8Array.of(1, 2, 3));
    });

    test("what arrives before receive waits for it", async () => {
      let far: Connection | undefined;
      let near: Connection | undefined;
      const port = listen((connection) => {
        far = connection;
      });
      harness.client.connect(
        { remote: harness.serverAddress, port },
        {
          onOpen: (connection) => {
            near = connection;
            connections.push(connection);
            connection.write(Uint8Array.of(7, 8, 9));
          },
          onFail: () => {},
        },
      );
      await harness.until(() => far !== undefined && near !== undefined);
      await harness.wait(30);
      const ear = new Ear();
      far!.receive(ear);
      await harness.until(() => ear.received === 3);
      expect(ear.bytes).toEqual(Uint8Array.of(7, 8, 9));
    });

    test("a large write is half taken, waits as backlog, and arrives whole", async () => {
      const { near, far, nearEar, farEar } = await joined();
      far.pause();
      const bytes = pattern(24 * MEGABYTE);
      near.write(bytes.subarray(0, 10 * MEGABYTE));
      near.write(bytes.subarray(10 * MEGABYTE, 10 * MEGABYTE + 5));
      near.write(bytes.subarray(10 * MEGABYTE + 5));
      await harness.wait(30);
      expect(near.backlog).toBeGreaterThan(0);
      expect(near.backlog).toBeLessThan(bytes.length);
      expect(nearEar.drains).toBe(0);
      far.resume();
      await harness.until(() => farEar.received === bytes.length && nearEar.drains === 1);
      expect(near.backlog).toBe(0);
      expect(Buffer.compare(farEar.bytes, bytes)).toBe(0);
      expect(Buffer.compare(bytes, pattern(24 * MEGABYTE))).toBe(0);
    });

    test("a paused connection receives nothing until it is resumed", async () => {
      const { near, far, farEar } = await joined();
      far.pause();
      near.write(pattern(1000));
      await harness.wait(30);
      expect(farEar.received).toBe(0);
      far.resume();
      await harness.until(() => farEar.received === 1000);
      near.write(pattern(1000));
      await harness.until(() => farEar.received === 2000);
    });

    test("close sends what is queued, then ends the connection at the other side", async () => {
      const { near, farEar, nearEar } = await joined();
      let isDone = false;
      const bytes = pattern(6 * MEGABYTE);
      near.write(bytes);
      near.close(() => {
        isDone = true;
      });
      await harness.until(() => farEar.ends.length === 1 && isDone);
      expect(farEar.ends).toEqual(["closed by the peer"]);
      expect(Buffer.compare(farEar.bytes, bytes)).toBe(0);
      await harness.wait(20);
      expect(nearEar.ends).toEqual([]);
    });

    test("after close nothing is heard, and what the other side still said is no harm", async () => {
      const { near, far, nearEar, farEar } = await joined();
      far.write(pattern(100_000));
      near.write(Uint8Array.of(1));
      near.close();
      near.write(Uint8Array.of(2));
      await harness.until(() => farEar.ends.length === 1);
      expect(farEar.bytes).toEqual(Uint8Array.of(1));
      expect(nearEar.received).toBe(0);
    });

    test("close gives up on a peer that does not read", async () => {
      const { near, far } = await joined();
      far.pause();
      let isDone = false;
      near.write(new Uint8Array(24 * MEGABYTE));
      near.close(() => {
        isDone = true;
      });
      await harness.wait(30);
      expect(isDone).toBe(false);
      await harness.until(() => isDone);
    });

    test("reset loses what is queued and says so at the other side", async () => {
      const { near, far, farEar, nearEar } = await joined();
      far.pause();
      near.write(new Uint8Array(24 * MEGABYTE));
      await harness.wait(20);
      near.reset();
      near.reset();
      near.close();
      far.resume();
      await harness.until(() => farEar.ends.length === 1);
      expect(farEar.ends).toEqual(["connection reset by peer"]);
      expect(farEar.received).toBeLessThan(24 * MEGABYTE);
      expect(nearEar.ends).toEqual([]);
    });

    test("many connections at once keep apart", async () => {
      const ears = new Map<number, Ear>();
      const port = listen((connection) => {
        const ear = new Ear();
        ears.set(connection.remotePort, ear);
        connection.receive(ear);
      });
      const sent = new Map<number, number>();
      for (let index = 1; index <= 20; index++) {
        harness.client.connect(
          { remote: harness.serverAddress, port },
          {
            onOpen: (connection) => {
              connections.push(connection);
              sent.set(connection.localPort, index * 10);
              connection.write(pattern(index * 10));
            },
            onFail: () => {},
          },
        );
      }
      const all = (): boolean =>
        sent.size === 20 &&
        [...sent].every(([source, size]) => ears.get(source)?.received === size);
      await harness.until(all);
    });

    test("hops can be limited on both ends without harm to the connection", async () => {
      const { near, far, farEar } = await joined();
      near.restrict({ hops: 1 });
      far.restrict({ hops: 1 });
      near.write(Uint8Array.of(5));
      await harness.until(() => farEar.received === 1);
    });

    /** What came of a request with these options, once the time for an answer is over. */
    async function outcome(port: number, options: Partial<ConnectOptions>): Promise<string> {
      let result = "no answer";
      const attempt = harness.client.connect(
        { remote: harness.serverAddress, port, local: harness.clientAddress, ...options },
        {
          onOpen: (connection) => {
            connections.push(connection);
            result = "opened";
          },
          onFail: (reason) => {
            result = reason;
          },
        },
      );
      await harness.wait(150);
      attempt.cancel();
      return result;
    }

    test("who has to sign is let in with the key alone, and others as before", async () => {
      const port = listen(() => {});
      const socket = sockets[0]!;
      socket.setKey(hostPrefix(harness.clientAddress), keyOf("one"));
      expect(await outcome(port, { key: keyOf("one") })).toBe("opened");
      expect(await outcome(port, { key: keyOf("two") })).toBe("no answer");
      expect(await outcome(port, {})).toBe("no answer");
      socket.setKey(hostPrefix(harness.clientAddress), undefined);
      socket.setKey(hostPrefix(harness.clientAddress), undefined);
      expect(await outcome(port, {})).toBe("opened");
      socket.setKey(prefixOf(harness.clientAddress, 8), keyOf("wide"));
      expect(await outcome(port, {})).toBe("no answer");
      expect(await outcome(port, { key: keyOf("wide") })).toBe("opened");
    });

    test("a key for addresses of the other family is refused in words", () => {
      listen(() => {});
      const other = harness.serverAddress.family === 4 ? "fd00::/64" : "10.0.0.0/8";
      expect(() => sockets[0]!.setKey(parsePrefix(other), keyOf("one"))).toThrow(
        `cannot set the key of ${other}`,
      );
    });

    test("a key changes while the connection lives: what was said in between arrives", async () => {
      let far: Connection | undefined;
      let near: Connection | undefined;
      const port = listen((connection) => {
        far = connection;
      });
      sockets[0]!.setKey(hostPrefix(harness.clientAddress), keyOf("one"));
      harness.client.connect(
        {
          remote: harness.serverAddress,
          port,
          local: harness.clientAddress,
          key: keyOf("one"),
        },
        {
          onOpen: (connection) => {
            near = connection;
            connections.push(connection);
          },
          onFail: () => {},
        },
      );
      await harness.until(() => near !== undefined && far !== undefined);
      const ear = new Ear();
      far!.receive(ear);
      near!.write(pattern(10));
      await harness.until(() => ear.received === 10);
      near!.setKey(keyOf("two"));
      near!.write(pattern(10));
      await harness.wait(100);
      expect(ear.received).toBe(10);
      far!.setKey(keyOf("two"));
      await harness.until(() => ear.received === 20);
      expect(ear.ends).toEqual([]);
    });

    test("what comes from farther than it may is not heard (GTSM)", async () => {
      const { near, far, farEar } = await joined();
      far.restrict({ hops: 255, leastHops: 255 });
      near.write(pattern(10));
      await harness.wait(100);
      expect(farEar.received).toBe(0);
      near.restrict({ hops: 255, leastHops: 255 });
      await harness.until(() => farEar.received === 10);
    });

    test("a listener's answer comes from near enough for everybody", async () => {
      const port = listen(() => {});
      expect(await outcome(port, { hops: 255, leastHops: 255 })).toBe("opened");
    });

    test("the time of the last progress stands still while nothing is taken", async () => {
      const { near, far } = await joined();
      far.pause();
      near.write(new Uint8Array(24 * MEGABYTE));
      await harness.wait(100);
      const stuck = near.sentAt;
      await harness.wait(100);
      expect(near.sentAt).toBe(stuck);
      far.resume();
      await harness.until(() => near.backlog === 0);
      expect(near.sentAt).toBeGreaterThan(stuck);
    });

    test("two cannot listen on one port, and a closed one refuses", async () => {
      const port = listen(() => {});
      expect(() => listen(() => {}, port)).toThrow(/in use/);
      sockets[0]!.close();
      const outcomes: string[] = [];
      harness.client.connect(
        { remote: harness.serverAddress, port },
        { onOpen: () => outcomes.push("opened"), onFail: (reason) => outcomes.push(reason) },
      );
      await harness.until(() => outcomes.length > 0);
      expect(outcomes).toEqual(["connection refused"]);
      expect(listen(() => {}, port)).toBe(port);
    });
  });
}
