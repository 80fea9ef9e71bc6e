/** Calico's failureDetectionMode: a node whose own address is on no link, and a router on one of its links. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { configuration, document, documents, node } from "../../interop/documents.ts";
import { hasManx, type Manx, manxOn } from "../../interop/manx.ts";
import { createNetwork, eventually, type Network } from "../../interop/network.ts";

const DIRECT = "failureDetectionMode: BFDIfDirectlyConnected";
const TIMES = "bfd: { minTransmitInterval: 100ms, minReceiveInterval: 100ms }";

let network: Network;
let n1: Manx;
let tor: Manx;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
  network.run("n1", "ip", "address", "add", "10.9.9.1/32", "dev", "lo");
  network.run("tor", "ip", "address", "add", "10.8.8.1/32", "dev", "lo");
  n1 = manxOn(network, "n1");
  tor = manxOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

/** n1's documents, with a session to a router behind the other one. */
const N1 = documents(
  configuration("", "holdTime: 90s, connectRetryTime: 1s"),
  node("n1", "10.9.9.1/32", "10.244.1.0/24"),
  document(
    "BGPPeer",
    "tor",
    `peerIP: 172.30.0.1, asNumber: 65000, sourceAddress: None, ${DIRECT}, ${TIMES}`,
  ),
  document("BGPPeer", "far", `peerIP: 10.8.8.1, asNumber: 65001, sourceAddress: None, ${DIRECT}`),
);

const ROUTER = documents(
  configuration("asNumber: 65000", "holdTime: 90s, connectRetryTime: 1s"),
  node("tor", "172.30.0.1/24", "10.244.9.0/24"),
  document("BGPPeer", "n1", `peerIP: 172.30.0.11, asNumber: 64512, ${DIRECT}, ${TIMES}`),
);

describe.skipIf(!hasManx)("BFDIfDirectlyConnected", () => {
  test("watches the peer on a link from the link's address, and none behind a router", async () => {
    n1.configure(N1);
    tor.configure(ROUTER);
    n1.start();
    tor.start();
    await eventually("BGP and BFD are up at both", () =>
      [n1.peer("tor"), tor.peer("n1")].every(
        ({ state, bfd }) => state === "Established" && bfd?.state === "Up" && !bfd.multihop,
      ),
    );
    expect(n1.peer("far").bfd).toBeUndefined();
    network.run("n1", "ip", "link", "set", "eth0", "down");
    const { lastError } = await eventually("the router knows", () => {
      const answer = tor.peer("n1");
      return answer.state !== "Established" && answer;
    });
    expect(lastError).toBe("BFD down: detection time expired; we sent Cease/BFD Down");
  }, 60_000);
});
