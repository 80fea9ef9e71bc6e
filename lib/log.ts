/**
 * Structured logs: pino JSON on stderr, pretty when stderr is a terminal.
 *
 * Only shells log; cores return what happened. Not for the CNI role's common path, which must not
 * pay for loading pino (3.7 ms): that role imports this file when it has something to say.
 */

import { isatty } from "node:tty";
import { type Logger, pino } from "pino";
import pretty from "pino-pretty";

export type { Logger } from "pino";

/** A logger named `name`; level from MANX_LOG (trace, debug, info, warn, error), else info. */
export function createLogger(name: string): Logger {
  const options = { name, level: process.env.MANX_LOG ?? "info" };
  // Synchronous, so that the last line before a crash is not lost.
  return isatty(2)
    ? pino(options, pretty({ destination: 2, sync: true, ignore: "pid,hostname" }))
    : pino(options, pino.destination({ dest: 2, sync: true }));
}

/** A logger that drops everything, for tests and simulations. */
export function silentLogger(): Logger {
  return pino({ level: "silent" });
}
