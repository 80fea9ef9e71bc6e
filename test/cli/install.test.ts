import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install } from "../../cli/install.ts";
import type { InstallOptions } from "../../cli/options.ts";
import { CommandError } from "../../cli/output.ts";
import { PLAIN_LOOK } from "../../cli/style.ts";
import { run } from "./run.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "manx-install-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Install an executable with this content; what was printed. */
function put(content: string, options: InstallOptions): string {
  const executable = join(folder, "source");
  writeFileSync(executable, content);
  let printed = "";
  const out = (text: string): void => {
    printed += text;
  };
  expect(install(executable, options, { look: PLAIN_LOOK, out, err: out })).toBe(0);
  return printed;
}

describe("manx install", () => {
  test("makes the folders, the executable and its link", () => {
    const binDir = join(folder, "opt/cni/bin");
    const printed = put("one", { binDir });
    expect(printed).toBe(`${binDir}/manx: written\n${binDir}/manx-ipam: written\n`);
    expect(readFileSync(join(binDir, "manx"), "utf8")).toBe("one");
    expect(statSync(join(binDir, "manx")).mode & 0o777).toBe(0o755);
    expect(readlinkSync(join(binDir, "manx-ipam"))).toBe("manx");
    expect(readdirSync(binDir).sort()).toEqual(["manx", "manx-ipam"]);
  });

  test("replaces what is there by another file, so that a running one goes on", () => {
    const binDir = join(folder, "bin");
    put("one", { binDir });
    const before = lstatSync(join(binDir, "manx")).ino;
    put("two", { binDir });
    expect(readFileSync(join(binDir, "manx"), "utf8")).toBe("two");
    expect(lstatSync(join(binDir, "manx")).ino).not.toBe(before);
  });

  test("writes the network configuration once and keeps what was made of it", () => {
    const options = { binDir: join(folder, "bin"), netDir: join(folder, "net.d") };
    const path = join(options.netDir, "10-manx.conflist");
    expect(put("one", options)).toContain(`${path}: written\n`);
    const example = join(import.meta.dir, "../../conf/10-manx.conflist");
    expect(readFileSync(path, "utf8")).toBe(readFileSync(example, "utf8"));
    writeFileSync(path, "mine");
    expect(put("one", options)).toContain(`${path}: kept\n`);
    expect(readFileSync(path, "utf8")).toBe("mine");
  });

  test("leaves nothing behind when it cannot, and says where and why", () => {
    const binDir = join(folder, "bin");
    mkdirSync(join(binDir, "manx"), { recursive: true });
    expect(() => put("one", { binDir })).toThrow(CommandError);
    expect(() => put("one", { binDir })).toThrow(/cannot install: .*bin\/manx/);
    expect(readdirSync(binDir)).toEqual(["manx"]);
  });

  test("tells scripts in JSON", () => {
    const binDir = join(folder, "bin");
    expect(JSON.parse(put("one", { binDir, json: true }))).toEqual({
      installed: [
        { path: join(binDir, "manx"), state: "written" },
        { path: join(binDir, "manx-ipam"), state: "written" },
      ],
    });
  });

  test("does not take Bun for the executable", async () => {
    const { code, err } = await run(["install", "--bin-dir", join(folder, "bin")]);
    expect(code).toBe(2);
    expect(err).toContain("npm run build");
  });
});
