/** Which graceful restart a plan has for a session. */

import { describe, expect, test } from "bun:test";
import { planSpeaker } from "../../../bgpd/cluster/plan.ts";
import type { GracefulRestartPlan } from "../../../bgpd/cluster/speaker.ts";
import { documentOf, faultsOf, nodeOf, resourcesOf } from "../../resource/documents.ts";

const DEFAULTS: GracefulRestartPlan = {
  mode: "full",
  notifications: false,
  restartTime: 120,
  longLivedStaleTime: 0,
  peerRestartTime: 600,
  peerLongLivedStaleTime: 86_400,
  partialDeployment: false,
};

const ROUTER = "peerIP: 172.30.0.1\nasNumber: 65000";

/** n1's plans for another node and for a router. */
function planned(common: string, own: string) {
  const resources = resourcesOf(
    documentOf("BGPConfiguration", "default", `listenPort: 179\n${common}`),
    documentOf("BGPPeer", "tor", `${ROUTER}\n${own}`),
    nodeOf("n1", 11),
    nodeOf("n2", 12),
  );
  const result = planSpeaker(resources, "n1");
  if ("faults" in result) throw new Error(result.faults[0]?.message);
  return result.plan.peers.map(({ gracefulRestart }) => gracefulRestart);
}

describe("the plan", () => {
  test.each<
    [
      string,
      string,
      string,
      Partial<GracefulRestartPlan> | "none",
      Partial<GracefulRestartPlan> | "none",
    ]
  >([
    ["by default", "", "", {}, {}],
    [
      "Calico's times, each for its sessions",
      "nodeMeshMaxRestartTime: 4m",
      "maxRestartTime: 30s",
      { restartTime: 240 },
      { restartTime: 30 },
    ],
    [
      "off for all but one",
      "gracefulRestart: {mode: None}",
      "gracefulRestart: {mode: Helper}",
      "none",
      { mode: "helper" },
    ],
    [
      "off, with a time for who has it on",
      "gracefulRestart: {mode: None, longLivedStaleTime: 24h}",
      "gracefulRestart: {mode: Full}",
      "none",
      { longLivedStaleTime: 86_400 },
    ],
    [
      "Calico's long-lived one, whose time is BIRD's",
      "gracefulRestart: {mode: None}",
      "restartMode: LongLivedGracefulRestart",
      "none",
      { longLivedStaleTime: 3600 },
    ],
    [
      "Calico's long-lived one with a time",
      "",
      "restartMode: LongLivedGracefulRestart\nmaxRestartTime: 24h\ngracefulRestart: {notifications: true}",
      {},
      { longLivedStaleTime: 86_400, notifications: true },
    ],
    [
      "Calico's other one, by name",
      "gracefulRestart: {longLivedStaleTime: 24h}",
      "restartMode: GracefulRestart\nmaxRestartTime: 30s",
      { longLivedStaleTime: 86_400 },
      { longLivedStaleTime: 86_400, restartTime: 30 },
    ],
    [
      "field by field",
      "gracefulRestart: {notifications: true, longLivedStaleTime: 24h, peerRestartTime: 60}",
      "gracefulRestart: {longLivedStaleTime: 0, peerLongLivedStaleTime: 1h, partialDeployment: true}",
      { notifications: true, longLivedStaleTime: 86_400, peerRestartTime: 60 },
      {
        notifications: true,
        peerRestartTime: 60,
        peerLongLivedStaleTime: 3600,
        partialDeployment: true,
      },
    ],
  ])("%s", (_, common, own, mesh, router) => {
    const whole = (change: Partial<GracefulRestartPlan> | "none") =>
      change === "none" ? undefined : { ...DEFAULTS, ...change };
    expect(planned(common, own)).toEqual([whole(mesh), whole(router)]);
  });
});

test.each([
  [
    "maxRestartTime: 4096",
    "maxRestartTime: 4096",
    "at most 4095 seconds without restartMode: LongLivedGracefulRestart",
  ],
  ["maxRestartTime: 1.5s", 'maxRestartTime: "1.5s"', "whole seconds from 0 to 16777215"],
  ["gracefulRestart: {mode: On}", 'gracefulRestart.mode: "On"', "Full, Helper or None"],
  [
    "gracefulRestart: {longLivedStaleTime: 16777216}",
    "gracefulRestart.longLivedStaleTime: 16777216",
    "whole seconds from 0 to 16777215",
  ],
  [
    "gracefulRestart: {mode: Helper, longLivedStaleTime: 24h}",
    'gracefulRestart.longLivedStaleTime: "24h"',
    "goes with mode: Full",
  ],
  [
    "gracefulRestart: {mode: None, peerRestartTime: 60}",
    "gracefulRestart.peerRestartTime: 60",
    "with mode: None nothing is kept by anybody: remove it",
  ],
  [
    "restartMode: LongLivedGracefulRestart\ngracefulRestart: {longLivedStaleTime: 60}",
    "restartMode",
    "either this or gracefulRestart.longLivedStaleTime",
  ],
  [
    "restartMode: LongLivedGracefulRestart\ngracefulRestart: {mode: Helper}",
    "restartMode",
    "with gracefulRestart.mode: Helper nobody is asked to keep our routes: remove one of both",
  ],
  ["restartMode: Other", 'restartMode: "Other"', "GracefulRestart or LongLivedGracefulRestart"],
  [
    "failureDetectionMode: BFDIfDirectlyConnected\nbfd: {enabled: false}",
    "bfd",
    "with failureDetectionMode: BFDIfDirectlyConnected expected no enabled: false",
  ],
  [
    "failureDetectionMode: BFDIfDirectlyConnected\nbfd: {multihop: true}",
    "bfd",
    "with failureDetectionMode: BFDIfDirectlyConnected expected no multihop",
  ],
  ["birdGatewayMode: DirectIfDirectlyConnected", "birdGatewayMode", 'or say "Recursive"'],
])("%s is refused by name", (field, where, expected) => {
  const [fault] = faultsOf(documentOf("BGPPeer", "tor", `${ROUTER}\n${field}`));
  expect(fault).toContain(`BGPPeer tor: spec.${where}`);
  expect(fault).toContain(expected);
});
