/** The kernel's TCP on loopback: the suite, and what only real sockets show. */

import { expect, test } from "bun:test";
import { createBunTransport } from "../../bgpd/transport-bun.ts";
import { type Address, parseAddress } from "../../lib/address.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { silentListener } from "../silent-listener.ts";
import { transportSuite } from "../suites/transport.ts";
import type { TransportHarness } from "../suites/transport-stage.ts";

const SERVER = parseAddress("127.0.0.1");
/** All of 127.0.0.0/8 is ours: another address shows that the local one is bound. */
const CLIENT = parseAddress("127.0.0.2");

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("not within 5 s");
    await Bun.sleep(1);
  }
}

/** The transport takes its patience from the clock; the suite has less of it. */
const HASTY: Clock = {
  ...systemClock,
  after: (delay, run) => systemClock.after(delay / 10, run),
};

/** IPv6 has one address on loopback. */
const LOOPBACK6 = parseAddress("::1");

for (const { name, client, server } of [
  { name: "the kernel's TCP", client: CLIENT, server: SERVER },
  { name: "the kernel's TCP over IPv6", client: LOOPBACK6, server: LOOPBACK6 },
]) {
  transportSuite(name, () => harness(client, server));
}

function harness(clientAddress: Address, serverAddress: Address): TransportHarness {
  const transport = createBunTransport(HASTY);
  const closers: (() => void)[] = [];
  return {
    client: transport,
    server: transport,
    clientAddress,
    serverAddress,
    silentPort: () => {
      const { port, close } = silentListener(serverAddress.family);
      closers.push(close);
      return port;
    },
    until,
    wait: (duration) => Bun.sleep(duration),
    close: () => {
      for (const close of closers) close();
    },
  };
}

/** The reason that a connection request fails with. */
async function failure(options: Parameters<ReturnType<typeof createBunTransport>["connect"]>[0]) {
  const outcomes: string[] = [];
  const transport = createBunTransport();
  transport.connect(options, {
    onOpen: () => outcomes.push("opened"),
    onFail: (reason) => outcomes.push(reason),
  });
  expect(outcomes).toEqual([]);
  await until(() => outcomes.length > 0);
  return outcomes[0];
}

test("an address that is not ours cannot be connected from", async () => {
  const local = parseAddress("192.0.2.1");
  expect(await failure({ remote: SERVER, port: 9, local })).toContain(
    "no interface has the address",
  );
});

test("an address that is not ours cannot be listened on, in words", () => {
  const address = parseAddress("192.0.2.1");
  expect(() => createBunTransport().listen({ address, port: 0 }, () => {})).toThrow(
    /cannot listen on 192\.0\.2\.1 port 0/,
  );
});
