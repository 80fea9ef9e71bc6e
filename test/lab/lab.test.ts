/**
 * The lab as its users have it: the built executable, from start to end, leaving nothing.
 *
 * Needs MANX_EXECUTABLE (npm test sets it); skipped without.
 */

import { afterEach, describe, expect, test } from "bun:test";
import type { LabReport } from "../../lab/report.ts";
import {
  eventually,
  executable,
  killDaemonOf,
  PATIENCE,
  placeOf,
  readUntil,
  run,
  settledSurroundings,
  start,
  stopAll,
  surroundings,
} from "./runner.ts";

describe.skipIf(executable === undefined)("the lab", () => {
  afterEach(stopAll);

  for (const router of ["auto", "manx"]) {
    test(
      `with the router ${router} everybody reaches everybody, but for a cut, and nothing is left`,
      async () => {
        const before = surroundings();
        const { code, stdout, stderr } = await run(["--once", "--json", "--router", router]);
        expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
        const report: LabReport = JSON.parse(stdout);
        checkReport(report, { nodes: 3, pods: 2 });
        expect(report.router?.software === "manx" || router === "auto").toBe(true);
        expect(await settledSurroundings(before)).toEqual(before);
      },
      PATIENCE,
    );
  }

  test(
    "stays for people: commands run in nodes and pods, a killed daemon comes back, a signal ends it",
    async () => {
      const before = surroundings();
      const lab = start([]);
      const shown = await readUntil(lab.stdout, "lab exec n1 -- ");
      expect(shown).toContain("PASS: every probe was answered");

      const at = await placeOf(lab.pid);
      const exec = (target: string, ...command: string[]) =>
        run(["exec", `${target}@${at}`, "--", ...command]);
      const peers = await exec("n1", "manx", "peers", "--json");
      expect(JSON.parse(peers.stdout)).toHaveLength(3);
      const pod = await exec("n2-1", "cat", "/proc/net/dev");
      expect(pod.stdout).toMatch(/^ *eth0:/m);
      expect(pod.stdout).not.toContain("manx");
      expect((await exec("outside", "sh", "-c", "exit 7")).code).toBe(7);
      const unknown = await exec("n9", "true");
      expect(unknown.code).toBe(1);
      expect(unknown.stderr).toContain('"n9" is not in the lab: there are n1, n1-1, n1-2, n2,');

      await exec("n3", ...killDaemonOf("n3"));
      const back = await readUntil(lab.stderr, "starting it again");
      expect(back).toContain("bgpd of n3: ended (signal SIGKILL)");
      const answer = await eventually("the daemon is back", async () => {
        const asked = await exec("n3", "manx", "peers", "--json");
        return asked.code === 0 && asked;
      });
      expect(JSON.parse(answer.stdout)).toHaveLength(3);

      lab.kill("SIGTERM");
      expect(await lab.exited).toBe(0);
      expect(await settledSurroundings(before)).toEqual(before);
    },
    PATIENCE,
  );

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(
      `${signal} while it comes up leaves nothing`,
      async () => {
        const before = surroundings();
        const lab = start(["--once"]);
        await readUntil(lab.stderr, "» pods");
        lab.kill(signal);
        expect(await lab.exited).not.toBe(0);
        expect(await settledSurroundings(before)).toEqual(before);
      },
      PATIENCE,
    );
  }

  test.skipIf(process.env.MANX_CNI_PLUGINS === undefined || Bun.which("iptables") === null)(
    "published ports of nodes lead to pods, also when the pods are of one node",
    async () => {
      const before = surroundings();
      const ports = ["n1-1:8080", "n1-2:8081", "n2-1:8080"];
      const flags = ports.flatMap((port) => ["--publish", port]);
      const { code, stdout, stderr } = await run([
        ...["--once", "--json", "--nodes", "2", "--router", "manx"],
        ...flags,
      ]);
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      const { published }: LabReport = JSON.parse(stdout);
      expect(published.map(({ pod, at, reason }) => `${pod} ${at} ${reason}`)).toEqual([
        "n1-1 172.30.0.11:8080 ",
        "n1-2 172.30.0.11:8081 ",
        "n2-1 172.30.0.12:8080 ",
      ]);
      for (const { roundTrip } of published) expect(roundTrip).toBeGreaterThan(0);
      expect(await settledSurroundings(before)).toEqual(before);
    },
    PATIENCE,
  );

  test.skipIf(process.env.MANX_CNI_PLUGINS === undefined)(
    "limits of pods hold in each direction",
    async () => {
      const before = surroundings();
      const flags = ["n1-1:16M", "n2-2:in=8M"].flatMap((limit) => ["--limit", limit]);
      const { code, stdout, stderr } = await run([
        ...["--once", "--json", "--nodes", "2", "--router", "manx"],
        ...flags,
      ]);
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      const { limits }: LabReport = JSON.parse(stdout);
      expect(limits.map(({ pod, direction, limit }) => `${pod} ${direction} ${limit}`)).toEqual([
        "n1-1 in 16000000",
        "n1-1 out 16000000",
        "n2-2 in 8000000",
      ]);
      for (const { measured, limit } of limits) {
        expect(measured).toBeGreaterThan(0);
        expect(measured).toBeLessThan(1.05 * limit);
      }
      expect(await settledSurroundings(before)).toEqual(before);
    },
    PATIENCE,
  );

  test("--limit n1-1:1 is refused before anything is made", async () => {
    const { code, stderr } = await run(["--once", "--limit", "n1-1:1"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--limit n1-1:1: expected POD:RATE");
  });

  for (const [port, says] of [
    ["n1-9:8080", "there is no pod n1-9 in a lab of this size"],
    ["n1-1:99999", "expected POD:PORT, such as n1-1:8080"],
  ] as const) {
    test(`--publish ${port} is refused before anything is made`, async () => {
      const { code, stderr } = await run(["--once", "--publish", port]);
      expect(code).toBe(2);
      expect(stderr).toContain(`--publish ${port}: ${says}`);
    });
  }

  test("a number that cannot be is refused before anything is made", async () => {
    const { code, stderr } = await run(["--once", "--nodes", "201"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--nodes");
  });
});

function checkReport(report: LabReport, { nodes, pods }: { nodes: number; pods: number }): void {
  expect(report.faults).toEqual([]);
  expect(report.ok).toBe(true);
  expect(report.nodes.map(({ pods: own }) => own.length)).toEqual(Array(nodes).fill(pods));
  // Each node has the others and the router.
  expect(report.sessions).toHaveLength(nodes * nodes);
  expect(report.sessions.every(({ state }) => state === "Established")).toBe(true);
  const table = report.tables.find(({ name }) => name === "n1");
  const ways = table?.routes.map(({ destination, via }) => `${destination} ${via.join(" ")}`);
  expect(ways).toContain("10.244.2.0/24 172.30.0.12 dev eth0");
  expect(ways).toContain("192.0.2.0/24 172.30.0.1 dev eth0");
  const own = table?.routes.find(({ destination }) => destination === "10.244.1.0/24");
  expect(own?.type).toBe("blackhole");

  const all = nodes * pods;
  const probes = 2 * (all * (all - 1) + all);
  expect(report.reachability).toMatchObject({ probes, lost: 0, losses: [] });
  const others = (nodes - 1) * pods;
  const despite = 2 * (others * (others - 1) + others + pods * (pods - 1));
  expect(report.failure).toMatchObject({
    node: `n${nodes}`,
    reachability: { probes: despite, lost: 0 },
  });
  expect(report.failure?.withdrawn.map(({ name }) => name).sort()).toEqual(["n1", "n2", "tor"]);
  // Hold time 3 s, of which up to one keepalive interval had passed.
  for (const { after } of report.failure?.withdrawn ?? []) {
    expect(after).toBeGreaterThan(1000);
    expect(after).toBeLessThan(6000);
  }
  expect(report.recovery?.reachability).toMatchObject({ probes, lost: 0 });
}
