/**
 * Whether this node does its own part, in the one form that the node file, `manx status` and `/readyz` show.
 *
 * Ready once the peers' tables are decided and in the kernel, or the time for that has passed. A peer that is
 * down makes nobody unready: the node can neither help it nor serve its pods better by being taken out of use.
 */

import type { StatusAnswer } from "../resource/answer.ts";
import type { Daemon } from "./daemon.ts";
import type { Fib } from "./fib/fib.ts";

/** What of a daemon it depends on. */
export type ReadyView = Pick<Daemon, "converged" | "settled" | "waitingFor"> & {
  readonly fib: Pick<Fib, "counts" | "outstanding"> | undefined;
};

/** As it is now; `faults` are others' that shall be shown with it. */
export function readiness(daemon: ReadyView, faults: readonly string[]): StatusAnswer["ready"] {
  if (!daemon.converged) {
    return { ok: false, reason: `waiting for the tables of ${daemon.waitingFor().join(", ")}` };
  }
  if (!daemon.settled)
    return { ok: false, reason: "the first routes are on their way to the kernel" };
  const { refused = 0, unresolved = 0 } = daemon.fib?.outstanding() ?? {};
  if (refused > 0 && daemon.fib?.counts().installed === 0) {
    return { ok: false, reason: `the kernel has no route of ours and refuses ${refused}` };
  }
  const troubles = [
    ...(refused === 0 ? [] : [`routes that the kernel refuses: ${refused}`]),
    ...(unresolved === 0 ? [] : [`routes to next hops that no link leads to: ${unresolved}`]),
    ...faults,
  ];
  return { ok: true, reason: ["converged", ...troubles].join("; ") };
}
