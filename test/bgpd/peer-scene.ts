/** A stage for one peer: its other side speaks as scripted and writes down what it hears. */

import { expect } from "bun:test";
import type { PeerPlan } from "../../bgpd/cluster/speaker.ts";
import { createListener } from "../../bgpd/listener.ts";
import { createPeer, type Peer, type SessionInfo } from "../../bgpd/peer.ts";
import type { Connection, Transport } from "../../bgpd/transport.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import { parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { fromHex, toHex } from "../../lib/hex.ts";
import { silentLogger } from "../../lib/log.ts";
import { peerPlan } from "./plan.ts";

export const US = parseAddress("10.0.0.1");
export const THEM = parseAddress("10.0.0.2");
export const STRANGER = parseAddress("10.0.0.3");

const PLAN = peerPlan({
  address: THEM,
  remoteAs: 64513,
  localAddress: US,
  holdTime: 9,
  keepaliveTime: 3,
});

export const MARKER = "ff".repeat(16);
export const OPEN = `${MARKER}002d 01 04 fc01 005a 0a000002 10 020e 0104 0001 0001 0200 4104 0000fc01`;
export const KEEPALIVE = `${MARKER}0013 04`;
export const END_OF_RIB = `${MARKER}0017 02 0000 0000`;
export const ROUTE_REFRESH = `${MARKER}0017 05 0001 00 01`;

/** A NOTIFICATION in hex. */
export function notification(code: number, subcode: number, data = ""): string {
  const length = (21 + data.length / 2).toString(16).padStart(4, "0");
  const octets = toHex(Uint8Array.of(3, code, subcode));
  return `${MARKER}${length}${octets}${data}`;
}

/** A clock on which our own work takes time. */
class BusyClock extends VirtualClock {
  busy = 0;

  /** How long others keep us from our next turn. */
  nextTurn = 0;

  override now(): number {
    return super.now() + this.busy;
  }

  override after(delay: number, run: () => void) {
    return super.after(delay === 0 ? this.nextTurn : delay, run);
  }
}

export type Scene = {
  readonly clock: BusyClock;
  readonly network: MemoryNetwork;
  readonly transport: Transport;
  readonly peer: Peer;
  /** What the peer was told by us, message by message, in hex. */
  readonly heard: string[];
  /** How each connection ended at their side. */
  readonly ends: string[];
  /** Calls of the daemon. */
  readonly calls: string[];
  readonly sessions: SessionInfo[];
  /** Their newest connection. */
  theirs(): Connection;
  say(...messages: readonly string[]): void;
  pass(seconds: number): void;
  onUpdate: (buffer: Uint8Array, start: number, end: number) => void;
};

/** A peer that has not been started, and the machine of its other side. */
export function scene(plan: Partial<PeerPlan> = {}): Scene {
  const clock = new BusyClock();
  const network = new MemoryNetwork({ clock });
  const transport = network.host(US);
  const heard: string[] = [];
  const ends: string[] = [];
  const calls: string[] = [];
  const sessions: SessionInfo[] = [];
  let theirs: Connection | undefined;
  const attach = (connection: Connection): void => {
    theirs = connection;
    let left = "";
    connection.receive({
      onData: (bytes) => {
        left += toHex(bytes);
        for (;;) {
          const length = 2 * Number.parseInt(left.slice(32, 36), 16);
          if (!(left.length >= length)) break;
          heard.push(left.slice(0, length));
          left = left.slice(length);
        }
      },
      onDrain: () => {},
      onEnd: (reason) => ends.push(reason),
    });
  };
  const host = network.host(THEM);
  host.listen({ address: THEM, port: 179 }, attach);
  const peer = createPeer(
    { ...PLAN, ...plan },
    {
      clock,
      transport,
      log: silentLogger(),
      random: () => 0.999_999,
      routerId: US,
      onEstablished: (session) => {
        sessions.push(session);
        calls.push("established");
      },
      onUpdate: (buffer, start, end) => {
        calls.push(`update ${toHex(buffer.subarray(start, end))}`);
        stage.onUpdate(buffer, start, end);
      },
      onRouteRefresh: (afi, safi) => calls.push(`refresh ${afi}/${safi}`),
      onRefreshed: (afi, safi, what) => calls.push(`${what} ${afi}/${safi}`),
      onKeepalive: () => calls.push("keepalive"),
      onDrain: () => calls.push("drain"),
      onDown: (reason) => calls.push(`down: ${reason}`),
    },
  );
  createListener({
    transport,
    addresses: [US],
    port: 179,
    log: silentLogger(),
    clock,
    find: (remote) => (remote.w0 === THEM.w0 ? peer : undefined),
  });
  const stage: Scene = {
    clock,
    network,
    transport,
    peer,
    heard,
    ends,
    calls,
    sessions,
    theirs: () => theirs!,
    say: (...messages) => theirs!.write(fromHex(messages.join(""))),
    pass: (seconds) => clock.advance(seconds * 1000),
    onUpdate: () => {},
  };
  return stage;
}

/** Started and connected; their OPEN and KEEPALIVE said. */
export function established(plan: Partial<PeerPlan> = {}): Scene {
  const stage = scene(plan);
  stage.peer.start();
  stage.pass(0.1);
  stage.say(OPEN, KEEPALIVE);
  stage.pass(0.1);
  expect(stage.peer.status().state).toBe("Established");
  stage.heard.length = 0;
  stage.calls.length = 0;
  return stage;
}
