/** One peer against a scripted other side: what it says, and what people are told. */

import { describe, expect, test } from "bun:test";
import type { Connection } from "../../bgpd/transport.ts";
import { BgpError } from "../../bgpd/wire/error.ts";
import { fromHex, toHex } from "../../lib/hex.ts";
import {
  END_OF_RIB,
  established,
  KEEPALIVE,
  MARKER,
  notification,
  OPEN,
  scene,
  THEM,
  US,
} from "./peer-scene.ts";

describe("coming up", () => {
  test("sends an OPEN, a KEEPALIVE for theirs, and tells what was agreed upon", () => {
    const stage = scene();
    stage.peer.start();
    stage.pass(0.1);
    expect(stage.heard).toEqual([
      toHex(
        fromHex(
          `${MARKER}0031 01 04 fc00 0009 0a000001 14 0212 0104 0001 0001 0200 4600 0600 4104 0000fc00`,
        ),
      ),
    ]);
    expect(stage.peer.status().state).toBe("OpenSent");
    stage.say(OPEN);
    stage.pass(0.1);
    expect(stage.heard.slice(1)).toEqual([toHex(fromHex(KEEPALIVE))]);
    expect(stage.peer.status().state).toBe("OpenConfirm");
    stage.say(KEEPALIVE);
    stage.pass(0.1);
    expect(stage.calls).toEqual(["established", "keepalive"]);
    expect(stage.sessions).toEqual([
      {
        remoteAs: 64513,
        identifier: THEM,
        wire: {
          fourOctetAs: true,
          external: true,
          maxLength: 4096,
          families: [4],
          extendedNextHop: false,
        },
        enhancedRefresh: false,
        restart: undefined,
        localAddress: US,
        remoteAddress: THEM,
        holdTime: 9,
        keepaliveTime: 3,
        capabilities: ["IPv4 unicast", "route refresh", "four-octet AS numbers"],
      },
    ]);
    const { since, lastError, flaps, messages } = stage.peer.status();
    expect([since < 200, lastError, flaps]).toEqual([true, "", 0]);
    expect(messages).toEqual({ received: 2, sent: 2, updatesReceived: 0, updatesSent: 0 });
  });

  test("takes a connection of theirs while it waits for its turn to connect", () => {
    const stage = scene({ passive: true });
    stage.peer.start();
    stage.pass(1000);
    expect(stage.peer.status().state).toBe("Active");
    stage.network
      .host(THEM)
      .connect({ remote: US, port: 179 }, { onOpen: () => {}, onFail: () => {} });
    stage.pass(0.1);
    expect(stage.peer.status().state).toBe("OpenSent");
  });

  test("tries again after the connect retry time when nobody answers, and says so", () => {
    const stage = scene();
    stage.network.cut(US, THEM);
    stage.peer.start();
    stage.pass(12);
    const { state, lastError } = stage.peer.status();
    expect([state, lastError]).toEqual(["Connect", "no answer to our connection requests"]);
    stage.network.mend(US, THEM);
    stage.pass(0.1);
    expect(stage.peer.status().state).toBe("OpenSent");
  });

  test("gives up waiting for an OPEN after four minutes", () => {
    const stage = scene();
    stage.peer.start();
    stage.pass(240.1);
    expect(stage.heard.at(-1)).toBe(notification(4, 0));
    expect(stage.peer.status().lastError).toBe(
      "the peer sent no OPEN for 240 s; we sent Hold Timer Expired",
    );
  });
});

type Refusal = readonly [string, readonly string[], string, string];

