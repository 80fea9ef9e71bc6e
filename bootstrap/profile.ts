/**
 * `bun bootstrap/profile.ts EXECUTABLE ORDER`: one ADD, which writes down in what order it first needs which
 * piece of bytecode. Runs itself in fresh namespaces, and leaves nothing but the file.
 */

import { mkdirSync } from "node:fs";
import { mount } from "../kernel/libc.ts";
import { createNamespace } from "../kernel/netns.ts";
import { UNSHARE } from "../lab/enclosure.ts";

const INSIDE = "inside";
const CONFIG = {
  cniVersion: "1.0.0",
  name: "profile",
  type: "manx",
  ipam: { type: "manx-ipam", blocks: ["10.244.1.0/24"] },
};

const [executable = "", order = "", where] = process.argv.slice(2);
process.exit(where === INSIDE ? add() : enter());

function enter(): number {
  const command = [...UNSHARE, process.execPath, import.meta.path, executable, order, INSIDE];
  return Bun.spawnSync(command, { stdio: ["ignore", "ignore", "inherit"] }).exitCode;
}

function add(): number {
  mount("tmpfs", "/run", "tmpfs", 0);
  mkdirSync("/run/netns");
  createNamespace("/run/netns/pod");
  return Bun.spawnSync([executable], {
    stdin: Buffer.from(JSON.stringify(CONFIG)),
    env: {
      BUN_BYTECODE_ORDER_OUT: order,
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: "profile",
      CNI_NETNS: "/run/netns/pod",
      CNI_IFNAME: "eth0",
      CNI_PATH: "/nowhere",
    },
  }).exitCode;
}
