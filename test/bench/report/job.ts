/** What a report is made of: benchmarks with their options, each a process of its own. Pure. */

import type { BgpAnswer } from "../bgp.ts";
import type { CniAnswer } from "../cni.ts";
import type { CrowdAnswer } from "../cni-crowd.ts";
import type { DensityAnswer } from "../cni-density.ts";
import type { ProfileAnswer } from "../profile.ts";

/** What each benchmark prints with `--json`. */
export type Answers = {
  readonly bgp: BgpAnswer;
  readonly cni: CniAnswer;
  readonly "cni-crowd": CrowdAnswer;
  readonly "cni-density": DensityAnswer;
  readonly profile: ProfileAnswer;
};
export type Bench = keyof Answers;

/** One benchmark to run. */
export type Job = {
  readonly bench: Bench;
  /** Also the name of the file that keeps its answer. */
  readonly id: string;
  /** Its options. */
  readonly args: readonly string[];
  /** Seconds after which it is given up. */
  readonly limit: number;
};

/** What became of it. */
export type ResultOf<Name extends Bench> = {
  readonly bench: Name;
  readonly job: Job;
  readonly answer?: Answers[Name];
  /** Why there is no answer. */
  readonly error?: string;
};
/** Of one of these benchmarks. */
export type ResultAmong<Names extends Bench> = { [Name in Names]: ResultOf<Name> }[Names];
export type Result = ResultAmong<Bench>;

export type Extent = {
  /** Of Manx and BIRD; the others play once. */
  readonly rounds: number;
  /** A tenth of everything and less, to see that it works. */
  readonly quick: boolean;
  /** Daemons beside those two that the machine has. */
  readonly others: readonly string[];
};

/** Sizes of a scenario in a full report, where they are not the scenario's own, and in a quick one. */
type Plan = {
  readonly scenario: string;
  /** Only Manx and BIRD, once: it takes long, or more memory than others' would leave. */
  readonly large?: boolean;
  /** With goals that say something of the daemon's CPU time, so that it is told where that goes. */
  readonly profiled?: boolean;
  readonly quick: readonly string[];
};

const PLANS: readonly Plan[] = [
  { scenario: "relay", quick: ["--size", "100000"] },
  { scenario: "A", profiled: true, quick: ["--size", "100000"] },
  { scenario: "B", profiled: true, quick: ["--size", "20000"] },
  { scenario: "C", profiled: true, quick: ["--size", "50000"] },
  { scenario: "D0", profiled: true, quick: [] },
  { scenario: "D1", profiled: true, quick: [] },
  { scenario: "D2", quick: ["--peers", "400", "--size", "400"] },
  { scenario: "E", profiled: true, quick: ["--size", "200000"] },
  { scenario: "F1", large: true, quick: [] },
  { scenario: "F2", quick: [] },
  { scenario: "F3", quick: [] },
  { scenario: "D3", large: true, quick: ["--peers", "1000", "--size", "1000"] },
  { scenario: "G", large: true, quick: ["--size", "50000"] },
  { scenario: "H", large: true, quick: ["--size", "50000"] },
];

export const CURVES = {
  prefixes: {
    option: "--size",
    full: [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000],
    quick: [1000, 10_000, 100_000],
  },
  peers: {
    option: "--peers",
    full: [1, 3, 10, 30, 100, 300, 1000, 2000, 4000],
    quick: [1, 10, 100, 300],
  },
} as const;
export type CurveName = keyof typeof CURVES;

/** From here on a point of a curve is measured once. */
const LARGE = { prefixes: 1_000_000, peers: 1000 } as const;

/** A full scenario with all of its deadlines missed takes no longer. Seconds. */
const LIMIT = 15 * 60;
const BOTH = "manx,bird";

/** The jobs, those that matter most first. */
export function jobsOf({ rounds, quick, others }: Extent): Job[] {
  const bgp = (
    id: string,
    scenario: string,
    dut: string,
    times: number,
    more: readonly string[],
  ): Job => ({
    bench: "bgp",
    id,
    args: ["--scenario", scenario, "--dut", dut, "--rounds", `${times}`, ...more, "--json"],
    limit: LIMIT,
  });
  const own = PLANS.map(({ scenario, large = false, quick: less }) =>
    bgp(scenario, scenario, BOTH, large ? 1 : rounds, quick ? less : []),
  );
  const theirs = PLANS.filter(({ scenario, large = false }) => !large && scenario !== "relay")
    .filter(() => others.length > 0)
    .map(({ scenario, quick: less }) =>
      bgp(`${scenario}-others`, scenario, others.join(","), 1, quick ? less : []),
    );
  const names: readonly CurveName[] = ["prefixes", "peers"];
  const curves = names.flatMap((name) =>
    pointsOf(name, quick).map((value) => {
      const size = [CURVES[name].option, `${value}`];
      return bgp(`${name}-${value}`, name, BOTH, value < LARGE[name] ? rounds : 1, size);
    }),
  );
  const profiles = PLANS.filter(({ profiled = false }) => profiled).map(
    ({ scenario, quick: less }): Job => ({
      bench: "profile",
      id: `profile-${scenario}`,
      args: ["--scenario", scenario, ...(quick ? less : []), "--json"],
      limit: LIMIT,
    }),
  );
  const plugin = (bench: Bench, ...args: string[]): Job => ({
    bench,
    id: bench,
    args: [...args, "--json"],
    limit: LIMIT,
  });
  const count = quick ? "20" : "100";
  const cni = [
    plugin("cni", "--count", count),
    plugin("cni-crowd", "--count", quick ? "32" : "128"),
    plugin("cni-density", "--count", count, "--pods", quick ? "10,100" : "10,100,1000,4000"),
  ];
  return [...own, ...profiles, ...curves, ...cni, ...theirs];
}

/** Where a curve is measured. */
export function pointsOf(name: CurveName, quick: boolean): readonly number[] {
  return quick ? CURVES[name].quick : CURVES[name].full;
}

/** Scenarios in the order of the report. */
export const REPORTED: readonly string[] = PLANS.map(({ scenario }) => scenario);
