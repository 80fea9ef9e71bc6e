/** Who plays the router, judged by what is to be had. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseSoftware } from "../../lab/router.ts";

describe("router", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "manx-bird-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A BIRD of our own making that says which version it is. */
  function makeBird(place: string, script: string): string {
    mkdirSync(join(folder, place), { recursive: true });
    const program = join(folder, place, "bird");
    writeFileSync(program, `#!/bin/sh\n${script}\n`);
    chmodSync(program, 0o755);
    return program;
  }

  test("BIRD 2 on PATH", () => {
    const program = makeBird("bin", "echo BIRD version 2.0.12 >&2");
    expect(chooseSoftware("auto", { PATH: join(folder, "bin") })).toEqual({
      type: "bird",
      program,
      environment: {},
      detail: "BIRD 2.0.12",
    });
  });

  test("Manx when it is asked for, whatever is on PATH", () => {
    makeBird("bin", "echo BIRD version 2.0.12 >&2");
    expect(chooseSoftware("manx", { PATH: join(folder, "bin") }).type).toBe("manx");
  });

  test("a BIRD that lacks its libraries is passed over for the unpacked one with its own", () => {
    makeBird("bin", "echo cannot open libssh-gcrypt.so.4; exit 127");
    const program = makeBird(
      "root/usr/sbin",
      'test -n "$LD_LIBRARY_PATH" && echo BIRD version 2.15.1',
    );
    const root = join(folder, "root");
    const software = chooseSoftware("bird", { PATH: join(folder, "bin"), MANX_DEBIAN_ROOT: root });
    expect(software).toMatchObject({ type: "bird", program, detail: "BIRD 2.15.1" });
    expect(software).toHaveProperty(
      "environment.LD_LIBRARY_PATH",
      expect.stringContaining(`${root}/usr/lib/`),
    );
  });
});
