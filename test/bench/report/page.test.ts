import { describe, expect, test } from "bun:test";
import { type Failure, type Run, rowsOf } from "../bgp/row.ts";
import type { BgpAnswer } from "../bgp.ts";
import { drawChart } from "./chart.ts";
import { type Job, jobsOf, type Result } from "./job.ts";
import { pageOf } from "./page.ts";

const CIRCUMSTANCES = {
  date: "2026-11-21T12:00:00.000Z",
  machine: "2 × CPU, 24 GiB",
  kernel: "6.18",
  command: "npm run bench -- report --quick",
  quick: true,
  versions: { Manx: "0.1.0", BIRD: "BIRD version 2.0.12" },
};

function run(scenario: string, daemon: string, figures: Partial<Run>): Run {
  return { scenario, step: "table", daemon, round: 0, wall: 1, cpu: 1, peak: 10, ...figures };
}

function job(bench: Job["bench"], id: string): Job {
  return { bench, id, args: [], limit: 1 };
}

function answer(runs: readonly Run[], failures: readonly Failure[] = []): BgpAnswer {
  const about = { A: "one table of 100 prefixes" };
  return { versions: {}, rows: rowsOf(runs), runs, failures, absences: [], about };
}

function played(id: string, runs: readonly Run[], failures: readonly Failure[] = []): Result {
  return { bench: "bgp", job: job("bgp", id), answer: answer(runs, failures) };
}

const page = (...results: Result[]) => pageOf(CIRCUMSTANCES, results, "performance");

describe("the report's page", () => {
  test("says when, on what, of which versions and by which command it was made", () => {
    const { text } = page();
    for (const [name, version] of Object.entries(CIRCUMSTANCES.versions)) {
      expect(text).toContain(`| ${name} | ${version} |`);
    }
    expect(text).toContain("`npm run bench -- report --quick`");
    for (const what of ["date", "machine", "kernel"] as const) {
      expect(text).toContain(CIRCUMSTANCES[what]);
    }
  });

  test("says that figures of small sizes are such", () => {
    const { text } = pageOf({ ...CIRCUMSTANCES, quick: false }, [], "performance");
    expect(text).not.toContain("**Made with `--quick`");
    expect(page().text).toContain("**Made with `--quick`");
  });

  test("a scenario has a row for each daemon, with ratios to the reference's", () => {
    const runs = [run("A", "Manx", { cpu: 0.5 }), run("A", "BIRD", { cpu: 2 })];
    const { text } = page(played("A", runs), played("A-others", [run("A", "FRR", { cpu: 9 })]));
    expect(text).toContain("### A: a whole table");
    expect(text).toContain("Here: one table of 100 prefixes.");
    expect(text).toContain("| table | Manx | 1.00 | 1.00 | 0.50 | 0.25 | 10 | 1.00 |");
    expect(text).toContain("| table | FRR | 1.00 |  | 9.00 |  | 10 |  |");
  });

  test("goals are reached or missed, and those without a figure are left out", () => {
    const runs = [run("A", "Manx", { cpu: 0.5, wall: 2 }), run("A", "BIRD", { cpu: 2 })];
    const { text } = page(played("A", runs));
    expect(text).toContain("| A | table | CPU, to BIRD's | ≤ 0.5 | 0.25 | reached |");
    expect(text).toContain("| A | table | wall, to BIRD's | ≤ 0.5 | 2.00 | missed |");
    expect(text).not.toContain("| B |");
  });

  test("what is measured beside time has a line for each name", () => {
    const more = { "API p99 ms": 12.5 };
    const { text } = page(played("E", [run("E", "Manx", { more }), run("E", "BIRD", { more })]));
    expect(text).toContain("| API p99 ms | 12.50 | 12.50 |");
    expect(text).toContain("| E | table | API p99 ms | ≤ 20 | 12.50 | reached |");
  });

  test("a daemon that failed, one that cannot, and a job without an answer are said", () => {
    const failure = { scenario: "A", daemon: "GoBGP", round: 0, error: "late\nand its log" };
    const absence = { scenario: "A", daemon: "FRR", reason: "needs root" };
    const result: Result = {
      bench: "bgp",
      job: job("bgp", "A"),
      answer: { ...answer([run("A", "BIRD", {})], [failure]), absences: [absence] },
    };
    const lost: Result = { bench: "bgp", job: job("bgp", "B"), error: "not within 900 s" };
    const { text } = page(result, lost);
    expect(text).toContain("- GoBGP failed in round 1: late\n");
    expect(text).not.toContain("and its log");
    expect(text).toContain("- FRR is not in it: it needs root.");
    expect(text).toContain("### B: rivals");
    expect(text).toContain("- Not measured: not within 900 s");
  });

  test("a curve has a table, exponents, and a chart for each measure that can be drawn", () => {
    const at = (x: number): Result =>
      played(`prefixes-${x}`, [
        run("prefixes", "Manx", { cpu: x / 1000, wall: 1, peak: x ** 2 }),
        run("prefixes", "BIRD", { cpu: x / 500 }),
      ]);
    const { text, charts } = page(at(10_000), at(1000));
    expect(text).toContain("### Growth with prefixes");
    expect(text).toContain("| Manx | CPU time | 1.00 | 1.00 |");
    expect(text).toContain("| Manx | time | 0.00 | 0.00 |");
    expect(text).toContain("| Manx | peak memory | 2.00 | 2.00 |");
    expect(text.indexOf("| 1k |")).toBeLessThan(text.indexOf("| 10k |"));
    expect(Object.keys(charts)).toEqual(
      ["cpu", "wall", "peak"].map((one) => `prefixes-${one}.svg`),
    );
    for (const [file, chart] of Object.entries(charts)) {
      expect(text).toContain(`](performance/${file})`);
      expect(drawChart(chart)).toContain("</svg>");
    }
  });

  test("a point at which a daemon failed says so, and the curve goes on without it", () => {
    const failure = { scenario: "peers", daemon: "BIRD", round: 0, error: "late" };
    const { text } = page(
      played("peers-10", [run("peers", "Manx", {}), run("peers", "BIRD", {})]),
      played("peers-100", [run("peers", "Manx", {})], [failure]),
    );
    expect(text).toContain("| 100 | 1.00 | 1.00 | 10.00 | failed |");
  });

  test("where the CPU time goes is said by threads and areas, beside the reference's time", () => {
    const threads = { own: 1.25, compilers: 0.5, collector: 0.25, other: 0 };
    const shares = {
      areas: [
        ["tables", 0.75],
        ["messages", 0.25],
      ],
      functions: [["receive bgpd/rib/attribute-sets.ts", 0.08]],
    } as const;
    const step = { scenario: "A", step: "table", cpu: 2, threads, ...shares };
    const { text } = page(
      played("A", [run("A", "Manx", { cpu: 2 }), run("A", "BIRD", { cpu: 1.5 })]),
      { bench: "profile", job: job("profile", "profile-A"), answer: { steps: [step] } },
      { bench: "profile", job: job("profile", "profile-B"), error: "not within 900 s" },
    );
    expect(text).toContain("| A | table | 2.00 | 1.25 | 0.50 | 0.25 | 0.000 | 1.50 |");
    expect(text).toContain("| A | table | 25 % | 75 % | 0 % |");
    expect(text).toContain("| `receive bgpd/rib/attribute-sets.ts` | 8 % |");
    expect(text).toContain("- Not measured: profile-B: not within 900 s");
    expect(page().text).not.toContain("## What stands between");
  });

  test("the plugin's benchmarks are tables too", () => {
    const figures = { median: 7.5, p99: 9, least: 7, cpu: 6 };
    const rows = [{ verb: "ADD" as const, name: "manx + manx-ipam", figures, ratio: 0.8 }];
    const { text } = page(
      { bench: "cni", job: job("cni", "cni"), answer: { count: 100, rows } },
      { bench: "cni-crowd", job: job("cni-crowd", "cni-crowd"), error: "status 2: no plugins" },
    );
    expect(text).toContain("| ADD | manx + manx-ipam | 7.50 | 9.00 | 7.00 | 6.00 | 0.80 |");
    expect(text).toContain("Not measured: status 2: no plugins");
  });
});

