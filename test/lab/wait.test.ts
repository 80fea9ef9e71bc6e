/** Waiting with a deadline. */

import { describe, expect, test } from "bun:test";
import { LabError } from "../../lab/error.ts";
import { DONE, type Look, mapLimited, some, until } from "../../lab/wait.ts";

const goOn = () => {};

describe("until", () => {
  test("looks again until it is done, telling what is missing", async () => {
    const looks: Look[] = [{ type: "waiting", for: "n1" }, { type: "waiting", for: "n2" }, DONE];
    const told: string[] = [];
    const wait = { name: "x", deadline: 60_000, every: 0, goOn };
    await until({ ...wait, watch: (text) => told.push(text) }, () => looks.shift()!);
    expect([looks.length, told]).toEqual([0, ["n1", "n2"]]);
  });

  test("at the deadline the error names the step and what was still missing", async () => {
    const wait = { name: "BGP sessions", deadline: 0, every: 0, goOn };
    const waiting = until(wait, () => ({ type: "waiting", for: "n1 with tor (Active)" }));
    await expect(waiting).rejects.toThrow(
      "BGP sessions: not done within 0 s: still waiting for n1 with tor (Active)",
    );
  });

  test("it ends when going on makes no sense", async () => {
    const dead = () => {
      throw new LabError("bgpd of n1 ended (exit code 2)");
    };
    const wait = { name: "x", deadline: 60_000, every: 0, goOn: dead };
    const waiting = until(wait, () => ({ type: "waiting", for: "ever" }));
    await expect(waiting).rejects.toThrow("bgpd of n1 ended");
  });
});

describe("mapLimited", () => {
  test("keeps the order of the items and never runs more than the limit", async () => {
    let running = 0;
    let most = 0;
    const results = await mapLimited([5, 1, 4, 2, 3], 2, async (item) => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn < item; turn++) await Promise.resolve();
      running--;
      return item * 10;
    });
    expect([results, most]).toEqual([[50, 10, 40, 20, 30], 2]);
  });

  test("the first failure is the answer", async () => {
    const run = mapLimited([1, 2], 2, async (item) => {
      if (item === 2) throw new LabError("no");
    });
    await expect(run).rejects.toThrow("no");
  });
});

test("many things are named by the first few", () => {
  expect([some([]), some(["a", "b"]), some(["a", "b", "c", "d", "e", "f"])]).toEqual([
    "nothing",
    "a, b",
    "a, b, c, d and 2 more",
  ]);
});
