/**
 * BFD between two daemons: what taking it down by intention does to BGP, and what one's end does.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { BfdAnswer, PeerAnswer } from "../../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "../../interop/network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const TIMERS = "minTransmitInterval: 100ms, minReceiveInterval: 100ms";

/** Two nodes with this `bfd` for their mesh. */
const documents = (bfd: string): string => `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { connectRetryTime: 1s, bfd: { ${bfd} } }
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n1 }
spec: { bgp: { ipv4Address: 172.30.0.11/24 }, blocks: [10.244.1.0/24] }
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n2 }
spec: { bgp: { ipv4Address: 172.30.0.12/24 }, blocks: [10.244.2.0/24] }
`;

let network: Network;

function bgpd(node: string): ReturnType<Network["start"]> {
  const [api, config] = [`${network.folder}/${node}.sock`, `${network.folder}/${node}.yaml`];
  const command = [manx, "bgpd", "--config", config, "--node", node, "--api", api];
  return network.start(node, node, [...command, "--fib", "none"]);
}

function peer(node: string): PeerAnswer {
  const api = `${network.folder}/${node}.sock`;
  const [answer] = JSON.parse(network.run(node, manx, "peers", "--json", "--api", api));
  return answer;
}

function up(node: string): Promise<BfdAnswer> {
  return eventually(`BGP and BFD of ${node} are up`, () => {
    const { state, bfd } = peer(node);
    return state === "Established" && bfd?.state === "Up" ? bfd : undefined;
  });
}

describe.skipIf(!isInside || manx === "")("BFD of two daemons", () => {
  beforeEach(() => {
    network = createNetwork({ n1: "172.30.0.11/24", n2: "172.30.0.12/24" });
    for (const node of ["n1", "n2"]) network.file(`${node}.yaml`, documents(TIMERS));
  });

  afterEach(async () => {
    await network.remove();
  });

  test("one side configures it away, and again: BGP stays at both", async () => {
    bgpd("n1");
    bgpd("n2");
    await up("n1");
    network.file("n2.yaml", documents("enabled: false"));
    const { bfd } = await eventually("n1 hears AdminDown", () => {
      const answer = peer("n1");
      return answer.bfd?.remoteState === "AdminDown" && answer;
    });
    expect([bfd?.state, bfd?.failures, bfd?.remoteDiagnostic]).toEqual([
      "Down",
      0,
      "administratively down",
    ]);
    expect(peer("n2").bfd).toBeUndefined();
    network.file("n2.yaml", documents(TIMERS));
    await up("n1");
    for (const node of ["n1", "n2"]) {
      expect([peer(node).state, peer(node).flaps]).toEqual(["Established", 0]);
    }
  });

  test("a daemon that ends says AdminDown", async () => {
    const first = bgpd("n1");
    bgpd("n2");
    await up("n2");
    first.kill("SIGTERM");
    expect(await first.exited).toBe(0);
    const { bfd, lastError } = await eventually("n2 knows", () => {
      const answer = peer("n2");
      return answer.lastError !== "" && answer.bfd?.state === "Down" && answer;
    });
    expect([bfd?.remoteState, bfd?.failures]).toEqual(["AdminDown", 0]);
    expect(lastError).toBe("closed by the peer");
  });

  test("a killed daemon is missed by its detection time", async () => {
    const first = bgpd("n1");
    bgpd("n2");
    await up("n2");
    network.run("n1", "ip", "link", "set", "eth0", "down");
    first.kill("SIGKILL");
    const { lastError } = await eventually("n2 knows", () => {
      const answer = peer("n2");
      return answer.state !== "Established" && answer;
    });
    expect(lastError).toBe("BFD down: detection time expired; we sent Cease/BFD Down");
  });

  test("a key that cannot be read is a fault of its field, and changes nothing", async () => {
    bgpd("n1");
    bgpd("n2");
    await up("n1");
    const auth = "auth: { type: KeyedSHA1, keyId: 1, keyFile: /nowhere/key }";
    network.file("n1.yaml", documents(`${TIMERS}, ${auth}`));
    const fault = await eventually("it is told", () =>
      network
        .log("n1")
        .split("\n")
        .find((line) => line.includes("keyFile")),
    );
    expect(fault).toContain("n1.yaml:5: BGPConfiguration default: spec.bfd.auth.keyFile");
    expect(fault).toContain("ENOENT");
    expect(peer("n1").bfd?.state).toBe("Up");
  });
});
