/** Sessions between many speakers: simultaneous opens, cuts, restarts, damping; hours in milliseconds. */

import { describe, expect, test } from "bun:test";
import { World, type WorldOptions } from "./world.ts";

function world(options: Partial<WorldOptions> = {}): World {
  return new World({ seed: 1, speakers: 2, ...options }).startAll();
}

const SEEDS = Array.from({ length: 200 }, (_, index) => index + 1);

describe("coming up", () => {
  test("two that connect to each other at the same moment keep one session, whatever the seed", () => {
    for (const seed of SEEDS) {
      const pair = world({ seed });
      pair.until(() => pair.isMeshed, 10);
      pair.pass(300);
      expect([seed, pair.isMeshed, pair.flaps]).toEqual([seed, true, 0]);
      expect([seed, pair.network.connections]).toEqual([seed, 1]);
    }
  });

  test("so do two of different ASes", () => {
    for (const seed of SEEDS.slice(0, 50)) {
      const pair = world({ seed, asNumber: (index) => 64512 + index });
      pair.until(() => pair.isMeshed, 10);
      expect([seed, pair.flaps, pair.network.connections]).toEqual([seed, 0, 1]);
    }
  });

  test("a mesh of twelve is up within seconds, without a flap", () => {
    const mesh = world({ speakers: 12, seed: 7 });
    expect(mesh.until(() => mesh.isMeshed)).toBeLessThan(10);
    mesh.pass(3600);
    expect([mesh.isMeshed, mesh.flaps, mesh.network.connections]).toEqual([true, 0, 66]);
  });

  test("one that starts later is found within the connect retry time", () => {
    for (const seed of SEEDS.slice(0, 20)) {
      const pair = new World({ seed, speakers: 2 });
      pair.start(0);
      pair.pass(60);
      expect(pair.state(0, 1)).toBe("Active");
      expect(pair.status(0, 1).lastError).toBe("connection refused");
      pair.start(1);
      expect(pair.until(() => pair.isMeshed, 10)).toBeLessThan(5.5);
    }
  });

  test("a passive one is connected to, two passive ones wait", () => {
    const pair = world({ passive: (index) => index === 0 });
    pair.until(() => pair.isMeshed, 10);
    const waiting = world({ passive: () => true });
    waiting.pass(3600);
    expect([waiting.state(0, 1), waiting.state(1, 0)]).toEqual(["Active", "Active"]);
  });

  test("wrong AS numbers are refused again and again, more slowly each time, and never flap", () => {
    const pair = world({ plan: { remoteAs: 65000 } });
    pair.pass(3600);
    const { state, lastError, flaps, messages } = pair.status(0, 1);
    expect(state).not.toBe("Established");
    expect(lastError).toContain("the peer is AS 64512, not AS 65000");
    expect(flaps).toBe(0);
    // An hour at the connect retry time alone would be 720 attempts.
    expect(messages.sent).toBeLessThan(300);
  });
});

