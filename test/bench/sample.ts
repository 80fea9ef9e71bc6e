/** One call of a plugin, from spawn to exit, and what many of them come to. */

import { join } from "node:path";
import { type Contender, environmentOf, onNode } from "./contender.ts";
import { quantile } from "./quantile.ts";

/** One call, ms. */
export type Sample = { readonly wall: number; readonly cpu: number };

/** ms; quantiles by nearest rank. */
export type Figures = {
  readonly median: number;
  readonly p99: number;
  readonly least: number;
  readonly cpu: number;
};

/** Call the contender's plugin for the pod, whose `prevResult` goes along where there is one. Throws when it fails. */
export function call(
  contender: Contender,
  folder: string,
  verb: string,
  { pod, prevResult }: { readonly pod: string; readonly prevResult?: unknown },
): { readonly sample: Sample; readonly printed: string } {
  const config = { cniVersion: "1.0.0", ...contender.config, prevResult };
  const stdin = Buffer.from(JSON.stringify(config));
  const env = environmentOf(contender, folder, verb, pod);
  const { wall, exitCode, stdout, stderr, resourceUsage } = onNode(contender, () => {
    const begin = performance.now();
    const ended = Bun.spawnSync({
      cmd: [join(folder, contender.plugin)],
      env,
      stdin,
      stdout: "pipe",
      stderr: "pipe",
    });
    return { ...ended, wall: performance.now() - begin };
  });
  if (exitCode !== 0) throw new Error(`${contender.name} ${verb}: ${stdout}${stderr}`);
  const cpu = Number(resourceUsage.cpuTime.total) / 1000;
  return { sample: { wall, cpu }, printed: stdout.toString() };
}

/** Figures of at least one call. */
export function figuresOf(samples: readonly Sample[]): Figures {
  const wall = samples.map((sample) => sample.wall).sort((a, b) => a - b);
  const cpu = samples.map((sample) => sample.cpu).sort((a, b) => a - b);
  return {
    median: rounded(quantile(wall, 0.5)),
    p99: rounded(quantile(wall, 0.99)),
    least: rounded(quantile(wall, 0)),
    cpu: rounded(quantile(cpu, 0.5)),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Figures as a table has them. */
export function cellsOf({ median, p99, least, cpu }: Figures): string[] {
  return [median, p99, least, cpu].map((value) => value.toFixed(2));
}
