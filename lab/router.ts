/**
 * The top-of-rack router: BIRD where it is to be had, else a second Manx with an AS of its own.
 */

import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Daemon, startDaemon } from "./daemon.ts";
import { birdConfiguration, routerDocuments } from "./documents.ts";
import { LabError } from "./error.ts";
import { LOG_FOLDER, ROUTER_FOLDER } from "./place.ts";
import type { NodeRoom } from "./room.ts";
import { startSpeaker } from "./speaker.ts";
import type { Topology } from "./topology.ts";

export type RouterChoice = "auto" | "bird" | "manx";

/** Who plays the router, and what to say of it. */
export type Software =
  | {
      readonly type: "bird";
      readonly program: string;
      readonly environment: Readonly<Record<string, string>>;
      readonly detail: string;
    }
  | { readonly type: "manx"; readonly detail: string };

/** Where to look for BIRD: `environment` has PATH and MANX_DEBIAN_ROOT. */
export type Surroundings = Readonly<Record<string, string | undefined>>;

/** Decide who plays the router. Throws `LabError` when BIRD is insisted on and not to be had. */
export function chooseSoftware(choice: RouterChoice, surroundings: Surroundings): Software {
  if (choice === "manx") return { type: "manx", detail: "Manx, as asked for" };
  const found = findBird(surroundings);
  if (found !== undefined) return found;
  if (choice === "bird") {
    throw new LabError(
      "--router bird: no bird 2 is on PATH, in /usr/sbin or below MANX_DEBIAN_ROOT: install Debian's bird2, or let --router auto use a second Manx",
      { exitCode: 2 },
    );
  }
  return { type: "manx", detail: "Manx, because there is no BIRD 2 here" };
}

/** Start the router in its room. */
export function startRouter(room: NodeRoom, topology: Topology, software: Software): Daemon {
  mkdirSync(ROUTER_FOLDER, { recursive: true });
  if (software.type === "manx") {
    for (const { name, text } of routerDocuments(topology)) {
      writeFileSync(join(ROUTER_FOLDER, name), text);
    }
    return startSpeaker(room, ROUTER_FOLDER).daemon;
  }
  const configuration = join(ROUTER_FOLDER, "bird.conf");
  writeFileSync(configuration, birdConfiguration(topology, `${LOG_FOLDER}/${room.name}.log`));
  // Where birdc looks for its socket by itself.
  mkdirSync("/run/bird", { recursive: true });
  return startDaemon({
    name: `bird of ${room.name}`,
    room,
    command: [software.program, "-f", "-c", configuration, "-s", "/run/bird/bird.ctl"],
    logFile: `${LOG_FOLDER}/${room.name}.log`,
    environment: software.environment,
  });
}

/** BIRD 2 with what it needs to run, the first that works. */
function findBird(surroundings: Surroundings): Software | undefined {
  const root = surroundings.MANX_DEBIAN_ROOT;
  const folders = [...(surroundings.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  const candidates = [
    ...folders.map((folder) => ({ program: join(folder, "bird"), environment: {} })),
    ...(root === undefined
      ? []
      : [{ program: join(root, "usr/sbin/bird"), environment: libraries(root) }]),
  ];
  for (const { program, environment } of candidates) {
    if (!isExecutable(program)) continue;
    const { stdout, stderr, success } = Bun.spawnSync([program, "--version"], {
      env: { ...process.env, ...environment },
      stdout: "pipe",
      stderr: "pipe",
    });
    const version = /BIRD version (2\.\S+)/.exec(`${stdout}${stderr}`)?.[1];
    if (success && version !== undefined) {
      return { type: "bird", program, environment, detail: `BIRD ${version}` };
    }
  }
  return undefined;
}

/** Debian's library folders below the root of an unpacked package. */
function libraries(root: string): Record<string, string> {
  const triplet = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[process.arch as string];
  const folders = ["usr/lib", "lib"].map((folder) => join(root, folder, triplet ?? ""));
  return { LD_LIBRARY_PATH: folders.join(":") };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
