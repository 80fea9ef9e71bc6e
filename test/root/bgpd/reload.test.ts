/**
 * A full reload of a daemon with 200 living sessions over real sockets: what each of the routers at the other ends hears.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { PeerAnswer, StatusAnswer } from "../../../resource/answer.ts";
import { configuration, document, documents, node } from "../../interop/documents.ts";
import { hasManx, type Manx, manxOn } from "../../interop/manx.ts";
import { createNetwork, eventually, type Network } from "../../interop/network.ts";

const bun = process.execPath;
const script = join(import.meta.dir, "routers.ts");

const PEERS = 200;
const CHANGED = 77;

const addressOf = (index: number): string => `172.30.1.${index + 1}`;
const addresses = Array.from({ length: PEERS }, (_, index) => addressOf(index));
const BLOCK = "10.244.1.0/24";

/** All documents of the node; `change` goes into one peer's. Without timers nobody speaks but for a cause. */
const cluster = (change = "", block = BLOCK): string =>
  documents(
    configuration("", "holdTime: 0, keepaliveTime: 0, connectRetryTime: 1s"),
    document("BGPFilter", "nothing", "exportV4: [{ action: Reject }]"),
    node("n1", "172.30.0.11/16", block),
    ...addresses.map((peerIP, index) => {
      const own = index === CHANGED ? `, ${change}` : "";
      return document("BGPPeer", `p${index}`, `peerIP: ${peerIP}, asNumber: 65000${own}`);
    }),
  );

let n1: Manx;
let network: Network;
/** Lines of the routers that were looked at. */
let read = 0;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/16", tor: addresses.map((one) => `${one}/16`) });
  n1 = manxOn(network, "n1");
  read = 0;
});

afterEach(async () => {
  await network.remove();
});

const lines = (): string[] => network.log("routers").trim().split("\n");

/** What each router has heard since `heard` was asked last. */
function news(): Map<number, string[]> {
  const said = new Map<number, string[]>();
  for (const line of lines().slice(read)) {
    const [address = "", what = ""] = line.split(" ");
    const index = addresses.indexOf(address);
    said.set(index, [...(said.get(index) ?? []), what]);
  }
  return said;
}

/** The same as text, `77: notification open keepalive update`; it is old then. */
function heard(): string[] {
  const said = news();
  read = lines().length;
  return [...said].map(([index, words]) => `${index}: ${words.join(" ")}`);
}

/** Once these documents are in force, and all sessions are up and have been told everything. */
async function settled(generation: number): Promise<void> {
  await eventually(
    "all sessions are Established",
    () => {
      const { configuration, peers } = n1.ask<StatusAnswer>("status");
      return configuration.generation === generation && peers.established === PEERS;
    },
    60_000,
  );
}

const count = (what: string): number => lines().filter((line) => line.endsWith(what)).length;

describe.skipIf(!hasManx)("a reload in which one peer of 200 is otherwise", () => {
  test("touches that one session; its policy is told to that one; and a block to all", async () => {
    network.start("tor", "routers", [bun, script, "65000", ...addresses]);
    await eventually("routers", () => network.log("routers").includes("listening"));
    n1.configure(cluster());
    n1.start("--fib", "none");
    await settled(1);
    // The block, and then End-of-RIB.
    await eventually("told", () => count("update") === 2 * PEERS);
    heard();

    n1.configure(cluster("filters: [nothing]"));
    await settled(2);
    await eventually("withdrawn", () => count("update") === 2 * PEERS + 1);
    expect(heard()).toEqual([`${CHANGED}: update`]);

    n1.configure(cluster("filters: [nothing], delayOpen: 1s"));
    await eventually("the session ends", () => count("notification") === 1);
    await settled(3);
    await eventually("End-of-RIB", () => count("update") === 2 * PEERS + 2);
    expect(heard()).toEqual([`${CHANGED}: notification open keepalive update`]);

    n1.configure(cluster("filters: [nothing], delayOpen: 1s", "10.244.2.0/24"));
    await settled(4);
    await eventually("all others are told", () => news().size === PEERS - 1);
    // One block goes and another comes.
    expect(heard().filter((line) => !/: update( update)?$/.test(line))).toEqual([]);
    const peers = n1.ask<PeerAnswer[]>("peers");
    expect(peers.filter(({ flaps }) => flaps > 0)).toEqual([]);
  }, 180_000);
});
