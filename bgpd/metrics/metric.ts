/**
 * What is measured, as each part of the daemon says it: names and meanings, and at a scrape the numbers.
 *
 * A part has a `Source`; `exposition.ts` makes Prometheus text of all of them. The parts count in plain
 * numbers and are looked at only when somebody asks, so nothing is paid for metrics that nobody reads.
 * Names end in their unit (`_seconds`), counters in `_total`; docs/metrics.md lists them all, held by a test.
 */

import type { Family } from "../../lib/address.ts";
import type { Histogram } from "../../lib/histogram.ts";

/** A number, or one for each combination of labels. */
export type Metric = {
  readonly name: string;
  readonly help: string;
  /** A counter only grows, until the daemon or what it counts for starts anew. */
  readonly type: "gauge" | "counter";
  readonly labels: readonly string[];
};

/** A distribution; it has no labels. */
export type HistogramMetric = {
  readonly name: string;
  readonly help: string;
  readonly type: "histogram";
  readonly histogram: Histogram;
};

export type Labels = Readonly<Record<string, string>>;

/** Hand over one number; what is not handed over is not shown. */
export type Recorder = (metric: Metric, value: number, labels?: Labels) => void;

export type Source = {
  readonly metrics: readonly Metric[];
  readonly histograms: readonly HistogramMetric[];
  /** Called at each scrape. */
  collect(record: Recorder): void;
};

/** The address families that are told apart, with the label of each. */
export const FAMILIES: readonly (readonly [family: Family, labels: Labels])[] = [
  [4, { family: "ipv4" }],
  [6, { family: "ipv6" }],
];
