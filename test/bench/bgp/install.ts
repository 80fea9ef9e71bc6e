/** C, D0: routes into the kernel. */

import type { Daemon } from "./daemon.ts";
import { encodeTable } from "./encode.ts";
import { Play } from "./play.ts";
import {
  announcerOf,
  CLUSTER_AS,
  FIRST_AS,
  type Size,
  type Step,
  sharesOf,
  workloadOf,
} from "./scene.ts";
import { routes } from "./stage.ts";

/** C: as it runs in life, the daemon listens to the kernel's own events. */
export async function playKernel(daemon: Daemon, { prefixes, deadline }: Size): Promise<Step[]> {
  const workload = workloadOf(prefixes);
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    roles: [{ asNumber: FIRST_AS }],
    kernel: true,
    deadline,
  });
  try {
    await play.open();
    const { neighbour } = play.player(0);
    const bytes = encodeTable(workload, announcerOf(play.player(0)));
    const before = routes();
    const install = await play.time(
      "install",
      () => neighbour.send(bytes),
      () => routes() === before + prefixes,
    );
    const remove = await play.time(
      "remove",
      () => neighbour.close(),
      () => routes() === before,
    );
    return [
      { step: "install", ...install },
      { step: "remove", ...remove },
    ];
  } finally {
    await play.close();
  }
}

/** D0: every other node has its share of the prefixes. */
export async function playMesh(
  daemon: Daemon,
  { prefixes, peers, deadline }: Size,
): Promise<Step[]> {
  const workload = workloadOf(prefixes);
  const members = Array.from({ length: peers }, () => ({ asNumber: CLUSTER_AS }));
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    roles: members,
    kernel: true,
    deadline,
  });
  try {
    await play.open();
    const tables = sharesOf(play.players, workload);
    const before = routes();
    const install = await play.time(
      "install",
      () => {
        for (const [index, bytes] of tables.entries()) play.player(index).neighbour.send(bytes);
      },
      () => routes() === before + prefixes,
    );
    return [{ step: "install", ...install }];
  } finally {
    await play.close();
  }
}
