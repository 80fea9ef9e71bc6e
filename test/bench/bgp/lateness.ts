/** When things came, and how late that was. All times are ms. */

/** By a clock that all processes share and that nobody sets back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

export type Arrival = {
  /** Which of the neighbours. */
  readonly who: number;
  readonly at: number;
  /** How long it took, or since the one before. */
  readonly value: number;
};

export type Span = { readonly from: number; readonly to: number };

/** The least part of the interval after which a KEEPALIVE may follow another (RFC 4271 section 10). */
const JITTER = 0.75;

/** Values of what lasted, in part at least, within the span. */
export function withinSpan(arrivals: readonly Arrival[], { from, to }: Span): number[] {
  return arrivals
    .filter(({ at, value }) => at >= from && at - value <= to)
    .map(({ value }) => value);
}

/**
 * How far KEEPALIVEs of the span strayed from when they may come: 0 when one follows the one before it after 75 to 100 %
 * of the interval, as RFC 4271 section 10 has it. Where in that range its timer was to expire nobody but the daemon knows,
 * so that less is seen of it than it strayed.
 */
export function strayOf(arrivals: readonly Arrival[], interval: number, span: Span): number[] {
  return withinSpan(arrivals, span).map((gap) =>
    Math.max(0, gap - interval, JITTER * interval - gap),
  );
}
