/**
 * Several paths through the mesh (`nodeMeshAddPath`): a node that has no session with the routers shares its traffic over
 * both, as the node that has them tells it.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { birdOn, birdRoutes, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, document, documents, N1, node } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network, withoutObjects } from "./network.ts";

const ROUTERS = { tor1: "172.30.0.1", tor2: "172.30.0.2" } as const;
const PREFIX = "192.0.2.0/24";
const N2 = node("n2", "172.30.0.12/24", "10.244.2.0/24");
const SEVERAL = "nodeMeshAddPath: { receive: true, send: All }";

let network: Network;
let n1: Manx;
let n2: Manx;

beforeEach(() => {
  const routers = Object.entries(ROUTERS).map(([name, address]) => [name, `${address}/24`]);
  const nodes = { n1: "172.30.0.11/24", n2: "172.30.0.12/24" };
  network = createNetwork({ ...nodes, ...Object.fromEntries(routers) });
  n1 = manxOn(network, "n1");
  n2 = manxOn(network, "n2");
});

afterEach(async () => {
  await network.remove();
});

function configure(more: string): void {
  const routers = Object.entries(ROUTERS).map(([name, address]) =>
    document("BGPPeer", name, `node: n1, peerIP: ${address}, asNumber: 65000`),
  );
  for (const daemon of [n1, n2]) {
    daemon.configure(documents(configuration(more), N1, N2, ...routers));
  }
}

/** The ways of the prefix in a node's kernel. */
const waysOf = (name: string): string[] =>
  [...withoutObjects(network.run(name, "ip", "route", "show", PREFIX)).matchAll(/via (\S+)/g)]
    .map(([, way = ""]) => way)
    .sort();

describe.skipIf(!hasManx || !hasBird)("several paths through the mesh", () => {
  test("lead over both routers, and over one without it", async () => {
    for (const [name, address] of Object.entries(ROUTERS)) {
      const session = birdSession({ local: `${address} as 65000` });
      birdOn(network, name).start(birdText(address, birdRoutes(`${PREFIX} blackhole`), session));
    }
    configure(SEVERAL);
    for (const daemon of [n1, n2]) daemon.start();
    const both = Object.values(ROUTERS).join();
    await eventually("both nodes share", () =>
      [waysOf("n1"), waysOf("n2")].every((ways) => `${ways}` === both),
    );
    expect(n2.paths(PREFIX).map(({ state, peer }) => [state, peer])).toEqual([
      ["best", "mesh n1"],
      ["multipath", "mesh n1"],
    ]);
    expect(n2.peer("mesh n1").families[0]?.addPath).toEqual({ receive: true, send: "All" });
    n2.tell("fib", "check");
    configure("");
    await eventually("n2 knows the best alone", () => waysOf("n2").length === 1);
    expect(waysOf("n1").join()).toBe(both);
    expect(n2.peer("mesh n1").families[0]?.addPath).toBeUndefined();
  });
});
