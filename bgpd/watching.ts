/**
 * What can be watched of a running daemon: which parts are measured, and the pages that show them.
 */

import type { Clock } from "../lib/clock.ts";
import type { Daemon } from "./daemon.ts";
import type { Departed } from "./departed.ts";
import { watchLoop } from "./loop-lag.ts";
import { bfdSource } from "./metrics/bfd.ts";
import { fibSource } from "./metrics/fib.ts";
import { peersSource } from "./metrics/peers.ts";
import { type ProcessView, processSource } from "./metrics/process.ts";
import { tablesSource } from "./metrics/tables.ts";
import { createPages, type Pages, type PagesView } from "./pages.ts";

export type WatchedDaemon = Omit<ProcessView, "loop" | "startedAt"> &
  Pick<PagesView, "peers"> & {
    readonly clock: Clock;
    readonly daemon: Pick<
      Daemon,
      "neighbours" | "unnumbered" | "rib" | "delays" | "fib" | "liveness"
    >;
    readonly departed: Departed;
  };

export type Watching = { readonly pages: Pages; stop(): void };

/** Watch until `stop`. */
export function createWatching(watched: WatchedDaemon): Watching {
  const { clock, daemon, departed, ready, peers } = watched;
  const loop = watchLoop(clock);
  const sources = [
    processSource({ ...watched, loop, startedAt: clock.date() }),
    peersSource(daemon, departed),
    tablesSource(daemon),
    fibSource(daemon.fib),
    bfdSource(daemon),
  ];
  return { pages: createPages({ sources, loop, ready, peers }), stop: () => loop.stop() };
}
