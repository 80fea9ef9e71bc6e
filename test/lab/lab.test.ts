/**
 * The lab as its users have it: the built executable, from start to end, leaving nothing.
 *
 * Needs MANX_EXECUTABLE (npm test sets it); skipped without.
 */

import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { LabReport } from "../../lab/report.ts";

const executable = process.env.MANX_EXECUTABLE;
/** Start, failure and healing of a small lab take about ten seconds; a busy machine twice that. */
const PATIENCE = 60_000;
const LOOK = 50;

/** Without pgrep, which not every machine has. */
const KILL_DAEMON_OF_N3 = `
  for process in /proc/[0-9]*; do
    tr '\\0' ' ' < $process/cmdline 2>/dev/null | grep -q -e 'bgpd .*--node n3 $' &&
      kill -9 \${process#/proc/}
  done`;

type Run = { readonly code: number; readonly stdout: string; readonly stderr: string };

const started: Bun.Subprocess[] = [];

function start(args: readonly string[]) {
  const child = Bun.spawn([executable!, "lab", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  started.push(child);
  return child;
}

async function run(args: readonly string[]): Promise<Run> {
  const child = start(args);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** What a lab could leave: its processes' namespaces, links, routes, named namespaces, /run, mounts. */
function surroundings(): Record<string, unknown> {
  const list = (folder: string): string[] => {
    try {
      return readdirSync(folder).sort();
    } catch {
      return [];
    }
  };
  return {
    links: list("/sys/class/net"),
    routes: readFileSync("/proc/net/route", "utf8"),
    named: list("/run/netns"),
    run: list("/run"),
    manx: list("/run/manx"),
    mounts: readFileSync("/proc/self/mountinfo", "utf8").split("\n").length,
    strangers: foreignProcesses(),
  };
}

/** Processes of ours in another user namespace than we are in: only a lab makes such. */
function foreignProcesses(): string[] {
  const own = readlinkSync("/proc/self/ns/user");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        const isOurs = commandLine.includes(executable!) || commandLine.includes("/run/lab/");
        return isOurs && readlinkSync(`/proc/${pid}/ns/user`) !== own ? [commandLine] : [];
      } catch {
        return [];
      }
    });
}

/** The kernel takes namespaces apart after their last process has gone. */
async function settledSurroundings(before: Record<string, unknown>) {
  const deadline = performance.now() + 10_000;
  let now = surroundings();
  while (!Bun.deepEquals(now, before) && performance.now() < deadline) {
    await Bun.sleep(LOOK);
    now = surroundings();
  }
  return now;
}

/** Read until `words` have come. */
async function readUntil(stream: ReadableStream<Uint8Array>, words: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const reader = stream.getReader();
  while (!text.includes(words)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`ended without saying ${JSON.stringify(words)}: ${text}`);
    text += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return text;
}

describe.skipIf(executable === undefined)("the lab", () => {
  afterEach(async () => {
    const children = started.splice(0);
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map(({ exited }) => exited));
  });

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

      await exec("n3", "sh", "-c", KILL_DAEMON_OF_N3);
      const back = await readUntil(lab.stderr, "starting it again");
      expect(back).toContain("bgpd of n3: ended (signal SIGKILL)");
      const deadline = performance.now() + 10_000;
      let answer = await exec("n3", "manx", "peers", "--json");
      while (answer.code !== 0 && performance.now() < deadline) {
        await Bun.sleep(LOOK);
        answer = await exec("n3", "manx", "peers", "--json");
      }
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

  test("a number that cannot be is refused before anything is made", async () => {
    const { code, stderr } = await run(["--once", "--nodes", "201"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--nodes");
  });
});

/** The first process of the lab that `outer` started, as /proc numbers it. */
async function placeOf(outer: number): Promise<number> {
  const childOf = (pid: number): number =>
    Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0]);
  return childOf(childOf(outer));
}

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
