/** FRR, GoBGP and OpenBGPD, told what `Task` says. */

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { frrCommand, frrVersion } from "../../interop/frr.ts";
import { gobgpCommand } from "../../interop/gobgp.ts";
import { type Daemon, type Task, versionOf } from "./daemon.ts";

/** Of scenarios that take long, which only Manx and BIRD play. */
const NOT_TOLD = "is not told here to tell several paths";

/** zebra and bgpd, as one runs them where routes go into the kernel. */
export const frr: Daemon = {
  name: "FRR",
  question: (folder) => ({
    path: join(folder, "bgpd.vty"),
    request: "show version\0",
    end: "\\0\\0\\0[^]$",
  }),
  version: frrVersion,
  cannot: ({ tellsPaths = false }) => (tellsPaths ? NOT_TOLD : undefined),
  prepare: (task, folder) => frrCommand({ configuration: frrConfiguration(task) }, folder),
};

function frrConfiguration({ address, asNumber, neighbours }: Task): string {
  const lines = neighbours.flatMap(
    ({ address: neighbour, asNumber: remote, client, silent = false }) => [
      ` neighbor ${neighbour} remote-as ${remote}`,
      ` neighbor ${neighbour} timers 80 240`,
      ` neighbor ${neighbour} timers connect 1`,
      ` neighbor ${neighbour} advertisement-interval 0`,
      ...(silent ? [` neighbor ${neighbour} prefix-list nothing out`] : []),
      ...(client ? [` neighbor ${neighbour} route-reflector-client`] : []),
      ...(remote === asNumber ? [] : [` neighbor ${neighbour} next-hop-self`]),
    ],
  );
  return [
    "ip prefix-list nothing seq 5 deny 0.0.0.0/0 le 32",
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
  cannot({ kernel, asked = false, tellsPaths = false }) {
    if (tellsPaths) return NOT_TOLD;
    if (kernel) return "installs no routes by itself";
    return asked ? "is asked by gRPC, which nobody here speaks" : undefined;
  },
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
    // It does not start where a killed one has left its socket.
    rmSync(join(folder, "api"), { force: true });
    return gobgpCommand(file, "--api-hosts", api, "--pprof-disable");
  },
};

/** It gives up root for a user of its own, which a user namespace with one user has not. */
export const openbgpd: Daemon = {
  name: "OpenBGPD",
  version: () => versionOf("bgpd", "-V"),
  cannot({ kernel, asked = false, tellsPaths = false }) {
    if (tellsPaths) return NOT_TOLD;
    if (process.getuid?.() !== 0) return "needs root";
    if (kernel) return "installs no routes on Linux";
    return asked ? "is asked in a binary language of its own" : undefined;
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
connect-retry 1
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
