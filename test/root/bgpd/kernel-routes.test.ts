/**
 * The kernel side of a running bgpd: nexthop objects, what others break, what is left and what is removed.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import type { Subprocess } from "bun";
import type { StatusAnswer } from "../../../resource/answer.ts";
import { configuration, document, documents, N1 } from "../../interop/documents.ts";
import { executable, hasManx, type Manx, manxOn } from "../../interop/manx.ts";
import { createNetwork, eventually, type Network } from "../../interop/network.ts";

const TWO_NODES = documents(
  configuration("", "holdTime: 9s, keepaliveTime: 1s, connectRetryTime: 1s"),
  N1,
  document(
    "Node",
    "n2",
    "bgp: { ipv4Address: 172.30.0.12/24 }, blocks: [10.244.2.0/24, 10.244.3.0/24]",
  ),
);

/** Both read it. */
const CLUSTER = "cluster.yaml";
const LEARNED = "10.244.2.0/24";
const OWN = "10.244.1.0/24";
/** The promise is 100 ms; a busy machine is given some more. */
const HEALED_WITHIN = 100 + 150;

let network: Network;
let n1: Manx;

/** An `ip` command in n1; standard output. */
const ip = (...words: string[]): string => network.run("n1", "ip", ...words);
const routes = (...words: string[]): string => ip("-4", "route", "show", ...words);

/** `manx` in n1: what it prints, and its exit code. */
function ask(...words: string[]): { readonly code: number; readonly out: string } {
  const command = ["ip", "netns", "exec", "n1", executable, ...words, "--api", n1.api];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  return { code: exitCode, out: stdout.toString() + stderr.toString() };
}

const status = (): StatusAnswer => n1.ask("status");

async function converged(...more: string[]): Promise<Subprocess> {
  const child = n1.start(...more);
  manxOn(network, "n2", CLUSTER).start("--fib", "none");
  await eventually("the routes are there", () => status().fib.installed === 3);
  await eventually("it is ready", () => status().ready.ok);
  return child;
}

/** Milliseconds of an `ip -ts monitor` line such as `[2026-11-21T14:10:54.240706] …`. */
const timeOf = (line: string): number => Date.parse(line.slice(1, line.indexOf("]")).slice(0, 23));

