/**
 * When a starting daemon knows enough to remove what an earlier one left in the kernel.
 *
 * Each peer must have told its table (End-of-RIB, or a KEEPALIVE after its first UPDATEs, which a
 * speaker without the marker sends when it has nothing more to say), and a peer that stays silent must
 * not hold the others up: after the deadline its routes count as gone. Pure but for the clock.
 */

import type { Clock, Timer } from "../lib/clock.ts";

export type Convergence = {
  /** The peers that are expected now; ones that are new start unheard, others keep their state. */
  expect(peers: readonly string[]): void;
  /** The peer's whole table has arrived. */
  heard(peer: string): void;
  /** Its session ended before that: it is waited for again. */
  lost(peer: string): void;
  readonly done: boolean;
  /** Peers not yet heard, for people. */
  waitingFor(): string[];
  cancel(): void;
};

/** Calls `onDone` once: at once when no peer is expected, at latest `deadline` ms from now. */
export function createConvergence(
  clock: Clock,
  deadline: number,
  onDone: (silent: readonly string[]) => void,
): Convergence {
  const waiting = new Set<string>();
  const known = new Set<string>();
  let done = false;
  let timer: Timer | undefined;

  const finish = (): void => {
    if (done) return;
    done = true;
    timer?.cancel();
    onDone([...waiting]);
  };
  const check = (): void => {
    if (known.size > 0 && waiting.size === 0) finish();
  };
  timer = clock.after(deadline, finish);

  return {
    expect(peers) {
      for (const peer of waiting) if (!peers.includes(peer)) waiting.delete(peer);
      for (const peer of peers) {
        if (!known.has(peer)) waiting.add(peer);
        known.add(peer);
      }
      if (peers.length === 0) finish();
      else check();
    },
    heard(peer) {
      waiting.delete(peer);
      check();
    },
    lost(peer) {
      if (known.has(peer)) waiting.add(peer);
    },
    get done() {
      return done;
    },
    waitingFor: () => [...waiting],
    cancel: () => timer?.cancel(),
  };
}
