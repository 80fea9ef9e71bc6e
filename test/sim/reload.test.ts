/**
 * A full reload of a node with 200 peers: only what changed is touched.
 */

import { expect, test } from "bun:test";
import { documentOf, nodeOf } from "../resource/documents.ts";
import { DocumentsScene, planFor } from "./documents-scene.ts";

const PEERS = 200;
const CHANGED = "p77";

const names = Array.from({ length: PEERS }, (_, index) => `p${index}`);
const addressOf = (index: number): string => `172.30.1.${index + 1}`;

/** No timers: without a cause nobody says anything. */
const QUIET = "holdTime: 0\nkeepaliveTime: 0";

/** All documents of the node; `change` goes into one peer's, and what comes before changes every line number. */
function documents(change: string, before: readonly string[] = []): string[] {
  return [
    ...before,
    documentOf("BGPConfiguration", "default", QUIET),
    documentOf("BGPFilter", "f", "exportV4: [{action: Reject}]"),
    nodeOf("n1", 11, "10.244.1.0/24"),
    ...names.map((name, index) =>
      documentOf(
        "BGPPeer",
        name,
        `peerIP: ${addressOf(index)}\nasNumber: 65000\n${name === CHANGED ? change : ""}`,
      ),
    ),
  ];
}

function routerDocuments(name: string, index: number): string[] {
  return [
    documentOf("BGPConfiguration", "default", `asNumber: 65000\n${QUIET}`),
    documentOf("Node", name, `bgp: {ipv4Address: ${addressOf(index)}/16}\nblocks: []`),
    documentOf("BGPPeer", "n1", "peerIP: 172.30.0.11\nasNumber: 64512"),
  ];
}

function scene(): DocumentsScene {
  const all = new DocumentsScene();
  for (const [index, name] of names.entries())
    all.apply(planFor(name, routerDocuments(name, index)));
  all.apply(planFor("n1", documents("")));
  all.pass(30);
  return all;
}

/** How each session stands, and all that was said on it. */
function sessions(all: DocumentsScene) {
  const found = [...all.daemon("n1").neighbours].map(([name, { peer }]) => {
    const { state, flaps, messages } = peer.status();
    return [name, { peer, state, flaps, ...messages }] as const;
  });
  return new Map(found);
}

test("another session parameter of one peer of 200 restarts that session, and no other hears a word", () => {
  const all = scene();
  const before = sessions(all);
  expect([...before.values()].every(({ state }) => state === "Established")).toBe(true);
  all.apply(planFor("n1", documents("connectRetryTime: 9")));
  all.pass(30);
  const after = sessions(all);
  expect(after.size).toBe(PEERS);
  for (const name of names) {
    if (name === CHANGED) {
      expect(after.get(name)?.peer).not.toBe(before.get(name)?.peer);
      expect(after.get(name)?.state).toBe("Established");
    } else {
      expect(after.get(name)).toEqual(before.get(name));
    }
  }
});

test("another policy of one peer is told to that peer alone, on the session that it has", () => {
  const all = scene();
  const before = sessions(all);
  all.apply(planFor("n1", documents("filters: [f]")));
  all.pass(30);
  const after = sessions(all);
  const told = names.filter((name) => after.get(name)?.sent !== before.get(name)?.sent);
  expect(told).toEqual([CHANGED]);
  expect(
    [...after.values()].every(({ state, flaps }) => state === "Established" && flaps === 0),
  ).toBe(true);
  expect(all.best(CHANGED, "10.244.1.0/24")).toBeUndefined();
});

test("documents that say the same elsewhere touch nothing", () => {
  const all = scene();
  const before = sessions(all);
  const other = documentOf("IPReservation", "r", "reservedCIDRs: [10.244.1.7]");
  all.apply(planFor("n1", documents("", [other])));
  all.pass(30);
  expect(sessions(all)).toEqual(before);
});