const REFUSALS: readonly Refusal[] = [
  [
    "an OPEN of another AS",
    [OPEN.replace("fc01 005a", "fc02 005a").replace("0000fc01", "0000fc02")],
    notification(2, 2),
    "the peer is AS 64514, not AS 64513",
  ],
  [
    "an OPEN of version 3",
    [OPEN.replace(" 04 fc01", " 03 fc01")],
    notification(2, 1, "0004"),
    "version 3",
  ],
  ["a hold time of 2", [OPEN.replace("005a", "0002")], notification(2, 6), "hold time is 2"],
  [
    "an UPDATE in OpenSent",
    [END_OF_RIB],
    notification(5, 1),
    "the peer sent an UPDATE in OpenSent",
  ],
  [
    "a KEEPALIVE in OpenSent",
    [KEEPALIVE],
    notification(5, 1),
    "the peer sent a KEEPALIVE in OpenSent",
  ],
  ["an UPDATE in OpenConfirm", [OPEN, END_OF_RIB], notification(5, 2), "an UPDATE in OpenConfirm"],
  ["a second OPEN", [OPEN, KEEPALIVE, OPEN], notification(5, 3), "an OPEN in Established"],
  ["a broken marker", [OPEN.replace("ff", "fe")], notification(1, 1), ""],
  [
    "a broken marker in Established",
    [OPEN, KEEPALIVE, KEEPALIVE.replace("ff", "fe")],
    notification(1, 1),
    "",
  ],
  ["a message of 18 octets", [`${MARKER}0012 04`], notification(1, 2, "0012"), ""],
  ["an unknown type", [OPEN, KEEPALIVE, `${MARKER}0013 09`], notification(1, 3, "09"), ""],
];

describe("what is wrong is answered and remembered", () => {
  for (const [name, messages, answer, error] of REFUSALS) {
    test(name, () => {
      const stage = scene();
      stage.peer.start();
      stage.pass(0.1);
      stage.say(...messages);
      stage.pass(0.1);
      expect(stage.heard.at(-1)).toBe(answer);
      expect(stage.ends).toEqual(["closed by the peer"]);
      const { state, lastError } = stage.peer.status();
      expect(state).toBe("Idle");
      expect(lastError).toContain(error);
      expect(lastError).toContain("we sent ".slice(0, error === "" ? 8 : 0));
    });
  }

  test("whatever is split wherever, the session comes up", () => {
    const bytes = fromHex(OPEN + KEEPALIVE + END_OF_RIB);
    for (let at = 1; at < bytes.length; at++) {
      const stage = scene();
      stage.peer.start();
      stage.pass(0.1);
      stage.theirs().write(bytes.slice(0, at));
      stage.pass(0.1);
      stage.theirs().write(bytes.slice(at));
      stage.pass(0.1);
      const calls = stage.calls.filter((call) => call !== "drain");
      expect(calls).toEqual(["established", "keepalive", "update 00000000"]);
    }
  });
});

