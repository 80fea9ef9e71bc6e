/** How daemons grow with prefixes and with peers: tables, charts and exponents. Pure. */

import { type Row, short } from "../bgp/row.ts";
import type { BgpAnswer } from "../bgp.ts";
import { type Chart, shortNumber } from "./chart.ts";
import { exponentOf, type Point } from "./fit.ts";
import { CURVES, type CurveName } from "./job.ts";
import { markdownTable } from "./markdown.ts";
import { CURVE_TEXTS } from "./text.ts";

const MEASURES = [
  { name: "cpu", words: "CPU time", unit: "CPU s" },
  { name: "wall", words: "time", unit: "wall s" },
  { name: "peak", words: "peak memory", unit: "MiB" },
] as const;

/** Points at the end of a curve whose exponent stands beside that of the whole: what is fixed matters less there. */
const LAST = 3;

type Answered = { readonly id: string; readonly answer: BgpAnswer };

/** The part of the page about growth, and its charts by file name. */
export function curveSection(
  answers: readonly Answered[],
  folder: string,
): { readonly text: string; readonly charts: Record<string, Chart> } {
  const charts: Record<string, Chart> = {};
  const parts: string[] = [];
  for (const name of Object.keys(CURVES) as CurveName[]) {
    const points = answers
      .filter(({ id }) => id.startsWith(`${name}-`))
      .map(({ id, answer }) => ({ x: Number(id.slice(name.length + 1)), answer }))
      .sort((a, b) => a.x - b.x);
    const daemons = [
      ...new Set(points.flatMap(({ answer }) => answer.rows.map((row) => row.daemon))),
    ];
    if (daemons.length === 0) continue;
    const { title, meaning, axis } = CURVE_TEXTS[name];
    const pointsOf = (daemon: string, measure: "cpu" | "wall" | "peak"): Point[] =>
      points.flatMap(({ x, answer }) => {
        const row = rowOf(answer, daemon);
        return row === undefined ? [] : [{ x, y: row[measure].median }];
      });
    const images = MEASURES.map(({ name: measure, words, unit }) => {
      const file = `${name}-${measure}.svg`;
      const series = daemons.map((daemon) => ({ name: daemon, points: pointsOf(daemon, measure) }));
      charts[file] = { title: `${title}: ${words}`, x: axis, y: unit, series };
      return `![${title}: ${words}](${folder}/${file})`;
    });
    const head = [
      "",
      ...daemons.flatMap((daemon) => MEASURES.map(({ unit }) => `${daemon}, ${unit}`)),
    ];
    const lines = points.map(({ x, answer }) => [
      shortNumber(x),
      ...daemons.flatMap((daemon) => cellsOf(answer, daemon)),
    ]);
    const exponents = daemons.flatMap((daemon) =>
      MEASURES.map(({ name: measure, words }) => {
        const all = pointsOf(daemon, measure);
        return [daemon, words, ...[all, all.slice(-LAST)].map((some) => exponentText(some))];
      }),
    );
    const exponentHead = ["", "", "exponent", `of the last ${LAST} points`];
    parts.push(
      `### ${title}`,
      meaning,
      ...images,
      markdownTable(head, lines, 0),
      markdownTable(exponentHead, exponents, 2),
    );
  }
  return { text: parts.length === 0 ? "" : ["## Growth", ...parts].join("\n\n"), charts };
}

function rowOf(answer: BgpAnswer, daemon: string): Row | undefined {
  return answer.rows.find((row) => row.daemon === daemon);
}

function cellsOf(answer: BgpAnswer, daemon: string): string[] {
  const row = rowOf(answer, daemon);
  if (row !== undefined) return MEASURES.map(({ name }) => short(row[name].median));
  const failure = answer.failures.find((one) => one.daemon === daemon);
  return MEASURES.map((_, index) => (index === 0 && failure !== undefined ? "failed" : ""));
}

function exponentText(points: readonly Point[]): string {
  return exponentOf(points)?.toFixed(2) ?? "";
}
