/** The event loop's lag, out of a page of metrics (Prometheus text format 0.0.4). Pure. */

const METRIC = "manx_bgp_event_loop_lag_seconds";

/** A histogram of lags. */
export type Lag = {
  /** Upper bounds in seconds, ascending, the last one infinite. */
  readonly bounds: readonly number[];
  /** How many lags had this bound as their first. */
  readonly counts: readonly number[];
};

/** The histogram of such a page. Throws when it has none. */
export function parseLag(page: string): Lag {
  const buckets = [
    ...page.matchAll(new RegExp(`^${METRIC}_bucket\\{le="([^"]+)"\\} (\\d+)$`, "gm")),
  ];
  if (buckets.length === 0) throw new Error(`metrics: there is no ${METRIC}_bucket`);
  const sums = buckets.map(([, , count]) => Number(count));
  return {
    bounds: buckets.map(([, bound]) =>
      bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound),
    ),
    counts: sums.map((sum, index) => sum - (sums[index - 1] ?? 0)),
  };
}

/** What came between two looks. */
export function increase(before: Lag, after: Lag): Lag {
  const counts = after.counts.map((count, index) => count - (before.counts[index] ?? 0));
  return { bounds: after.bounds, counts };
}

/** The bound that the worst of them did not exceed, in seconds; 0 of none. */
export function worstOf({ bounds, counts }: Lag): number {
  return bounds[counts.findLastIndex((count) => count > 0)] ?? 0;
}
