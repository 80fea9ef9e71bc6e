/**
 * A CNI call as it arrives: environment variables and a configuration on stdin.
 *
 * The tables below are the specification's ("Parameters" and "Network configuration"): which variable
 * which verb needs, and what its value must look like. All faults of the environment are reported at
 * once. What a plugin's own configuration keys mean is not decided here.
 *
 * Loops stand here, and all along the way of an ADD, where array methods and regular expressions would:
 * a process that lives for milliseconds pays 20 to 80 µs for the first use of each.
 */

import { CniError, CODE } from "./error.ts";
import { COMMANDS, type Command, requireCommand, requireVersion, type Version } from "./version.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** Environment variables by name. */
export type Environment = { readonly [name: string]: string | undefined };

/** A checked call for one attachment (ADD, DEL, CHECK). */
export type Request = {
  readonly command: Command;
  readonly version: Version;
  /** Name of the network: `name` of the configuration. */
  readonly network: string;
  readonly container: string;
  /** CNI_IFNAME. */
  readonly interfaceName: string;
  /** CNI_NETNS; empty when a DEL comes without one. */
  readonly namespacePath: string;
  /** CNI_ARGS. */
  readonly args: ReadonlyMap<string, string>;
  /** CNI_PATH, split. */
  readonly searchPath: readonly string[];
  readonly config: JsonObject;
  /** The configuration as it came, for delegates. */
  readonly input: string;
  readonly environment: Environment;
};

type Variable = {
  readonly name: string;
  readonly required: readonly Command[];
  /** What a value must be, in words; undefined when it is right. */
  readonly fault: (value: string) => string | undefined;
};

const IDENTIFIER_WORDS = "a letter or digit, then letters, digits, dots, hyphens or underscores";
const ATTACHMENT = ["ADD", "DEL", "CHECK"] as const;
const UNCHECKED = (): undefined => undefined;

const VARIABLES: readonly Variable[] = [
  {
    name: "CNI_CONTAINERID",
    required: ATTACHMENT,
    fault: (value) => (isIdentifier(value) ? undefined : IDENTIFIER_WORDS),
  },
  { name: "CNI_NETNS", required: ["ADD", "CHECK"], fault: UNCHECKED },
  { name: "CNI_IFNAME", required: ATTACHMENT, fault: interfaceNameFault },
  {
    name: "CNI_ARGS",
    required: [],
    fault: (value) =>
      pairsOf(value) === undefined ? "KEY=VALUE pairs separated by semicolons" : undefined,
  },
  { name: "CNI_PATH", required: ["ADD", "CHECK", "GC", "STATUS"], fault: UNCHECKED },
];

/** CNI_COMMAND, or code 4; undefined when the variable is not set at all. */
export function commandOf(environment: Environment): Command | undefined {
  const text = environment.CNI_COMMAND;
  if (text === undefined || text === "") return undefined;
  if (isCommand(text)) return text;
  throw new CniError(
    CODE.invalidEnvironment,
    `CNI_COMMAND is ${JSON.stringify(text)}: expected one of ${Object.keys(COMMANDS).join(", ")}`,
  );
}

function isCommand(text: string): text is Command {
  for (const command in COMMANDS) if (command === text) return true;
  return false;
}

/**
 * Check a call and put it into one record; `read` gives stdin, and is asked only when the environment
 * is right. Throws `CniError` (codes 1, 4, 6, 7).
 */
export function parseRequest(
  command: Command,
  environment: Environment,
  read: () => string,
): Request {
  checkEnvironment(command, environment);
  const input = read();
  const config = parseConfig(input);
  const version = requireVersion(config.cniVersion);
  requireCommand(command, version);
  return {
    command,
    version,
    network: requireName(config.name),
    container: environment.CNI_CONTAINERID ?? "",
    interfaceName: environment.CNI_IFNAME ?? "",
    namespacePath: environment.CNI_NETNS ?? "",
    args: pairsOf(environment.CNI_ARGS ?? "") ?? new Map(),
    searchPath: foldersOf(environment.CNI_PATH ?? ""),
    config,
    input,
    environment,
  };
}

/** The `cniVersion` of an input that may be anything, for the error object about it. */
export function versionOfInput(input: string): string | undefined {
  try {
    const version = parseConfig(input).cniVersion;
    return typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a JSON value is an object (no array, no null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkEnvironment(command: Command, environment: Environment): void {
  const faults: string[] = [];
  for (const { name, required, fault } of VARIABLES) {
    const value = environment[name] ?? "";
    if (value === "") {
      if (required.includes(command)) faults.push(`${name} is missing: ${command} needs it`);
      continue;
    }
    const expected = fault(value);
    if (expected !== undefined) {
      faults.push(`${name} is ${JSON.stringify(value)}: expected ${expected}`);
    }
  }
  if (faults.length > 0) throw new CniError(CODE.invalidEnvironment, faults.join("; "));
}

/** `^[a-zA-Z0-9][a-zA-Z0-9_.-]*$` of the specification. */
function isIdentifier(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (isLetterOrDigit(text.charCodeAt(at))) continue;
    if (at === 0 || !"_.-".includes(text.charAt(at))) return false;
  }
  return text !== "";
}

function isLetterOrDigit(code: number): boolean {
  // Bit 5 is what tells a small letter from a capital one.
  const small = code | 0x20;
  return (small >= 0x61 && small <= 0x7a) || (code >= 0x30 && code <= 0x39);
}

/** Linux' own rule (dev_valid_name) and the specification's. */
function interfaceNameFault(name: string): string | undefined {
  let right = new TextEncoder().encode(name).length <= 15 && name !== "." && name !== "..";
  for (const character of name) {
    if (character === "/" || character === ":" || character.trim() === "") right = false;
  }
  return right ? undefined : "1 to 15 bytes, not . or .., without /, : or white space";
}

/** Values by key of `KEY=VALUE;KEY=VALUE`; undefined when a part is no such pair. */
function pairsOf(text: string): Map<string, string> | undefined {
  const pairs = new Map<string, string>();
  for (const pair of text.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0) pairs.set(pair.slice(0, equals), pair.slice(equals + 1));
    else if (pair !== "") return undefined;
  }
  return pairs;
}

function foldersOf(text: string): string[] {
  const folders: string[] = [];
  for (const folder of text.split(":")) if (folder !== "") folders.push(folder);
  return folders;
}

function parseConfig(input: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(input);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CniError(CODE.decode, `the configuration on stdin is not JSON: ${reason}`, { cause });
  }
  if (isObject(value)) return value;
  throw new CniError(CODE.decode, "the configuration on stdin is not a JSON object");
}

function requireName(name: unknown): string {
  if (typeof name === "string" && isIdentifier(name)) return name;
  throw new CniError(
    CODE.invalidConfig,
    name === undefined || name === ""
      ? 'the configuration has no network "name"'
      : `the network "name" is ${JSON.stringify(name)}: expected ${IDENTIFIER_WORDS}`,
  );
}