describe("ending", () => {
  test("their NOTIFICATION is remembered in words, and not answered", () => {
    const stage = established();
    stage.say(notification(6, 2));
    stage.theirs().close();
    stage.pass(0.1);
    const words = "the peer sent Cease/Administrative Shutdown";
    expect(stage.calls).toEqual([`down: ${words}`]);
    expect(stage.peer.status()).toMatchObject({ lastError: words, flaps: 1 });
    expect(stage.heard).toEqual([]);
  });

  test("an UPDATE that the RIB refuses ends the session with its NOTIFICATION", () => {
    const stage = established();
    stage.onUpdate = () => {
      throw new BgpError(3, 10, "prefix length 33", Uint8Array.of(33));
    };
    stage.say(END_OF_RIB, KEEPALIVE);
    stage.pass(0.1);
    expect(stage.heard).toEqual([notification(3, 10, "21")]);
    expect(stage.calls[1]).toStartWith("down: prefix length 33; we sent ");
    expect(stage.calls.length).toBe(2);
  });

  test("a fault of ours ends the session, not the process", () => {
    const stage = established();
    stage.onUpdate = () => {
      throw new TypeError("undefined is not a function");
    };
    stage.say(END_OF_RIB);
    stage.pass(0.1);
    expect(stage.heard).toEqual([notification(6, 8)]);
    expect(stage.peer.status().lastError).toContain("internal error");
  });

  test("a reset says its Cease, is told with its reason, and the session comes back", () => {
    const stage = established();
    stage.peer.reset({ code: 6, subcode: 10 }, "BFD down: detection time expired");
    stage.pass(0.1);
    expect(stage.heard).toEqual([notification(6, 10)]);
    expect(stage.calls).toEqual(["down: BFD down: detection time expired; we sent Cease/BFD Down"]);
    expect(stage.peer.status()).toMatchObject({ state: "Idle", flaps: 1 });
    stage.pass(2);
    expect(stage.peer.status().state).toBe("OpenSent");
  });

  test("stop says Cease after what was queued, resolves when it has left, and nothing comes back", async () => {
    const stage = established();
    stage.peer.send(fromHex(END_OF_RIB));
    const stopped = stage.peer.stop({ code: 6, subcode: 3, data: Uint8Array.of(0x41) });
    stage.pass(1);
    await stopped;
    expect(stage.heard).toEqual([toHex(fromHex(END_OF_RIB)), notification(6, 3, "41")]);
    expect(stage.calls.length).toBe(1);
    expect(stage.calls[0]).toStartWith("down: stopped");
    stage.pass(3600);
    expect(stage.peer.status()).toMatchObject({ state: "Idle", flaps: 0 });
    expect(stage.clock.pending).toBe(0);
    stage.peer.start();
    stage.pass(0.1);
    expect(stage.peer.status().state).toBe("OpenSent");
  });

  test("stop is patient with a peer that does not read, but not for ever", async () => {
    const stage = established();
    stage.theirs().pause();
    stage.peer.send(new Uint8Array(1 << 20).fill(0xff));
    expect(stage.peer.backlog()).toBe(1 << 20);
    let isDone = false;
    const stopped = stage.peer.stop({ code: 6, subcode: 2 }).then(() => {
      isDone = true;
    });
    stage.pass(2.9);
    await Promise.resolve();
    expect(isDone).toBe(false);
    stage.pass(0.2);
    await stopped;
  });

  test("while Idle their connections are refused without a word", () => {
    const stage = established();
    stage.say(notification(6, 4));
    stage.pass(0.1);
    const ends: string[] = [];
    stage.network.host(THEM).connect(
      { remote: US, port: 179 },
      {
        onOpen: (connection) =>
          connection.receive({
            onData: () => ends.push("data"),
            onDrain: () => {},
            onEnd: (reason) => ends.push(reason),
          }),
        onFail: () => {},
      },
    );
    stage.pass(0.1);
    expect(stage.peer.status().state).toBe("Idle");
    expect(ends).toEqual(["closed by the peer"]);
  });

  test("a session that is up is not disturbed by another connection of theirs", () => {
    const stage = established();
    const first = stage.theirs();
    const ends: string[] = [];
    let second: Connection | undefined;
    stage.network.host(THEM).connect(
      { remote: US, port: 179 },
      {
        onOpen: (connection) => {
          second = connection;
          connection.receive({
            onData: (bytes) => ends.push(toHex(bytes).slice(36, 42)),
            onDrain: () => {},
            onEnd: (reason) => ends.push(reason),
          });
        },
        onFail: () => {},
      },
    );
    stage.pass(0.1);
    second!.write(fromHex(OPEN));
    stage.pass(0.1);
    // Our OPEN on it, then Cease/Connection Collision Resolution.
    expect(ends).toEqual(["0104fc", "030607", "closed by the peer"]);
    expect(first.backlog).toBe(0);
    expect(stage.peer.status()).toMatchObject({ state: "Established", flaps: 0 });
  });
});

describe("sending", () => {
  test("counts the messages in a buffer, and drops it when there is no session", () => {
    const stage = scene();
    const buffer = fromHex(END_OF_RIB + KEEPALIVE + END_OF_RIB);
    stage.peer.send(buffer);
    expect(stage.peer.status().messages.sent).toBe(0);
    const up = established();
    const before = up.peer.status().messages;
    up.peer.send(buffer);
    expect(up.peer.backlog()).toBe(buffer.length);
    up.pass(0.1);
    expect(up.peer.backlog()).toBe(0);
    expect(up.calls).toEqual(["drain"]);
    const { sent, updatesSent } = up.peer.status().messages;
    expect([sent - before.sent, updatesSent - before.updatesSent]).toEqual([3, 2]);
  });
});
