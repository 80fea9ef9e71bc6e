/**
 * Prometheus text of what the parts count, by prom-client.
 *
 * Imported at the first scrape: a daemon that nobody scrapes, and one that has just started, need none of it.
 */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { HistogramMetric, Metric, Source } from "./metric.ts";

export type Exposition = {
  readonly contentType: string;
  /** Text of what stands now. */
  text(): Promise<string>;
};

/** Of these sources; two of one name are a fault. */
export function createExposition(sources: readonly Source[]): Exposition {
  const registry = new Registry();
  const series = new Map(
    sources.flatMap(({ metrics }) => metrics).map((metric) => [metric, seriesOf(metric, registry)]),
  );
  for (const { histograms } of sources) {
    for (const histogram of histograms) registry.registerMetric(new HeldHistogram(histogram));
  }
  return {
    contentType: registry.contentType,
    text() {
      // Series of peers that are gone go with them.
      for (const one of series.values()) one.reset();
      for (const source of sources) {
        source.collect((metric, value, labels = {}) => {
          const one = series.get(metric);
          if (one === undefined) throw new Error(`${metric.name} is none of its source's metrics`);
          one.inc(labels, value);
        });
      }
      return registry.metrics();
    },
  };
}

function seriesOf({ type, name, help, labels }: Metric, registry: Registry): Counter | Gauge {
  const configuration = { name, help, labelNames: labels, registers: [registry] };
  return type === "counter" ? new Counter(configuration) : new Gauge(configuration);
}

/**
 * A histogram that was counted elsewhere. The library's own can only observe, so its text is made by
 * another metric of the library, which may hand over any values.
 */
class HeldHistogram extends Gauge {
  readonly #metric: HistogramMetric;

  constructor(metric: HistogramMetric) {
    super({ name: metric.name, help: metric.help, registers: [] });
    this.#metric = metric;
  }

  override async get() {
    const { name, help, histogram } = this.#metric;
    const { bounds, counts, sum } = histogram;
    let count = 0;
    const buckets = counts.map((more, index) => {
      count += more;
      return {
        metricName: `${name}_bucket`,
        labels: { le: bounds[index] ?? "+Inf" },
        value: count,
      };
    });
    const { type } = await new Histogram({ name, help, registers: [] }).get();
    return {
      ...(await super.get()),
      type,
      values: [
        ...buckets,
        { metricName: `${name}_sum`, labels: {}, value: sum },
        { metricName: `${name}_count`, labels: {}, value: count },
      ],
    };
  }
}
