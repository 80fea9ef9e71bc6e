/**
 * When the lab inside is to end: at a signal, or when the process outside is gone.
 */

import { LIFELINE } from "./enclosure.ts";

/** Aborted at the first signal or when the lifeline closes; a second signal ends the process at once. */
export function watchForEnding(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // We are process 1: the kernel ends everything else in here with us.
      if (ending.signal.aborted) process.exit(1);
      ending.abort();
    });
  }
  // Nothing is ever written to it; reading ends when its other end is closed.
  const closed = Bun.file(LIFELINE).arrayBuffer();
  const abort = (): void => ending.abort();
  closed.then(abort, abort);
  return ending.signal;
}

/** Resolves when the signal is aborted. */
export function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
