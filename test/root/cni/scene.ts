/**
 * A host and pods for the plugin: named namespaces, and calls of the built executable as a runtime makes
 * them.
 *
 * What the kernel holds is read with iproute2, so that nothing of ours checks itself.
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { insideNamespace } from "../../../kernel/netns.ts";
import { createPing } from "../../../lab/ping.ts";
import { parseAddress } from "../../../lib/address.ts";

const EXECUTABLE = process.env.MANX_EXECUTABLE ?? "";
/** Debian's plugins. */
export const PLUGINS = process.env.MANX_CNI_PLUGINS ?? "";

/** `unshare --map-root-user` maps one user, which tells our own namespaces from a machine's. */
const isInside = /^\s*0\s+\d+\s+1\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));

export type Json = { readonly [key: string]: unknown };

export type Call = {
  /** Namespace and container id; default "a". */
  readonly pod?: string;
  readonly container?: string;
  /** Over the scene's configuration; undefined removes a key. */
  readonly config?: Json;
  /** In the place of the configuration. */
  readonly input?: string;
  /** Over the environment; undefined removes a variable. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** In the place of `manx`. */
  readonly plugin?: string;
  /** Before the plugin's path, such as strace. */
  readonly through?: readonly string[];
};

export type Answer = {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Stdout as JSON; undefined when there is nothing. */
  readonly json: Json | undefined;
};

export type Scene = {
  readonly folder: string;
  readonly config: Json;
  /** Run the plugin on the host. */
  call(verb: string, call?: Call): Answer;
  /** `call` that must succeed. */
  done(verb: string, call?: Call): Json;
  /** Run a command in a namespace; standard output. Throws with stderr. */
  run(namespace: string, ...command: string[]): string;
  /** `ip -j -d …` in a namespace. */
  ip(namespace: string, ...args: string[]): Json[];
  /** Everything in the host's kernel and the address records, for comparison. */
  state(): unknown;
  /** Whether an ICMP echo comes back. */
  ping(from: string, to: string): boolean;
  file(name: string, text: string): string;
  remove(): void;
};

/** A host and pods called "a" and "b", with loopback up. */
export function createScene(...pods: string[]): Scene {
  if (!isInside) throw new Error("run by `npm test`, which makes namespaces of its own");
  if (EXECUTABLE === "") throw new Error("MANX_EXECUTABLE is not set");
  if (!existsSync("/run/netns")) {
    command("mount", "-t", "tmpfs", "tmpfs", "/run");
    mkdirSync("/run/netns");
  }
  const folder = mkdtempSync("/run/scene-");
  const names = ["host", ...(pods.length === 0 ? ["a", "b"] : pods)];
  for (const name of names) {
    command("ip", "netns", "add", name);
    command("ip", "-n", name, "link", "set", "lo", "up");
  }
  // A node has an address of its own to speak from.
  command("ip", "-n", "host", "address", "add", "10.0.0.1/32", "dev", "lo");
  const config = {
    cniVersion: "1.0.0",
    name: "pods",
    type: "manx",
    ipam: { type: "manx-ipam", blocks: ["10.244.1.0/24"], dataDir: join(folder, "ipam") },
  };

  const call = (verb: string, options: Call = {}): Answer => {
    const { pod = "a", container = pod, plugin = "manx", through = [] } = options;
    const { environment = {} } = options;
    const variables = {
      PATH: process.env.PATH,
      CNI_COMMAND: verb,
      CNI_CONTAINERID: container,
      CNI_NETNS: `/run/netns/${pod}`,
      CNI_IFNAME: "eth0",
      CNI_PATH: [dirname(EXECUTABLE), PLUGINS].join(":"),
      ...environment,
    };
    const path = [dirname(EXECUTABLE), PLUGINS]
      .map((place) => join(place, plugin))
      .find((file) => existsSync(file));
    const { exitCode, stdout, stderr } = Bun.spawnSync({
      cmd: ["nsenter", "--net=/run/netns/host", ...through, path ?? plugin],
      env: variables,
      stdin: Buffer.from(options.input ?? JSON.stringify({ ...config, ...options.config })),
      stdout: "pipe",
      stderr: "pipe",
    });
    const text = stdout.toString();
    return {
      status: exitCode,
      stdout: text,
      stderr: stderr.toString(),
      json: text === "" ? undefined : JSON.parse(text),
    };
  };

  const run = (namespace: string, ...args: string[]): string =>
    command("nsenter", `--net=/run/netns/${namespace}`, ...args);
  const ip = (namespace: string, ...args: string[]): Json[] => {
    const text = command("ip", "-n", namespace, "-j", "-d", ...args);
    return text.trim() === "" ? [] : JSON.parse(text);
  };

  return {
    folder,
    config,
    call,
    done(verb, options) {
      const answer = call(verb, options);
      if (answer.status !== 0) throw new Error(`${verb}: ${answer.stdout}${answer.stderr}`);
      return answer.json ?? {};
    },
    run,
    ip,
    state: () => ({
      links: ip("host", "link").map(({ ifname }) => ifname),
      // Link-local and multicast ones come when the kernel has noticed a carrier.
      routes: ip("host", "route", "show", "table", "all").filter(
        ({ dst }) => !/^(fe80|ff00)/.test(String(dst)),
      ),
      neighbours: ip("host", "neigh", "show", "nud", "permanent"),
      // Whose past is known stays known; who holds what does not.
      records: existsSync(join(folder, "ipam"))
        ? command("find", join(folder, "ipam"), "-type", "f", "-not", "-path", "*/order/*")
        : "",
    }),
    ping: (from, to) => insideNamespace(`/run/netns/${from}`, () => echo(to)),
    file(name, text) {
      const path = join(folder, name);
      command("sh", "-c", 'printf %s "$2" > "$1" && chmod +x "$1"', "sh", path, text);
      return path;
    },
    remove() {
      for (const name of names) command("ip", "netns", "delete", name);
      rmSync(folder, { recursive: true });
    },
  };
}

/** One echo and its reply within a second; the wait ends as soon as it is there. */
function echo(to: string): boolean {
  const ping = createPing();
  try {
    if (ping.send(parseAddress(to), { from: 0, to: 0 } as never) !== undefined) return false;
    for (const end = performance.now() + 1000; performance.now() < end; Bun.sleepSync(1)) {
      if (ping.receive().length > 0) return true;
    }
    return false;
  } finally {
    ping.close();
  }
}

/** Run a command to its end; its standard output. Throws with stderr. */
export function command(...args: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(args, { stdin: "ignore", stderr: "pipe" });
  if (exitCode === 0) return stdout.toString();
  throw new Error(`${args.join(" ")}: exit code ${exitCode}: ${stderr.toString().trim()}`);
}
