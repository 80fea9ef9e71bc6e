/** The daemons that are measured: how each is told the same, and started. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { which } from "bun";
import { lockFileOf } from "../../../bgpd/lock-file.ts";
import { birdCommand } from "../../interop/bird.ts";

/** What a daemon is to do. */
export type Task = {
  readonly asNumber: number;
  /** Its address and BGP Identifier. */
  readonly address: string;
  readonly neighbours: readonly {
    readonly address: string;
    readonly asNumber: number;
    /** It reflects this one's routes. */
    readonly client: boolean;
    /** It is told no routes. */
    readonly silent?: boolean;
    /** It is told all paths of each prefix (RFC 7911). */
    readonly takesPaths?: boolean;
  }[];
  /** Learned routes go into the kernel. */
  readonly kernel: boolean;
};

/** One call of the interface by which people ask a daemon. */
export type Question = {
  /** Of its unix socket. */
  readonly path: string;
  readonly request: string;
  /** A regular expression that what came back matches once it is all there. */
  readonly end: string;
};

/** What a scenario wants of a daemon beyond the protocol. */
export type Demand = {
  /** Routes go into the kernel. */
  readonly kernel: boolean;
  /** It is asked, and has neighbours that it tells nothing. */
  readonly asked?: boolean;
  /** It tells several paths of a prefix. */
  readonly tellsPaths?: boolean;
};

export type Daemon = {
  readonly name: string;
  /** For the table; undefined where the program is not there. */
  version(): string | undefined;
  /** Why it is left out of such a scenario. */
  cannot?(demand: Demand): string | undefined;
  /** Write what it needs into the folder; the command that runs it in the foreground. */
  prepare(task: Task, folder: string): readonly string[];
  /** How it is asked for its state, in short. */
  question?(folder: string): Question;
  /** Path of the unix socket that has its page of metrics. */
  metrics?(folder: string): string;
  /** At its end it writes what it has found out: it is asked to end. */
  readonly writesAtEnd?: boolean;
};

export const bird: Daemon = {
  name: "BIRD",
  version: () => versionOf("bird", "--version"),
  prepare(task, folder) {
    const file = join(folder, "bird.conf");
    writeFileSync(file, birdConfiguration(task));
    return birdCommand(file, join(folder, "bird.ctl"));
  },
  question: (folder) => ({
    path: join(folder, "bird.ctl"),
    request: "show status\n",
    end: "^0013 .*\\n",
  }),
};

function birdConfiguration({ address, asNumber, neighbours, kernel }: Task): string {
  const sessions = neighbours.map(
    ({ address: neighbour, asNumber: remote, client, silent = false, takesPaths }, index) => `
protocol bgp n${index} from neighbour {
  neighbor ${neighbour} as ${remote};
  ${client ? "rr client;" : ""}
  ${silent ? "ipv4 { export none; };" : ""}
  ${takesPaths ? "ipv4 { add paths tx; };" : ""}
}`,
  );
  return `
router id ${address};
protocol device {}
${kernel ? "protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }" : ""}
template bgp neighbour {
  local ${address} as ${asNumber};
  direct;
  hold time 240;
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 1;
  ipv4 { import all; export all; ${isReflector(neighbours) ? "" : "next hop self;"} };
}
${sessions.join("")}
`;
}

/** The built executable of this checkout. */
export function manx(executable: string): Daemon {
  return {
    name: "Manx",
    version: () => versionOf(executable, "--version"),
    prepare(task, folder) {
      const file = join(folder, "cluster.json");
      writeFileSync(file, manxConfiguration(task));
      const api = join(folder, "bgpd.sock");
      const fib = task.kernel ? "kernel" : "none";
      // Each run is a first start: one that comes after another waits for what its peers keep.
      rmSync(lockFileOf(api), { force: true });
      return [executable, "bgpd", "--config", file, "--node", "dut", "--api", api, "--fib", fib];
    },
    metrics: (folder) => join(folder, "bgpd.sock"),
    question: (folder) => ({
      path: join(folder, "bgpd.sock"),
      request: "GET /status HTTP/1.1\r\nHost: bgpd\r\nConnection: close\r\n\r\n",
      end: "\\r\\n\\r\\n[^]*\\}\\s*$",
    }),
  };
}

/** Where `profiled` leaves its profile. */
export const PROFILES = "profiles";
/** Between two samples. µs. */
const SAMPLING = 200;

/** The same out of the sources at `root`, by Bun with its profiler. */
export function profiled(root: string): Daemon {
  const daemon = manx(join(root, "dist/manx"));
  return {
    ...daemon,
    writesAtEnd: true,
    prepare(task, folder) {
      const profiles = join(folder, PROFILES);
      rmSync(profiles, { recursive: true, force: true });
      const [, ...words] = daemon.prepare(task, folder);
      const profiler = [
        "--cpu-prof",
        `--cpu-prof-interval=${SAMPLING}`,
        `--cpu-prof-dir=${profiles}`,
      ];
      return [process.execPath, ...profiler, join(root, "main.ts"), ...words];
    },
  };
}

function manxConfiguration({ address, asNumber, neighbours }: Task): string {
  const accept = [{ action: "Accept" }];
  return [
    document("BGPConfiguration", "default", {
      asNumber,
      nodeToNodeMeshEnabled: false,
      holdTime: 240,
      connectRetryTime: 1,
    }),
    document("BGPFilter", "all", { importV4: accept, exportV4: accept }),
    document("BGPFilter", "silent", { importV4: accept, exportV4: [{ action: "Reject" }] }),
    document("Node", "dut", {
      bgp: {
        ipv4Address: `${address}/16`,
        ...(isReflector(neighbours) ? { routeReflectorClusterID: address } : {}),
      },
    }),
    ...neighbours.map(({ address: peerIP, asNumber: remote, silent = false, takesPaths }, index) =>
      document("BGPPeer", `n${index}`, {
        peerIP,
        asNumber: remote,
        filters: [silent ? "silent" : "all"],
        ...(takesPaths === true ? { addPath: { send: "All" } } : {}),
      }),
    ),
  ].join("\n---\n");
}

/** What it reflects keeps its next hop. */
function isReflector(neighbours: Task["neighbours"]): boolean {
  return neighbours.some(({ client }) => client);
}

function document(kind: string, name: string, spec: object): string {
  return JSON.stringify({
    apiVersion: "projectcalico.org/v3",
    kind,
    metadata: { name },
    spec,
  });
}

/** In the place of a daemon: what passes on, unchanged, what the first neighbour says to the second. */
export const relay: Daemon = {
  name: "relay",
  version: () => `Bun ${Bun.version}`,
  prepare: ({ asNumber, neighbours }) => [
    process.execPath,
    join(import.meta.dir, "relay.ts"),
    String(asNumber),
    ...neighbours.map(({ address }) => address),
  ],
};

/** Folder for a daemon's run. */
export function makeFolder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

/** The first line that it prints; undefined where there is no such program. */
export function versionOf(program: string, flag: string): string | undefined {
  const path = program.includes("/") ? program : which(program);
  if (path === null) return undefined;
  const { stdout, stderr, exitCode } = Bun.spawnSync([path, flag]);
  if (exitCode !== 0) return undefined;
  return `${stdout}${stderr}`.trim().split("\n")[0];
}
