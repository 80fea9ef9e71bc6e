/**
 * What the lab prints: sections for people as soon as they are known, or one document at the end.
 */

import { writeSync } from "node:fs";
import type { Daemon } from "./daemon.ts";
import type { Progress } from "./progress.ts";
import type { LabReport } from "./report.ts";
import { formatVerdict } from "./report-text.ts";

export type Output = {
  /** Sections of the report; nothing when it is to be a document. */
  show(report: LabReport, ...sections: ((report: LabReport) => string)[]): Promise<void>;
  /** The verdict, or the whole document. */
  finish(report: LabReport): Promise<void>;
  /** How to look around in a lab that stays. */
  hints(): Promise<void>;
  /** What there is of a document when a step failed, and the ends of the daemons' logs. */
  failure(report: LabReport, daemons: readonly Daemon[]): Promise<void>;
};

/** Logs that a failure shows. */
const TAILS_SHOWN = 4;

/** Output on stdout, and of failures on stderr. */
export function createOutput(form: "text" | "json", progress: Progress): Output {
  const document = (report: LabReport): string => `${JSON.stringify(report, null, 2)}\n`;
  return {
    async show(report, ...sections) {
      if (form === "json") return;
      progress.clear();
      for (const section of sections) await print(`${section(report)}\n`);
    },
    async finish(report) {
      progress.clear();
      await print(form === "json" ? document(report) : formatVerdict(report));
    },
    async hints() {
      if (form === "text") await print(hintsFor(process.execPath));
    },
    async failure(report, daemons) {
      progress.clear();
      if (form === "json") await print(document(report));
      showTails(daemons);
    },
  };
}

function hintsFor(executable: string): string {
  const examples = [
    ["n1 -- manx peers", "sessions of a node"],
    ["n1 -- manx why 192.0.2.10", "where that goes, and why"],
    ["n1 -- ip route", "a kernel's routes"],
    ["n1-1 -- sh", "a shell in a pod"],
    ["fabric -- ip link set n1 down", "pull a cable"],
  ];
  const width = Math.max(...examples.map(([command = ""]) => command.length));
  const lines = examples.map(
    ([command = "", meaning]) =>
      `  ${executable} lab exec ${command.padEnd(width)}  # ${meaning}\n`,
  );
  return `\nThe lab stays until Ctrl-C. From another terminal:\n${lines.join("")}`;
}

function showTails(daemons: readonly Daemon[]): void {
  // Those that ended have most to say.
  const sorted = [...daemons].sort((a, b) => rank(a) - rank(b));
  for (const daemon of sorted.slice(0, TAILS_SHOWN)) {
    const tail = daemon.tail();
    if (tail !== "") writeSync(2, `the end of the log of ${daemon.name}:\n${tail}\n`);
  }
}

function rank(daemon: Daemon): number {
  return daemon.ended() === undefined ? 1 : 0;
}

/** To stdout, however slowly it is read. A reader that has gone does not stop the lab. */
async function print(text: string): Promise<void> {
  try {
    await Bun.write(Bun.stdout, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}
