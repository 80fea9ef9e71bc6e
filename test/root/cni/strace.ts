/**
 * The plugin under strace(1): which system calls a call of it makes, and what becomes of it when one of them
 * kills it or fails.
 *
 * A point is a system call by name and by how many of that name the main thread made before: this is how
 * strace counts (`when=`), for each thread by itself. What Bun does before the plugin reads its stdin is left
 * out: nothing has been asked yet. So are the calls of Bun's other threads, which do nothing of the plugin's.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Answer, Call, Json, Scene } from "./scene.ts";

export type Point = {
  readonly name: string;
  /** From 1, since the process began. */
  readonly occurrence: number;
  /** The paths among its arguments, which tell that another run is at the same place. */
  readonly paths: string;
};

export type Traced = { readonly answer: Answer; readonly points: readonly Point[] };

export type Struck = {
  readonly answer: Answer;
  /** Whether it happened at this very call. */
  readonly isThere: boolean;
};

/**
 * Bun's dealings with its own memory, threads and signals, and its looks whether a delegate has answered: of no effect
 * beyond the process, and not always the same.
 */
const INWARD = new Set([
  "brk",
  "clone3",
  "epoll_ctl",
  "epoll_pwait2",
  "futex",
  "getrandom",
  "gettid",
  "madvise",
  "mmap",
  "mprotect",
  "munmap",
  "prctl",
  "recvfrom",
  "rt_sigaction",
  "rt_sigprocmask",
  "rseq",
  "sched_getaffinity",
  "sched_yield",
  "set_robust_list",
]);

/** Whether the call reaches out of the process. */
export function isOutward({ name }: Point): boolean {
  return !INWARD.has(name);
}

/** Every system call of this call, from the first read of stdin on. */
export function trace(scene: Scene, verb: string, call: Call = {}): Traced {
  const { answer, lines } = run(scene, verb, call, quickly(call));
  const points = pointsOf(scene, lines);
  const start = points.findIndex(({ name, line }) => name === "read" && line.startsWith("read(0,"));
  if (start < 0) throw new Error(`${verb} did not read stdin: ${answer.stdout}${answer.stderr}`);
  return { answer, points: points.slice(start) };
}

/** The same call again, killed as the main thread enters the system call, which is then not made. */
export function kill(scene: Scene, verb: string, call: Call, point: Point): Struck {
  // With --seccomp-bpf, strace 6.1 injects no signals.
  const { answer, lines } = inject(scene, verb, call, point, { options: [], what: "signal=KILL" });
  return { answer, isThere: answer.status !== 0 && isKilledAt(scene, lines, point) };
}

/** A call in which another plugin executes its IPAM plugin, ours: that is struck. The point is of a trace of it alone. */
export type CallAbove = Call & { readonly plugin: string };

/** As `kill`, of what is below. */
export function killBelow(scene: Scene, verb: string, call: CallAbove, point: Point): Struck {
  const { answer, lines } = strikeBelow(scene, verb, call, { point, what: "signal=KILL" });
  return { answer, isThere: isKilledAt(scene, lines, point) };
}

/** As `fail`, of what is below. */
export function failBelow(
  scene: Scene,
  verb: string,
  call: CallAbove,
  { point, error }: Failure,
): Struck {
  const { answer, lines } = strikeBelow(scene, verb, call, { point, what: `error=${error}` });
  return { answer, isThere: isFailedAt(scene, lines, point) };
}

function strikeBelow(
  scene: Scene,
  verb: string,
  call: CallAbove,
  { point, what }: { readonly point: Point; readonly what: string },
) {
  const log = join(scene.folder, "strace");
  const options = ["--follow-forks", ...injection(point, what)];
  const ipam = `${process.env.MANX_EXECUTABLE}-ipam`;
  scene.file("manx-ipam", `#!/bin/sh\nexec ${[...tracer(log), ...options, ipam].join(" ")}\n`);
  const environment = { ...call.environment, CNI_PATH: scene.folder };
  const answer = scene.call(verb, { ...call, environment });
  return { answer, lines: readFileSync(log, "utf8").split("\n") };
}

