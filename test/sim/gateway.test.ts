/**
 * Peers that one gateway alone reaches (reachableBy).
 */

import { expect, test } from "bun:test";
import { documentOf, nodeOf } from "../resource/documents.ts";
import { DocumentsScene, planFor } from "./documents-scene.ts";

const peering = (more: string): string =>
  documentOf("BGPPeer", "far", `peerIP: 203.0.113.9\nasNumber: 65000\nimportPolicy: all\n${more}`);

const node = (more = "reachableBy: 172.30.0.254"): string[] => [
  nodeOf("n1", 11, "10.244.1.0/24"),
  peering(more),
];

/** It tells a route to its own address, by another way: itself. */
const ROUTER = [
  documentOf("BGPConfiguration", "default", "asNumber: 65000"),
  documentOf(
    "Node",
    "far",
    "bgp: {ipv4Address: 203.0.113.9/24}\nblocks: [203.0.112.0/24, 20.0.0.0/24]",
  ),
  documentOf("BGPPeer", "n1", "peerIP: 172.30.0.11\nasNumber: 64512"),
];

function scene(): DocumentsScene {
  const all = new DocumentsScene();
  all.apply(planFor("far", ROUTER));
  all.apply(planFor("n1", node()), "kernel");
  all.pass(20);
  return all;
}

test("a peer has a route of its own by its gateway, and what it tells goes there too", () => {
  expect(scene().installed("n1")).toEqual([
    "10.244.1.0/24 blackhole",
    "20.0.0.0/24 via 172.30.0.254",
    "203.0.112.0/24 via 172.30.0.254",
    "203.0.113.9/32 via 172.30.0.254",
  ]);
});

test("another gateway moves the routes, none takes them away, and the session stays", () => {
  const all = scene();
  all.apply(planFor("n1", node("reachableBy: 172.30.0.253")));
  all.pass(2);
  expect(all.installed("n1")).toContain("203.0.113.9/32 via 172.30.0.253");
  expect(all.installed("n1")).toContain("20.0.0.0/24 via 172.30.0.253");
  all.apply(planFor("n1", node("")));
  all.pass(2);
  // Nothing else leads to the peer in this kernel.
  expect(all.installed("n1")).toEqual(["10.244.1.0/24 blackhole"]);
  expect(all.daemon("n1").neighbours.get("far")?.peer.status()).toMatchObject({
    state: "Established",
    flaps: 0,
  });
});

test("what another tells of the peer's address is not the way to it, neither when it comes nor when it goes", () => {
  const all = scene();
  const other = (blocks: string): string[] => [
    documentOf("BGPConfiguration", "default", "asNumber: 65001"),
    documentOf("Node", "other", `bgp: {ipv4Address: 172.30.0.12/24}\nblocks: [${blocks}]`),
    documentOf("BGPPeer", "n1", "peerIP: 172.30.0.11\nasNumber: 64512"),
  ];
  const known = documentOf(
    "BGPPeer",
    "other",
    "peerIP: 172.30.0.12\nasNumber: 65001\nimportPolicy: all",
  );
  all.apply(planFor("n1", [...node(), known]));
  for (const blocks of ["203.0.113.9/32, 20.0.1.0/24", "20.0.1.0/24"]) {
    all.apply(planFor("other", other(blocks)));
    all.pass(20);
    expect(all.routes("n1").includes("203.0.113.9/32")).toBe(blocks.startsWith("203"));
    expect(all.installed("n1")).toContain("203.0.113.9/32 via 172.30.0.254");
    expect(all.installed("n1")).toContain("20.0.1.0/24 via 172.30.0.12");
  }
});
