/**
 * The lab as its users have it: the built executable, started, talked to, and what it leaves.
 *
 * Needs MANX_EXECUTABLE, which `npm test` sets.
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export const executable = process.env.MANX_EXECUTABLE;
/** Start, failure and healing of a small lab take about ten seconds; a busy machine twice that. */
export const PATIENCE = 60_000;
export const LOOK = 50;

type Run = { readonly code: number; readonly stdout: string; readonly stderr: string };

const started: Bun.Subprocess[] = [];

/** Start a lab; `stop` ends what is left of it. */
export function start(args: readonly string[]) {
  const child = Bun.spawn([executable!, "lab", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  started.push(child);
  return child;
}

/** Run one to its end. */
export async function run(args: readonly string[]): Promise<Run> {
  const child = start(args);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** What a lab could leave: its processes' namespaces, links, routes, named namespaces, /run, mounts. */
export function surroundings(): Record<string, unknown> {
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
export async function settledSurroundings(before: Record<string, unknown>) {
  const deadline = performance.now() + 10_000;
  let now = surroundings();
  while (!Bun.deepEquals(now, before) && performance.now() < deadline) {
    await Bun.sleep(LOOK);
    now = surroundings();
  }
  return now;
}

/** Read until `words` have come. */
export async function readUntil(
  stream: ReadableStream<Uint8Array>,
  words: string,
): Promise<string> {
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

/** End whatever a test has started. */
export async function stopAll(): Promise<void> {
  const children = started.splice(0);
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map(({ exited }) => exited));
  // What a killed lab had made dies after it: the next test is not to find any of it.
  while (children.length > 0 && foreignProcesses().length > 0) await Bun.sleep(LOOK);
}

/** The first process of the lab that `outer` started, as /proc numbers it. */
export async function placeOf(outer: number): Promise<number> {
  const childOf = (pid: number): number =>
    Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0]);
  return childOf(childOf(outer));
}

/** Look until something is there. */
export async function eventually<Value>(
  what: string,
  look: () => Promise<Value | undefined | false>,
  patience = 15_000,
): Promise<Value> {
  const deadline = performance.now() + patience;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`not within ${patience} ms: ${what}`);
    await Bun.sleep(LOOK);
  }
}

/** Without pgrep, which not every machine has: end a node's daemon, from within the lab. */
export function killDaemonOf(node: string, signal: "KILL" | "TERM" = "KILL"): string[] {
  const script = `
  for process in /proc/[0-9]*; do
    tr '\\0' ' ' < $process/cmdline 2>/dev/null | grep -q -e 'bgpd .*--node ${node} $' &&
      kill -${signal} \${process#/proc/}
  done`;
  return ["sh", "-c", script];
}
