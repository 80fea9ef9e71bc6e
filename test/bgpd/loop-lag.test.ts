import { expect, test } from "bun:test";
import { watchLoop } from "../../bgpd/loop-lag.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { countOf } from "../../lib/histogram.ts";

/** A loop that something else keeps for a while. */
class HeldClock extends VirtualClock {
  held = 0;

  override now(): number {
    return super.now() + this.held;
  }
}

test("each look says how late it came, and none comes after stop", () => {
  const clock = new HeldClock();
  const loop = watchLoop(clock);
  clock.advance(400);
  expect([countOf(loop.histogram), loop.last]).toEqual([2, 0]);
  clock.held = 40;
  clock.advance(200);
  expect(loop.last).toBeCloseTo(0.04, 6);
  expect(loop.histogram.sum).toBeCloseTo(0.04, 6);
  clock.advance(200);
  expect([countOf(loop.histogram), loop.last]).toEqual([4, 0]);
  loop.stop();
  expect(clock.pending).toBe(0);
});
