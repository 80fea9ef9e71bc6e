/** Finding running labs in a made-up /proc, and choosing a target in them. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  chooseTarget,
  findLabs,
  INSIDE_MARK,
  type LabDirectory,
  type RunningLab,
  type Target,
} from "../../lab/finder.ts";
import { LAB_FILE } from "../../lab/place.ts";

const user = process.geteuid?.() ?? 0;

const n1: Target = { name: "n1", kind: "node", network: "/run/netns/n1", mount: "/proc/1/fd/12" };
const pod: Target = { name: "n1-1", kind: "pod", network: "/run/netns/n1-1" };
const directory: LabDirectory = { targets: [n1, pod], path: "/usr/bin" };

describe("finding", () => {
  let proc = "";
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), "manx-proc-"));
  });
  afterEach(() => rmSync(proc, { recursive: true }));

  function makeProcess(
    pid: number | string,
    { numbers, mark, lab }: { numbers: string; mark?: string; lab?: string },
  ): void {
    const folder = join(proc, String(pid));
    mkdirSync(folder);
    writeFileSync(
      join(folder, "status"),
      `Name:\tmanx\nPid:\t${pid}\nNSpid:\t${numbers}\nUid:\t0\n`,
    );
    writeFileSync(
      join(folder, "environ"),
      `HOME=/root\0${mark ?? `${INSIDE_MARK}=1`}\0TERM=xterm\0`,
    );
    if (lab === undefined) return;
    mkdirSync(join(folder, "root/run/lab"), { recursive: true });
    writeFileSync(join(folder, `root${LAB_FILE}`), lab);
  }

  test("the first process of a pid namespace that carries the mark is a lab", () => {
    makeProcess(900, { numbers: "900\t1", lab: JSON.stringify(directory) });
    expect(findLabs(user, proc)).toEqual([{ pid: 900, directory }]);
  });

  test("a lab without its file yet, or with half of it, is one that is coming up", () => {
    makeProcess(20, { numbers: "20\t1" });
    makeProcess(3, { numbers: "3\t1", lab: '{"targets":[' });
    expect(findLabs(user, proc)).toEqual([
      { pid: 3, directory: undefined },
      { pid: 20, directory: undefined },
    ]);
  });

  test("unshare, which has the mark in its environment too, is none", () => {
    makeProcess(899, { numbers: "899" });
    expect(findLabs(user, proc)).toEqual([]);
  });

  test("another process in a lab, and somebody's container, are none", () => {
    makeProcess(901, { numbers: "901\t2" });
    makeProcess(902, { numbers: "902\t11" });
    makeProcess(903, { numbers: "903\t1", mark: `NOT_${INSIDE_MARK}=1` });
    expect(findLabs(user, proc)).toEqual([]);
  });

  test("another user's lab is none", () => {
    makeProcess(900, { numbers: "900\t1" });
    expect(findLabs(user + 1, proc)).toEqual([]);
  });

  test("what is no process, or ended meanwhile, is passed over", () => {
    makeProcess("self", { numbers: "900\t1" });
    mkdirSync(join(proc, "905"));
    writeFileSync(join(proc, "version"), "Linux");
    expect(findLabs(user, proc)).toEqual([]);
  });
});

describe("choosing", () => {
  const lab = (pid: number): RunningLab => ({ pid, directory });
  const starting: RunningLab = { pid: 7, directory: undefined };

  test("a name of the only lab", () => {
    expect(chooseTarget([lab(5)], "n1-1")).toEqual({
      type: "found",
      lab: lab(5),
      target: pod,
      path: "/usr/bin",
    });
  });

  test("a name with the process of one of several labs", () => {
    expect(chooseTarget([lab(5), lab(6)], "n1@6")).toMatchObject({ lab: { pid: 6 }, target: n1 });
  });

  const refusals: { name: string; labs: RunningLab[]; asked: string; message: string }[] = [
    {
      name: "no lab at all",
      labs: [],
      asked: "n1",
      message: "no lab of yours is running: start one with manx lab (or npm start)",
    },
    {
      name: "several labs and no process",
      labs: [lab(5), starting],
      asked: "n1",
      message:
        "2 labs of yours are running, process 5 (nodes: 1, pods: 1) and process 7 (coming up): say n1@5",
    },
    {
      name: "a process that is no lab",
      labs: [lab(5)],
      asked: "n1@8",
      message: "no lab of yours has process 8: there are process 5 (nodes: 1, pods: 1)",
    },
    {
      name: "a lab that is coming up",
      labs: [starting],
      asked: "n1",
      message: "the lab (process 7) is still coming up: try again in a moment",
    },
    {
      name: "a name that is not in it",
      labs: [lab(5)],
      asked: "n9",
      message: '"n9" is not in the lab: there are n1, n1-1',
    },
  ];
  for (const { name, labs, asked, message } of refusals) {
    test(`${name} is refused, saying what there is`, () => {
      expect(chooseTarget(labs, asked)).toEqual({ type: "not found", message });
    });
  }
});
