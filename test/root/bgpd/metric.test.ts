/** The metric of kernel routes: what documents say of it, and --metric, which goes before them. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { configuration, documents, node } from "../../interop/documents.ts";
import { hasManx, type Manx, manxOn } from "../../interop/manx.ts";
import { createNetwork, eventually, type Network } from "../../interop/network.ts";

let network: Network;
let n1: Manx;
let n2: Manx;

const cluster = (priority: string): string =>
  documents(
    configuration(priority),
    node("n1", "172.30.0.11/24", "10.244.1.0/24"),
    node("n2", "172.30.0.12/24", "10.244.2.0/24"),
  );

const routesAt = (metric: number): string[] => [
  `10.244.2.0/24 via 172.30.0.12 dev eth0 metric ${metric}`,
  `blackhole 10.244.1.0/24 metric ${metric}`,
];

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", n2: "172.30.0.12/24" });
  n1 = manxOn(network, "n1");
  n2 = manxOn(network, "n2");
  for (const daemon of [n1, n2]) daemon.configure(cluster("ipv4NormalRoutePriority: 2048"));
});

afterEach(async () => {
  await network.remove();
});

const routed = (metric: number): Promise<true> =>
  eventually(`routes with metric ${metric}`, () => {
    return JSON.stringify(n1.kernelRoutes()) === JSON.stringify(routesAt(metric)) || undefined;
  });

describe.skipIf(!hasManx)("kernel routes", () => {
  test("move to another metric while the daemon runs, and back, and are as they should be", async () => {
    n1.start();
    n2.start("--fib", "none");
    await routed(2048);
    n1.configure(cluster(""));
    await routed(1024);
    n1.configure(cluster("ipv4NormalRoutePriority: 512"));
    await routed(512);
    expect(n1.tell("fib", "check")).toContain("2 routes");
    expect(n1.peer().flaps).toBe(0);
  }, 60_000);

  test("have the daemon's own metric where it is told one", async () => {
    n1.start("--metric", "300");
    n2.start("--fib", "none");
    await routed(300);
  }, 60_000);
});
