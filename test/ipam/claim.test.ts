/** Claims: both stores, what lies in a folder besides, and many processes at once. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeClaim } from "../../ipam/claim.ts";
import { fileClaims } from "../../ipam/claim-files.ts";
import { memoryClaims } from "../../ipam/claim-memory.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { claimOf, describeClaims } from "../suites/claims.ts";

const root = mkdtempSync(join(tmpdir(), "manx-claims-"));
afterAll(() => rmSync(root, { recursive: true }));
const folder = (): string => mkdtempSync(join(root, "f-"));

describeClaims("in memory", () => {
  const store = memoryClaims();
  return () => store;
});
describeClaims("in a folder", () => {
  const shared = folder();
  return (node) => fileClaims(shared, node);
});

describe("a folder of claims", () => {
  test("has a file a block, for people to read, and nothing else", async () => {
    const shared = folder();
    await fileClaims(shared, "n1").create(claimOf("10.244.1.0/24", "n1"));
    await fileClaims(shared, "n1").create(claimOf("fd00::/120", "n1"));
    expect(readdirSync(shared).sort()).toEqual(["10.244.1.0_24", "fd00::_120"]);
  });

  test("that is not there is a failure that says so, and no empty store", async () => {
    const missing = join(root, "missing");
    const store = fileClaims(missing, "n1");
    const message = `the claims in ${missing} cannot be used: ENOENT`;
    expect(store.list()).rejects.toThrow(message);
    expect(store.create(claimOf("10.244.1.0/24", "n1"))).rejects.toThrow(message);
  });

  test("a claim that cannot be read is told, and its block stays taken", async () => {
    const shared = folder();
    const store = fileClaims(shared, "n1");
    writeFileSync(join(shared, "10.244.1.0_24"), '{"version": 9}');
    writeFileSync(join(shared, "10.244.2.0_24"), "");
    await store.create(claimOf("10.244.4.0/24", "n1"));
    writeFileSync(
      join(shared, "10.244.3.0_24"),
      await Bun.file(join(shared, "10.244.4.0_24")).text(),
    );
    const { claims, unreadable } = await store.list();
    expect(claims).toEqual([claimOf("10.244.4.0/24", "n1")]);
    expect(unreadable.toSorted((a, b) => (a.place < b.place ? -1 : 1))).toEqual([
      {
        place: join(shared, "10.244.1.0_24"),
        block: parsePrefix("10.244.1.0/24"),
        reason: "claim version is 9, expected 1",
      },
      {
        place: join(shared, "10.244.2.0_24"),
        block: parsePrefix("10.244.2.0/24"),
        reason: expect.stringContaining("JSON"),
      },
      {
        place: join(shared, "10.244.3.0_24"),
        block: parsePrefix("10.244.3.0/24"),
        reason: "it is of 10.244.4.0/24 by its content",
      },
    ]);
    expect(await store.create(claimOf("10.244.1.0/24", "n1"))).toBe(false);
  });

  test("what is no claim is left alone; a killed daemon's own leavings go, another's do not", async () => {
    const shared = folder();
    for (const name of ["README", ".n1:17.1", ".n2:17.1", ".n1.rack:17.1"]) {
      writeFileSync(join(shared, name), "");
    }
    expect(await fileClaims(shared, "n1").list()).toEqual({ claims: [], unreadable: [] });
    expect(readdirSync(shared).sort()).toEqual([".n1.rack:17.1", ".n2:17.1", "README"]);
  });

  test("a claim says whose it is and since when", () => {
    expect(() => decodeClaim('{"version": 1, "block": "10.0.0.0/24", "pool": "p"}')).toThrow(
      "node is undefined, not text",
    );
  });
});

describe("20 processes at once", () => {
  test("claim 20 blocks of a folder, none twice", async () => {
    const shared = folder();
    const crowd = Array.from({ length: 20 }, (_, index) =>
      Bun.spawn(
        [process.execPath, join(import.meta.dir, "block-claimer.ts"), shared, `n${index}`],
        {
          stdout: "pipe",
        },
      ),
    );
    const got = await Promise.all(crowd.map((child) => new Response(child.stdout).text()));
    expect(new Set(got).size).toBe(20);
    const { claims, unreadable } = await fileClaims(shared, "n0").list();
    expect({ count: claims.length, unreadable }).toEqual({ count: 20, unreadable: [] });
    expect(readdirSync(shared).length).toBe(20);
  });
});