describe.skipIf(!hasManx)("kernel routes", () => {
  beforeEach(() => {
    network = createNetwork({ n1: "172.30.0.11/24", n2: "172.30.0.12/24" });
    n1 = manxOn(network, "n1", CLUSTER);
    n1.configure(TWO_NODES);
  });

  afterEach(async () => {
    await network.remove();
    rmSync("/run/manx", { recursive: true, force: true });
  });

  test("lead over one nexthop object for all that a peer announces", async () => {
    await converged();
    const [object = "", ...more] = ip("nexthop", "show").trim().split("\n");
    expect(object).toContain("via 172.30.0.12 dev eth0");
    expect(object).toContain("proto 77");
    expect(more).toEqual([]);
    const id = object.split(" ")[1];
    for (const prefix of [LEARNED, "10.244.3.0/24"]) {
      expect(routes(prefix)).toContain(`nhid ${id} via 172.30.0.12 dev eth0 proto 77 metric 1024`);
    }
    expect(ask("fib", "check")).toEqual({
      code: 0,
      out: "the kernel has what is wanted: 3 routes\n",
    });
  });

  const broken: Record<string, () => void> = {
    "a route deleted": () => ip("route", "del", LEARNED, "proto", "77"),
    "a blackhole deleted": () => ip("route", "del", "blackhole", OWN),
    "a route led elsewhere": () =>
      ip("route", "replace", LEARNED, "via", "172.30.0.99", "proto", "77", "metric", "1024"),
    "its nexthop object deleted": () =>
      ip("nexthop", "del", "id", ip("nexthop", "show").split(" ")[1] ?? ""),
    "its nexthop object changed": () => {
      const id = ip("nexthop", "show").split(" ")[1] ?? "";
      ip("nexthop", "replace", "id", id, "via", "172.30.0.99", "dev", "eth0", "proto", "77");
    },
    "all of both deleted": () => {
      ip("nexthop", "flush", "proto", "77");
      ip("route", "del", "blackhole", OWN);
    },
    "the link down and up": () => {
      ip("link", "set", "eth0", "down");
      ip("link", "set", "eth0", "up");
    },
    "the address removed and put back": () => {
      ip("address", "del", "172.30.0.11/24", "dev", "eth0");
      ip("address", "add", "172.30.0.11/24", "dev", "eth0");
    },
  };
  for (const [what, breakIt] of Object.entries(broken)) {
    test(`are healed at once: ${what}`, async () => {
      await converged();
      network.start("n1", "monitor", [
        "ip",
        "-ts",
        "monitor",
        "route",
        "nexthop",
        "link",
        "address",
      ]);
      await eventually("the monitor hears", () => {
        ip("route", "replace", "blackhole", "198.51.100.0/24");
        ip("route", "del", "blackhole", "198.51.100.0/24");
        return network.log("monitor").includes("Deleted blackhole 198.51.100.0/24");
      });
      const before = network.log("monitor").length;
      breakIt();
      await eventually("it is as it was", () => {
        const check = ask("fib", "check");
        const isWhole = check.code === 0 && check.out.includes("3 routes");
        return isWhole && routes(LEARNED).includes("via 172.30.0.12") && check;
      });
      const lines = network.log("monitor").slice(before).split("\n");
      const told = lines.filter((line) => line.startsWith("[2"));
      const isHurt = (line: string): boolean =>
        / (Deleted|via 172\.30\.0\.99)|inet 172|state UP/.test(line.replace("]", "] "));
      const hurt = told.filter((line) => isHurt(line)).at(-1) ?? told[0] ?? "";
      const mended = told.filter((line) => !isHurt(line)).at(-1) ?? "";
      expect(timeOf(mended) - timeOf(hurt)).toBeLessThan(HEALED_WITHIN);
    });
  }

  test("that are missing, changed or alien are told by the check while nobody mends them", async () => {
    const child = await converged();
    ip("route", "add", "10.99.0.0/24", "dev", "eth0", "proto", "77", "metric", "1024");
    expect(ask("fib", "check").out).toMatch(
      /10\.99\.0\.0\/24 +alien +dev eth0 +no BGP route is used for it/,
    );
    const check = JSON.parse(ask("fib", "check", "--json").out);
    expect(check).toMatchObject({ wanted: 3, differences: [{ problem: "alien" }] });
    child.kill("SIGKILL");
    expect(ask("fib", "check").code).toBe(1);
  });

  test("may have another metric and another table", async () => {
    await converged("--metric", "77", "--table", "1000");
    expect(routes(LEARNED)).toBe("");
    expect(routes("table", "1000")).toContain("via 172.30.0.12 dev eth0 proto 77 metric 77");
    expect(routes("table", "1000")).toContain(`blackhole ${OWN} proto 77 metric 77`);
    expect(ask("fib", "check").code).toBe(0);
  });

  test("stay when it is killed, are taken over by the next, and go with a cleanup", async () => {
    const first = await converged();
    const object = ip("nexthop", "show");
    expect(ask("bgpd", "--cleanup")).toMatchObject({
      code: 1,
      out: expect.stringContaining("a bgpd runs here"),
    });
    first.kill("SIGKILL");
    await first.exited;
    expect(routes(LEARNED)).toContain("via 172.30.0.12");
    const second = n1.start();
    await eventually("it is ready", () => status().ready.ok);
    expect(ip("nexthop", "show")).toBe(object);
    expect(status().fib).toMatchObject({ installed: 3, stale: 0, healed: 0 });
    second.kill("SIGKILL");
    await second.exited;
    ip("route", "add", "blackhole", "10.98.0.0/24", "proto", "static");
    expect(ask("bgpd", "--cleanup")).toEqual({
      code: 0,
      out: "removed 3 routes and 1 nexthop objects\n",
    });
    expect(ip("nexthop", "show")).toBe("");
    expect(routes()).not.toContain("proto 77");
    expect(routes()).toContain("blackhole 10.98.0.0/24 proto static");
  });

  test("go with a daemon that is told to withdraw, and only its own", async () => {
    const child = await converged("--withdraw");
    ip("route", "add", "blackhole", "10.98.0.0/24", "proto", "static");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(ip("nexthop", "show")).toBe("");
    expect(routes()).not.toContain("proto 77");
    expect(routes()).toContain("blackhole 10.98.0.0/24 proto static");
  });
});
