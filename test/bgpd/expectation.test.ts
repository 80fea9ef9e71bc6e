/** Whose tables a starting speaker waits for, and for how long. */

import { describe, expect, test } from "bun:test";
import {
  callingTime,
  convergenceDeadline,
  expectedOf,
  keepingTime,
} from "../../bgpd/expectation.ts";
import { document, planOf } from "../sim/plan.ts";

const NODE = document("Node", "n1", { bgp: { ipv4Address: "172.30.0.11/24" } });
const NAMED = { peerIP: "172.30.0.1", asNumber: 65_000 };
const ON_A_LINK = { interface: "eth1", asNumber: "external" };
const OF_A_RANGE = { listenRange: "172.30.0.0/28", asNumber: 65_000 };

const planWith = (spec: object) => planOf("n1", NODE, document("BGPPeer", "tor", spec));

describe.each([
  ["a named peer", NAMED],
  ["a neighbour on a link", ON_A_LINK],
  ["neighbours of a range", OF_A_RANGE],
])("%s", (_what, spec) => {
  test("is waited for, unless it is shut down", () => {
    expect(expectedOf(planWith(spec), []).map(({ name }) => name)).toEqual(["tor"]);
    expect(expectedOf(planWith({ ...spec, shutdown: "" }), [])).toEqual([]);
  });

  test("is called twice, and has some time to answer", () => {
    expect(callingTime(planWith({ ...spec, connectRetryTime: 7 }))).toBe(19_000);
    expect(callingTime(planWith({ ...spec, connectRetryTime: 7, shutdown: "" }))).toBe(5000);
  });

  test("is asked to keep what it was told for its restart time, and its long-lived one", () => {
    const longLived = { gracefulRestart: { longLivedStaleTime: 60 } };
    expect(keepingTime(planWith({ ...spec, maxRestartTime: 30, ...longLived }))).toBe(90);
    expect(keepingTime(planWith({ ...spec, gracefulRestart: { mode: "Helper" } }))).toBe(0);
  });

  test("may be silent for its hold time, and nobody for more than two minutes", () => {
    expect(convergenceDeadline(planWith({ ...spec, holdTime: 30 }))).toBe(40_000);
    expect(convergenceDeadline(planWith({ ...spec, holdTime: 300 }))).toBe(120_000);
  });
});
