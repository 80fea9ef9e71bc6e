/** The plugin's benchmarks as tables. Pure. */

import type { CniAnswer } from "../cni.ts";
import type { CrowdAnswer } from "../cni-crowd.ts";
import type { DensityAnswer } from "../cni-density.ts";
import { PEER } from "../contender.ts";
import { cellsOf } from "../sample.ts";
import type { Bench, Result, ResultAmong } from "./job.ts";
import { markdownTable } from "./markdown.ts";
import { CNI_TEXTS } from "./text.ts";

const FIGURES = ["median", "p99", "least", "CPU median"];

/** The part of the page about the plugin; empty where none of its benchmarks ran. */
export function cniSection(results: readonly Result[]): string {
  const parts = results.flatMap((result) => {
    if (result.bench === "bgp" || result.bench === "profile") return [];
    const { title, meaning } = CNI_TEXTS[result.bench];
    return [[`### ${title}`, meaning, bodyOf(result)].join("\n\n")];
  });
  return parts.length === 0 ? "" : ["## CNI", ...parts].join("\n\n");
}

function bodyOf(result: ResultAmong<Exclude<Bench, "bgp" | "profile">>): string {
  if (result.answer === undefined) return `Not measured: ${result.error}`;
  switch (result.bench) {
    case "cni":
      return callTable(result.answer);
    case "cni-crowd":
      return crowdTable(result.answer);
    case "cni-density":
      return densityTable(result.answer);
  }
}

function callTable({ rows }: CniAnswer): string {
  return markdownTable(
    ["", "ms", ...FIGURES, "ratio of medians"],
    rows.map(({ verb, name, figures, ratio }) => [
      verb,
      name,
      ...cellsOf(figures),
      name === PEER ? "" : ratio.toFixed(2),
    ]),
    2,
  );
}

function crowdTable({ rows, count, collecting }: CrowdAnswer): string {
  const table = markdownTable(
    ["in flight", "", "", "calls/s", "p99, ms"],
    rows.map(({ inFlight, verb, name, rate, p99 }) => [
      `${inFlight}`,
      verb,
      name,
      rate.toFixed(0),
      p99.toFixed(0),
    ]),
    3,
  );
  return `${table}\n\nA GC of ${count} attachments of manx: ${collecting.toFixed(0)} ms.`;
}

function densityTable({ rows }: DensityAnswer): string {
  return markdownTable(
    ["", "pods", "ms", ...FIGURES, "CPU, to the fewest pods", "ratio of medians"],
    rows.map(({ verb, pods, name, figures, growth, ratio }) => [
      verb,
      `${pods}`,
      name,
      ...cellsOf(figures),
      growth.toFixed(2),
      name === PEER ? "" : ratio.toFixed(2),
    ]),
    3,
  );
}
