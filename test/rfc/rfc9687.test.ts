/** RFC 9687, Send Hold Timer, by clause; the state table is in test/bgpd/fsm. */

import { describe, expect, test } from "bun:test";
import { step } from "../../bgpd/fsm/step.ts";
import { fromHex } from "../../lib/hex.ts";
import { EVENTS, NEGOTIATED, sessionIn, written } from "../bgpd/fsm/fixture.ts";
import { established, KEEPALIVE, MARKER } from "../bgpd/peer-scene.ts";

const keepAlive = EVENTS.find(({ type }) => type === "KeepAliveMsg")!;

describe("section 3.1: SendHoldTime", () => {
  const up = (config: object, holdTime = 9): string => {
    const session = {
      ...sessionIn("OpenConfirm", config),
      negotiated: { ...NEGOTIATED, holdTime },
    };
    return written(step(session, keepAlive, 0.75));
  };

  test("is eight minutes, or twice the hold time where that is longer; without jitter", () => {
    expect(up({})).toBe("Established 5: hold=9, sendHold=480, session up");
    expect(up({}, 240)).toBe("Established 5: hold=240, sendHold=480, session up");
    expect(up({}, 300)).toBe("Established 5: hold=300, sendHold=600, session up");
  });

  test("can be configured, and switched off", () => {
    expect(up({ sendHoldTime: 60 })).toBe("Established 5: hold=9, sendHold=60, session up");
    expect(up({ sendHoldTime: 0 })).toBe("Established 5: hold=9, session up");
  });

  test("does not run where the hold time is zero", () => {
    expect(up({ sendHoldTime: 60 }, 0)).toBe("Established 5: session up");
  });
});

/** So many octets of messages, about. */
function messages(octets: number): Uint8Array {
  return fromHex(`${MARKER} 1000 02 ${"00".repeat(4077)}`.repeat(octets / 4096));
}

describe("section 3.2: the timer", () => {
  test("starts again with whatever TCP takes: a session that only sends KEEPALIVEs stays", () => {
    const stage = established({ sendHoldTime: 10 });
    for (let second = 0; second < 60; second += 3) {
      stage.say(KEEPALIVE);
      stage.pass(3);
    }
    expect(stage.peer.status().state).toBe("Established");
  });

  test("expires when TCP takes nothing, though the peer speaks on: NOTIFICATION 8/0, and down", () => {
    const stage = established({ sendHoldTime: 10 });
    stage.theirs().pause();
    stage.peer.send(messages(400_000));
    for (let second = 0; second < 9; second += 3) {
      stage.say(KEEPALIVE);
      stage.pass(3);
    }
    expect(stage.peer.status().state).toBe("Established");
    stage.pass(1.2);
    expect(stage.calls.at(-1)).toBe(
      "down: send hold timer expired: the peer's TCP took nothing for 10 s",
    );
  });

  test("counts from the last progress, not from the first octet that waited", () => {
    const stage = established({ sendHoldTime: 10, holdTime: 90, keepaliveTime: 30 });
    stage.theirs().pause();
    stage.peer.send(messages(8_000_000));
    stage.pass(6);
    stage.theirs().resume();
    stage.pass(0.002);
    stage.theirs().pause();
    stage.pass(6);
    expect(stage.peer.status().state).toBe("Established");
    stage.pass(5);
    expect(stage.calls.at(-1)).toContain("send hold timer expired");
  });
});
