/** Who is let in. */

import { describe, expect, test } from "bun:test";
import { createListener } from "../../bgpd/listener.ts";
import { toHex } from "../../lib/hex.ts";
import { silentLogger } from "../../lib/log.ts";
import { notification, STRANGER, scene, US } from "./peer-scene.ts";

describe("the listener", () => {
  test("tells a stranger Cease/Connection Rejected and closes", () => {
    const stage = scene();
    const told: string[] = [];
    stage.network.host(STRANGER).connect(
      { remote: US, port: 179 },
      {
        onOpen: (connection) =>
          connection.receive({
            onData: (bytes) => told.push(toHex(bytes)),
            onDrain: () => {},
            onEnd: (reason) => told.push(reason),
          }),
        onFail: (reason) => told.push(reason),
      },
    );
    stage.pass(0.1);
    expect(told).toEqual([notification(6, 5), "closed by the peer"]);
  });

  test("keeps trying an address that is in use, until it is closed", () => {
    const stage = scene();
    const options = {
      transport: stage.transport,
      addresses: [US],
      port: 1790,
      log: silentLogger(),
      clock: stage.clock,
      find: () => undefined,
    };
    const first = createListener(options);
    const second = createListener(options);
    const third = createListener(options);
    stage.pass(10);
    first.close();
    third.close();
    stage.pass(3);
    expect(() => stage.transport.listen({ address: US, port: 1790 }, () => {})).toThrow(/in use/);
    second.close();
    stage.transport.listen({ address: US, port: 1790 }, () => {}).close();
    stage.pass(10);
    expect(stage.clock.pending).toBe(0);
  });
});
