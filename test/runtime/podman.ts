/** Debian's podman with files of its own: no daemon, no user's storage, no registry. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { command } from "./command.ts";
import { ARCHIVE, prepareGround, RUNC } from "./ground.ts";
import { IMAGE } from "./image.ts";

const FOLDER = "/run/podman-test";

/** Limits above our own are not for a user namespace; cgroups and locks stay out of the machine's way. */
const ENGINE = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
tmp_dir = "${FOLDER}/tmp"

[engine.runtimes]
runc = ["${RUNC}"]

[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
`;

const STORAGE = `
[storage]
driver = "vfs"
graphroot = "${FOLDER}/storage"
runroot = "${FOLDER}/run"
`;

const POLICY = { default: [{ type: "insecureAcceptAnything" }] };

export type Podman = {
  /** Run podman to its end; its standard output. Throws with stderr. */
  run(...args: string[]): string;
  /** Remove containers, images and files. */
  remove(): void;
};

/** Podman 5 speaks to netavark alone. */
export function hasCniBackend(): boolean {
  return /version [1-4]\./.test(command("podman", "--version"));
}

/** Write its configuration and load the image. */
export function preparePodman(): Podman {
  prepareGround();
  mkdirSync(FOLDER);
  mkdirSync("/etc/containers", { recursive: true });
  writeFileSync(`${FOLDER}/engine.toml`, ENGINE);
  writeFileSync(`${FOLDER}/storage.toml`, STORAGE);
  writeFileSync("/etc/containers/policy.json", JSON.stringify(POLICY));
  const environment = [
    `CONTAINERS_CONF=${FOLDER}/engine.toml`,
    `CONTAINERS_STORAGE_CONF=${FOLDER}/storage.toml`,
  ];
  const run = (...args: string[]) => command("env", ...environment, "podman", ...args);
  run("load", "--quiet", "--input", ARCHIVE);
  run("image", "exists", IMAGE);
  return {
    run,
    remove() {
      run("pod", "rm", "--all", "--force", "--time=0");
      run("rm", "--all", "--force", "--time=0");
      run("rmi", "--all", "--force");
      rmSync(FOLDER, { recursive: true });
    },
  };
}
