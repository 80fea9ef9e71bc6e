/** Who is let in. */

import { describe, expect, test } from "bun:test";
import { createListener, type ListenerKey } from "../../bgpd/listener.ts";
import { formatAddress, parseAddress, withZone } from "../../lib/address.ts";
import { toHex } from "../../lib/hex.ts";
import { silentLogger } from "../../lib/log.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { Secret } from "../../lib/secret.ts";
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

  test("tells some of a crowd of strangers so, and resets the others without a word", () => {
    const stage = scene();
    const told = { words: 0, resets: 0 };
    for (let count = 0; count < 100; count++) {
      stage.network.host(STRANGER).connect(
        { remote: US, port: 179 },
        {
          onOpen: (connection) =>
            connection.receive({
              onData: () => told.words++,
              onDrain: () => {},
              onEnd: (reason) => {
                if (reason !== "closed by the peer") told.resets++;
              },
            }),
          onFail: () => {},
        },
      );
    }
    stage.pass(0.1);
    expect(told).toEqual({ words: 16, resets: 84 });
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

  test("moves to other addresses, with the keys, and stays where it is at those that are equal", () => {
    const stage = scene();
    const calls: string[] = [];
    const listener = createListener({
      transport: {
        ...stage.transport,
        listen: ({ address, port }) => {
          const name = formatAddress(address);
          calls.push(`open ${name}`);
          if (name === "fe80::3%4") throw new Error("not there yet");
          return {
            address,
            port,
            close: () => void calls.push(`close ${name}`),
            setKey: (remotes) => void calls.push(`${name}: ${formatPrefix(remotes)}`),
          };
        },
      },
      addresses: [US],
      port: 179,
      log: silentLogger(),
      clock: stage.clock,
      find: () => undefined,
      keys: [keyed("fe80::9/128", "nine")],
    });
    const [one, two, three] = ["fe80::1", "fe80::1", "fe80::3"].map((text, index) =>
      withZone(parseAddress(text), index + 2),
    );
    listener.setAddresses([US, one!, three!]);
    listener.setAddresses([US, two!, three!]);
    listener.setAddresses([US]);
    stage.pass(10);
    expect(calls).toEqual([
      "open 10.0.0.1",
      "open fe80::1%2",
      "fe80::1%2: fe80::9/128",
      "open fe80::3%4",
      "close fe80::1%2",
      "open fe80::1%3",
      "fe80::1%3: fe80::9/128",
      "close fe80::1%3",
    ]);
    listener.close();
    expect(calls.at(-1)).toBe("close 10.0.0.1");
    expect(stage.clock.pending).toBe(0);
  });

  test("asks on a link for the keys of that link's neighbour alone", () => {
    const stage = scene();
    const signed: string[] = [];
    const listener = createListener({
      transport: {
        ...stage.transport,
        listen: ({ address, port }) => ({
          address,
          port,
          close: () => {},
          setKey: (_, key) => {
            const what = key === undefined ? "nothing" : new TextDecoder().decode(key.reveal());
            signed.push(`${formatAddress(address)}: ${what}`);
          },
        }),
      },
      addresses: [2, 3].map((link) => withZone(parseAddress("fe80::1"), link)),
      port: 179,
      log: silentLogger(),
      clock: stage.clock,
      find: () => undefined,
    });
    const [two, three] = [2, 3].map((link) => ({ ...keyed("fe80::9/128", `on ${link}`), link }));
    listener.setKeys([two!, three!]);
    listener.setKeys([three!]);
    listener.close();
    expect(signed).toEqual([
      "fe80::1%2: on 2",
      "fe80::1%3: on 3",
      "fe80::1%2: nothing",
      "fe80::1%3: on 3",
    ]);
  });

  test("asks for keys on the addresses of their callers' family", () => {
    const stage = scene();
    const signed: string[] = [];
    const listener = createListener({
      transport: {
        ...stage.transport,
        listen: ({ address, port }) => ({
          address,
          port,
          close: () => {},
          setKey: (remotes, key) => {
            const what = key === undefined ? "nothing" : new TextDecoder().decode(key.reveal());
            signed.push(`${formatAddress(address)}: ${formatPrefix(remotes)} ${what}`);
          },
        }),
      },
      addresses: ["0.0.0.0", "::"].map(parseAddress),
      port: 179,
      log: silentLogger(),
      clock: stage.clock,
      find: () => undefined,
      keys: [keyed("172.30.0.2/32", "four"), keyed("fd00::/64", "six")],
    });
    listener.setKeys([keyed("fd00::/64", "other")]);
    listener.close();
    expect(signed).toEqual([
      "0.0.0.0: 172.30.0.2/32 four",
      "::: fd00::/64 six",
      "0.0.0.0: 172.30.0.2/32 nothing",
      "::: fd00::/64 other",
    ]);
  });
});

function keyed(remotes: string, key: string): ListenerKey {
  return { remotes: parsePrefix(remotes), key: new Secret(new TextEncoder().encode(key)) };
}
