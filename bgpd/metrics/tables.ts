/**
 * The RIB: what it holds, what deciding and telling cost, and how long changes take to get through.
 */

import type { Delays } from "../delays.ts";
import type { Rib } from "../rib/route.ts";
import { FAMILIES, type HistogramMetric, type Metric, type Source } from "./metric.ts";

const METRICS = {
  prefixes: {
    type: "gauge",
    name: "manx_bgp_rib_prefixes",
    help: "Prefixes with at least one path.",
    labels: ["family"],
  },
  paths: {
    type: "gauge",
    name: "manx_bgp_rib_paths",
    help: "Paths held, rejected ones included.",
    labels: ["family"],
  },
  attributeSets: {
    type: "gauge",
    name: "manx_bgp_attribute_sets",
    help: "Different sets of path attributes held.",
    labels: [],
  },
  updateGroups: {
    type: "gauge",
    name: "manx_bgp_update_groups",
    help: "Groups of peers that are told the same.",
    labels: [],
  },
  decisions: {
    type: "counter",
    name: "manx_bgp_decisions_total",
    help: "Prefixes decided, each time anew.",
    labels: [],
  },
  decisionTime: {
    type: "counter",
    name: "manx_bgp_decision_seconds_total",
    help: "Time spent choosing paths and judging them by export policies.",
    labels: [],
  },
  exportTime: {
    type: "counter",
    name: "manx_bgp_export_seconds_total",
    help: "Time spent making UPDATEs and handing them to sessions.",
    labels: [],
  },
} as const satisfies Record<string, Metric>;

/** What it looks at: a daemon. */
export type TablesView = { readonly rib: Rib | undefined; readonly delays: Delays };

/** Of a daemon's tables. */
export function tablesSource(daemon: TablesView): Source {
  return {
    metrics: Object.values(METRICS),
    histograms: delaysOf(daemon.delays),
    collect(record) {
      const { rib } = daemon;
      if (rib === undefined) return;
      for (const [family, labels] of FAMILIES) {
        const { prefixes, paths } = rib.sizeOf(family);
        record(METRICS.prefixes, prefixes, labels);
        record(METRICS.paths, paths, labels);
      }
      const { attributeSets, updateGroups } = rib.counts();
      record(METRICS.attributeSets, attributeSets);
      record(METRICS.updateGroups, updateGroups);
      record(METRICS.decisions, rib.effort.decisions);
      record(METRICS.decisionTime, rib.effort.decisionTime / 1000);
      record(METRICS.exportTime, rib.effort.exportTime / 1000);
    },
  };
}

function delaysOf({ announcement, installation, removal }: Delays): HistogramMetric[] {
  return [
    {
      type: "histogram",
      name: "manx_bgp_announcement_delay_seconds",
      help: "From a block of ours being published to the first UPDATE with it, per batch.",
      histogram: announcement,
    },
    {
      type: "histogram",
      name: "manx_bgp_installation_delay_seconds",
      help: "From the oldest UPDATE of a batch being read to the kernel having all its routes.",
      histogram: installation,
    },
    {
      type: "histogram",
      name: "manx_bgp_removal_delay_seconds",
      help: "From a session being lost to none of its routes being in use or in the kernel.",
      histogram: removal,
    },
  ];
}
