/**
 * The life of one CNI call: read, check, dispatch, print once, exit code.
 *
 * Both roles that speak the protocol run through here: the plugin (`cni/`) and `manx-ipam`. Stdout gets
 * exactly one JSON document or nothing, whatever happens; what is for people goes to stderr. The
 * descriptors are read and written directly: touching `process.stdout` costs more than a whole ADD.
 */

import { CniError, errorObject, isRefusal } from "./error.ts";
import {
  commandOf,
  type Environment,
  parseRequest,
  type Request,
  versionOfInput,
} from "./request.ts";
import { type Result, resultToJson } from "./result.ts";
import { type Command, isVersion, NEWEST, VERSIONS } from "./version.ts";

/** Octets read at a time: a configuration is smaller. */
const CHUNK = 8192;

/** Does one verb; ADD answers with a result, the others with nothing. Throws `CniError`. */
export type Handler = (request: Request) => Result | undefined;

export type Plugin = {
  /** One line for somebody who runs the plugin by hand. */
  readonly about: string;
  /** Loads the handler of a verb, and nothing of the other verbs. */
  readonly handlers: {
    readonly [command in Exclude<Command, "VERSION">]: () => Promise<Handler>;
  };
};

/** The process around a call. */
export type PluginIo = {
  readonly environment: Environment;
  /** Everything on stdin. */
  read(): string;
  /** Write to stdout. */
  print(text: string): void;
  /** Write to stderr. */
  say(text: string): void;
};

/** Serve the one call that this process was started for. Returns the exit code; throws only when stdout is gone. */
export async function runPlugin(plugin: Plugin, io: PluginIo): Promise<number> {
  let input = "";
  try {
    const command = commandOf(io.environment);
    if (command === undefined) {
      io.say(`${plugin.about}\nCNI specification ${VERSIONS.join(", ")}\n`);
      return 0;
    }
    if (command === "VERSION") {
      io.print(line({ cniVersion: NEWEST, supportedVersions: VERSIONS }));
      return 0;
    }
    const request = parseRequest(command, io.environment, () => {
      input = io.read();
      return input;
    });
    const handler = await plugin.handlers[command]();
    const result = handler(request);
    if (result !== undefined) io.print(line(resultToJson(result, request.version)));
    return 0;
  } catch (failure) {
    const asked = versionOfInput(input);
    io.print(line(errorObject(failure, isVersion(asked) ? asked : NEWEST)));
    if (!(failure instanceof CniError || isRefusal(failure))) io.say(`${stackOf(failure)}\n`);
    return 1;
  }
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function stackOf(failure: unknown): string {
  return failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
}

/** The descriptors 0, 1 and 2 by read(2) and write(2), whose failures have a `code`. */
export function descriptorIo(
  read: (descriptor: number, bytes: Uint8Array) => number,
  write: (descriptor: number, bytes: Uint8Array) => number,
): PluginIo {
  const writeAll = (descriptor: number, text: string): void => {
    let rest: Uint8Array = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(patiently(() => write(descriptor, rest)));
  };
  return {
    environment: process.env,
    read() {
      const decoder = new TextDecoder();
      const bytes = new Uint8Array(CHUNK);
      for (let text = ""; ; ) {
        const count = patiently(() => read(0, bytes));
        if (count === 0) return text + decoder.decode();
        text += decoder.decode(bytes.subarray(0, count), { stream: true });
      }
    },
    print: (text) => writeAll(1, text),
    say: (text) => writeAll(2, text),
  };
}

/** Whoever started us may have made the pipe non-blocking: then ask again, a millisecond later. */
function patiently(attempt: () => number): number {
  for (;;) {
    try {
      return attempt();
    } catch (fault) {
      if (!(fault instanceof Error && "code" in fault && fault.code === "EAGAIN")) throw fault;
      Bun.sleepSync(1);
    }
  }
}
