/** The in-memory transport: the suite, and what only it can do (latency, cuts, kills). */

import { describe, expect, test } from "bun:test";
import type { Connection } from "../../bgpd/transport.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import { type Address, parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { transportSuite } from "../suites/transport.ts";
import type { TransportHarness } from "../suites/transport-stage.ts";

const A = parseAddress("10.0.0.1");
const B = parseAddress("10.0.0.2");
const NOWHERE = parseAddress("10.0.0.99");

const A6 = parseAddress("fd00::1");
const B6 = parseAddress("fd00::2");

for (const { name, near, far } of [
  { name: "the in-memory transport", near: A, far: B },
  { name: "the in-memory transport over IPv6", near: A6, far: B6 },
]) {
  transportSuite(name, () => harness(near, far));
}

function harness(near: Address, far: Address): TransportHarness {
  const clock = new VirtualClock();
  let turn = 0;
  const network = new MemoryNetwork({
    clock,
    latency: () => 1 + (turn++ % 3),
    segment: () => 1000 + ((turn++ * 7919) % 60_000),
  });
  const [client, server] = [network.host(near), network.host(far)];
  return {
    client,
    server: {
      ...server,
      connect: client.connect,
    },
    clientAddress: near,
    serverAddress: far,
    silentPort: () => {
      network.cut(near, far);
      return 179;
    },
    until: async (condition) => {
      for (let time = 0; time < 5000 && !condition(); time++) clock.advance(1);
      if (!condition()) throw new Error("not within 5 s");
    },
    wait: async (duration) => clock.advance(duration),
    close: () => {},
  };
}

type Pair = {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly near: Connection;
  readonly far: Connection;
  readonly log: string[];
};

/** Both ends of a connection from A to B; what happens to them is logged with its time. */
function connected(segment?: () => number): Pair {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({
    clock,
    latency: () => 10,
    ...(segment === undefined ? {} : { segment }),
  });
  const [a, b] = [network.host(A), network.host(B)];
  const log: string[] = [];
  const ends: Connection[] = [];
  const attach = (name: string, connection: Connection): void => {
    ends.push(connection);
    log.push(`${clock.now()} ${name} open`);
    connection.receive({
      onData: (bytes) => log.push(`${clock.now()} ${name} got ${bytes.length}`),
      onDrain: () => {},
      onEnd: (reason) => log.push(`${clock.now()} ${name} ended: ${reason}`),
    });
  };
  b.listen({ address: B, port: 179 }, (connection) => attach("B", connection));
  a.connect(
    { remote: B, port: 179 },
    { onOpen: (connection) => attach("A", connection), onFail: (reason) => log.push(reason) },
  );
  clock.advance(30);
  const [near, far] = ends;
  return { clock, network, near: near!, far: far!, log };
}

describe("the in-memory network", () => {
  test("takes a round trip to open and half of one to carry", () => {
    const { clock, near, log } = connected();
    near.write(new Uint8Array(5));
    clock.advance(100);
    expect(log).toEqual(["20 A open", "30 B open", "40 B got 5"]);
  });

  test("splits what is written as it is told", () => {
    const { clock, near, log } = connected(() => 2);
    near.write(new Uint8Array(5));
    clock.advance(100);
    expect(log.slice(2)).toEqual(["40 B got 2", "40 B got 2", "40 B got 1"]);
  });

  test("keeps what a cut holds up and delivers it once mended", () => {
    const { clock, network, near, log } = connected();
    network.cut(A, B);
    near.write(new Uint8Array(5));
    near.close();
    clock.advance(2000);
    expect(log.length).toBe(2);
    network.mend(B, A);
    clock.advance(1);
    expect(log.slice(2)).toEqual(["2030 B got 5", "2030 B ended: closed by the peer"]);
  });

  test("lets a connection request through once the cut is mended", () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork({ clock });
    const outcomes: string[] = [];
    network.host(B).listen({ address: B, port: 179 }, () => outcomes.push("accepted"));
    network.cut(A, B);
    network
      .host(A)
      .connect(
        { remote: B, port: 179 },
        { onOpen: () => outcomes.push("opened"), onFail: (reason) => outcomes.push(reason) },
      );
    clock.advance(60_000);
    expect(outcomes).toEqual([]);
    network.mend(A, B);
    clock.advance(10);
    expect(outcomes).toEqual(["opened", "accepted"]);
  });

  test("never answers for a host that is not there", () => {
    const clock = new VirtualClock();
    const network = new MemoryNetwork({ clock });
    const outcomes: string[] = [];
    network
      .host(A)
      .connect(
        { remote: NOWHERE, port: 179 },
        { onOpen: () => outcomes.push("opened"), onFail: (reason) => outcomes.push(reason) },
      );
    clock.advance(60_000);
    expect(outcomes).toEqual([]);
  });

  test("a killed process resets its connections, refuses new ones, and is not called again", () => {
    const { clock, network, log } = connected();
    network.kill(B);
    clock.advance(100);
    expect(log.slice(2)).toEqual(["40 A ended: connection reset by peer"]);
    network
      .host(A)
      .connect(
        { remote: B, port: 179 },
        { onOpen: () => log.push("opened"), onFail: (reason) => log.push(reason) },
      );
    clock.advance(100);
    expect(log.at(-1)).toBe("connection refused");
  });

  test("nothing is left on the clock when all is over", () => {
    const { clock, near, far } = connected();
    near.write(new Uint8Array(1000));
    far.write(new Uint8Array(1000));
    near.close();
    clock.advance(10_000);
    far.close();
    clock.advance(10_000);
    expect(clock.pending).toBe(0);
  });
});
