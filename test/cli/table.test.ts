import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PLAIN_LOOK, styled } from "../../cli/style.ts";
import { type Column, formatFacts, formatTable, wrapText } from "../../cli/table.ts";

type Row = { readonly name: string; readonly count: number; readonly note: string };

const COLUMNS: readonly Column<Row>[] = [
  { title: "NAME", cell: ({ name }) => styled(name, "strong") },
  { title: "COUNT", align: "right", cell: ({ count }) => String(count) },
  { title: "NOTE", cell: ({ note }) => styled(note, "bad"), optional: true },
];

const ROWS: readonly Row[] = [
  { name: "a", count: 1, note: "" },
  { name: "mesh n2", count: 120_000, note: "the quick brown fox jumps over it" },
];

describe("a table", () => {
  test("is as wide as its content, with numbers to the right and no blanks at line ends", () => {
    expect(formatTable(ROWS, COLUMNS, PLAIN_LOOK)).toBe(
      `NAME      COUNT  NOTE
a             1
mesh n2  120000  the quick brown fox jumps over it
`,
    );
  });

  test("leaves an optional column out when it is empty in every row", () => {
    expect(formatTable(ROWS.slice(0, 1), COLUMNS, PLAIN_LOOK)).toBe(`NAME  COUNT\na         1\n`);
  });

  test("of a hundred thousand rows is made at once", () => {
    const rows = Array.from({ length: 100_000 }, (_, count) => ({ name: "a", count, note: "x" }));
    expect(formatTable(rows, COLUMNS, PLAIN_LOOK).split("\n")).toHaveLength(100_002);
  });

  test("without rows is no text", () => {
    expect(formatTable([], COLUMNS, PLAIN_LOOK)).toBe("");
  });

  test("wraps its last column below itself when the terminal is narrower", () => {
    expect(formatTable(ROWS, COLUMNS, { colour: false, width: 43 })).toBe(
      `NAME      COUNT  NOTE
a             1
mesh n2  120000  the quick brown fox jumps
                 over it
`,
    );
  });

  test("leaves lines alone where too little room is left to wrap in", () => {
    const text = formatTable(ROWS, COLUMNS, { colour: false, width: 30 });
    expect(text).toContain("the quick brown fox jumps over it\n");
  });

  test("is aligned in colours as without them", () => {
    const text = formatTable(ROWS, COLUMNS, { colour: true, width: undefined });
    expect(text).toContain("\u001b[1mmesh n2\u001b[0m  120000  \u001b[31mthe quick");
    expect(Bun.stripANSI(text)).toBe(formatTable(ROWS, COLUMNS, PLAIN_LOOK));
  });
});

describe("facts", () => {
  test("are aligned, and further values stand below the first", () => {
    const text = formatFacts(
      [
        ["ready", "yes"],
        ["configuration", ["one", "two"]],
        ["nothing", []],
      ],
      PLAIN_LOOK,
    );
    expect(text).toBe("ready          yes\nconfiguration  one\n               two\n");
  });
});

describe("wrapping", () => {
  test("keeps every word and its order, and no line is longer than it must be", () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 40 }), (given, width) => {
        const lines = wrapText(given.join(" "), width);
        expect(lines.join(" ")).toBe(given.join(" "));
        for (const line of lines)
          expect(line.includes(" ") ? line.length : 0).toBeLessThanOrEqual(width);
      }),
    );
  });
});
