/**
 * FRR: what runs its daemons without its service, its user and its folders, and one that runs in a namespace of a
 * network. bgpd has zebra beside it, as routers have, and other daemons where they are asked for.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { eventually, type Network } from "./network.ts";

/** Of the packages that are unpacked and not installed; empty where they are installed. */
const ROOT = process.env.MANX_DEBIAN_ROOT ?? "";
const FOLDER = [join(ROOT, "usr/lib/frr"), "/usr/lib/frr"].find((path) =>
  existsSync(join(path, "bgpd")),
);
const VTYSH = [join(ROOT, "usr/bin/vtysh"), "/usr/bin/vtysh"].find(existsSync);
const TRIPLET = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
const LIBRARIES = ["usr/lib", "lib"]
  .flatMap((folder) => [`${folder}/${TRIPLET}/frr`, `${folder}/${TRIPLET}`])
  .map((folder) => join(ROOT, folder))
  .join(":");

/** Whether it is there. */
export const hasFrr = FOLDER !== undefined && VTYSH !== undefined;

/** What it says of its version; undefined where it is not there. */
export function frrVersion(): string | undefined {
  if (FOLDER === undefined) return undefined;
  const environment = { ...process.env, LD_LIBRARY_PATH: LIBRARIES };
  const { stdout } = Bun.spawnSync([join(FOLDER, "bgpd"), "--version"], { env: environment });
  return stdout.toString().split("\n")[0];
}

export type FrrBgp = {
  /** AS 65000 unless said otherwise. */
  readonly asNumber?: number;
  /** Its identifier; 172.30.0.1 unless said otherwise. */
  readonly id?: string;
  /** Address and AS number of each neighbour; `172.30.0.11` of AS 64512 unless said otherwise. */
  readonly neighbours?: Readonly<Record<string, number>>;
  /** More of the router, such as `neighbor 172.30.0.11 password one`. */
  readonly router?: readonly string[];
  /** What is said of IPv4 and of IPv6 unicast; neighbours exchange IPv6 where something is said of it. */
  readonly ipv4?: readonly string[];
  readonly ipv6?: readonly string[];
  /** What stands beside the router, such as route maps. */
  readonly beside?: readonly string[];
};

/** bgpd's configuration with sessions that are tried again within seconds, and without filters. */
export function frrText(bgp: FrrBgp = {}): string {
  const { asNumber = 65_000, id = "172.30.0.1", neighbours = { "172.30.0.11": 64_512 } } = bgp;
  const { router = [], ipv4 = [], ipv6 = [], beside = [] } = bgp;
  const activate = Object.keys(neighbours).map((address) => `neighbor ${address} activate`);
  return [
    // Seconds until a route map is obeyed; 5 by default.
    "bgp route-map delay-timer 1",
    `router bgp ${asNumber}`,
    `bgp router-id ${id}`,
    "no bgp ebgp-requires-policy",
    "no bgp network import-check",
    "bgp log-neighbor-changes",
    ...Object.entries(neighbours).flatMap(([address, remote]) => [
      `neighbor ${address} remote-as ${remote}`,
      `neighbor ${address} timers 1 3`,
      `neighbor ${address} timers connect 1`,
    ]),
    ...router,
    "address-family ipv4 unicast",
    ...ipv4,
    "exit-address-family",
    ...(ipv6.length === 0
      ? []
      : ["address-family ipv6 unicast", ...activate, ...ipv6, "exit-address-family"]),
    "exit",
    ...beside,
    "",
  ].join("\n");
}

export type FrrTask = {
  /** Of bgpd. */
  readonly configuration: string;
  /** Another daemon beside it. */
  readonly beside?: "bfdd";
  /** The others outlive bgpd, which comes again when it is told to. */
  readonly outlived?: boolean;
};

/**
 * What runs zebra and bgpd, bgpd in the foreground; what they need is written into the folder. Mounts are made: it
 * wants a mount namespace of its own.
 */
