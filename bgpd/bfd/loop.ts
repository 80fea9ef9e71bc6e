/**
 * The thread's life: it sleeps in ppoll until a packet, a command or the next instant that something is due.
 *
 * It returns to no event loop until it is told to stop, so nothing else runs between a packet and its answer.
 */

import { readInto } from "../../kernel/libc.ts";
import { waitReadable } from "../../kernel/libc-datagram.ts";
import { hurry, type Urgency } from "../../kernel/libc-thread.ts";
import type { SessionChange, SessionPlan, SessionStatus } from "./bfd.ts";
import { Engine } from "./engine.ts";
import { Sockets } from "./sockets.ts";

/** What the daemon says to the thread. */
export type Command =
  | { readonly type: "set"; readonly name: string; readonly plan: SessionPlan }
  | { readonly type: "remove"; readonly name: string }
  | { readonly type: "stop" };

/** What the thread says to the daemon. */
export type Report =
  | { readonly type: "started"; readonly urgency: Urgency }
  | { readonly type: "change"; readonly change: SessionChange }
  | {
      readonly type: "statuses";
      readonly statuses: readonly (readonly [name: string, status: SessionStatus])[];
    };

export type LoopOptions = {
  /** An eventfd that is written to after each command. */
  readonly wake: number;
  /** The next command, if there is one. */
  readonly command: () => Command | undefined;
  readonly report: (report: Report) => void;
};

/** At least this often the daemon is told how the sessions are, ms. */
const REPORT_INTERVAL = 1000;

/** Serve sessions until the command to stop; every session has said AdminDown then. */
export function runLoop(options: LoopOptions): void {
  const sockets = new Sockets(Math.random);
  try {
    serve(options, sockets);
  } finally {
    sockets.closeAll();
  }
}

function serve({ wake, command, report }: LoopOptions, sockets: Sockets): void {
  let reportAt = 0;
  const engine = new Engine({
    output: sockets,
    random: Math.random,
    onChange: (change) => {
      report({ type: "change", change });
      reportAt = 0;
    },
  });
  report({ type: "started", urgency: hurry() });
  const woken = new Uint8Array(8);
  for (;;) {
    const now = performance.now();
    if (now >= reportAt) {
      reportAt = now + REPORT_INTERVAL;
      report({ type: "statuses", statuses: engine.statuses(now) });
    }
    const until = Math.min(engine.next(), reportAt);
    const readable = waitReadable([wake, ...sockets.descriptors()], until - performance.now());
    if (readable.has(wake)) {
      readInto(wake, woken);
      reportAt = 0;
      for (let said = command(); said !== undefined; said = command()) {
        if (said.type === "stop") {
          engine.stop(performance.now());
          return;
        }
        if (said.type === "set") engine.set(said.name, said.plan, performance.now());
        else engine.remove(said.name, performance.now());
      }
    }
    // First what has arrived, however late we are to read it: it did arrive in time, perhaps.
    for (const arrival of sockets.arrivals()) engine.receive(arrival, performance.now());
    engine.run(performance.now());
  }
}
