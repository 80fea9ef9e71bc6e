/**
 * The report as Markdown: what each benchmark is and what its figures mean stand here; figures come from results. Pure.
 */

import { type Row, ratioText, short } from "../bgp/row.ts";
import type { Chart } from "./chart.ts";
import { cniSection } from "./cni-page.ts";
import { curveSection } from "./curve-page.ts";
import { GOALS, measuredFor } from "./goal.ts";
import { REPORTED, type Result, type ResultOf } from "./job.ts";
import { markdownTable } from "./markdown.ts";
import { profileSection } from "./profile-page.ts";
import { INTRODUCTION, QUICK, SCENARIO_TEXTS } from "./text.ts";

/** Where and of what it was made. */
export type Circumstances = {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: string;
  readonly kernel: string;
  /** The command line. */
  readonly command: string;
  /** Of small sizes. */
  readonly quick: boolean;
  /** By name of the daemon. */
  readonly versions: Readonly<Record<string, string>>;
};

export type Page = {
  readonly text: string;
  /** By file name. */
  readonly charts: Readonly<Record<string, Chart>>;
};

/** The whole page, and the charts that it shows from the folder `folder` beside it. */
export function pageOf(circumstances: Circumstances, all: readonly Result[], folder: string): Page {
  const results = all.filter((result) => result.bench === "bgp");
  const bgp = results.flatMap(({ job, answer }) =>
    answer === undefined ? [] : [{ id: job.id, answer }],
  );
  const played = bgp.filter(({ id }) => REPORTED.some((name) => isOf(id, name)));
  const rows = played.flatMap(({ answer }) => answer.rows);
  const curves = curveSection(bgp, folder);
  const sections = [
    INTRODUCTION,
    circumstancesSection(circumstances),
    circumstances.quick ? QUICK : "",
    goalSection(rows),
    profileSection(all, rows),
    "## BGP",
    ...REPORTED.map((scenario) =>
      scenarioSection(
        scenario,
        results.filter(({ job }) => isOf(job.id, scenario)),
      ),
    ),
    curves.text,
    cniSection(all),
  ];
  const text = sections.filter((section) => section !== "").join("\n\n");
  return { text: `${text}\n`, charts: curves.charts };
}

/** A job's id is the scenario, or the scenario's with the others. */
function isOf(id: string, scenario: string): boolean {
  return id === scenario || id === `${scenario}-others`;
}

function circumstancesSection({ date, machine, kernel, command, versions }: Circumstances): string {
  const lines = [
    ["made", date],
    ["by", `\`${command}\``],
    ["on", machine],
    ["kernel", kernel],
    ...Object.entries(versions),
  ];
  return markdownTable(["", ""], lines, 2);
}

function goalSection(rows: readonly Row[]): string {
  const lines = GOALS.flatMap((goal) => {
    const value = measuredFor(goal, rows);
    if (value === undefined) return [];
    const verdict = value <= goal.most ? "reached" : "missed";
    return [[goal.scenario, goal.step, goal.what, `≤ ${goal.most}`, short(value), verdict]];
  });
  const head = ["scenario", "step", "what", "goal", "measured", ""];
  const table = markdownTable(head, lines, 3);
  return table === "" ? "" : `## Goals\n\n${table}`;
}

function scenarioSection(scenario: string, results: readonly ResultOf<"bgp">[]): string {
  const answers = results.flatMap(({ answer }) => answer ?? []);
  const rows = answers.flatMap((answer) => answer.rows);
  const steps = [...new Set(rows.map(({ step }) => step))];
  const lines = steps.flatMap((step) => rows.filter((row) => row.step === step).map(rowCells));
  const failed = [
    ...answers.flatMap(({ failures }) =>
      failures.map(
        ({ daemon, round, error }) => `${daemon} failed in round ${round + 1}: ${firstLine(error)}`,
      ),
    ),
    ...results.flatMap(({ error }) =>
      error === undefined ? [] : [`Not measured: ${firstLine(error)}`],
    ),
    ...answers.flatMap(({ absences }) =>
      absences.map(({ daemon, reason }) => `${daemon} is not in it: it ${reason}.`),
    ),
  ].map((line) => `- ${line}`);
  if (lines.length + failed.length === 0) return "";
  const head = ["", "", "wall s", "ratio", "CPU s", "ratio", "peak MiB", "ratio"];
  const { title, meaning } = SCENARIO_TEXTS[scenario] ?? { title: "", meaning: "" };
  const about = answers.flatMap((answer) => answer.about[scenario] ?? [])[0];
  return [
    `### ${scenario}: ${title}`,
    meaning,
    about === undefined ? "" : `Here: ${about}.`,
    markdownTable(head, lines, 2),
    moreTable(rows),
    failed.join("\n"),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function rowCells({ step, daemon, wall, cpu, peak, ratio }: Row): string[] {
  return [
    step,
    daemon,
    short(wall.median),
    ratioText(ratio.wall),
    short(cpu.median),
    ratioText(ratio.cpu),
    peak.median.toFixed(0),
    ratioText(ratio.peak),
  ];
}

/** What was measured beside time and memory: a line for each, a column for each daemon. */
function moreTable(rows: readonly Row[]): string {
  const measured = rows.filter(({ more }) => Object.keys(more).length > 0);
  const names = [...new Set(measured.flatMap(({ more }) => Object.keys(more)))];
  const head = ["", ...measured.map(({ daemon }) => daemon)];
  const lines = names.map((name) => [
    name,
    ...measured.map(({ more }) => (more[name] === undefined ? "" : short(more[name].median))),
  ]);
  return markdownTable(head, lines);
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}
