/** Whom a speaker that has restarted waits for in ranges, by hand. */

import { beforeEach, describe, expect, test } from "bun:test";
import { Callers } from "../../bgpd/callers.ts";
import { VirtualClock } from "../../lib/clock.ts";

const PATIENCE = 1000;

let clock: VirtualClock;
let callers: Callers;
/** Ranges that are waited for no longer, in order. */
let over: string[];

beforeEach(() => {
  clock = new VirtualClock();
  over = [];
  const onOver = (range: string) => over.push(range);
  callers = new Callers({ clock, patience: PATIENCE, onOver }, ["pods", "routers"]);
});

describe("the neighbours of a range", () => {
  test("are waited for as long as one that lives needs to call", () => {
    clock.advance(PATIENCE - 1);
    expect(over).toEqual([]);
    clock.advance(1);
    expect(over).toEqual(["pods", "routers"]);
    expect(callers.expects("pods")).toBe(false);
  });

  test("that have called are waited for until each has told its table", () => {
    expect([callers.up("pods", "a"), callers.up("pods", "b")]).toEqual([true, true]);
    clock.advance(PATIENCE);
    expect(over).toEqual(["routers"]);
    callers.done("a");
    expect(callers.expects("pods")).toBe(true);
    callers.done("b");
    callers.done("b");
    expect(over).toEqual(["routers", "pods"]);
  });

  test("that have told theirs at once do not end the time of the others", () => {
    callers.up("pods", "a");
    callers.done("a");
    expect(over).toEqual([]);
    clock.advance(PATIENCE);
    expect(over).toEqual(["pods", "routers"]);
  });

  test("that call later, or of another range, are not waited for", () => {
    callers.up("pods", "a");
    expect(callers.up("nodes", "b")).toBe(false);
    clock.advance(PATIENCE);
    expect(callers.up("pods", "c")).toBe(false);
    callers.done("c");
    expect(over).toEqual(["routers"]);
    callers.done("a");
    expect(over).toEqual(["routers", "pods"]);
  });

  test("are not waited for once nobody is", () => {
    callers.cancel();
    clock.advance(2 * PATIENCE);
    expect(over).toEqual([]);
  });
});
