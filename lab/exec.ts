/**
 * `manx lab exec NODE|POD -- COMMAND`: run a command inside a lab of this user that runs elsewhere.
 *
 * This process becomes util-linux's nsenter twice over: into the lab, from where the names of its
 * namespaces can be seen, and from there into the node's or pod's.
 */

import { delimiter } from "node:path";
import { execve } from "../kernel/libc.ts";
import { LabError } from "./error.ts";
import { chooseTarget, findLabs, type Target } from "./finder.ts";
import { BIN_FOLDER } from "./place.ts";

/** Where programs are on every system, beside what the caller's PATH says. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/**
 * Become the command inside the target (a shell when there is none). Returns only by throwing
 * `LabError`: no lab, several, no such target, or no nsenter.
 */
export function execInLab(asked: string, command: readonly string[]): never {
  const choice = chooseTarget(findLabs(process.geteuid?.() ?? 0), asked);
  if (choice.type === "not found") throw new LabError(choice.message);
  const program = Bun.which("nsenter");
  if (program === null) {
    throw new LabError("lab exec needs nsenter(1) of util-linux, and it is not on PATH");
  }
  const path = [BIN_FOLDER, choice.path, process.env.PATH ?? "", ...SYSTEM_FOLDERS].join(delimiter);
  const args = [
    program,
    ...enterLab(choice.lab.pid),
    ...[program, ...enterTarget(choice.target)],
    ...["env", "-C", process.cwd()],
    ...(command.length === 0 ? [process.env.SHELL ?? "/bin/sh"] : command),
  ];
  execve(program, args, environment({ ...process.env, PATH: path }));
}

/** `NAME=VALUE` of each variable that is set. */
function environment(variables: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(variables).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
}

/** nsenter's arguments for the lab's own namespaces. */
export function enterLab(pid: number): string[] {
  const namespaces = ["--user", "--mount", "--pid", "--net"];
  return ["--target", String(pid), ...namespaces, "--preserve-credentials", "--"];
}

/** nsenter's arguments for a target, inside the lab. */
export function enterTarget({ network, mount }: Target): string[] {
  return [`--net=${network}`, ...(mount === undefined ? [] : [`--mount=${mount}`]), "--"];
}
