/**
 * The bgpd process: how it starts, is reconfigured, is asked to end, and what it leaves.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { lockFileOf } from "../../../bgpd/lock-file.ts";
import { NODE_FILE, readNodeFile } from "../../../ipam/node.ts";
import type { PeerAnswer, StatusAnswer } from "../../../resource/answer.ts";
import { configuration, documents, N1, node } from "../../interop/documents.ts";
import { executable, hasManx, type Manx, manxOn } from "../../interop/manx.ts";
import { createNetwork, eventually, type Network } from "../../interop/network.ts";

const TWO_NODES = documents(configuration(), N1, node("n2", "172.30.0.12/24", "10.244.2.0/24"));

let network: Network;
let n1: Manx;
let n2: Manx;

const routesOf = (name: string): string => network.run(name, "ip", "-4", "route");

const up = (): Promise<StatusAnswer> =>
  eventually("bgpd answers", () => n1.ask<StatusAnswer>("status"));

const ready = (): Promise<StatusAnswer> =>
  eventually("bgpd is ready", () => {
    const status = n1.ask<StatusAnswer>("status");
    return status.ready.ok && status;
  });

describe.skipIf(!hasManx)("bgpd", () => {
  beforeEach(() => {
    network = createNetwork({ n1: "172.30.0.11/24", n2: "172.30.0.12/24" });
    n1 = manxOn(network, "n1", "cluster.yaml");
    n2 = manxOn(network, "n2", "cluster.yaml");
    n1.configure(TWO_NODES);
  });

  afterEach(async () => {
    await network.remove();
    rmSync("/run/manx", { recursive: true, force: true });
  });

  test("two nodes exchange their blocks, the mesh needs no word about it", async () => {
    n1.start();
    n2.start();
    await eventually("each has the other's block", () => {
      const [one, two] = [routesOf("n1"), routesOf("n2")];
      return (
        /10\.244\.2\.0\/24 nhid \d+ via 172\.30\.0\.12 dev eth0/.test(one) &&
        /10\.244\.1\.0\/24 nhid \d+ via 172\.30\.0\.11 dev eth0/.test(two)
      );
    });
    expect(routesOf("n1")).toContain("blackhole 10.244.1.0/24");
    expect(n1.ask<PeerAnswer[]>("peers").map(({ name }) => name)).toEqual(["mesh n2"]);
  });

  test("with faulty documents it does not start: every fault, exit code 2, the kernel untouched", async () => {
    n1.configure(TWO_NODES.replace("172.30.0.12/24", "172.30.0.300"));
    const before = routesOf("n1");
    const child = n1.start();
    expect(await child.exited).toBe(2);
    expect(n1.log()).toMatch(
      /manx: bgpd: .*cluster\.yaml:\d+: Node n2: spec\.bgp\.ipv4Address: "172\.30\.0\.300": expected/,
    );
    expect(routesOf("n1")).toBe(before);
    expect(existsSync(n1.api)).toBe(false);
  });

  test("a node that is in no document is said, with those that are", async () => {
    n1.configure(TWO_NODES.replace("{ name: n1 }", "{ name: n7 }"));
    expect(await n1.start().exited).toBe(2);
    expect(n1.log()).toContain('no Node is called "n1": there are n7, n2');
  });

  test("a second one on the same node is refused, and the first goes on", async () => {
    n1.start();
    await up();
    const second = Bun.spawn(
      [
        ...["ip", "netns", "exec", "n1", executable, "bgpd", "--node", "n1"],
        ...["--config", `${network.folder}/cluster.yaml`, "--api", n1.api],
      ],
      { stderr: "pipe" },
    );
    expect(await second.exited).toBe(1);
    expect(await new Response(second.stderr).text()).toContain("another bgpd runs here");
    expect((await up()).node).toBe("n1");
  });

  test("documents with a fault leave the plan in force, and their correction is taken", async () => {
    n1.start();
    n2.start("--fib", "none");
    await ready();
    n1.configure(TWO_NODES.replace("[10.244.2.0/24]", "[10.244.1.0/25]"));
    const { configuration } = await eventually("the fault is shown", () => {
      const status = n1.ask<StatusAnswer>("status");
      return status.configuration.faults.length > 0 && status;
    });
    expect(configuration.faults[0]).toContain("overlaps 10.244.1.0/24 of Node n1");
    expect(configuration.generation).toBe(1);
    expect(routesOf("n1")).toContain("10.244.2.0/24");
    const right = TWO_NODES.replace("[10.244.2.0/24]", "[10.244.2.0/24, 10.244.3.0/24]");
    n1.configure(right);
    await eventually("the new block arrives", () => routesOf("n1").includes("10.244.3.0/24"));
    const now = n1.ask<StatusAnswer>("status").configuration;
    expect([now.generation, now.faults]).toEqual([2, []]);
    expect(n1.peer().flaps).toBe(0);
  });

  test("SIGHUP while it starts is no end, and reads again", async () => {
    const child = n1.start();
    const end = performance.now() + 5000;
    // Without a pause: what follows is to come while it starts.
    while (!existsSync(lockFileOf(n1.api))) if (performance.now() > end) throw new Error("no lock");
    child.kill("SIGHUP");
    n1.configure(TWO_NODES.replace("10.244.1.0/24", "10.244.7.0/24"));
    await eventually("it has the new block", () => routesOf("n1").includes("blackhole 10.244.7.0"));
    expect(child.exitCode).toBeNull();
  });

  test("SIGHUP reads again", async () => {
    const child = n1.start();
    await up();
    child.kill("SIGHUP");
    await eventually("generation 2", () => {
      const { configuration } = n1.ask<StatusAnswer>("status");
      return configuration.generation === 2;
    });
  });

  test("what has no effect is said once, and again only where it has come back", async () => {
    const tunnel = "ipv4VXLANTunnelAddr: 10.244.1.0";
    const interfaces = "interfaces: [{ name: eth0 }]";
    const read = async (...words: readonly string[]): Promise<number[]> => {
      n1.configure(TWO_NODES.replace("spec: { bgp:", `spec: { ${[...words, "bgp:"].join(", ")}`));
      reads++;
      await eventually(
        `generation ${reads}`,
        () => n1.ask<StatusAnswer>("status").configuration.generation === reads,
      );
      const log = n1.log();
      return ["ipv4VXLANTunnelAddr", "spec.interfaces"].map((field) => log.split(field).length - 1);
    };
    let reads = 1;
    n1.start();
    await up();
    expect(await read(tunnel)).toEqual([1, 0]);
    expect(await read(tunnel, interfaces)).toEqual([1, 1]);
    expect(await read(interfaces)).toEqual([1, 1]);
    expect(await read(interfaces, tunnel)).toEqual([2, 1]);
  });

  test("what a plugin must know is in the node file: blocks, MTU, readiness", async () => {
    network.run("n1", "ip", "link", "set", "eth0", "mtu", "1400");
    const first = n1.start();
    await up();
    expect(readNodeFile()).toMatchObject({ node: "n1", mtu: 1400, ready: { ok: false } });
    expect(readNodeFile().ready.reason).toContain("mesh n2");
    n2.start("--fib", "none");
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
    n1.start("--fib", "none");
    n2.start("--fib", "none");
    const before = routesOf("n1");
    await eventually("it has learned", () => n1.ask<unknown[]>("routes").length === 2);
    expect(routesOf("n1")).toBe(before);
    expect(existsSync(NODE_FILE)).toBe(false);
    expect((await up()).fib.mode).toBe("none");
  });

  for (const [flags, signal, isRestart] of [
    [[], "SIGKILL", true],
    [[], "SIGTERM", true],
    [["--withdraw"], "SIGTERM", false],
  ] as const) {
    const words = `that ended by ${[signal, ...flags].join(" and ")}`;
    test(`with --fib none one ${words} has ${isRestart ? "a successor" : "none"}`, async () => {
      const routes = (): number => n1.ask<unknown[]>("routes").length;
      const first = n1.start("--fib", "none", ...flags);
      n2.start("--fib", "none");
      await eventually("it has learned", () => routes() === 2);
      expect(n1.log()).not.toContain("restarted");
      first.kill(signal);
      await first.exited;
      n1.start("--fib", "none");
      await ready();
      await eventually("it has learned again", () => routes() === 2);
      expect(n1.log().includes("restarted: IPv4 unicast routes are chosen now")).toBe(isRestart);
    });
  }

  for (const [flags, left, words] of [
    [[], true, "closed by the peer"],
    [["--withdraw"], false, "the peer sent Cease/Administrative Shutdown"],
  ] as const) {
    test(`SIGTERM ${left ? "leaves" : "with --withdraw removes"} the routes, and the socket goes`, async () => {
      const child = n1.start(...flags);
      n2.start("--fib", "none");
      await eventually("installed", () => routesOf("n1").includes("10.244.2.0/24"));
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
      expect(routesOf("n1").includes("10.244.2.0/24")).toBe(left);
      expect(routesOf("n1").includes("10.244.1.0/24")).toBe(left);
      expect(existsSync(n1.api)).toBe(false);
      const peer = await eventually("the other knows why", () =>
        n2.ask<PeerAnswer[]>("peers").find(({ lastError }) => lastError !== ""),
      );
      expect([peer.lastError, peer.stale.length > 0]).toEqual([words, left]);
    });
  }

  test("a block that leaves the documents leaves both kernels", async () => {
    n1.start();
    n2.start("--fib", "none");
    await eventually("installed", () => routesOf("n1").includes("10.244.2.0/24"));
    n1.configure(TWO_NODES.replace(", blocks: [10.244.2.0/24]", ""));
    await eventually("gone", () => !routesOf("n1").includes("10.244.2.0/24"));
    n1.configure(TWO_NODES.replace(", blocks: [10.244.1.0/24]", ""));
    await eventually("own gone", () => !routesOf("n1").includes("10.244.1.0/24"));
    expect(routesOf("n1")).toContain("10.244.2.0/24");
  });
});
