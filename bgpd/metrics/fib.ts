/**
 * The kernel's routes of ours: how they stand and what was done. Nothing of it with `--fib none`.
 */

import type { Fib } from "../fib/fib.ts";
import type { Metric, Source } from "./metric.ts";

const METRICS = {
  routes: {
    type: "gauge",
    name: "manx_fib_routes",
    help: "Routes of ours by how they stand in the kernel.",
    labels: ["state"],
  },
  installs: {
    type: "counter",
    name: "manx_fib_installs_total",
    help: "Routes added to the kernel or replaced there.",
    labels: [],
  },
  removals: {
    type: "counter",
    name: "manx_fib_removals_total",
    help: "Routes taken out of the kernel.",
    labels: [],
  },
  failures: {
    type: "counter",
    name: "manx_fib_failures_total",
    help: "Requests for routes that the kernel refused.",
    labels: [],
  },
  drift: {
    type: "counter",
    name: "manx_fib_drift_total",
    help: "Routes of ours that another had removed from the kernel, put back.",
    labels: [],
  },
  flushTime: {
    type: "counter",
    name: "manx_fib_flush_seconds_total",
    help: "Time spent comparing with the kernel and telling it.",
    labels: [],
  },
} as const satisfies Record<string, Metric>;

/** Of a daemon's FIB. */
export function fibSource(fib: Fib | undefined): Source {
  return {
    metrics: Object.values(METRICS),
    histograms: [],
    collect(record) {
      if (fib === undefined) return;
      const { installed, stale } = fib.counts();
      const { pending, refused, unresolved } = fib.outstanding();
      const states = { installed, stale, pending, refused, unresolved };
      for (const [state, count] of Object.entries(states)) {
        record(METRICS.routes, count, { state });
      }
      const { installs, removals, refusals, healed, flushTime } = fib.counters;
      record(METRICS.installs, installs);
      record(METRICS.removals, removals);
      record(METRICS.failures, refusals);
      record(METRICS.drift, healed);
      record(METRICS.flushTime, flushTime / 1000);
    },
  };
}
