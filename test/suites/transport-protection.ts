/** What every Transport does with keys (RFC 2385) and hops (RFC 5082); part of the suite of `transport.ts`. */

import { expect, test } from "bun:test";
import type { Connection, ConnectOptions } from "../../bgpd/transport.ts";
import { hostPrefix, parsePrefix, prefixOf } from "../../lib/prefix.ts";
import { Secret } from "../../lib/secret.ts";
import { Ear, pattern, type TransportStage } from "./transport-stage.ts";

function keyOf(text: string): Secret {
  return new Secret(new TextEncoder().encode(text));
}

/** Of the suite, inside of its `describe`. */
export function transportProtectionSuite(stage: TransportStage): void {
  /** What came of a request with these options, once the time for an answer is over. */
  async function outcome(port: number, options: Partial<ConnectOptions>): Promise<string> {
    let result = "no answer";
    const attempt = stage.harness.client.connect(
      { remote: stage.harness.serverAddress, port, local: stage.harness.clientAddress, ...options },
      {
        onOpen: (connection) => {
          stage.keep(connection);
          result = "opened";
        },
        onFail: (reason) => {
          result = reason;
        },
      },
    );
    await stage.harness.wait(150);
    attempt.cancel();
    return result;
  }

  test("who has to sign is let in with the key alone, and others as before", async () => {
    const port = stage.listen(() => {});
    const socket = stage.sockets[0]!;
    socket.setKey(hostPrefix(stage.harness.clientAddress), keyOf("one"));
    expect(await outcome(port, { key: keyOf("one") })).toBe("opened");
    expect(await outcome(port, { key: keyOf("two") })).toBe("no answer");
    expect(await outcome(port, {})).toBe("no answer");
    socket.setKey(hostPrefix(stage.harness.clientAddress), undefined);
    socket.setKey(hostPrefix(stage.harness.clientAddress), undefined);
    expect(await outcome(port, {})).toBe("opened");
    socket.setKey(prefixOf(stage.harness.clientAddress, 8), keyOf("wide"));
    expect(await outcome(port, {})).toBe("no answer");
    expect(await outcome(port, { key: keyOf("wide") })).toBe("opened");
  });

  test("a key for addresses of the other family is refused in words", () => {
    stage.listen(() => {});
    const other = stage.harness.serverAddress.family === 4 ? "fd00::/64" : "10.0.0.0/8";
    expect(() => stage.sockets[0]!.setKey(parsePrefix(other), keyOf("one"))).toThrow(
      `cannot set the key of ${other}`,
    );
  });

  test("a key changes while the connection lives: what was said in between arrives", async () => {
    let far: Connection | undefined;
    let near: Connection | undefined;
    const port = stage.listen((connection) => {
      far = connection;
    });
    stage.sockets[0]!.setKey(hostPrefix(stage.harness.clientAddress), keyOf("one"));
    stage.harness.client.connect(
      {
        remote: stage.harness.serverAddress,
        port,
        local: stage.harness.clientAddress,
        key: keyOf("one"),
      },
      {
        onOpen: (connection) => {
          near = connection;
          stage.keep(connection);
        },
        onFail: () => {},
      },
    );
    await stage.harness.until(() => near !== undefined && far !== undefined);
    const ear = new Ear();
    far!.receive(ear);
    near!.write(pattern(10));
    await stage.harness.until(() => ear.received === 10);
    near!.setKey(keyOf("two"));
    near!.write(pattern(10));
    await stage.harness.wait(100);
    expect(ear.received).toBe(10);
    far!.setKey(keyOf("two"));
    await stage.harness.until(() => ear.received === 20);
    expect(ear.ends).toEqual([]);
  });

  test("what comes from farther than it may is not heard (GTSM)", async () => {
    const { near, far, farEar } = await stage.joined();
    far.restrict({ hops: 255, leastHops: 255 });
    near.write(pattern(10));
    await stage.harness.wait(100);
    expect(farEar.received).toBe(0);
    near.restrict({ hops: 255, leastHops: 255 });
    await stage.harness.until(() => farEar.received === 10);
  });

  test("a listener's answer comes from near enough for everybody", async () => {
    const port = stage.listen(() => {});
    expect(await outcome(port, { hops: 255, leastHops: 255 })).toBe("opened");
  });
}
