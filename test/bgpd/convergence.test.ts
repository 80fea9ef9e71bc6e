import { describe, expect, test } from "bun:test";
import { createConvergence } from "../../bgpd/convergence.ts";
import { VirtualClock } from "../../lib/clock.ts";

function start(deadline = 1000) {
  const clock = new VirtualClock();
  const done: (readonly string[])[] = [];
  const convergence = createConvergence(clock, deadline, (silent) => done.push(silent));
  return { clock, done, convergence };
}

describe("convergence", () => {
  test("it is done when every expected peer was heard", () => {
    const { convergence, done } = start();
    convergence.expect(["a", "b"]);
    convergence.heard("a");
    expect([done, convergence.waitingFor()]).toEqual([[], ["b"]]);
    convergence.heard("b");
    expect([done, convergence.done]).toEqual([[[]], true]);
  });

  test("without peers it is done at once", () => {
    const { convergence, done } = start();
    convergence.expect([]);
    expect(done).toEqual([[]]);
  });

  test("a silent peer holds it up until the deadline and is named", () => {
    const { convergence, clock, done } = start(1000);
    convergence.expect(["a", "silent"]);
    convergence.heard("a");
    clock.advance(999);
    expect(done).toEqual([]);
    clock.advance(1);
    expect(done).toEqual([["silent"]]);
  });

  test("a peer that was heard and is lost before the others are heard is waited for again", () => {
    const { convergence, done } = start();
    convergence.expect(["a", "b"]);
    convergence.heard("a");
    convergence.lost("a");
    convergence.heard("b");
    expect(done).toEqual([]);
    convergence.heard("a");
    expect(done).toEqual([[]]);
  });

  test("a reload that drops the last silent peer finishes it, one that adds a peer waits for it", () => {
    const { convergence, done } = start();
    convergence.expect(["a", "b"]);
    convergence.heard("a");
    convergence.expect(["a", "b", "c"]);
    convergence.expect(["a", "c"]);
    expect(done).toEqual([]);
    convergence.expect(["a"]);
    expect(done).toEqual([[]]);
  });

  test("it is done only once", () => {
    const { convergence, clock, done } = start(10);
    convergence.expect(["a"]);
    convergence.heard("a");
    convergence.expect([]);
    clock.advance(20);
    expect(done).toHaveLength(1);
  });
});
