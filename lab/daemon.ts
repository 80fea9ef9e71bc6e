/**
 * A long-running program of the lab: a speaker or the router, in its room, its output in a log file.
 *
 * It is in a session of its own, so that the terminal's Ctrl-C reaches the lab alone, which then ends
 * it properly. In a lab that stays, a program that ended is started again, as a service manager would.
 */

import { closeSync, openSync, readFileSync } from "node:fs";
import { type Room, within } from "./room.ts";

export type Program = {
  readonly name: string;
  readonly room: Room;
  readonly command: readonly string[];
  readonly logFile: string;
  /** What it gets besides the lab's own environment. */
  readonly environment: Readonly<Record<string, string>>;
};

export type Daemon = {
  readonly name: string;
  /** `signal SIGKILL`, `exit code 1`; undefined while it runs. */
  ended(): string | undefined;
  /** From now on, start it again `delay` ms after it ended, and say so. */
  revive(delay: number, say: (text: string) => void): void;
  /** SIGTERM, and after `patience` ms SIGKILL. Idempotent. */
  stop(patience: number): Promise<void>;
  /** The end of its log. */
  tail(): string;
};

/** Lines of a log that an error shows. */
const TAIL_LINES = 8;

/** Start it; throws what spawning throws. */
export function startDaemon(program: Program): Daemon {
  let stopping = false;
  let revival: NodeJS.Timeout | undefined;
  let child = spawn(program);
  const reviveWhenEnded = (delay: number, say: (text: string) => void): void => {
    const ended = child;
    const again = (): void => {
      if (stopping) return;
      say(`${program.name}: ended (${howEnded(ended)}), starting it again in ${delay / 1000} s`);
      revival = setTimeout(() => {
        child = spawn(program);
        reviveWhenEnded(delay, say);
      }, delay);
    };
    // Bun's `exited` never rejects.
    ended.exited.then(again, again);
  };
  return {
    name: program.name,
    ended: () => howEnded(child),
    revive: reviveWhenEnded,
    async stop(patience) {
      stopping = true;
      clearTimeout(revival);
      child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), patience);
      await child.exited;
      clearTimeout(killer);
    },
    tail: () => readTail(program.logFile),
  };
}

function spawn({ room, command, logFile, environment }: Program): Bun.Subprocess {
  const log = openSync(logFile, "a");
  try {
    return within(room, () =>
      Bun.spawn([...command], {
        stdin: "ignore",
        stdout: log,
        stderr: log,
        detached: true,
        env: { ...process.env, ...environment },
      }),
    );
  } finally {
    closeSync(log);
  }
}

function howEnded(child: Bun.Subprocess): string | undefined {
  if (child.signalCode !== null) return `signal ${child.signalCode}`;
  return child.exitCode === null ? undefined : `exit code ${child.exitCode}`;
}

function readTail(file: string): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
  } catch {
    return "";
  }
}
