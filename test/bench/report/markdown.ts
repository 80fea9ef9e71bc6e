/** Tables of Markdown. Pure. */

/** A table; all columns but the first `words` are numbers and stand right. Without lines, nothing. */
export function markdownTable(
  head: readonly string[],
  lines: readonly (readonly string[])[],
  words = 1,
): string {
  if (lines.length === 0) return "";
  const rule = head.map((_, column) => (column < words ? "---" : "---:"));
  return [head, rule, ...lines]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
}
