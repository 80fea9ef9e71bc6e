/**
 * FRR: what runs its daemons without its service, its user and its folders, and one that runs in a namespace of a
 * network. bgpd has zebra beside it, as routers have, and other daemons where they are asked for.
 */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
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

export type FrrTask = {
  /** Of bgpd. */
  readonly configuration: string;
  /** Another daemon beside it. */
  readonly beside?: "bfdd";
};

/**
 * What runs zebra and bgpd, bgpd in the foreground; what they need is written into the folder. Mounts are made: it
 * wants a mount namespace of its own.
 */
export function frrCommand({ configuration, beside }: FrrTask, folder: string): readonly string[] {
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
  const lines = [
    // Their group for the terminal must exist; of a crash they would leave traces in the machine's folder.
    `{ cat /etc/group; echo frrvty:x:0:root; } > ${folder}/group`,
    `mount --bind ${folder}/group /etc/group`,
    "mount -t tmpfs tmpfs /var/tmp",
    `export LD_LIBRARY_PATH='${LIBRARIES}'`,
    `${daemon("zebra", "")} &`,
    `until [ -S ${folder}/zserv ]; do sleep 0.01; done`,
    ...(beside === undefined ? [] : [`${daemon(beside, "", `--bfdctl ${folder}/bfdd.sock`)} &`]),
    `exec ${daemon("bgpd", configuration)}`,
  ];
  return ["sh", "-e", file("start.sh", `${lines.join("\n")}\n`)];
}

export type Frr = {
  /** Start it; it can be asked when this is done. */
  start(task: FrrTask): Promise<Subprocess>;
  log(): string;
  /** What `vtysh` prints for a command. Throws where it fails. */
  ask(command: string): string;
  /** The same of a command that ends in `json`. */
  json<Answer>(command: string): Answer;
  /** Change the running configuration by these lines. */
  configure(...lines: string[]): void;
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
    configure(...lines) {
      vtysh("configure terminal", ...lines);
    },
  };
  return frr;
}
