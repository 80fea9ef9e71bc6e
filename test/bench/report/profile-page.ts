/** Where the daemon's CPU time goes, as tables. Pure. */

import { REFERENCE, type Row, short } from "../bgp/row.ts";
import { THREAD_KINDS } from "../bgp/threads.ts";
import { AREA_NAMES } from "../profile/sampled.ts";
import type { ProfiledStep } from "../profile.ts";
import type { Result } from "./job.ts";
import { markdownTable } from "./markdown.ts";
import { OF_THE_THREAD, REMAINS } from "./text.ts";

/** The part of the page about what stands between goals and figures; empty where nothing was profiled. */
export function profileSection(results: readonly Result[], rows: readonly Row[]): string {
  const own = results.filter((result) => result.bench === "profile");
  if (own.length === 0) return "";
  const steps = own.flatMap(({ answer }) => answer?.steps ?? []);
  const failed = own.flatMap(({ job, error }) =>
    error === undefined ? [] : [`- Not measured: ${job.id}: ${error}`],
  );
  const parts = [
    "## What stands between",
    REMAINS,
    threadTable(steps, rows),
    steps.length === 0 ? "" : OF_THE_THREAD,
    areaTable(steps),
    failed.join("\n"),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function threadTable(steps: readonly ProfiledStep[], rows: readonly Row[]): string {
  const head = ["", "", "CPU s", ...THREAD_KINDS, `${REFERENCE}'s CPU s`];
  const lines = steps.map(({ scenario, step, cpu, threads }) => {
    const theirs = rows.find(
      (row) => row.scenario === scenario && row.step === step && row.daemon === REFERENCE,
    );
    return [
      scenario,
      step,
      short(cpu),
      ...THREAD_KINDS.map((kind) => short(threads[kind])),
      theirs === undefined ? "" : short(theirs.cpu.median),
    ];
  });
  return markdownTable(head, lines, 2);
}

function areaTable(steps: readonly ProfiledStep[]): string {
  const head = ["", "", ...AREA_NAMES, "the function with the most", ""];
  const lines = steps.map(({ scenario, step, areas, functions }) => {
    const shares = new Map(areas);
    const [name = "", share = 0] = functions[0] ?? [];
    return [
      scenario,
      step,
      ...AREA_NAMES.map((area) => percent(shares.get(area) ?? 0)),
      name === "" ? "" : `\`${name}\``,
      name === "" ? "" : percent(share),
    ];
  });
  return markdownTable(head, lines, 2);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
