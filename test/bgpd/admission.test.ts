/** Who may open how many connections: calls at times, in ms, and which of them are answered. */

import { expect, test } from "bun:test";
import { Admission } from "../../bgpd/admission.ts";

const BURST = 3;
const INTERVAL = 100;

const CASES: readonly (readonly [name: string, times: readonly number[], admitted: string])[] = [
  ["some at once, and no more", [0, 0, 0, 0, 0], "yyynn"],
  ["one more each interval", [0, 0, 0, 99, 100, 101, 200], "yyynyny"],
  ["what was earned in part is not lost by asking", [0, 0, 0, 30, 60, 90, 120], "yyynnny"],
  [
    "who was away does not save up more than the burst",
    [0, 100_000, 100_000, 100_000, 100_000],
    "yyyyn",
  ],
];

test.each(CASES)("%s", (_, times, admitted) => {
  const admission = new Admission(BURST, INTERVAL, 0);
  expect(times.map((now) => (admission.admit(now) ? "y" : "n")).join("")).toBe(admitted);
});
