/** A host with two pods, and `manx ipam` on it as people type it. */

import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CheckAnswer } from "../../../cli/ipam-check.ts";
import { createScene, type Scene } from "./scene.ts";

const EXECUTABLE = process.env.MANX_EXECUTABLE ?? "";
const BOOT = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
/** Of pods "a" and "b" in network "pods". */
export const HOST_END = { a: "manx0b3b1f0306f", b: "manx23bed21a109" } as const;
export const DUAL = { ipam: { type: "manx-ipam", blocks: ["10.244.1.0/24", "fd00:10::/120"] } };

type Ran = { readonly code: number; readonly out: string; readonly err: string };

export class IpamHost {
  readonly scene: Scene = createScene();
  /** Where `check` and `show` look. */
  readonly flags =
    `--data-dir ${this.scene.folder}/ipam --node-file ${this.scene.folder}/node.json`;

  /** Run a command line on the host, `manx` being the executable. */
  shell(line: string): Ran {
    const { exitCode, stdout, stderr } = Bun.spawnSync({
      cmd: [
        "nsenter",
        "--net=/run/netns/host",
        "sh",
        "-c",
        `manx() { ${EXECUTABLE} "$@"; }; ${line}`,
      ],
      env: { PATH: process.env.PATH },
      stderr: "pipe",
    });
    return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
  }

  check(): CheckAnswer & { readonly code: number } {
    const { code, out, err } = this.shell(`manx ipam check --json ${this.flags}`);
    if (out === "") throw new Error(err);
    return { code, ...JSON.parse(out) };
  }

  release(rest: string): Ran {
    return this.shell(`manx ipam release --data-dir ${this.scene.folder}/ipam ${rest}`);
  }

  /** A path among the address records. */
  records(...path: string[]): string {
    return join(this.scene.folder, "ipam", BOOT, "pods", ...path);
  }

  expectClean(): void {
    const { code, findings, unseen } = this.check();
    expect({ code, findings, unseen }).toEqual({ code: 0, findings: [], unseen: [] });
  }

  /** Both families for pods "a" and "b". */
  attach(): void {
    const ipam = { ...DUAL.ipam, dataDir: `${this.scene.folder}/ipam` };
    for (const pod of ["a", "b"]) this.scene.done("ADD", { pod, config: { ipam } });
  }

  ip(...args: string[]): void {
    this.scene.run("host", "ip", ...args);
  }
}
