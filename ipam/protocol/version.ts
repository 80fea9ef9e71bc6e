/**
 * Versions of the CNI specification that Manx speaks, and what each of them knows.
 */

import { CniError, CODE } from "./error.ts";

/** Oldest first. */
export const VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

export type Version = (typeof VERSIONS)[number];

/** The newest version, which answers whoever did not say which one he speaks. */
export const NEWEST: Version = "1.1.0";

export type Command = "ADD" | "DEL" | "CHECK" | "GC" | "STATUS" | "VERSION";

/** Every verb, and the version that brought it. */
export const COMMANDS: Record<Command, string> = {
  ADD: "0.1.0",
  DEL: "0.1.0",
  VERSION: "0.1.0",
  CHECK: "0.4.0",
  GC: "1.1.0",
  STATUS: "1.1.0",
};

/** Whether the text is a version that we speak. */
export function isVersion(text: unknown): text is Version {
  for (const version of VERSIONS) if (version === text) return true;
  return false;
}

/** The configuration's `cniVersion`; absent means 0.1.0. Throws code 1 when we do not speak it. */
export function requireVersion(value: unknown): Version {
  const text = value === undefined || value === "" ? "0.1.0" : value;
  if (isVersion(text)) return text;
  throw new CniError(CODE.incompatibleVersion, `cniVersion ${JSON.stringify(text)} is not spoken`, {
    details: `expected one of ${VERSIONS.join(", ")}${value === undefined ? "; the configuration has no cniVersion, which means 0.1.0" : ""}`,
  });
}

/** Throws code 1 when `command` is newer than the version that the configuration asks for. */
export function requireCommand(command: Command, version: Version): void {
  const since = COMMANDS[command];
  if (compareVersion(version, since) >= 0) return;
  throw new CniError(
    CODE.incompatibleVersion,
    `${command} needs cniVersion ${since}, the configuration says ${version}`,
  );
}

/** Whether results of this version carry `version` in each of `ips` (dropped by 1.0.0). */
export function hasIpVersion(version: Version): boolean {
  return compareVersion(version, "1.0.0") < 0;
}

/** Whether results of this version carry details of interfaces and routes (MTU, table ...), which came with 1.1.0. */
export function hasDetails(version: Version): boolean {
  return compareVersion(version, "1.1.0") >= 0;
}

/** Of versions as the specification has them: three numbers of one digit. */
function compareVersion(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