describe("losing each other", () => {
  test("a cut is noticed when the hold time is over, and the mended link heals by itself", () => {
    for (const seed of SEEDS.slice(0, 40)) {
      const pair = world({ seed, plan: { holdTime: 3, keepaliveTime: 1, connectRetryTime: 2 } });
      pair.until(() => pair.isMeshed, 10);
      pair.pass(60);
      pair.cut(0, 1);
      const noticed = pair.until(
        () => pair.state(0, 1) !== "Established" && pair.state(1, 0) !== "Established",
        5,
      );
      expect(noticed).toBeGreaterThanOrEqual(2);
      expect(noticed).toBeLessThanOrEqual(3.1);
      expect(pair.status(0, 1).lastError).toBe(
        "hold timer expired: the peer sent nothing for 3 s; we sent Hold Timer Expired",
      );
      pair.pass(120);
      pair.mend(0, 1);
      expect(pair.until(() => pair.isMeshed, 20)).toBeLessThan(10);
      expect(pair.flaps).toBe(2);
      pair.pass(600);
      expect([seed, pair.isMeshed, pair.flaps]).toEqual([seed, true, 2]);
    }
  });

  test("a cut shorter than the hold time goes unnoticed", () => {
    const pair = world({ plan: { holdTime: 9, keepaliveTime: 3 } });
    pair.until(() => pair.isMeshed, 10);
    pair.cut(0, 1);
    pair.pass(5);
    pair.mend(0, 1);
    pair.pass(60);
    expect([pair.isMeshed, pair.flaps]).toEqual([true, 0]);
  });

  test("with hold time 0 a session outlives any cut", () => {
    const pair = world({ plan: { holdTime: 0, keepaliveTime: 0 } });
    pair.until(() => pair.isMeshed, 10);
    const before = pair.status(0, 1).messages;
    pair.cut(0, 1);
    pair.pass(7200);
    pair.mend(0, 1);
    expect([pair.isMeshed, pair.flaps]).toEqual([true, 0]);
    expect(pair.status(0, 1).messages).toEqual(before);
  });

  test("a killed speaker that starts again is back within seconds", () => {
    for (const seed of SEEDS.slice(0, 40)) {
      const trio = world({ seed, speakers: 3 });
      trio.until(() => trio.isMeshed, 10);
      trio.pass(300);
      trio.kill(1);
      trio.pass(0.3);
      trio.start(1);
      expect(trio.until(() => trio.isMeshed, 30)).toBeLessThan(10);
      expect(trio.status(0, 1).lastError).toBe("connection reset by peer");
      trio.pass(300);
      expect([seed, trio.flaps]).toEqual([seed, 2]);
    }
  });

  test("one that lost its power and comes back is taken as soon as its stale session is known dead", () => {
    const pair = world({ plan: { holdTime: 9, keepaliveTime: 3 } });
    pair.until(() => pair.isMeshed, 10);
    pair.pass(60);
    pair.cut(0, 1);
    pair.kill(1);
    pair.pass(2);
    pair.start(1);
    pair.mend(0, 1);
    expect(pair.until(() => pair.isMeshed, 60)).toBeLessThan(12);
  });

  test("a stopped speaker says why, and the others wait for it", () => {
    const pair = world();
    pair.until(() => pair.isMeshed, 10);
    pair.pass(60);
    pair.speakers[1]!.stop();
    pair.pass(60);
    expect(pair.state(1, 0)).toBe("Idle");
    expect(pair.status(1, 0).flaps).toBe(0);
    expect(pair.speakers[0]!.downs).toEqual(["s1: the peer sent Cease/Administrative Shutdown"]);
    expect(pair.state(0, 1)).not.toBe("Established");
    pair.start(1);
    pair.until(() => pair.isMeshed, 10);
  });
});

describe("for hours", () => {
  test("an idle session costs its keepalives and nothing else", () => {
    const pair = world();
    pair.until(() => pair.isMeshed, 10);
    const before = pair.status(0, 1).messages.sent;
    pair.pass(24 * 3600);
    const sent = pair.status(0, 1).messages.sent - before;
    // Every 30 s, shortened by up to a quarter.
    expect(sent).toBeGreaterThan((24 * 3600) / 30);
    expect(sent).toBeLessThan((24 * 3600) / 22.5);
    expect(pair.flaps).toBe(0);
    // Hold and keepalive timers at both ends, and at most one message under way.
    expect(pair.clock.pending).toBeLessThan(8);
  });

  test("after a day of cuts, kills and restarts everybody finds everybody, and no timer is left over", () => {
    for (const seed of SEEDS.slice(0, 3)) {
      const mesh = world({
        seed,
        speakers: 5,
        plan: { holdTime: 9, keepaliveTime: 3, connectRetryTime: 4 },
      });
      const pick = (): number => Math.floor(mesh.random() * 5);
      for (let round = 0; round < 60; round++) {
        const [a, b] = [pick(), pick()];
        const kind = mesh.random();
        if (a !== b && kind < 0.6) {
          mesh.cut(a, b);
          mesh.pass(mesh.random() * 60);
          mesh.mend(a, b);
        } else {
          mesh.kill(a);
          mesh.pass(mesh.random() * 20);
          mesh.start(a);
        }
        mesh.pass(mesh.random() * 60);
      }
      mesh.until(() => mesh.isMeshed, 200);
      const { flaps } = mesh;
      mesh.pass(3600);
      expect([seed, mesh.isMeshed, mesh.flaps]).toEqual([seed, true, flaps]);
      expect([seed, mesh.network.connections]).toEqual([seed, 10]);
      expect(mesh.clock.pending).toBeLessThan(5 * 4 * 4);
    }
  });
});
