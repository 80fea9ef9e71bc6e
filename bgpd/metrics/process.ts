/**
 * The daemon as a whole: which one it is, whether it is ready, how its configuration stands, whether its loop turns.
 */

import type { StatusAnswer } from "../../resource/answer.ts";
import type { LoopLag } from "../loop-lag.ts";
import type { Metric, Source } from "./metric.ts";

const METRICS = {
  info: {
    type: "gauge",
    name: "manx_bgp_info",
    help: "Always 1, with the version and the name of the node.",
    labels: ["version", "node"],
  },
  start: {
    type: "gauge",
    name: "manx_bgp_start_time_seconds",
    help: "When the daemon started, in seconds since 1970.",
    labels: [],
  },
  ready: {
    type: "gauge",
    name: "manx_bgp_ready",
    help: "1 while the node is ready, as /readyz says it, else 0.",
    labels: [],
  },
  generation: {
    type: "gauge",
    name: "manx_bgp_configuration_generation",
    help: "How many readings of the documents were accepted; the last of them is in force.",
    labels: [],
  },
  faults: {
    type: "gauge",
    name: "manx_bgp_configuration_faults",
    help: "Faults for which the last reading was refused; 0 when it is in force.",
    labels: [],
  },
} as const satisfies Record<string, Metric>;

export type ProcessView = {
  readonly version: string;
  readonly node: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly ready: () => StatusAnswer["ready"];
  readonly configuration: () => StatusAnswer["configuration"];
  readonly loop: LoopLag;
};

/** Of one daemon. */
export function processSource({ version, node, startedAt, ...view }: ProcessView): Source {
  return {
    metrics: Object.values(METRICS),
    histograms: [
      {
        type: "histogram",
        name: "manx_bgp_event_loop_lag_seconds",
        help: "How much after its time a timer was called.",
        histogram: view.loop.histogram,
      },
    ],
    collect(record) {
      const { generation, faults } = view.configuration();
      record(METRICS.info, 1, { version, node });
      record(METRICS.start, startedAt / 1000);
      record(METRICS.ready, view.ready().ok ? 1 : 0);
      record(METRICS.generation, generation);
      record(METRICS.faults, faults.length);
    },
  };
}