describe("the report's jobs", () => {
  const full = jobsOf({ rounds: 3, quick: false, others: ["frr", "gobgp"] });

  test("have names of their own", () => {
    expect(new Set(full.map(({ id }) => id)).size).toBe(full.length);
  });

  test("the others play once, and what is large is not for them", () => {
    const others = full.filter(({ id }) => id.endsWith("-others"));
    expect(others.map(({ id }) => id)).toContain("A-others");
    expect(others.map(({ id }) => id)).not.toContain("G-others");
    for (const { args } of others) {
      expect(args.join(" ")).toContain("--dut frr,gobgp --rounds 1");
    }
  });

  test("what is profiled is a scenario of the report, and of a quick one's size there", () => {
    const profiles = jobsOf({ rounds: 1, quick: true, others: [] }).filter(
      ({ bench }) => bench === "profile",
    );
    expect(profiles.map(({ id }) => id)).toContain("profile-A");
    for (const { id, args } of profiles) {
      const played = full.find((one) => id === `profile-${one.id}`);
      expect(args.slice(0, 2)).toEqual(played?.args.slice(0, 2) ?? []);
    }
    expect(profiles[0]?.args.join(" ")).toBe("--scenario A --size 100000 --json");
  });

  test("a machine that has no others has no jobs for them", () => {
    const ids = jobsOf({ rounds: 3, quick: false, others: [] }).map(({ id }) => id);
    expect(ids.filter((id) => id.endsWith("-others"))).toEqual([]);
  });

  test("a quick one has the same scenarios with fewer points", () => {
    const quick = jobsOf({ rounds: 1, quick: true, others: [] }).map(({ id }) => id);
    expect(quick).toContain("D3");
    expect(quick).not.toContain("peers-4000");
    expect(full.map(({ id }) => id)).toContain("peers-4000");
  });
});
