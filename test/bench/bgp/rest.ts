/** F: what a daemon costs that has nothing to do, how soon it starts, and how soon it is back after a crash. */

import { figure } from "../quantile.ts";
import type { Daemon } from "./daemon.ts";
import { Play, type Player } from "./play.ts";
import { CLUSTER_AS, FIRST_AS, type Size, type Step, sharesOf, workloadOf } from "./scene.ts";
import { routes } from "./stage.ts";

/** As most speakers have it, seconds: a KEEPALIVE each way and peer every 30 s. */
const HOLD_TIME = 90;
/** For the work of the beginning to end, ms. */
const SETTLE = 3000;
/** How long the daemon is watched, ms: with this many of clock ticks of 10 ms, 0.01 % of a core shows. */
const WATCHED = 20_000;
/** Cold starts of one run. */
const STARTS = 5;

/** F1: a node of a mesh that has all routes in the kernel, and nothing happens. */
export async function playIdle(daemon: Daemon, size: Size): Promise<Step[]> {
  const { prefixes, peers, deadline } = size;
  const workload = workloadOf(prefixes);
  const roles = Array.from({ length: peers }, () => ({ asNumber: CLUSTER_AS }));
  const options = { asNumber: CLUSTER_AS, roles, kernel: true, deadline, holdTime: HOLD_TIME };
  const play = new Play(daemon, workload, options);
  try {
    await play.open();
    const before = routes();
    tell(play.players, sharesOf(play.players, workload));
    await play.until("routes", () => routes() === before + prefixes);
    await Bun.sleep(SETTLE);
    const begin = play.usage;
    await Bun.sleep(WATCHED);
    const { cpu, peak, resident } = play.usage;
    const spent = cpu - begin.cpu;
    const more = { "CPU %": (100_000 * spent) / WATCHED, "resident MiB": resident };
    return [{ step: "idle", wall: WATCHED / 1000, cpu: spent, peak, more }];
  } finally {
    await play.close();
  }
}

/** F2: from the start of the process to its first OPEN, at a neighbour that waits for it. */
export async function playStart(daemon: Daemon, { deadline }: Size): Promise<Step[]> {
  const runs: { wall: number; cpu: number; peak: number }[] = [];
  for (let run = 0; run < STARTS; run++) {
    const roles = [{ asNumber: FIRST_AS }];
    const play = new Play(daemon, workloadOf(1), { asNumber: CLUSTER_AS, roles, deadline });
    try {
      const { neighbour } = play.player(0);
      neighbour.listen();
      const begin = performance.now();
      play.start();
      await play.until("OPEN", () => neighbour.opened !== undefined);
      const { cpu, peak } = play.usage;
      runs.push({ wall: ((neighbour.opened ?? Number.NaN) - begin) / 1000, cpu, peak });
    } finally {
      await play.close();
    }
  }
  const median = (what: "wall" | "cpu" | "peak"): number =>
    figure(runs.map((run) => run[what])).median;
  return [{ step: "first OPEN", wall: median("wall"), cpu: median("cpu"), peak: median("peak") }];
}

/** Of the prefixes, those that nobody announces any more when the daemon comes back. */
const LOST = 0.1;

/** F3: killed and started again; meanwhile a tenth of the prefixes has gone. */
export async function playCrash(daemon: Daemon, size: Size): Promise<Step[]> {
  const { prefixes, peers, deadline } = size;
  const workload = workloadOf(prefixes);
  const roles = Array.from({ length: peers }, () => ({ asNumber: CLUSTER_AS }));
  const options = { asNumber: CLUSTER_AS, roles, kernel: true, deadline };
  const play = new Play(daemon, workload, options);
  try {
    await play.open();
    const before = routes();
    tell(play.players, sharesOf(play.players, workload));
    await play.until("routes", () => routes() === before + prefixes);
    const first = Math.floor((workload.updates.length - 1) * LOST);
    const left = prefixes - (workload.updates[first] ?? 0);
    const tables = sharesOf(play.players, workload, first);
    const begin = performance.now();
    await play.kill();
    await play.until("ends of sessions", () =>
      play.players.every(({ neighbour }) => !neighbour.isEstablished),
    );
    let fewest = prefixes;
    const untold = new Set(play.players.keys());
    // Who is back tells at once.
    const look = (): void => {
      fewest = Math.min(fewest, routes() - before);
      for (const index of untold) {
        if (!play.player(index).neighbour.isEstablished) continue;
        play.player(index).neighbour.send(tables[index] ?? new Uint8Array());
        untold.delete(index);
      }
    };
    play.start();
    await play.until("sessions again", () => {
      look();
      return untold.size === 0;
    });
    const back = performance.now();
    const beginning = play.usage;
    await play.until("routes again", () => {
      look();
      return routes() === before + left;
    });
    const end = performance.now();
    const { cpu, peak } = play.usage;
    const more = { "fewest of the routes meanwhile %": (100 * fewest) / left };
    return [
      {
        step: "killed to all sessions",
        wall: (back - begin) / 1000,
        cpu: beginning.cpu,
        peak: beginning.peak,
      },
      {
        step: "sessions to right routes",
        wall: (end - back) / 1000,
        cpu: cpu - beginning.cpu,
        peak,
        more,
      },
    ];
  } finally {
    await play.close();
  }
}

function tell(players: readonly Player[], tables: readonly Uint8Array[]): void {
  for (const [index, { neighbour }] of players.entries()) {
    neighbour.send(tables[index] ?? new Uint8Array());
  }
}
