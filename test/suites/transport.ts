/**
 * What every Transport does: run on the kernel's TCP and on the in-memory twin.
 */

import { describe, expect, test } from "bun:test";
import type { Connection } from "../../bgpd/transport.ts";
import { formatAddress } from "../../lib/address.ts";
import { transportProtectionSuite } from "./transport-protection.ts";
import { Ear, pattern, setStage, type TransportHarness } from "./transport-stage.ts";

const MEGABYTE = 1 << 20;

/** The suite; `open` gives a fresh harness for each test. */
export function transportSuite(name: string, open: () => TransportHarness): void {
  describe(name, () => {
    const stage = setStage(open);

    transportProtectionSuite(stage);

    test("a connection knows both addresses and ports at both ends", async () => {
      const { near, far } = await stage.joined();
      expect(formatAddress(near.local)).toBe(formatAddress(stage.harness.clientAddress));
      expect(formatAddress(near.remote)).toBe(formatAddress(stage.harness.serverAddress));
      expect(formatAddress(far.remote)).toBe(formatAddress(stage.harness.clientAddress));
      expect(formatAddress(far.local)).toBe(formatAddress(stage.harness.serverAddress));
      expect([far.localPort, far.remotePort]).toEqual([near.remotePort, near.localPort]);
    });

    test("nothing is called from inside connect", async () => {
      let inside = true;
      const calls: boolean[] = [];
      const port = stage.listen(() => {});
      stage.harness.client.connect(
        { remote: stage.harness.serverAddress, port },
        {
          onOpen: (connection) => {
            stage.keep(connection);
            calls.push(inside);
          },
          onFail: () => calls.push(inside),
        },
      );
      inside = false;
      await stage.harness.until(() => calls.length > 0);
      expect(calls).toEqual([false]);
    });

    test("a port on which nobody listens refuses, once and in words", async () => {
      const failures: string[] = [];
      stage.harness.client.connect(
        { remote: stage.harness.serverAddress, port: 1, local: stage.harness.clientAddress },
        { onOpen: () => failures.push("opened"), onFail: (reason) => failures.push(reason) },
      );
      await stage.harness.until(() => failures.length > 0);
      await stage.harness.wait(20);
      expect(failures).toEqual(["connection refused"]);
    });

    test("a request that is not answered stays open, and says nothing once cancelled", async () => {
      const outcomes: string[] = [];
      const attempt = stage.harness.client.connect(
        { remote: stage.harness.serverAddress, port: stage.harness.silentPort() },
        { onOpen: () => outcomes.push("opened"), onFail: (reason) => outcomes.push(reason) },
      );
      await stage.harness.wait(100);
      expect(outcomes).toEqual([]);
      attempt.cancel();
      attempt.cancel();
      await stage.harness.wait(100);
      expect(outcomes).toEqual([]);
    });

    test("a request cancelled at once never becomes a connection of ours", async () => {
      const outcomes: string[] = [];
      const ends = new Ear();
      const port = stage.listen((connection) => connection.receive(ends));
      stage.harness.client
        .connect(
          { remote: stage.harness.serverAddress, port },
          { onOpen: () => outcomes.push("opened"), onFail: (reason) => outcomes.push(reason) },
        )
        .cancel();
      await stage.harness.wait(50);
      expect(outcomes).toEqual([]);
      expect(ends.received).toBe(0);
    });

    test("data goes both ways, small writes in order", async () => {
      const { near, far, nearEar, farEar } = await stage.joined();
      const whole = pattern(300);
      for (let index = 0; index < 300; index += 3) near.write(whole.subarray(index, index + 3));
      far.write(Uint8Array.of(1, 2, 3));
      await stage.harness.until(() => farEar.received === 300 && nearEar.received === 3);
      expect(farEar.bytes).toEqual(whole);
      expect(nearEar.bytes).toEqual(Uint8Array.of(1, 2, 3));
    });

    test("what arrives before receive waits for it", async () => {
      let far: Connection | undefined;
      let near: Connection | undefined;
      const port = stage.listen((connection) => {
        far = connection;
      });
      stage.harness.client.connect(
        { remote: stage.harness.serverAddress, port },
        {
          onOpen: (connection) => {
            near = connection;
            stage.keep(connection);
            connection.write(Uint8Array.of(7, 8, 9));
          },
          onFail: () => {},
        },
      );
      await stage.harness.until(() => far !== undefined && near !== undefined);
      await stage.harness.wait(30);
      const ear = new Ear();
      far!.receive(ear);
      await stage.harness.until(() => ear.received === 3);
      expect(ear.bytes).toEqual(Uint8Array.of(7, 8, 9));
    });

    test("a large write is half taken, waits as backlog, and arrives whole", async () => {
      const { near, far, nearEar, farEar } = await stage.joined();
      far.pause();
      const bytes = pattern(24 * MEGABYTE);
      near.write(bytes.subarray(0, 10 * MEGABYTE));
      near.write(bytes.subarray(10 * MEGABYTE, 10 * MEGABYTE + 5));
      near.write(bytes.subarray(10 * MEGABYTE + 5));
      await stage.harness.wait(30);
      expect(near.backlog).toBeGreaterThan(0);
      expect(near.backlog).toBeLessThan(bytes.length);
      expect(nearEar.drains).toBe(0);
      far.resume();
      await stage.harness.until(() => farEar.received === bytes.length && nearEar.drains === 1);
      expect(near.backlog).toBe(0);
      expect(Buffer.compare(farEar.bytes, bytes)).toBe(0);
      expect(Buffer.compare(bytes, pattern(24 * MEGABYTE))).toBe(0);
    });

    test("a paused connection receives nothing until it is resumed", async () => {
      const { near, far, farEar } = await stage.joined();
      far.pause();
      near.write(pattern(1000));
      await stage.harness.wait(30);
      expect(farEar.received).toBe(0);
      far.resume();
      await stage.harness.until(() => farEar.received === 1000);
      near.write(pattern(1000));
      await stage.harness.until(() => farEar.received === 2000);
    });

    test("close sends what is queued, then ends the connection at the other side", async () => {
      const { near, farEar, nearEar } = await stage.joined();
      let isDone = false;
      const bytes = pattern(6 * MEGABYTE);
      near.write(bytes);
      near.close(() => {
        isDone = true;
      });
      await stage.harness.until(() => farEar.ends.length === 1 && isDone);
      expect(farEar.ends).toEqual(["closed by the peer"]);
      expect(Buffer.compare(farEar.bytes, bytes)).toBe(0);
      await stage.harness.wait(20);
      expect(nearEar.ends).toEqual([]);
    });

    test("after close nothing is heard, and what the other side still said is no harm", async () => {
      const { near, far, nearEar, farEar } = await stage.joined();
      far.write(pattern(100_000));
      near.write(Uint8Array.of(1));
      near.close();
      near.write(Uint8Array.of(2));
      await stage.harness.until(() => farEar.ends.length === 1);
      expect(farEar.bytes).toEqual(Uint8Array.of(1));
      expect(nearEar.received).toBe(0);
    });

    test("close gives up on a peer that does not read", async () => {
      const { near, far } = await stage.joined();
      far.pause();
      let isDone = false;
      near.write(new Uint8Array(24 * MEGABYTE));
      near.close(() => {
        isDone = true;
      });
      await stage.harness.wait(30);
      expect(isDone).toBe(false);
      await stage.harness.until(() => isDone);
    });

    test("reset loses what is queued and says so at the other side", async () => {
      const { near, far, farEar, nearEar } = await stage.joined();
      far.pause();
      near.write(new Uint8Array(24 * MEGABYTE));
      await stage.harness.wait(20);
      near.reset();
      near.reset();
      near.close();
      far.resume();
      await stage.harness.until(() => farEar.ends.length === 1);
      expect(farEar.ends).toEqual(["connection reset by peer"]);
      expect(farEar.received).toBeLessThan(24 * MEGABYTE);
      expect(nearEar.ends).toEqual([]);
    });

    test("many connections at once keep apart", async () => {
      const ears = new Map<number, Ear>();
      const port = stage.listen((connection) => {
        const ear = new Ear();
        ears.set(connection.remotePort, ear);
        connection.receive(ear);
      });
      const sent = new Map<number, number>();
      for (let index = 1; index <= 20; index++) {
        stage.harness.client.connect(
          { remote: stage.harness.serverAddress, port },
          {
            onOpen: (connection) => {
              stage.keep(connection);
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
      await stage.harness.until(all);
    });

    test("hops can be limited on both ends without harm to the connection", async () => {
      const { near, far, farEar } = await stage.joined();
      near.restrict({ hops: 1 });
      far.restrict({ hops: 1 });
      near.write(Uint8Array.of(5));
      await stage.harness.until(() => farEar.received === 1);
    });

    test("the time of the last progress stands still while nothing is taken", async () => {
      const { near, far } = await stage.joined();
      far.pause();
      near.write(new Uint8Array(24 * MEGABYTE));
      await stage.harness.wait(100);
      const stuck = near.sentAt;
      await stage.harness.wait(100);
      expect(near.sentAt).toBe(stuck);
      far.resume();
      await stage.harness.until(() => near.backlog === 0);
      expect(near.sentAt).toBeGreaterThan(stuck);
    });

    test("two cannot listen on one port, and a closed one refuses", async () => {
      const port = stage.listen(() => {});
      expect(() => stage.listen(() => {}, port)).toThrow(/in use/);
      stage.sockets[0]!.close();
      const outcomes: string[] = [];
      stage.harness.client.connect(
        { remote: stage.harness.serverAddress, port },
        { onOpen: () => outcomes.push("opened"), onFail: (reason) => outcomes.push(reason) },
      );
      await stage.harness.until(() => outcomes.length > 0);
      expect(outcomes).toEqual(["connection refused"]);
      expect(stage.listen(() => {}, port)).toBe(port);
    });
  });
}
