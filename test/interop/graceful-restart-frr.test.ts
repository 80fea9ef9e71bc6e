/**
 * Graceful restart beside FRR 8, which helps by default: a Manx that restarts loses no route in FRR's kernel.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { PeerAnswer, StatusAnswer } from "../../resource/answer.ts";
import { frrOn, hasFrr } from "./frr.ts";
import { createNetwork, eventually, isInside, type Network, withoutObjects } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const CLUSTER = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { connectRetryTime: 1s, importPolicy: all }
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n1 }
spec:
  bgp: { ipv4Address: 172.30.0.11/24 }
  blocks: [10.244.1.0/24]
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: tor }
spec: { peerIP: 172.30.0.1, asNumber: 65000 }
`;

const BGPD = `
router bgp 65000
 bgp router-id 172.30.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 172.30.0.11 remote-as 64512
 neighbor 172.30.0.11 timers connect 1
 neighbor 172.30.0.11 advertisement-interval 0
 address-family ipv4 unicast
  network 192.0.2.0/24
 exit-address-family
`;

let network: Network;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
});

afterEach(async () => {
  await network.remove();
});

function startManx() {
  const file = network.file("cluster.yaml", CLUSTER);
  const api = `${network.folder}/bgpd.sock`;
  const args = ["bgpd", "--config", file, "--node", "n1", "--api", api];
  return network.start("n1", "bgpd", [manx, ...args]);
}

function ask<Answer>(...args: string[]): Answer {
  const api = `${network.folder}/bgpd.sock`;
  return JSON.parse(network.run("n1", manx, ...args, "--json", "--api", api));
}

const peer = (): PeerAnswer | undefined => ask<PeerAnswer[]>("peers")[0];
const kernelOf = (name: string): string =>
  withoutObjects(network.run(name, "ip", "-4", "route", "show"));

async function established(): Promise<void> {
  await eventually("both have each other's routes", () => {
    return peer()?.prefixes.best === 1 && kernelOf("tor").includes("10.244.1.0/24");
  });
  await eventually("converged", () => ask<StatusAnswer>("status").ready.ok);
}

const here = isInside && manx !== "" && hasFrr;

describe.skipIf(!here)("with FRR, a restart", () => {
  test.each(["SIGKILL", "SIGTERM"] as const)(
    "of Manx by %s leaves the routes in both kernels",
    async (signal) => {
      await frrOn(network, "tor").start({ configuration: BGPD });
      const first = startManx();
      await established();
      const before = [kernelOf("n1"), kernelOf("tor")];
      first.kill(signal);
      await first.exited;
      startManx();
      const seen = new Set<string>();
      await eventually("it is back and has converged", () => {
        seen.add(kernelOf("tor"));
        const { ready, peers } = ask<StatusAnswer>("status");
        return ready.ok && peers.established === 1;
      });
      expect([kernelOf("n1"), kernelOf("tor")]).toEqual(before);
      expect([...seen]).toEqual([before[1] ?? ""]);
    },
  );
});
