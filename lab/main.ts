/**
 * `manx lab` and `manx lab exec`: what the executable's entry calls.
 *
 * `runLab` runs twice: outside, where it only makes the namespaces and waits, and inside them.
 */

import { writeSync } from "node:fs";
import { runEnclosed } from "./enclosure.ts";
import { LabError } from "./error.ts";
import { execInLab } from "./exec.ts";
import { INSIDE_MARK } from "./finder.ts";
import { type LabOptions, runInside } from "./inside.ts";
import { findBandwidth, parseLimits } from "./limit.ts";
import { findPortmap, parsePublications } from "./publication.ts";
import { planTopology } from "./topology.ts";

/**
 * Bring up a lab, show it, break and heal it; then stay until a signal unless `once`.
 *
 * The exit code: 0 when every probe was answered, 1 when not or when a step failed, 2 for options
 * that cannot be.
 */
export async function runLab(options: LabOptions): Promise<number> {
  return await reporting(async () => {
    // Judged here too, so that a wrong flag costs no namespaces.
    const topology = planTopology(options);
    const published = parsePublications(options.publish, topology);
    if (published.length > 0) findPortmap(process.env);
    if (parseLimits(options.limit, topology).length > 0) findBandwidth(process.env);
    if (process.env[INSIDE_MARK] === "1") return await runInside(options);
    return await runEnclosed(flagsOf(options));
  });
}

/** Run a command in a node or pod (`NAME`, or `NAME@PID` of one of several labs) of a running lab. */
export async function runLabExec(options: {
  readonly target: string;
  readonly command: readonly string[];
}): Promise<number> {
  return await reporting(async () => execInLab(options.target, options.command));
}

/** The command line that says the same as the options. */
export function flagsOf({ once, json, nodes, pods, router, publish, limit }: LabOptions): string[] {
  return [
    "lab",
    ...(once ? ["--once"] : []),
    ...(json ? ["--json"] : []),
    ...["--nodes", String(nodes), "--pods", String(pods), "--router", router],
    ...publish.flatMap((text) => ["--publish", text]),
    ...limit.flatMap((text) => ["--limit", text]),
  ];
}

async function reporting(run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    writeSync(2, `manx: lab: ${error.message}\n`);
    return error.exitCode;
  }
}
