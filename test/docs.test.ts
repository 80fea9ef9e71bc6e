/**
 * The tables of docs name files and tests that are there, docs/rfc.md and docs/interop.md; and README has the figures of
 * docs/performance.md.
 */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Glob } from "bun";

const ROOT = join(import.meta.dir, "..");
const FOLDERS = readdirSync(ROOT, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `${name}/`);
const TESTS = new Set(
  readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" }).map((file) =>
    basename(file),
  ),
);

/** `a{b,c}d` is `abd` and `acd`; braces do not nest. */
function expand(text: string): string[] {
  const found = /^(.*?)\{([^}]*)\}(.*)$/.exec(text);
  if (found === null) return [text];
  const [, head = "", words = "", tail = ""] = found;
  return words.split(",").flatMap((word) => expand(`${head}${word}${tail}`));
}

/** What of a text in backquotes is a path, or the name of a test's file, that nothing has. */
function missingOf(text: string): string[] {
  const words = [...text.matchAll(/`([^`\s]+)`/g)].flatMap(([, word = ""]) => expand(word));
  return words.filter((word) => {
    if (FOLDERS.some((folder) => word.startsWith(folder))) {
      return new Glob(word).scanSync({ cwd: ROOT, onlyFiles: false }).next().done === true;
    }
    return word.endsWith(".test.ts") && !TESTS.has(word);
  });
}

describe("what documents name is there", () => {
  test.each(["rfc.md", "interop.md"])("in docs/%s", (name) => {
    expect(missingOf(readFileSync(join(ROOT, "docs", name), "utf8"))).toEqual([]);
  });

  test("each test with others is in docs/interop.md", () => {
    const text = readFileSync(join(ROOT, "docs/interop.md"), "utf8");
    const files = readdirSync(join(ROOT, "test/interop")).filter((file) =>
      file.endsWith(".test.ts"),
    );
    expect(files.filter((file) => !text.includes(`\`${file}\``))).toEqual([]);
  });

  test("and what is not there is found", () => {
    const text =
      "`test/docs.test.ts`, `docs.test.ts`, `bgpd/{peer,nobody}.ts`, `test/*.none`, `none.test.ts`";
    expect(missingOf(text)).toEqual(["bgpd/nobody.ts", "test/*.none", "none.test.ts"]);
  });
});

/** Manx's cells of a step of docs/performance.md: wall, its ratio, CPU, its ratio, peak, its ratio. */
function figuresOf(page: string, scenario: string, step: string): readonly string[] {
  const [, section = ""] = page.split(`\n### ${scenario}: `);
  const line = section.split("\n").find((text) => text.startsWith(`| ${step} | Manx |`)) ?? "";
  return line
    .split("|")
    .slice(3, -1)
    .map((cell) => cell.trim());
}

describe("README's figures", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const page = readFileSync(join(ROOT, "docs/performance.md"), "utf8");
  const rows = [...readme.matchAll(/^\|[^|]+\| (\w+), ([^|]+) \| ([\d.]+) \| ([\d.]+) \|$/gm)];

  test("are there", () => {
    expect(rows.length).toBeGreaterThan(5);
  });

  test.each(rows.map(([, ...cells]) => cells))(
    "of %s, %s are those of docs/performance.md",
    (scenario, step, cpu, wall) => {
      const figures = figuresOf(page, scenario ?? "", step ?? "");
      expect([figures[3], figures[1]]).toEqual([cpu, wall]);
    },
  );

  const calls = [
    ...readme.matchAll(
      /^\| (ADD|CHECK|DEL)(, both families)? \| ([\d.]+) \| ([\d.]+) \| [^|]+\|[^|]+\| ([\d.]+) \|$/gm,
    ),
  ];

  test("of each call, for one family and for both, are there", () => {
    expect(calls.length).toBe(6);
  });

  test.each(calls.map(([, ...cells]) => cells))(
    "of %s%s are those of docs/performance.md",
    (verb, both = "", median, cpu, ratio) => {
      const line = page.split("\n").find((text) => {
        return text.startsWith(`| ${verb} | manx + manx-ipam${both} | ${median} |`);
      });
      expect(line?.endsWith(` | ${cpu} | ${ratio} |`)).toBe(true);
    },
  );
});
