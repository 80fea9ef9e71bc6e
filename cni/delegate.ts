/**
 * Running another plugin, as the specification says (section "Plugin Delegation"): found through
 * CNI_PATH, with our environment and our whole configuration, its stderr to ours.
 */

import { CniError, CODE } from "../ipam/protocol/error.ts";
import { isObject, type Request } from "../ipam/protocol/request.ts";
import type { Command } from "../ipam/protocol/version.ts";

/**
 * Run the plugin `type`; returns what it printed. Its failure is ours, with its code; 103 when it could
 * not be run or died without an error object.
 */
export function runDelegate(
  request: Request,
  type: string,
  command: Command = request.command,
): string {
  const { exitCode, stdout, signalCode } = Bun.spawnSync({
    cmd: [find(type, request.searchPath)],
    env: { ...request.environment, CNI_COMMAND: command },
    stdin: new TextEncoder().encode(request.input),
    stdout: "pipe",
    stderr: "inherit",
  });
  const printed = stdout.toString();
  if (exitCode === 0) return printed;
  const end = signalCode === undefined ? `exit code ${exitCode}` : `signal ${signalCode}`;
  throw errorOf(printed, `${type} ${command}`, end);
}

function find(type: string, folders: readonly string[]): string {
  const found = folders.map((folder) => `${folder}/${type}`).find(isExecutable);
  if (found !== undefined) return found;
  const where = folders.length === 0 ? "CNI_PATH, which is empty" : `CNI_PATH ${folders.join(":")}`;
  throw new CniError(CODE.delegate, `there is no plugin ${type} in ${where}`);
}

function isExecutable(path: string): boolean {
  const { accessSync, constants, statSync } = process.getBuiltinModule("node:fs");
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function errorOf(printed: string, what: string, end: string): CniError {
  const object = tryParse(printed);
  if (!isObject(object) || typeof object.code !== "number") {
    return new CniError(CODE.delegate, `${what} failed (${end}) without an error object`);
  }
  const { code, msg, details } = object;
  return new CniError(code, `${what}: ${typeof msg === "string" ? msg : "no message"}`, {
    ...(typeof details === "string" && details !== "" ? { details } : {}),
  });
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
