/**
 * The known word that somebody who mistyped it may have meant.
 */

/** The most alike of `known`, or undefined when none is alike enough to be worth a question. */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: distanceOf(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.min(3, candidate.length / 2))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** " (did you mean WORD?)", or nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  const nearest = nearestOf(word, known);
  return nearest === undefined ? "" : ` (did you mean ${nearest}?)`;
}

/** Edits between two words: insert, delete, replace, or swap two neighbours (optimal alignment). */
function distanceOf(from: string, to: string): number {
  const [a, b] = [from.toLowerCase(), to.toLowerCase()];
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        at(i - 1, j - 1) + same,
        swapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
  }
  return at(a.length, b.length);
}