export function frrCommand(
  { configuration, beside, outlived = false }: FrrTask,
  folder: string,
): readonly string[] {
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const common = `-u root -g root -z ${folder}/zserv -P 0 --vty_socket ${folder}`;
  const daemon = (name: string, text: string, more = ""): string =>
    [
      `${FOLDER}/${name} -f ${file(`${name}.conf`, text)} -i ${folder}/${name}.pid`,
      `${common} --log stdout ${more}`,
    ].join(" ");
  // Its terminal asks for a password where nobody says that it need not.
  file("vtysh.conf", "username root nopassword\n");
  const bgpd = daemon("bgpd", configuration);
  const lines = [
    // Their group for the terminal must exist; of a crash they would leave traces in the machine's folder.
    `{ cat /etc/group; echo frrvty:x:0:root; } > ${folder}/group`,
    `mount --bind ${folder}/group /etc/group`,
    "mount -t tmpfs tmpfs /var/tmp",
    `export LD_LIBRARY_PATH='${LIBRARIES}'`,
    `${daemon("zebra", "")} &`,
    `until [ -S ${folder}/zserv ]; do sleep 0.01; done`,
    ...(beside === undefined ? [] : [`${daemon(beside, "", `--bfdctl ${folder}/bfdd.sock`)} &`]),
    ...(outlived ? [`${bgpd} || true`, `until [ -e ${again(folder)} ]; do sleep 0.01; done`] : []),
    `exec ${bgpd}`,
  ];
  return ["sh", "-e", file("start.sh", `${lines.join("\n")}\n`)];
}

/** The file that an outlived bgpd waits for. */
const again = (folder: string): string => join(folder, "again");

/** Whose command line has this text, of the processes that we see. Throws where there is none. */
function processWith(text: string): number {
  const found = readdirSync("/proc").find((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      return words.includes(text) && !words.includes("sh");
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
  if (found === undefined) throw new Error(`no process has ${text} in its command line`);
  return Number(found);
}

/** A path, as `show bgp … json` has it; what is absent was not told. */
export type FrrPath = {
  readonly valid?: boolean;
  readonly aspath: { readonly string: string };
  readonly locPrf?: number;
  readonly community?: { readonly string: string };
  readonly extendedCommunity?: { readonly string: string };
  readonly largeCommunity?: { readonly string: string };
  readonly originatorId?: string;
  readonly clusterList?: { readonly list: readonly string[] };
  readonly aggregatorAs?: number;
  readonly aggregatorId?: string;
  readonly atomicAggregate?: boolean;
  readonly otc?: number;
  readonly nexthops: readonly { readonly ip: string }[];
};

export type Frr = {
  /** Start it; it can be asked when this is done. */
  start(task: FrrTask): Promise<Subprocess>;
  log(): string;
  /** What `vtysh` prints for a command. Throws where it fails. */
  ask(command: string): string;
  /** The same of a command that ends in `json`. */
  json<Answer>(command: string): Answer;
  /** The paths that it has of a prefix. */
  paths(prefix: string): readonly FrrPath[];
  /** Its first path of a prefix, once it has one. */
  told(prefix: string): Promise<FrrPath>;
  /** What it says of the session with `172.30.0.11`, or with this neighbour. */
  neighbour(address?: string): string;
  /** Change the running configuration by these lines. */
  configure(...lines: string[]): void;
  /** Kill bgpd (SIGKILL), which is outlived. */
  kill(): void;
  /** Start it again, with the configuration of the start. */
  restart(): void;
};

/** The FRR in the namespace of this name. */
export function frrOn(network: Network, name: string): Frr {
  const folder = join(network.folder, `frr-${name}`);
  const vtysh = (...commands: string[]): string => {
    const options = ["--vty_socket", folder, "--config_dir", folder];
    const words = commands.flatMap((command) => ["-c", command]);
    const env = ["env", `LD_LIBRARY_PATH=${LIBRARIES}`];
    return network.run(name, ...env, VTYSH ?? "", ...options, ...words);
  };
  const frr: Frr = {
    async start(task) {
      mkdirSync(folder, { recursive: true });
      // All of its daemons end with the first process of a namespace of theirs.
      const space = ["unshare", "--pid", "--fork", "--kill-child"];
      const child = network.start(name, `frr-${name}`, [...space, ...frrCommand(task, folder)]);
      await eventually("FRR answers", () => frr.ask("show bgp summary json"));
      return child;
    },
    log: () => network.log(`frr-${name}`),
    ask: (command) => vtysh(command),
    json: (command) => JSON.parse(vtysh(command)),
    paths(prefix) {
      const family = prefix.includes(":") ? "ipv6" : "ipv4";
      const answer = frr.json<{ readonly paths?: readonly FrrPath[] }>(
        `show bgp ${family} unicast ${prefix} json`,
      );
      return answer.paths ?? [];
    },
    told: (prefix) => eventually(`FRR ${name} has ${prefix}`, () => frr.paths(prefix)[0]),
    neighbour: (address = "172.30.0.11") => frr.ask(`show bgp neighbors ${address}`),
    configure(...lines) {
      vtysh("configure terminal", ...lines);
    },
    kill: () => process.kill(processWith(join(folder, "bgpd.conf")), "SIGKILL"),
    restart: () => writeFileSync(again(folder), ""),
  };
  return frr;
}
