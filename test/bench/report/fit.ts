/** How something grows. Pure. */

export type Point = { readonly x: number; readonly y: number };

/**
 * The exponent b of y = a·x^b by least squares on the logarithms: 1 where y grows as x does, 0 where it stays. Points
 * that are not above 0 have no logarithm and are left out; undefined with fewer than two different x.
 */
export function exponentOf(points: readonly Point[]): number | undefined {
  const logs = points
    .filter(({ x, y }) => x > 0 && y > 0)
    .map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(logs.map(({ x }) => x)), mean(logs.map(({ y }) => y))];
  const spread = logs.reduce((sum, { x }) => sum + (x - middleX) ** 2, 0);
  if (!(spread > 0)) return undefined;
  return logs.reduce((sum, { x, y }) => sum + (x - middleX) * (y - middleY), 0) / spread;
}
