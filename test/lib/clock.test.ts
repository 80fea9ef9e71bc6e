import { describe, expect, test } from "bun:test";
import { systemClock, VirtualClock } from "../../lib/clock.ts";

describe("virtual clock", () => {
  test("calls run in the order of their time, then of their asking, each at its own time", () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name}@${clock.now()}`);
    clock.after(20, note("b"));
    clock.after(10, note("a"));
    clock.after(20, note("c"));
    clock.advance(15);
    expect(seen).toEqual(["a@10"]);
    clock.advance(5);
    expect(seen).toEqual(["a@10", "b@20", "c@20"]);
  });

  test("a call asked for by a call runs in the same advance when it falls due", () => {
    const clock = new VirtualClock();
    let count = 0;
    const again = (): void => {
      count++;
      clock.after(10, again);
    };
    clock.after(10, again);
    clock.advance(100);
    expect([count, clock.now(), clock.pending]).toEqual([10, 100, 1]);
  });

  test("a cancelled call does not run", () => {
    const clock = new VirtualClock();
    clock.after(1, () => expect.unreachable()).cancel();
    clock.advance(2);
    expect(clock.pending).toBe(0);
  });
});

describe("system clock", () => {
  test("a delay of 0 runs soon, and not before the caller has returned", async () => {
    let ran = false;
    await new Promise<void>((resolve) => {
      systemClock.after(0, () => {
        ran = true;
        resolve();
      });
      expect(ran).toBe(false);
    });
    expect(ran).toBe(true);
  });

  test("a cancelled call does not run", async () => {
    systemClock.after(0, () => expect.unreachable()).cancel();
    systemClock.after(1, () => expect.unreachable()).cancel();
    await new Promise<void>((resolve) => systemClock.after(3, resolve));
  });
});
