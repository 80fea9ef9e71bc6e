/**
 * A small network for interop tests: named namespaces on one bridge, each with an address or several.
 *
 * Runs only where the test runner has put us into fresh namespaces of our own; made with iproute2, so
 * that nothing of ours checks itself.
 */

import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";

/** Whether links and routes may be touched here. */
export const isInside = process.env.MANX_NAMESPACES === "fresh";

export type Network = {
  /** Files of the network's programs. */
  readonly folder: string;
  /** Run a command in a namespace to its end; its standard output. Throws with stderr. */
  run(namespace: string, ...command: string[]): string;
  /** Start a program in a namespace; it is killed when the network is removed. Output goes to `NAME.log`. */
  start(namespace: string, name: string, command: readonly string[]): Subprocess;
  log(name: string): string;
  file(name: string, text: string): string;
  /** Throws when a program has left another one running. */
  remove(): Promise<void>;
};

/** Make namespaces with addresses, e.g. `{ n1: "172.30.0.11/24", tor: ["172.30.0.1/24", "fd00:30::1/64"] }`. */
export function createNetwork(
  members: Readonly<Record<string, string | readonly string[]>>,
): Network {
  if (!isInside) throw new Error("run by `npm test`, which makes namespaces of its own");
  if (!existsSync("/run/netns")) {
    command("mount", "-t", "tmpfs", "tmpfs", "/run");
    mkdirSync("/run/netns");
  }
  const folder = mkdtempSync("/run/network-");
  const processes: Subprocess[] = [];
  const names = ["fabric", ...Object.keys(members)];
  for (const name of names) {
    command("ip", "netns", "add", name);
    command("ip", "-n", name, "link", "set", "lo", "up");
  }
  command("ip", "-n", "fabric", "link", "add", "br0", "type", "bridge");
  command("ip", "-n", "fabric", "link", "set", "br0", "up");
  for (const [name, given] of Object.entries(members)) {
    const veth = ["link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name];
    command("ip", "-n", "fabric", ...veth);
    command("ip", "-n", "fabric", "link", "set", name, "master", "br0", "up");
    for (const address of typeof given === "string" ? [given] : given) {
      // Nobody else is here whose address it could be: no need to wait until that is certain.
      const nodad = address.includes(":") ? ["nodad"] : [];
      command("ip", "-n", name, "address", "add", address, "dev", "eth0", ...nodad);
    }
    const settings = ["net.ipv4.ip_forward=1", "net.ipv6.conf.eth0.accept_dad=0"];
    command("ip", "netns", "exec", name, "sysctl", "-qw", ...settings);
    command("ip", "-n", name, "link", "set", "eth0", "up");
  }
  const path = (name: string): string => join(folder, name);

  return {
    folder,
    run: (namespace, ...args) => command("ip", "netns", "exec", namespace, ...args),
    start(namespace, name, args) {
      // Opened once: neither writes over what the other has said.
      const output = openSync(path(`${name}.log`), "w");
      const child = Bun.spawn(["ip", "netns", "exec", namespace, ...args], {
        stdin: "ignore",
        stdout: output,
        stderr: output,
      });
      closeSync(output);
      processes.push(child);
      return child;
    },
    log: (name) => command("cat", path(`${name}.log`)),
    file(name, text) {
      mkdirSync(join(path(name), ".."), { recursive: true });
      writeFileSync(path(name), text);
      return path(name);
    },
    async remove() {
      for (const child of processes) child.kill("SIGKILL");
      await Promise.all(processes.map(({ exited }) => exited));
      for (const name of names) {
        // What a program has started ends a moment after it, or else is nobody's to end.
        await eventually(`nothing runs in ${name}`, () => {
          const left = command("ip", "netns", "pids", name);
          if (left !== "") throw new Error(commandLines(left));
          return true;
        });
        command("ip", "netns", "delete", name);
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Routes as `ip route` prints them, without the numbers of nexthop objects. */
export function withoutObjects(routes: string): string {
  return routes.replaceAll(/ nhid \d+/g, "");
}

/**
 * What happens to IPv4 routes in a namespace's kernel from now on, as `ip monitor` tells it: somebody listens when it has
 * told of a change of ours.
 */
export async function watchRoutes(network: Network, name: string): Promise<() => string> {
  const [file, probe] = [`monitor-${name}`, "203.0.113.0/24"];
  network.start(name, file, ["ip", "-4", "monitor", "route"]);
  await eventually("somebody listens", () => {
    for (const verb of ["add", "del"]) network.run(name, "ip", "route", verb, "blackhole", probe);
    return network.log(file).includes(probe);
  });
  const isOther = (line: string): boolean => !line.includes(probe);
  return () => network.log(file).split("\n").filter(isOther).join("\n");
}

/** Wait until `look` returns something, for at most `deadline` ms. Throws with what was seen last. */
export async function eventually<Value>(
  what: string,
  look: () => Value | undefined | false,
  deadline = 15_000,
): Promise<Value> {
  const end = performance.now() + deadline;
  let last: unknown;
  for (;;) {
    try {
      const value = look();
      last = value;
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end)
      throw new Error(`not within ${deadline} ms: ${what}`, { cause: last });
    await Bun.sleep(20);
  }
}

/** Of these processes, a line each. */
function commandLines(pids: string): string {
  return pids
    .trim()
    .split(/\s+/)
    .map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "))
    .join("\n");
}

function command(...args: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(args);
  if (exitCode === 0) return stdout.toString();
  throw new Error(`${args.join(" ")}: ${stderr.toString().trim() || `exit ${exitCode}`}`);
}
