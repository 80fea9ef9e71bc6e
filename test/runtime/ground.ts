/**
 * The namespaces that the test runner made, turned into a node: Manx installed where the documentation says,
 * its shipped configuration, and room for runtimes where they want to write. No file of the machine is
 * touched.
 */

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { which } from "bun";
import { NODE_FILE, writeNodeFile } from "../../ipam/node.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { command } from "./command.ts";
import { writeImage } from "./image.ts";

const EXECUTABLE = process.env.MANX_EXECUTABLE ?? "";
const PLUGINS = process.env.MANX_CNI_PLUGINS ?? "";
const CONFIGURATION = join(import.meta.dir, "../../conf/10-manx.conflist");

/** Whether everything is there: outside CI a machine may be unable to get Debian's packages. */
export const isReady =
  EXECUTABLE !== "" &&
  PLUGINS !== "" &&
  ["containerd", "iptables-nft", "podman", "runc"].every((program) => which(program) !== null);

/**
 * Folders of the machine that runtimes write into and whose names cannot be configured, and what of each
 * starts absent, whatever the machine has there.
 */
const SHADOWED: Readonly<Record<string, readonly string[]>> = {
  "/etc": ["cni", "containers"],
  "/opt": ["cni"],
  "/var/lib": ["cni"],
};

/** Programs of this ground's own, before those of the machine. */
const PROGRAMS = "/run/bin";
/** For runtimes whose plugins call them. */
export const PATH = `${PROGRAMS}:${process.env.PATH}`;

export const ARCHIVE = "/run/image.tar";
/** The OCI runtime as the runtimes of this ground call it. */
export const RUNC = "/run/runc-in-user-namespace";
/** Static, for use on the node. */
export const BUSYBOX = join(PROGRAMS, "busybox");
/** The node's block, and an address of the node to speak from. */
export const BLOCK = "10.244.1.0/24";
export const NODE_ADDRESS = "10.0.0.1";

/** Calls the real one with a specification that a user namespace can have (spec.ts). */
const RUNC_SCRIPT = `#!/bin/sh
'${process.execPath}' '${join(import.meta.dir, "spec.ts")}' "$@" && exec '${which("runc")}' "$@"
`;

/** Make the node, once for all files of a run: the namespaces end with the run. */
export function prepareGround(): void {
  if (process.env.MANX_NAMESPACES !== "fresh") {
    throw new Error("run by `npm test`, which makes namespaces of its own");
  }
  if (existsSync(RUNC)) return;
  protectCgroups();
  for (const [folder, absent] of Object.entries(SHADOWED)) shadow(folder, absent);
  // podman's locks.
  command("mount", "-t", "tmpfs", "tmpfs", "/dev/shm");
  for (const folder of ["/etc/cni/net.d", "/opt/cni/bin", "/run/manx", PROGRAMS]) {
    mkdirSync(folder, { recursive: true });
  }
  for (const name of ["manx", "manx-ipam"]) {
    symlinkSync(join(dirname(EXECUTABLE), name), join("/opt/cni/bin", name));
  }
  // portmap and bandwidth are in our list of plugins; containerd itself brings loopback up.
  for (const name of ["portmap", "bandwidth", "loopback"]) {
    symlinkSync(join(PLUGINS, name), join("/opt/cni/bin", name));
  }
  copyFileSync(CONFIGURATION, "/etc/cni/net.d/10-manx.conflist");
  publishBlock(BLOCK);
  command("ip", "link", "set", "lo", "up");
  command("ip", "address", "add", `${NODE_ADDRESS}/32`, "dev", "lo");
  writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
  copyFileSync(busybox(), BUSYBOX);
  writeImage(ARCHIVE, BUSYBOX);
  // portmap calls it by the name that Debian gives it in a maintainer script, which never runs for us.
  symlinkSync(which("iptables-nft") ?? "iptables-nft", join(PROGRAMS, "iptables"));
  writeFileSync(RUNC, RUNC_SCRIPT);
  chmodSync(RUNC, 0o755);
}

/** Publish the node file as bgpd does, with this block. */
export function publishBlock(block: string): void {
  writeNodeFile(NODE_FILE, {
    node: "n1",
    blocks: { ipv4: [parsePrefix(block)], ipv6: [] },
    mtu: 1500,
    generation: 1,
    ready: { ok: true, reason: "a test", since: "2026-01-01T00:00:00Z" },
  });
}

/** Whose real user is root could make cgroups, and they would outlive us. */
function protectCgroups(): void {
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n")) {
    const [mount = "", type = ""] = line.split(" - ");
    const path = mount.split(" ")[4] ?? "";
    // One that lies below another mount is out of everybody's reach.
    if (/^cgroup2? /.test(type) && existsSync(path))
      command("mount", "-o", "remount,bind,ro", path);
  }
}

/**
 * A folder of our own with links to what the machine's has, read-only. No overlay: a folder that belongs to a
 * user who is not mapped could not be written.
 */
function shadow(folder: string, absent: readonly string[]): void {
  const original = join("/run/machine", folder);
  mkdirSync(original, { recursive: true });
  command("mount", "--rbind", folder, original);
  command("mount", "-o", "remount,bind,ro", original);
  command("mount", "-t", "tmpfs", "tmpfs", folder);
  for (const entry of readdirSync(original, { withFileTypes: true })) {
    if (absent.includes(entry.name)) continue;
    const path = join(original, entry.name);
    const target = entry.isSymbolicLink() ? readlinkSync(path) : path;
    symlinkSync(target, join(folder, entry.name));
  }
}

/** The static one: a dynamic busybox would miss its libraries in a container. */
function busybox(): string {
  const unpacked = ["bin", "usr/bin"]
    .map((folder) => join(process.env.MANX_DEBIAN_ROOT ?? "", folder, "busybox"))
    .find((path) => existsSync(path));
  return unpacked ?? which("busybox") ?? "busybox";
}
