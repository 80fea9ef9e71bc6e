/**
 * BFD: sessions by state, and how late their packets and detections were, all sessions together.
 *
 * Each session keeps a record of its own, which goes with it. What it grew by between two scrapes is added up
 * here, so that the sum does not fall.
 */

import { createHistogram } from "../../lib/histogram.ts";
import { LATENESS_BOUNDS, type Lateness } from "../bfd/lateness.ts";
import type { Liveness } from "../liveness.ts";
import type { Neighbour } from "../neighbour.ts";
import type { Metric, Source } from "./metric.ts";

const METRICS = {
  sessions: {
    type: "gauge",
    name: "manx_bfd_sessions",
    help: "BFD sessions by state.",
    labels: ["state"],
  },
} as const satisfies Record<string, Metric>;

const STATES = ["AdminDown", "Down", "Init", "Up"] as const;

const NOTHING: Lateness = { count: 0, sum: 0, maximum: 0, buckets: [] };

/** What it looks at: a daemon. */
export type BfdView = {
  readonly neighbours: ReadonlyMap<string, Neighbour>;
  readonly liveness: Pick<Liveness, "status">;
};

/** Of the sessions beside a daemon's peers. */
export function bfdSource({ neighbours, liveness }: BfdView): Source {
  const histogram = createHistogram(LATENESS_BOUNDS.map((bound) => bound / 1000));
  let seen: ReadonlyMap<string, Lateness> = new Map();
  return {
    metrics: Object.values(METRICS),
    histograms: [
      {
        type: "histogram",
        name: "manx_bfd_lateness_seconds",
        help: "How late BFD packets were sent and failures detected, against when they were due.",
        histogram,
      },
    ],
    collect(record) {
      const found = new Map(
        [...neighbours.keys()].flatMap((name) => {
          const status = liveness.status(name);
          return status === undefined ? [] : [[name, status] as const];
        }),
      );
      const states = [...found.values()].map(({ state }) => state);
      for (const state of STATES) {
        const count = states.filter((other) => other === state).length;
        record(METRICS.sessions, count, { state });
      }
      for (const [name, { lateness }] of found) {
        const before = seen.get(name) ?? NOTHING;
        // One that has counted less than before has begun anew.
        const base = before.count > lateness.count ? NOTHING : before;
        lateness.buckets.forEach((count, index) => {
          const known = histogram.counts[index] ?? 0;
          histogram.counts[index] = known + count - (base.buckets[index] ?? 0);
        });
        histogram.sum += (lateness.sum - base.sum) / 1000;
      }
      seen = new Map([...found].map(([name, { lateness }]) => [name, lateness]));
    },
  };
}
