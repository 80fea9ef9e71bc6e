import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDirectory } from "../../resource/directory.ts";
import { formatFault } from "../../resource/fault.ts";

let home = "";
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "manx-resource-"));
});
afterAll(() => rmSync(home, { recursive: true }));

function folder(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(home, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

describe("readDirectory", () => {
  test("a file is read whatever its name", () => {
    const path = join(folder("single", { "cluster.conf": "a: 1\n" }), "cluster.conf");
    chmodSync(path, 0o640);
    expect(readDirectory(path)).toEqual({
      sources: [{ file: path, text: "a: 1\n", mode: 0o640 }],
      faults: [],
    });
  });

  test("of a folder the documents are read by name, and nothing else", () => {
    const path = folder("many", {
      "b.yaml": "b",
      "a.yml": "a",
      "c.json": "{}",
      "README.md": "no",
      ".a.yaml.swp": "no",
      ".hidden.yaml": "no",
    });
    expect(readDirectory(path).sources.map(({ file, text }) => [file, text])).toEqual([
      [join(path, "a.yml"), "a"],
      [join(path, "b.yaml"), "b"],
      [join(path, "c.json"), "{}"],
    ]);
  });

  test("a file behind a link is read", () => {
    const path = folder("linked", { target: "a" });
    symlinkSync("target", join(path, "a.yaml"));
    expect(readDirectory(path).sources).toMatchObject([{ file: join(path, "a.yaml"), text: "a" }]);
  });

  test("a path that is not there is a fault", () => {
    const path = join(home, "nowhere");
    expect(readDirectory(path).faults.map(formatFault)).toEqual([
      `${path}: cannot be read (ENOENT)`,
    ]);
  });

  test("a folder without documents is a fault", () => {
    const path = folder("empty", { "README.md": "no" });
    expect(readDirectory(path).faults.map(formatFault)).toEqual([
      `${path}: expected *.yaml files in it, there are none`,
    ]);
  });

  test("what cannot be read is a fault, and the rest is read", () => {
    const path = folder("mixed", { "a.yaml": "a" });
    mkdirSync(join(path, "b.yaml"));
    symlinkSync("gone", join(path, "c.yaml"));
    const { sources, faults } = readDirectory(path);
    expect(sources.map(({ file }) => file)).toEqual([join(path, "a.yaml")]);
    expect(faults.map(formatFault)).toEqual([
      `${join(path, "b.yaml")}: cannot be read (EISDIR)`,
      `${join(path, "c.yaml")}: cannot be read (ENOENT)`,
    ]);
  });
});
