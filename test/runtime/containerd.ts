/** Debian's containerd as a program of the test: its own folders, its own socket, nobody's service. */

import { rmSync, writeFileSync } from "node:fs";
import type { Subprocess } from "bun";
import { command } from "./command.ts";
import { type Cri, createCri } from "./cri.ts";
import { ARCHIVE, PATH, prepareGround, RUNC } from "./ground.ts";
import { IMAGE } from "./image.ts";

const FOLDER = "/run/containerd-test";
const SOCKET = `${FOLDER}/socket`;
const LOG = `${FOLDER}/log`;

/** The network's part is containerd's default: /etc/cni/net.d and /opt/cni/bin. */
const CONFIGURATION = `
version = 2
root = "${FOLDER}/root"
state = "${FOLDER}/state"

[grpc]
address = "${SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IMAGE}"
disable_apparmor = true
disable_cgroup = true
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "${RUNC}"
SystemdCgroup = false
`;

export type Started = {
  /** ctr, which stays as long as the program does. */
  readonly child: Subprocess;
  readonly line: string;
};

export type Containerd = {
  readonly cri: Cri;
  /** Run `ctr` to its end; its standard output. Throws with stderr. */
  ctr(...args: string[]): string;
  /** `ctr run --cni` to the program's end; its standard output. Throws with stderr. */
  run(name: string, ...program: string[]): string;
  /** `ctr run --cni` until the program has said its first line. */
  start(name: string, ...program: string[]): Promise<Started>;
  /** End the daemon and wait for it. */
  stop(): Promise<void>;
};

/** Start the daemon, wait until it serves, and import the image for CRI ("k8s.io") and for ctr ("default"). */
export async function startContainerd(): Promise<Containerd> {
  prepareGround();
  command("mkdir", "-p", FOLDER);
  writeFileSync(`${FOLDER}/config.toml`, CONFIGURATION);
  const output = Bun.file(LOG);
  const daemon = Bun.spawn(["containerd", "--config", `${FOLDER}/config.toml`], {
    env: { ...process.env, PATH },
    stdin: "ignore",
    stdout: output,
    stderr: output,
  });
  const cri = createCri(SOCKET);
  const ctr = (...args: string[]) => command("ctr", "--address", SOCKET, ...args);
  const runArguments = (name: string, program: readonly string[]) => [
    "run",
    "--cni",
    "--rm",
    "--snapshotter=native",
    `--runc-binary=${RUNC}`,
    IMAGE,
    name,
    ...program,
  ];
  const stop = async () => {
    cri.close();
    daemon.kill("SIGTERM");
    await daemon.exited;
    rmSync(FOLDER, { recursive: true });
  };
  try {
    await cri.ready();
    for (const namespace of ["k8s.io", "default"]) {
      ctr("--namespace", namespace, "images", "import", "--snapshotter=native", ARCHIVE);
    }
  } catch (cause) {
    const log = await Bun.file(LOG).text();
    await stop();
    throw new Error(`containerd does not serve; it said:\n${log}`, { cause });
  }
  return {
    cri,
    ctr,
    run: (name, ...program) => ctr(...runArguments(name, program)),
    async start(name, ...program) {
      const child = Bun.spawn(["ctr", "--address", SOCKET, ...runArguments(name, program)], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      return { child, line: await firstLine(child) };
    },
    stop,
  };
}

/** The first line that a program says. Throws with stderr when it ends before. */
async function firstLine(child: Subprocess<"ignore", "pipe", "pipe">): Promise<string> {
  let said = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += piece;
    const end = said.indexOf("\n");
    if (end >= 0) return said.slice(0, end);
  }
  throw new Error(`ctr ended: ${await new Response(child.stderr).text()}`);
}
