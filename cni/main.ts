/**
 * The CNI plugin `manx`: one call of a container runtime, one process. And `manx-ipam`, one call of another plugin.
 *
 * ADD is here, the other verbs and `manx-ipam` are loaded when they are asked for. How a call is read, checked and
 * answered is `ipam/protocol/`, which both share.
 */

import { descriptorIo, runPlugin } from "../ipam/protocol/plugin.ts";
import { readInto, write } from "../kernel/libc.ts";
import { add } from "./add.ts";
import { systemFiles } from "./files.ts";

/** Serve the one call that this process was started for. Returns the exit code. */
export function runCni(): Promise<number> {
  const handlers = {
    ADD: async () => add,
    DEL: async () => (await import("./delete.ts")).remove,
    CHECK: async () => (await import("./check.ts")).check,
    GC: async () => (await import("./collect.ts")).collect,
    STATUS: async () => (await import("./status.ts")).status,
  };
  return runPlugin(
    { about: "manx: a routed interface for each pod, BGP between them", handlers },
    descriptorIo(readInto, write),
  );
}

/** As `runCni`, called as `manx-ipam`. */
export async function runIpam(): Promise<number> {
  const { serveIpam } = await import("../ipam/main.ts");
  return await serveIpam({
    io: descriptorIo(readInto, write),
    files: systemFiles,
    loadSurvey: async () => (await import("../kernel/survey.ts")).surveyMachine,
  });
}
