/**
 * Finding this user's running labs from outside, and what is in them.
 *
 * A lab leaves no file on the machine, so it is looked for in /proc: its first process is number 1
 * of a pid namespace of its own and carries the mark in its environment. What is in it stands in
 * `LAB_FILE` on the lab's own /run, which is seen through that process's root.
 */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { LAB_FILE } from "./place.ts";

/** Environment variable that tells the executable that it runs inside the namespaces. */
export const INSIDE_MARK = "MANX_LAB_INSIDE";
/** What `manx lab exec` needs to know of a lab; written once all namespaces exist. */
export type LabDirectory = {
  readonly targets: readonly Target[];
  /** The lab's own PATH: it has the programs that were unpacked for it. */
  readonly path: string;
};

/** Something that commands can run in. Paths are as seen inside the lab. */
export type Target = {
  readonly name: string;
  readonly kind: "node" | "router" | "pod" | "outside" | "fabric";
  readonly network: string;
  /** Absent: the lab's own mounts. */
  readonly mount?: string;
};

export type RunningLab = {
  /** Of its first process, as seen from here. */
  readonly pid: number;
  /** Undefined while it is coming up. */
  readonly directory: LabDirectory | undefined;
};

/** The labs whose first process belongs to `user` (an effective user id), the oldest pid first. */
export function findLabs(user: number, proc = "/proc"): RunningLab[] {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
    .filter((pid) => isLab(join(proc, String(pid)), user))
    .map((pid) => ({ pid, directory: readDirectory(join(proc, String(pid))) }));
}

/** What a target that was asked for comes to, or why it is none. */
export type Choice =
  | { readonly type: "found"; readonly lab: RunningLab; readonly target: Target; path: string }
  | { readonly type: "not found"; readonly message: string };

/** Find `NAME`, or `NAME@PID` where several labs run. */
export function chooseTarget(labs: readonly RunningLab[], asked: string): Choice {
  const at = asked.lastIndexOf("@");
  const name = at < 0 ? asked : asked.slice(0, at);
  const wanted = at < 0 ? labs : labs.filter(({ pid }) => String(pid) === asked.slice(at + 1));
  const [lab] = wanted;
  if (labs.length === 0) {
    return notFound("no lab of yours is running: start one with manx lab (or npm start)");
  }
  if (lab === undefined) {
    return notFound(`no lab of yours has process ${asked.slice(at + 1)}: there are ${list(labs)}`);
  }
  if (wanted.length > 1) {
    const example = `${name}@${lab.pid}`;
    return notFound(`${labs.length} labs of yours are running, ${list(labs)}: say ${example}`);
  }
  const { directory } = lab;
  if (directory === undefined) {
    return notFound(`the lab (process ${lab.pid}) is still coming up: try again in a moment`);
  }
  const target = directory.targets.find((candidate) => candidate.name === name);
  if (target === undefined) {
    const names = directory.targets.map((candidate) => candidate.name).join(", ");
    return notFound(`${JSON.stringify(name)} is not in the lab: there are ${names}`);
  }
  return { type: "found", lab, target, path: directory.path };
}

function notFound(message: string): Choice {
  return { type: "not found", message };
}

/** `process 4711 (3 nodes, 6 pods) and …`. */
function list(labs: readonly RunningLab[]): string {
  return labs
    .map(({ pid, directory }) => {
      const count = (kind: Target["kind"]): number =>
        directory?.targets.filter((target) => target.kind === kind).length ?? 0;
      const size =
        directory === undefined ? "coming up" : `nodes: ${count("node")}, pods: ${count("pod")}`;
      return `process ${pid} (${size})`;
    })
    .join(" and ");
}

function isLab(folder: string, user: number): boolean {
  try {
    if (statSync(folder).uid !== user) return false;
    // The last number is the one in the innermost namespace: 1 tells the lab from its parent.
    const numbers = /^NSpid:\s*(.*)$/m.exec(readFileSync(join(folder, "status"), "utf8"))?.[1];
    if (numbers === undefined || !/\s1$/.test(numbers)) return false;
    const environment = readFileSync(join(folder, "environ"), "utf8").split("\0");
    return environment.includes(`${INSIDE_MARK}=1`);
  } catch {
    // It ended while we looked, or may not be looked into and so is not ours.
    return false;
  }
}

function readDirectory(folder: string): LabDirectory | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "root", LAB_FILE), "utf8"));
  } catch {
    return undefined;
  }
}
