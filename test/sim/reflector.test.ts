/**
 * A reflector that restarts: what its clients have from each other by it stays in their kernels, whether it has routes of
 * its own or not, and whether its clients are named or call from a range.
 */

import { expect, test } from "bun:test";
import { documentOf, nodeOf } from "../resource/documents.ts";
import { DocumentsScene, planFor } from "./documents-scene.ts";

const CLIENTS = ["n1", "n2", "n3"];
const CLUSTER = [
  documentOf("BGPConfiguration", "default", "nodeToNodeMeshEnabled: false"),
  ...CLIENTS.map((name, index) => nodeOf(name, 11 + index, `10.244.${11 + index}.0/24`)),
  documentOf("Node", "rr", "bgp: {ipv4Address: 172.30.0.1/24, routeReflectorClusterID: 244.0.0.1}"),
];
const named = [...CLUSTER, documentOf("BGPPeer", "rr", "peerIP: 172.30.0.1\nasNumber: 64512")];
const calling = [
  ...CLUSTER,
  ...CLIENTS.map((name) =>
    documentOf(
      "BGPPeer",
      `rr-${name}`,
      `node: ${name}\npeerIP: 172.30.0.1\nasNumber: 64512\nreversePeering: Manual`,
    ),
  ),
  documentOf("BGPPeer", "all", "node: rr\nlistenRange: 172.30.0.0/24\nasNumber: 64512"),
];

test.each([
  ["with a kernel, of named clients", named, "kernel"],
  ["without one, of named clients", named, "no kernel"],
  ["with a kernel, of clients who call", calling, "kernel"],
  ["without one, of clients who call", calling, "no kernel"],
] as const)("%s", async (_, documents, kernel) => {
  const scene = new DocumentsScene();
  for (const name of CLIENTS) scene.apply(planFor(name, documents), "kernel");
  const plan = planFor("rr", documents);
  scene.apply(plan, kernel);
  scene.pass(30);
  const before = CLIENTS.map((name) => scene.installed(name));
  expect(before.map((routes) => routes.length)).toEqual([3, 3, 3]);
  let deleted = 0;
  for (const name of CLIENTS) {
    scene.kernel(name).watch(["route"], (event) => {
      if (event.type === "route" && event.change === "deleted") deleted++;
    });
  }
  await scene.restart(plan);
  scene.pass(60);
  expect([deleted, ...CLIENTS.map((name) => scene.installed(name))]).toEqual([0, ...before]);
  const peers = [...scene.daemon("rr").neighbours.values()];
  expect(peers.map(({ peer }) => peer.status().state)).toEqual(CLIENTS.map(() => "Established"));
});
