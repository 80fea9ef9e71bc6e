/** What Manx is to reach. Pure. */

import type { Row } from "../bgp/row.ts";

export type Goal = {
  readonly scenario: string;
  readonly step: string;
  /** In words, with the unit. */
  readonly what: string;
  readonly most: number;
  /** Undefined where the row has not got it. */
  measured(row: Row): number | undefined;
};

type Limits = { readonly cpu?: number; readonly wall?: number; readonly peak?: number };

/** Ratios to BIRD's medians in the same run. */
const RATIOS: readonly (readonly [scenario: string, step: string, limits: Limits])[] = [
  ["A", "table", { cpu: 0.5, wall: 0.5, peak: 1.4 }],
  ["A", "withdraw a tenth", { cpu: 0.8, wall: 0.8 }],
  ["A", "replace a tenth", { cpu: 0.8, wall: 0.8 }],
  ["A", "late neighbour", { cpu: 0.1, wall: 0.1 }],
  ["A", "source lost", { cpu: 0.4, wall: 0.4 }],
  ["B", "tables", { cpu: 0.25, wall: 0.25 }],
  ["C", "install", { cpu: 0.4, wall: 0.4 }],
  ["D0", "install", { wall: 1 }],
  ["D1", "exchange", { cpu: 0.5, wall: 0.5 }],
  ["D2", "exchange", { cpu: 0.25, wall: 0.25 }],
];

const WORDS = { cpu: "CPU, to BIRD's", wall: "wall, to BIRD's", peak: "peak memory, to BIRD's" };

/** What is measured by itself, by its name in `Row.more`. */
const FIGURES = [
  ["E", "table", "API p99 ms", 20],
  ["E", "table", "KEEPALIVE worst ms", 50],
  ["F1", "idle", "CPU %", 1],
  ["F1", "idle", "resident MiB", 80],
] as const;

const SECONDS = [
  ["F2", "first OPEN", 0.1],
  ["F3", "sessions to right routes", 1],
] as const;

export const GOALS: readonly Goal[] = [
  ...RATIOS.flatMap(([scenario, step, limits]) =>
    (["cpu", "wall", "peak"] as const).flatMap((name) => {
      const most = limits[name];
      if (most === undefined) return [];
      const measured = (row: Row): number | undefined => row.ratio[name] ?? undefined;
      return [{ scenario, step, what: WORDS[name], most, measured }];
    }),
  ),
  ...FIGURES.map(([scenario, step, what, most]) => ({
    scenario,
    step,
    what,
    most,
    measured: (row: Row) => row.more[what]?.median,
  })),
  ...SECONDS.map(([scenario, step, most]) => ({
    scenario,
    step,
    what: "seconds",
    most,
    measured: (row: Row) => row.wall.median,
  })),
];

/** Manx's figure for a goal out of all rows. */
export function measuredFor(goal: Goal, rows: readonly Row[]): number | undefined {
  const row = rows.find(
    ({ scenario, step, daemon }) =>
      scenario === goal.scenario && step === goal.step && daemon === "Manx",
  );
  return row === undefined ? undefined : goal.measured(row);
}
