/**
 * `bun bootstrap/profile.ts EXECUTABLE FOLDER`: the calls of a pod's life, each of which writes down in a file there, named
 * as `CALLS` has them, in what order it first needs which piece of bytecode. Runs itself in fresh namespaces, and leaves
 * nothing but the files.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { mount } from "../kernel/libc.ts";
import { createNamespace } from "../kernel/netns.ts";
import { UNSHARE } from "../lab/enclosure.ts";

const INSIDE = "inside";
const BLOCKS = ["10.244.1.0/24", "fd00:10:244:1::/120"];
/** The most frequent first. */
export const CALLS = ["ADD", "DEL", "ADD of both", "CHECK of both", "DEL of both"] as const;

if (import.meta.main) {
  const [executable = "", folder = "", where] = process.argv.slice(2);
  process.exit(where === INSIDE ? call(executable, folder) : enter(executable, folder));
}

function enter(executable: string, folder: string): number {
  const command = [...UNSHARE, process.execPath, import.meta.path, executable, folder, INSIDE];
  return Bun.spawnSync(command, { stdio: ["ignore", "ignore", "inherit"] }).exitCode;
}

/** All of them; the exit code of the first that fails. */
function call(executable: string, folder: string): number {
  mount("tmpfs", "/run", "tmpfs", 0);
  mkdirSync("/run/netns");
  createNamespace("/run/netns/pod");
  let prevResult: unknown;
  for (const name of CALLS) {
    const [verb = "", isBoth] = name.split(" of ");
    const blocks = isBoth === undefined ? BLOCKS.slice(0, 1) : BLOCKS;
    const config = {
      cniVersion: "1.0.0",
      name: "profile",
      type: "manx",
      ipam: { type: "manx-ipam", blocks },
      ...(verb === "CHECK" ? { prevResult } : {}),
    };
    const { exitCode, stdout } = Bun.spawnSync([executable], {
      stdin: Buffer.from(JSON.stringify(config)),
      env: {
        BUN_BYTECODE_ORDER_OUT: join(folder, name),
        CNI_COMMAND: verb,
        CNI_CONTAINERID: "profile",
        CNI_NETNS: "/run/netns/pod",
        CNI_IFNAME: "eth0",
        CNI_PATH: "/nowhere",
      },
    });
    if (exitCode !== 0) return exitCode;
    if (verb === "ADD") prevResult = JSON.parse(stdout.toString());
  }
  return 0;
}
