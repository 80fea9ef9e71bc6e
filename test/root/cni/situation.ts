/**
 * Calls that are struck in the middle, and how a node gets over it.
 *
 * One scene serves thousands of calls: each is to end in the state before it, and "b", who is attached all the
 * while, is to notice nothing.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Call, createScene, type Json, type Scene } from "./scene.ts";
import { recordsOf } from "./survey.ts";

/** `printf %s pods/a/eth0 | sha1sum` begins so. */
const HOST_END = "manx0b3b1f0306f";
/** Code of an ADD for an interface that is there. */
const INTERFACE_EXISTS = 102;
/** For whoever was left behind, in ms. */
const PATIENCE = 10_000;
const OLD_BOOT = "11111111-2222-4333-8444-555555555555";

/** For GC: who is attached all the while. */
export const ONLY_B = {
  cniVersion: "1.1.0",
  "cni.dev/valid-attachments": [{ containerID: "b", ifname: "eth0" }],
};

export type Situation = {
  readonly name: string;
  readonly verb: string;
  /** What is there when the call comes; from the state with nothing but "b", which ends it, too. */
  arrange(scene: Scene): Call;
  /** What must be so after the next ADD, beyond its success: what is wrong. */
  readonly fault?: (scene: Scene) => string | undefined;
  /** Wait for what outlives a call that was struck. */
  readonly settle?: () => void;
  /** In the place of the usual ones. */
  readonly recoveries?: readonly Recovery[];
};

export type Recovery = (scene: Scene, call: Call) => void;

export const SITUATIONS: readonly Situation[] = [
  { name: "an ADD", verb: "ADD", arrange: () => ({}) },
  {
    name: "an ADD in the place of a dead sandbox's interface",
    verb: "ADD",
    arrange(scene) {
      scene.run("host", "ip", "link", "add", HOST_END, "type", "veth", "peer", "name", "dead");
      return {};
    },
  },
  {
    name: "the first ADD after a reboot",
    verb: "ADD",
    arrange: reboot,
    fault: (scene) =>
      existsSync(join(scene.folder, "ipam", "rebooted", OLD_BOOT))
        ? "another boot's records are left"
        : undefined,
  },
  {
    name: "a GC",
    verb: "GC",
    arrange(scene) {
      scene.done("ADD");
      return { config: ONLY_B };
    },
  },
  {
    name: "a DEL",
    verb: "DEL",
    arrange(scene) {
      scene.done("ADD");
      return {};
    },
  },
];

/** It changes nothing, so there is nothing in it to be killed; but it can fail. */
export const CHECKING: Situation = {
  name: "a CHECK",
  verb: "CHECK",
  arrange: (scene) => ({ config: { prevResult: scene.done("ADD") } }),
};

function deleteTwice(scene: Scene, call: Call): void {
  scene.done("DEL", call);
  scene.done("DEL", call);
}

/** What a runtime may do once a call was cut short. After each of these nothing may be left. */
export const RECOVERIES: readonly Recovery[] = [
  deleteTwice,
  function collectThenDelete(scene, call) {
    scene.done("GC", { ...call, config: { ...call.config, ...ONLY_B } });
    scene.done("DEL", call);
  },
  function addAgain(scene, call) {
    const { status, stdout, json } = scene.call("ADD", call);
    if (status === 0) {
      const [ip] = (json?.ips ?? []) as readonly { readonly address: string }[];
      const name = `address/${ip?.address.replace("/32", "")}`;
      if (!recordsOf(scene).some((path) => path.endsWith(name))) throw new Error(`no ${name}`);
    } else if (json?.code !== INTERFACE_EXISTS) throw new Error(`ADD: ${stdout}`);
    scene.done("DEL", call);
  },
];

const DELEGATED_RECOVERIES: readonly Recovery[] = [
  function waitThenDeleteTwice(scene, call) {
    awaitDelegate();
    deleteTwice(scene, call);
  },
  function waitCollectThenDelete(scene, call) {
    awaitDelegate();
    // Debian's host-local knows no GC, and ours tells so in the end. What is ours is gone by then.
    const { json } = scene.call("GC", { ...call, config: { ...call.config, ...ONLY_B } });
    if (json?.msg !== "host-local GC: unknown CNI_COMMAND: GC") {
      throw new Error(`GC: ${JSON.stringify(json)}`);
    }
    // Before it has its alias, nobody but DEL knows whose it is: there is no record of ours.
    const isKnown = ({ ifname, ifalias }: Json) => ifname === HOST_END && ifalias !== undefined;
    if (scene.ip("host", "link").some(isKnown)) throw new Error(`GC left ${HOST_END}`);
    deleteTwice(scene, call);
  },
];

/** Another IPAM plugin below: it outlives a caller that is killed, for a moment. */
export const DELEGATED: readonly Situation[] = [
  {
    name: "an ADD with host-local",
    verb: "ADD",
    arrange: delegated,
    settle: awaitDelegate,
    recoveries: DELEGATED_RECOVERIES,
  },
  {
    name: "a DEL with host-local",
    verb: "DEL",
    arrange(scene) {
      const call = delegated(scene);
      scene.done("ADD", call);
      return call;
    },
    settle: awaitDelegate,
    recoveries: DELEGATED_RECOVERIES,
  },
];

/** As `CHECKING`. */
export const CHECKING_DELEGATED: Situation = {
  name: "a CHECK with host-local",
  verb: "CHECK",
  arrange(scene) {
    const call = delegated(scene);
    return { config: { ...call.config, prevResult: scene.done("ADD", call) } };
  },
  settle: awaitDelegate,
};

function delegated(scene: Scene): Call {
  const dataDir = join(scene.folder, "host-local");
  const ranges = [[{ subnet: "10.9.0.0/24" }]];
  return { config: { ipam: { type: "host-local", dataDir, ranges } } };
}

/** Until no host-local runs any more. */
function awaitDelegate(): void {
  const deadline = performance.now() + PATIENCE;
  while (readdirSync("/proc").some(isDelegate)) {
    if (performance.now() > deadline) throw new Error("host-local does not end");
    Bun.sleepSync(1);
  }
}

function isDelegate(pid: string): boolean {
  try {
    // What has ended and nobody waits for has none.
    return /^\d/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("/host-local");
  } catch {
    // It has ended since.
    return false;
  }
}

/** A host, "a" without and "b" with an attachment. */
export function createNode(): Scene {
  const scene = createScene("a", "b");
  // Addresses that come a second after the link would be a difference that nobody made.
  for (const pod of ["a", "b"]) {
    scene.run(pod, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
  }
  scene.done("ADD", { pod: "b" });
  return scene;
}

/** Records of another boot lie there, and none of this one. */
function reboot(scene: Scene): Call {
  const dataDir = join(scene.folder, "ipam", "rebooted");
  rmSync(dataDir, { recursive: true, force: true });
  for (const folder of ["address", "holder", "order"]) {
    const old = join(dataDir, OLD_BOOT, "pods", folder);
    mkdirSync(old, { recursive: true });
    writeFileSync(join(old, "old"), "old");
  }
  return { config: { ipam: { type: "manx-ipam", blocks: ["10.244.2.0/24"], dataDir } } };
}
