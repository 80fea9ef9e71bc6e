/** Many runs as rows of a table: medians, and ratios to the reference. Pure. */

import { alignTable } from "../../../lab/table.ts";
import { type Figure, figure } from "../quantile.ts";
import type { Step } from "./scene.ts";

export const REFERENCE = "BIRD";

export type Run = Step & {
  readonly scenario: string;
  readonly daemon: string;
  readonly round: number;
};

/** A daemon that did not get through a scenario. */
export type Failure = {
  readonly scenario: string;
  readonly daemon: string;
  readonly round: number;
  /** The first line says it; what the daemon itself said may follow. */
  readonly error: string;
};

/** A daemon that is not asked to play a scenario. */
export type Absence = {
  readonly scenario: string;
  readonly daemon: string;
  readonly reason: string;
};

const MEASURES = ["wall", "cpu", "peak"] as const;
type MeasureName = (typeof MEASURES)[number];

export type Row = {
  readonly scenario: string;
  readonly step: string;
  readonly daemon: string;
  /** Seconds, CPU seconds, MiB. */
  readonly wall: Figure;
  readonly cpu: Figure;
  readonly peak: Figure;
  /** Of the medians to the reference's; null where that is not there, or took nothing. */
  readonly ratio: { readonly [Name in MeasureName]: number | null };
  /** What else was measured, by name. */
  readonly more: Readonly<Record<string, Figure>>;
};

/** A row for each scenario, step and daemon, in the order in which scenarios and steps were played. */
export function rowsOf(runs: readonly Run[]): Row[] {
  const steps = [...new Set(runs.map(stepOf))];
  const groups = Map.groupBy(
    runs.toSorted((a, b) => steps.indexOf(stepOf(a)) - steps.indexOf(stepOf(b))),
    (run) => keyOf(run),
  );
  return [...groups.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const reference = groups.get(keyOf({ ...first, daemon: REFERENCE })) ?? [];
    const figureOf = (what: MeasureName, of = same): Figure => figure(of.map((run) => run[what]));
    const ratio = (what: MeasureName): number | null => {
      const value = figureOf(what).median / figureOf(what, reference).median;
      return Number.isFinite(value) ? value : null;
    };
    const names = Object.keys(first.more ?? {});
    const more = names.map((name) => [
      name,
      figure(same.map((run) => run.more?.[name] ?? Number.NaN)),
    ]);
    const { scenario, step, daemon } = first;
    return [
      {
        scenario,
        step,
        daemon,
        wall: figureOf("wall"),
        cpu: figureOf("cpu"),
        peak: figureOf("peak"),
        ratio: { wall: ratio("wall"), cpu: ratio("cpu"), peak: ratio("peak") },
        more: Object.fromEntries(more),
      },
    ];
  });
}

function stepOf({ scenario, step }: Run): string {
  return `${scenario}/${step}`;
}

function keyOf({ scenario, step, daemon }: Run): string {
  return `${scenario}/${step}/${daemon}`;
}

/** The rows of one scenario for people. */
export function tableOf(rows: readonly Row[]): string {
  const head = ["", "", "wall s", "ratio", "CPU s", "ratio", "peak MiB", "ratio"];
  const lines = rows.map((row, index) => [
    rows[index - 1]?.step === row.step ? "" : row.step,
    row.daemon,
    spread(row.wall),
    ratioText(row.ratio.wall),
    spread(row.cpu),
    ratioText(row.ratio.cpu),
    row.peak.median.toFixed(0),
    ratioText(row.ratio.peak),
  ]);
  const more = rows.flatMap(({ daemon, more }) =>
    Object.entries(more).map(([name, value]) => `${daemon}  ${name}: ${spread(value)}`),
  );
  const table = alignTable([head, ...lines], (column) => (column < 2 ? "left" : "right"));
  return [...table, ...more].join("\n");
}

function spread({ median, least, most }: Figure): string {
  return `${short(median)} (${short(least)}–${short(most)})`;
}

/** With as many places as say something. */
export function short(value: number): string {
  return value.toFixed(Math.abs(value) < 0.1 ? 3 : 2);
}

/** Of a row: empty where there is none. */
export function ratioText(value: number | null): string {
  return value?.toFixed(2) ?? "";
}
