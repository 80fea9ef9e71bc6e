/** Two peers over the kernel's TCP on loopback: simultaneous opens, a flood, and the end of it. */

import { afterEach, expect, test } from "bun:test";
import { DEFAULT_POLICY, type PeerPlan } from "../../bgpd/cluster/speaker.ts";
import { createListener, type Listener } from "../../bgpd/listener.ts";
import { createPeer, type Peer } from "../../bgpd/peer.ts";
import { createBunTransport } from "../../bgpd/transport-bun.ts";
import { type Address, parseAddress } from "../../lib/address.ts";
import { systemClock } from "../../lib/clock.ts";
import { fromHex } from "../../lib/hex.ts";
import { silentLogger } from "../../lib/log.ts";
import { END_OF_RIB } from "./peer-scene.ts";

const A = parseAddress("127.0.0.11");
const B = parseAddress("127.0.0.12");
const CEASE = { code: 6, subcode: 2 };

type Side = { readonly peer: Peer; readonly listener: Listener; updates: number; down: string };

const sides: Side[] = [];

afterEach(async () => {
  await Promise.all(sides.map(({ peer }) => peer.stop(CEASE)));
  for (const { listener } of sides) listener.close();
  sides.length = 0;
});

/** A port that is free on all of loopback. */
function freePort(): number {
  const socket = createBunTransport().listen(
    { address: parseAddress("127.0.0.1"), port: 0 },
    () => {},
  );
  socket.close();
  return socket.port;
}

function side(us: Address, them: Address, port: number, plan: Partial<PeerPlan>): Side {
  const transport = createBunTransport();
  const log = silentLogger();
  const peer = createPeer(
    {
      name: "other",
      origin: "mesh",
      node: undefined,
      reachableBy: undefined,
      address: them,
      port,
      remoteAs: 64512,
      localAs: 64512,
      localAddress: us,
      holdTime: 3,
      keepaliveTime: 1,
      connectRetryTime: 1,
      passive: false,
      ttl: 1,
      families: [4],
      acceptDefaultRoute: false,
      filters: [],
      role: undefined,
      aigp: false,
      policy: DEFAULT_POLICY,
      ...plan,
    },
    {
      clock: systemClock,
      transport,
      log,
      random: Math.random,
      routerId: us,
      onEstablished: () => {},
      onUpdate: () => {
        it.updates++;
      },
      onRouteRefresh: () => {},
      onDown: (reason) => {
        it.down = reason;
      },
    },
  );
  const listener = createListener({ transport, addresses: [us], port, log, find: () => peer });
  const it: Side = { peer, listener, updates: 0, down: "" };
  sides.push(it);
  return it;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 8000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("not within 8 s");
    await Bun.sleep(2);
  }
}

function isUp(...peers: readonly Side[]): boolean {
  return peers.every(({ peer }) => peer.status().state === "Established");
}

test("both open at once, one session stays, and it ends with a Cease that arrives", async () => {
  const port = freePort();
  const [a, b] = [side(A, B, port, {}), side(B, A, port, {})];
  a.peer.start();
  b.peer.start();
  await until(() => isUp(a, b));
  await b.peer.stop(CEASE);
  await until(() => a.down !== "");
  expect(a.down).toBe("the peer sent Cease/Administrative Shutdown");
  expect([a.peer.status().flaps, b.peer.status().flaps]).toEqual([1, 0]);
});

test("200,000 UPDATEs arrive, shared with another buffer's owner, while keepalives go on", async () => {
  const port = freePort();
  const external = { localAs: 64513, remoteAs: 64512 };
  const a = side(A, B, port, { remoteAs: 64513, passive: true });
  const b = side(B, A, port, external);
  a.peer.start();
  b.peer.start();
  await until(() => isUp(a, b));
  const batch = fromHex(END_OF_RIB.repeat(1000));
  for (let count = 0; count < 200; count++) b.peer.send(batch);
  expect(b.peer.backlog()).toBeGreaterThan(0);
  await until(() => a.updates === 200_000);
  expect(b.peer.backlog()).toBe(0);
  expect(b.peer.status().messages.updatesSent).toBe(200_000);
  expect(isUp(a, b)).toBe(true);
  expect(a.peer.status().flaps).toBe(0);
});
