/**
 * A histogram as plain numbers: how many values did not exceed each bound, and their sum.
 *
 * It counts where something is measured and knows nothing of who shows it.
 */

export type Histogram = {
  /** Upper bounds, inclusive, ascending. */
  readonly bounds: readonly number[];
  /** Values by the first bound that holds them; the last one counts those beyond all bounds. */
  readonly counts: number[];
  sum: number;
};

/** An empty histogram with these upper bounds, ascending. */
export function createHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 };
}

/** Count one value. */
export function observe(histogram: Histogram, value: number): void {
  const { bounds, counts } = histogram;
  let index = 0;
  while (index < bounds.length && value > (bounds[index] ?? 0)) index++;
  counts[index] = (counts[index] ?? 0) + 1;
  histogram.sum += value;
}

/** How many values were counted. */
export function countOf({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
