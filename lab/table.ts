/**
 * Aligned columns for the lab's report.
 *
 * Pure: cells in, lines out. The report is for people and has few shapes of table, all of text.
 */

/** Columns are as wide as their widest cell; `side` says for each (by index) where its text stands. */
export function alignTable(
  rows: readonly (readonly string[])[],
  side: (column: number) => "left" | "right" = () => "left",
): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return side(column) === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}
