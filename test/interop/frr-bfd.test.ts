/** BFD with FRR's bfdd, for one hop and for several: up with the agreed timers, and the end of BGP with the path. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { configuration, documents, N1, TOR, torPeer } from "./documents.ts";
import { type Frr, frrOn, frrText, hasFrr } from "./frr.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const TIMERS = "minTransmitInterval: 100ms, minReceiveInterval: 150ms";

type Session = {
  readonly status: string;
  readonly multihop: boolean;
  readonly "remote-receive-interval": number;
  readonly "remote-transmit-interval": number;
};

let network: Network;
let n1: Manx;
let tor: Frr;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
  n1 = manxOn(network, "n1");
  tor = frrOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

const session = (): Session | undefined => tor.json<Session[]>("show bfd peers json")[0];

describe.skipIf(!hasManx || !hasFrr)("BFD with FRR", () => {
  test.each([
    ["one hop", "multihop: false", []],
    ["several hops", "multihop: true", ["neighbor 172.30.0.11 ebgp-multihop 2"]],
  ])("over %s", async (_name, hops, router) => {
    await tor.start({
      configuration: frrText({
        router: [...router, "neighbor 172.30.0.11 bfd 3 200 100"],
        ipv4: ["network 192.0.2.0/24"],
      }),
      beside: "bfdd",
    });
    n1.configure(documents(configuration(), N1, torPeer(TOR, `bfd: { ${TIMERS}, ${hops} }`)));
    n1.start();
    // The slower side's wish holds in each direction.
    const up = () =>
      eventually("both are up", () => {
        const { state, bfd } = n1.peer();
        const isAgreed = bfd?.transmitInterval === 200 && bfd.detectionTime === 450;
        const isUp = state === "Established" && bfd?.state === "Up" && isAgreed;
        return isUp && session()?.status === "up" && bfd;
      });
    expect((await up()).multihop).toBe(hops === "multihop: true");
    expect(session()).toMatchObject({
      multihop: hops === "multihop: true",
      "remote-receive-interval": 150,
      "remote-transmit-interval": 100,
    });
    network.run("fabric", "ip", "link", "set", "tor", "nomaster");
    const { lastError } = await eventually("the session is over", () => {
      const answer = n1.peer();
      return answer.state !== "Established" && answer;
    });
    expect(lastError).toBe("BFD down: detection time expired; we sent Cease/BFD Down");
    await eventually("at FRR too", () =>
      tor.neighbour().includes("Notification sent (Cease/BFD Down)"),
    );
    network.run("fabric", "ip", "link", "set", "tor", "master", "br0");
    await up();
    await tor.told("10.244.1.0/24");
  });

  test("taken down by its intention does not end BGP", async () => {
    await tor.start({
      configuration: frrText({ router: ["neighbor 172.30.0.11 bfd 3 200 100"] }),
      beside: "bfdd",
    });
    n1.configure(documents(configuration(), N1, torPeer(TOR, `bfd: { ${TIMERS} }`)));
    n1.start();
    const isUp = () => n1.peer().bfd?.state === "Up" && session()?.status === "up";
    await eventually("up", isUp);
    await n1.established();
    tor.configure("bfd", "peer 172.30.0.11 interface eth0", "shutdown");
    await eventually("FRR says AdminDown", () => n1.peer().bfd?.remoteState === "AdminDown");
    tor.configure("bfd", "peer 172.30.0.11 interface eth0", "no shutdown");
    await eventually("up again", isUp);
    expect([n1.peer().state, n1.peer().flaps]).toEqual(["Established", 0]);
  });
});