/** A system call that fails with `error` (ENOSPC). */
export type Failure = { readonly point: Point; readonly error: string };

/** The same call again, in which the system call is not made and fails. */
export function fail(scene: Scene, verb: string, call: Call, { point, error }: Failure): Struck {
  const { answer, lines } = inject(scene, verb, call, point, {
    options: quickly(call),
    what: `error=${error}`,
  });
  return { answer, isThere: isFailedAt(scene, lines, point) };
}

/** `read 27 of /etc/passwd`, for messages. */
export function describePoint({ name, occurrence, paths }: Point): string {
  return `${name} ${occurrence}${paths === "" ? "" : ` of ${paths}`}`;
}

type Line = Point & { readonly line: string };

function isKilledAt(scene: Scene, lines: readonly string[], point: Point): boolean {
  const last = pointsOf(scene, lines).findLast(({ name }) => name === point.name);
  const isKilled = lines.some((line) => line.includes("killed by SIGKILL"));
  return isKilled && isSame(last, point) && !/ = \d/.test(last?.line ?? "");
}

function isFailedAt(scene: Scene, lines: readonly string[], point: Point): boolean {
  const struck = pointsOf(scene, lines).find(({ line }) => line.includes("(INJECTED)"));
  return isSame(struck, point);
}

function isSame(one: Point | undefined, other: Point): boolean {
  return one?.occurrence === other.occurrence && one.paths === other.paths;
}

function inject(
  scene: Scene,
  verb: string,
  call: Call,
  point: Point,
  { options, what }: { readonly options: readonly string[]; readonly what: string },
) {
  return run(scene, verb, call, [...options, ...injection(point, what)]);
}

/** execve, too: its line is the main thread's. */
function injection({ name, occurrence }: Point, what: string): string[] {
  return [`--trace=execve,${name}`, `--inject=${name}:${what}:when=${occurrence}`];
}

/** Another IPAM plugin is a process of its own, which is not to be struck, and counts for itself. */
function hasDelegate({ config }: Call): boolean {
  const ipam = config?.ipam as Json | undefined;
  return ipam !== undefined && ipam.type !== "manx-ipam";
}

/** Stopping at what is traced alone; strace can only where it follows every process. */
function quickly(call: Call): string[] {
  return hasDelegate(call) ? [] : ["--seccomp-bpf"];
}

function tracer(log: string): string[] {
  return ["strace", "--string-limit=256", `--output=${log}`];
}

function run(scene: Scene, verb: string, call: Call, options: readonly string[]) {
  const log = join(scene.folder, "strace");
  const through = [...tracer(log), ...(hasDelegate(call) ? [] : ["--follow-forks"]), ...options];
  const answer = scene.call(verb, { ...call, through });
  return { answer, lines: readFileSync(log, "utf8").split("\n") };
}

/** The main thread's calls, in order. It is the one that the first line is of, or the only one. */
function pointsOf(scene: Scene, lines: readonly string[]): Line[] {
  const thread = /^\d+/.exec(lines[0] ?? "")?.[0];
  const counts = new Map<string, number>();
  const points: Line[] = [];
  for (const text of lines) {
    const [, id, line = "", name = ""] = /^(?:(\d+) +)?((\w+)\(.*)$/.exec(text) ?? [];
    if (id !== thread || name === "" || isRestarted(line)) continue;
    const occurrence = (counts.get(name) ?? 0) + 1;
    counts.set(name, occurrence);
    points.push({ name, occurrence, paths: pathsOf(scene, line), line });
  }
  return points;
}

/** A setting that is written while somebody else changes links: the kernel has the call made again until he is done. */
function isRestarted(line: string): boolean {
  return line.includes("ERESTARTNOINTR");
}

function pathsOf(scene: Scene, line: string): string {
  const paths = [...line.matchAll(/(?<!\\)"(\/[^"\\]*)"/g)].map(([, path = ""]) => path);
  return paths
    .map((path) =>
      path
        .replace(scene.folder, "")
        .replace(/^\/proc\/\d+\//, "/proc/self/")
        // Each run has another one.
        .replace(/\/address\/.*/, "/address/ADDRESS"),
    )
    .join(" and ");
}
