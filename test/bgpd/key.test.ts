/** Keys from files, and what is wrong with them. */

import { afterAll, expect, spyOn, test } from "bun:test";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { readKeyFile } from "../../bgpd/key.ts";
import { Secret } from "../../lib/secret.ts";

const folder = mkdtempSync(join(tmpdir(), "key-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string, mode: number): string {
  const path = join(folder, "key");
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const FAULTS: readonly (readonly [string, string, number, string])[] = [
  ["readable by others", "key", 0o644, "others can use it (mode 644): chmod 600"],
  ["writable by its group", "key", 0o620, "others can use it (mode 620): chmod 600"],
  ["empty", "\n", 0o600, "it is empty: expected a key"],
  ["too long", "k".repeat(81), 0o600, "it has 81 octets: expected a key of 80 at most"],
];

for (const [name, text, mode, fault] of FAULTS) {
  test(`a file that is ${name}`, () => {
    expect(readKeyFile(file(text, mode))).toBe(fault);
  });
}

test("a file that is not there", () => {
  expect(readKeyFile("/nowhere/key")).toBe(
    "it cannot be read (ENOENT): expected the file of a key",
  );
});

test("a file of root's or the user's own is taken, another's is not", () => {
  const own = process.getuid?.() ?? 0;
  const user = own === 0 ? 4711 : own;
  const getuid = spyOn(process, "getuid").mockReturnValue(user);
  try {
    const path = file("key", 0o600);
    expect(readKeyFile(path)).toBeInstanceOf(Secret);
    if (own === 0) chownSync(path, user, user);
    expect(readKeyFile(path)).toBeInstanceOf(Secret);
    if (own === 0) chownSync(path, 4712, 4712);
    else getuid.mockReturnValue(own + 1);
    const [owner, reader] = own === 0 ? [4712, user] : [own, own + 1];
    expect(readKeyFile(path)).toBe(`it belongs to user ${owner}: expected root or user ${reader}`);
    rmSync(path);
  } finally {
    getuid.mockRestore();
  }
});

test("the newline at the end is not part of the key, and no output shows the key", () => {
  const secret = readKeyFile(file("top hush\n", 0o600));
  if (!(secret instanceof Secret)) throw new Error(secret);
  expect(new TextDecoder().decode(secret.reveal())).toBe("top hush");
  const shown = [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ a: [secret] }),
  ];
  for (const text of shown) expect(text).not.toContain("hush");
});
