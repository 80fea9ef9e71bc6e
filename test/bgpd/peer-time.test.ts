/** A peer's timers, and its reading in slices. */

import { describe, expect, test } from "bun:test";
import { fromHex } from "../../lib/hex.ts";
import { END_OF_RIB, established, KEEPALIVE, notification, ROUTE_REFRESH } from "./peer-scene.ts";

describe("time", () => {
  test("KEEPALIVEs leave at the keepalive time, later when something else was sent", () => {
    const stage = established();
    stage.pass(2.7);
    expect(stage.heard.length).toBe(0);
    stage.pass(0.3);
    expect(stage.heard.length).toBe(1);
    stage.pass(2);
    stage.peer.send(fromHex(END_OF_RIB));
    stage.pass(2.5);
    expect(stage.heard.length).toBe(2);
    stage.pass(0.6);
    expect(stage.heard.length).toBe(3);
  });

  test("the hold timer starts again with every UPDATE and KEEPALIVE, not with ROUTE-REFRESH", () => {
    const stage = established();
    for (const message of [END_OF_RIB, KEEPALIVE, END_OF_RIB]) {
      stage.pass(8);
      stage.say(message);
    }
    stage.pass(8);
    stage.say(ROUTE_REFRESH);
    stage.pass(0.5);
    expect(stage.peer.status().state).toBe("Established");
    stage.pass(0.6);
    expect(stage.heard.at(-1)).toBe(notification(4, 0));
    expect(stage.calls.at(-1)).toBe(
      "down: hold timer expired: the peer sent nothing for 9 s; we sent Hold Timer Expired",
    );
    expect(stage.calls).toContain("refresh 1/1");
  });

  test("many UPDATEs cost one timer, not one each", () => {
    const stage = established();
    const { pending } = stage.clock;
    stage.say(...new Array<string>(1000).fill(END_OF_RIB));
    stage.pass(0.1);
    expect(stage.peer.status().messages.updatesReceived).toBe(1000);
    expect(stage.clock.pending).toBeLessThanOrEqual(pending);
  });

  test("a flood is read in slices, with timers in between, and the peer is held back", () => {
    const stage = established();
    let ticks = 0;
    let longest = 0;
    let inARow = 0;
    stage.onUpdate = () => {
      stage.clock.busy += 0.2;
      inARow++;
      longest = Math.max(longest, inARow);
      // Somebody else's work, due at once.
      if (inARow === 1) {
        stage.clock.after(0, () => {
          ticks++;
          inARow = 0;
        });
      }
    };
    stage.say(...new Array<string>(2000).fill(END_OF_RIB));
    stage.pass(10);
    expect(stage.peer.status().messages.updatesReceived).toBe(2000);
    expect(longest).toBeLessThanOrEqual(64);
    expect(ticks).toBeGreaterThan(30);
  });

  test("a peer is not taken for dead while what it said waits for us", () => {
    const stage = established();
    stage.say(...new Array<string>(50).fill(END_OF_RIB));
    stage.pass(0.0005);
    stage.onUpdate = () => {
      stage.clock.busy += 0.2;
      stage.clock.nextTurn = 20_000;
    };
    stage.pass(1);
    // Others have theirs at once.
    stage.clock.nextTurn = 0;
    stage.pass(18);
    expect(stage.peer.status()).toMatchObject({ state: "Established", flaps: 0 });
    expect(stage.peer.status().messages.updatesReceived).toBe(32);
    stage.pass(2);
    expect(stage.peer.status().messages.updatesReceived).toBe(50);
  });
});
