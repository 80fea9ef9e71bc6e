/** FRR, GoBGP and OpenBGPD, told what `Task` says. */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { which } from "bun";
import { type Daemon, type Task, versionOf } from "./daemon.ts";

/** Of the packages that are unpacked and not installed; empty where they are installed. */
const ROOT = process.env.MANX_DEBIAN_ROOT ?? "";
const FRR = [join(ROOT, "usr/lib/frr"), "/usr/lib/frr"].find((path) =>
  existsSync(join(path, "bgpd")),
);
const TRIPLET = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
const LIBRARIES = ["usr/lib", "lib"]
  .flatMap((folder) => [`${folder}/${TRIPLET}/frr`, `${folder}/${TRIPLET}`])
  .map((folder) => join(ROOT, folder))
  .join(":");

/** zebra and bgpd, as one runs them where routes go into the kernel. */
export const frr: Daemon = {
  name: "FRR",
  version() {
    if (FRR === undefined) return undefined;
    const environment = { ...process.env, LD_LIBRARY_PATH: LIBRARIES };
    const { stdout } = Bun.spawnSync([join(FRR, "bgpd"), "--version"], { env: environment });
    return stdout.toString().split("\n")[0];
  },
  prepare: (task, folder) => frrCommand(frrConfiguration(task), folder),
};

/** Runs zebra and bgpd with this configuration, in a mount namespace of their own; their files are in the folder. */
export function frrCommand(configuration: string, folder: string): readonly string[] {
  const file = join(folder, "frr.conf");
  writeFileSync(file, configuration);
  const common = `-u root -g root -z ${folder}/zserv -P 0 --vty_socket ${folder}`;
  return script(folder, [
    // Their group for the terminal must exist.
    `{ cat /etc/group; echo frrvty:x:0:root; } > ${folder}/group`,
    `mount --bind ${folder}/group /etc/group`,
    `export LD_LIBRARY_PATH='${LIBRARIES}'`,
    `echo > ${folder}/zebra.conf`,
    `${FRR}/zebra -f ${folder}/zebra.conf -i ${folder}/zebra.pid ${common} &`,
    `until [ -S ${folder}/zserv ]; do sleep 0.05; done`,
    `exec ${FRR}/bgpd -f ${file} -i ${folder}/bgpd.pid ${common}`,
  ]);
}

function frrConfiguration({ address, asNumber, neighbours }: Task): string {
  const lines = neighbours.flatMap(({ address: neighbour, asNumber: remote, client }) => [
    ` neighbor ${neighbour} remote-as ${remote}`,
    ` neighbor ${neighbour} timers 80 240`,
    ` neighbor ${neighbour} timers connect 1`,
    ` neighbor ${neighbour} advertisement-interval 0`,
    ...(client ? [` neighbor ${neighbour} route-reflector-client`] : []),
    ...(remote === asNumber ? [] : [` neighbor ${neighbour} next-hop-self`]),
  ]);
  return [
    `router bgp ${asNumber}`,
    ` bgp router-id ${address}`,
    " no bgp ebgp-requires-policy",
    " no bgp network import-check",
    ...lines,
    "",
  ].join("\n");
}

/** Without zebra it has no way into the kernel. */
export const gobgp: Daemon = {
  name: "GoBGP",
  version: () => versionOf("gobgpd", "--version"),
  cannot: ({ kernel }) => (kernel ? "installs no routes by itself" : undefined),
  prepare({ address, asNumber, neighbours }, folder) {
    const file = join(folder, "gobgp.toml");
    const sections = neighbours.map(
      ({ address: neighbour, asNumber: remote, client }) => `
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${neighbour}"
    peer-as = ${remote}
  [neighbors.timers.config]
    connect-retry = 1
    hold-time = 240
    keepalive-interval = 80
  [neighbors.route-reflector.config]
    route-reflector-client = ${client}
    route-reflector-cluster-id = "${address}"
`,
    );
    const head = `
[global.config]
  as = ${asNumber}
  router-id = "${address}"
  local-address-list = ["${address}"]
`;
    writeFileSync(file, head + sections.join(""));
    const api = `unix://${folder}/api`;
    return [which("gobgpd") ?? "", "-f", file, "--api-hosts", api, "--pprof-disable"];
  },
};

/** It gives up root for a user of its own, which a user namespace with one user has not. */
export const openbgpd: Daemon = {
  name: "OpenBGPD",
  version: () => versionOf("bgpd", "-V"),
  cannot: ({ kernel }) => {
    if (process.getuid?.() !== 0) return "needs root";
    return kernel ? "installs no routes on Linux" : undefined;
  },
  prepare({ address, asNumber, neighbours }, folder) {
    const file = join(folder, "bgpd.conf");
    const sections = neighbours.map(
      ({ address: neighbour, asNumber: remote, client }) => `
neighbor ${neighbour} {
  remote-as ${remote}
  holdtime 240
  ${client ? "route-reflector" : ""}
  ${remote === asNumber ? "" : "set nexthop self"}
}`,
    );
    const text = `
AS ${asNumber}
router-id ${address}
listen on ${address}
socket "${folder}/control"
fib-update no
${sections.join("")}
allow from any
allow to any
`;
    writeFileSync(file, text, { mode: 0o600 });
    return script(folder, [
      `{ cat /etc/group; echo _openbgpd:x:0:; } > ${folder}/group`,
      `{ cat /etc/passwd; echo _openbgpd:x:0:0::${folder}/empty:/bin/false; } > ${folder}/passwd`,
      `mount --bind ${folder}/group /etc/group`,
      `mount --bind ${folder}/passwd /etc/passwd`,
      `mkdir -p ${folder}/empty`,
      `exec bgpd -d -f ${file}`,
    ]);
  },
};

function script(folder: string, lines: readonly string[]): readonly string[] {
  const file = join(folder, "start.sh");
  writeFileSync(file, `${lines.join("\n")}\n`);
  return ["sh", "-e", file];
}
