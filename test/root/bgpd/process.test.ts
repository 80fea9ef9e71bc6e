/**
 * The bgpd process: how it starts, is reconfigured, is asked to end, and what it leaves.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { NODE_FILE, readNodeFile } from "../../../ipam/node.ts";
import type { PeerAnswer, StatusAnswer } from "../../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "../../interop/network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";

const TWO_NODES = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec: { holdTime: 3s, keepaliveTime: 1s, connectRetryTime: 1s }
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

function bgpd(node: string, ...more: string[]): ReturnType<Network["start"]> {
  const api = `${network.folder}/${node}.sock`;
  const command = [manx, "bgpd", "--config", `${network.folder}/cluster.yaml`, "--node", node];
  return network.start(node, node, [...command, "--api", api, ...more]);
}

function ask<Answer>(node: string, ...words: string[]): Answer {
  const api = `${network.folder}/${node}.sock`;
  return JSON.parse(network.run(node, manx, ...words, "--json", "--api", api));
}

const routesOf = (node: string): string => network.run(node, "ip", "-4", "route");

function up(node = "n1"): Promise<StatusAnswer> {
  return eventually(`bgpd of ${node} answers`, () => ask<StatusAnswer>(node, "status"));
}

function ready(node = "n1"): Promise<StatusAnswer> {
  return eventually(`bgpd of ${node} is ready`, () => {
    const status = ask<StatusAnswer>(node, "status");
    return status.ready.ok && status;
  });
}

describe.skipIf(!isInside || manx === "")("bgpd", () => {
  beforeEach(() => {
    network = createNetwork({ n1: "172.30.0.11/24", n2: "172.30.0.12/24" });
    network.file("cluster.yaml", TWO_NODES);
  });

  afterEach(async () => {
    await network.remove();
    rmSync("/run/manx", { recursive: true, force: true });
  });

  test("two nodes exchange their blocks, the mesh needs no word about it", async () => {
    bgpd("n1");
    bgpd("n2");
    await eventually("each has the other's block", () => {
      const [one, two] = [routesOf("n1"), routesOf("n2")];
      return (
        /10\.244\.2\.0\/24 nhid \d+ via 172\.30\.0\.12 dev eth0/.test(one) &&
        /10\.244\.1\.0\/24 nhid \d+ via 172\.30\.0\.11 dev eth0/.test(two)
      );
    });
    expect(routesOf("n1")).toContain("blackhole 10.244.1.0/24");
    expect(ask<PeerAnswer[]>("n1", "peers").map(({ name }) => name)).toEqual(["mesh n2"]);
  });

  test("with faulty documents it does not start: every fault, exit code 2, the kernel untouched", async () => {
    network.file("cluster.yaml", TWO_NODES.replace("172.30.0.12/24", "172.30.0.300"));
    const before = routesOf("n1");
    const child = bgpd("n1");
    expect(await child.exited).toBe(2);
    expect(network.log("n1")).toMatch(
      /manx: bgpd: .*cluster\.yaml:\d+: Node n2: spec\.bgp\.ipv4Address: "172\.30\.0\.300": expected/,
    );
    expect(routesOf("n1")).toBe(before);
    expect(existsSync(`${network.folder}/n1.sock`)).toBe(false);
  });

  test("a node that is in no document is said, with those that are", async () => {
    network.file("cluster.yaml", TWO_NODES.replace("{ name: n1 }", "{ name: n7 }"));
    expect(await bgpd("n1").exited).toBe(2);
    expect(network.log("n1")).toContain('no Node is called "n1": there are n7, n2');
  });

  test("a second one on the same node is refused, and the first goes on", async () => {
    bgpd("n1");
    await up();
    const second = Bun.spawn(
      [
        ...["ip", "netns", "exec", "n1", manx, "bgpd", "--node", "n1"],
        ...["--config", `${network.folder}/cluster.yaml`, "--api", `${network.folder}/n1.sock`],
      ],
      { stderr: "pipe" },
    );
    expect(await second.exited).toBe(1);
    expect(await new Response(second.stderr).text()).toContain("another bgpd runs here");
    expect((await up()).node).toBe("n1");
  });

  test("documents with a fault leave the plan in force, and their correction is taken", async () => {
    bgpd("n1");
    bgpd("n2", "--fib", "none");
    await ready();
    network.file("cluster.yaml", TWO_NODES.replace("[10.244.2.0/24]", "[10.244.1.0/25]"));
    const { configuration } = await eventually("the fault is shown", () => {
      const status = ask<StatusAnswer>("n1", "status");
      return status.configuration.faults.length > 0 && status;
    });
    expect(configuration.faults[0]).toContain("overlaps 10.244.1.0/24 of Node n1");
    expect(configuration.generation).toBe(1);
    expect(routesOf("n1")).toContain("10.244.2.0/24");
    const right = TWO_NODES.replace("[10.244.2.0/24]", "[10.244.2.0/24, 10.244.3.0/24]");
    network.file("cluster.yaml", right);
    await eventually("the new block arrives", () => routesOf("n1").includes("10.244.3.0/24"));
    const now = ask<StatusAnswer>("n1", "status").configuration;
    expect([now.generation, now.faults]).toEqual([2, []]);
    expect(ask<PeerAnswer[]>("n1", "peers")[0]?.flaps).toBe(0);
  });

  test("SIGHUP reads again", async () => {
    const child = bgpd("n1");
    await up();
    child.kill("SIGHUP");
    await eventually("generation 2", () => {
      const { configuration } = ask<StatusAnswer>("n1", "status");
      return configuration.generation === 2;
    });
  });

  test("what a plugin must know is in the node file: blocks, MTU, readiness", async () => {
    network.run("n1", "ip", "link", "set", "eth0", "mtu", "1400");
    const first = bgpd("n1");
    await up();
    expect(readNodeFile()).toMatchObject({ node: "n1", mtu: 1400, ready: { ok: false } });
    expect(readNodeFile().ready.reason).toContain("mesh n2");
    bgpd("n2", "--fib", "none");
    await ready();
    const file = await eventually("the file says so", () => {
      const read = readNodeFile();
      return read.ready.ok && read;
    });
    expect(file.blocks.ipv4.map(({ w0, length }) => [w0, length])).toEqual([[0x0af4_0100, 24]]);
    first.kill("SIGTERM");
    expect(await first.exited).toBe(0);
    expect(readNodeFile().ready).toMatchObject({ ok: false, reason: "bgpd was stopped" });
    expect(readNodeFile().generation).toBeGreaterThan(file.generation);
  });

  test("with --fib none it touches neither kernel nor node file", async () => {
    bgpd("n1", "--fib", "none");
    bgpd("n2", "--fib", "none");
    const before = routesOf("n1");
    await eventually("it has learned", () => ask<unknown[]>("n1", "routes").length === 2);
    expect(routesOf("n1")).toBe(before);
    expect(existsSync(NODE_FILE)).toBe(false);
    expect((await up()).fib.mode).toBe("none");
  });

  for (const [flags, left, words] of [
    [[], true, "closed by the peer"],
    [["--withdraw"], false, "the peer sent Cease/Administrative Shutdown"],
  ] as const) {
    test(`SIGTERM ${left ? "leaves" : "with --withdraw removes"} the routes, and the socket goes`, async () => {
      const child = bgpd("n1", ...flags);
      bgpd("n2", "--fib", "none");
      await eventually("installed", () => routesOf("n1").includes("10.244.2.0/24"));
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
      expect(routesOf("n1").includes("10.244.2.0/24")).toBe(left);
      expect(routesOf("n1").includes("10.244.1.0/24")).toBe(left);
      expect(existsSync(`${network.folder}/n1.sock`)).toBe(false);
      const peer = await eventually("the other knows why", () =>
        ask<PeerAnswer[]>("n2", "peers").find(({ lastError }) => lastError !== ""),
      );
      expect([peer.lastError, peer.stale.length > 0]).toEqual([words, left]);
    });
  }

  test("a block that leaves the documents leaves both kernels", async () => {
    bgpd("n1");
    bgpd("n2", "--fib", "none");
    await eventually("installed", () => routesOf("n1").includes("10.244.2.0/24"));
    network.file("cluster.yaml", TWO_NODES.replace(", blocks: [10.244.2.0/24]", ""));
    await eventually("gone", () => !routesOf("n1").includes("10.244.2.0/24"));
    network.file("cluster.yaml", TWO_NODES.replace(", blocks: [10.244.1.0/24]", ""));
    await eventually("own gone", () => !routesOf("n1").includes("10.244.1.0/24"));
    expect(routesOf("n1")).toContain("10.244.2.0/24");
  });
});
