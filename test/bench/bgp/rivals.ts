/** B, G: many neighbours announce the same prefixes, each with attributes of its own. */

import type { Daemon } from "./daemon.ts";
import { encodeTable } from "./encode.ts";
import { Play } from "./play.ts";
import {
  announcerOf,
  CLUSTER_AS,
  expectAll,
  FIRST_AS,
  type Size,
  type Step,
  workloadOf,
} from "./scene.ts";
import type { AttributeSet } from "./workload.ts";

/** B, G: each prefix goes by whose path is shortest, and of those by the lowest identifier. */
export async function playRivals(daemon: Daemon, size: Size): Promise<Step[]> {
  const { prefixes, peers, deadline } = size;
  const workload = workloadOf(prefixes);
  const detourOf = (rival: number) => (set: AttributeSet) => ({
    ...set,
    asPath: detour(set.asPath, rival),
  });
  const best = expectAll(workload, ({ asPath }) => {
    const paths = Array.from({ length: peers }, (_, rival) => detour(asPath, rival));
    const shortest = Math.min(...paths.map(({ length }) => length));
    const winner = paths.findIndex(({ length }) => length === shortest);
    return [CLUSTER_AS, FIRST_AS + winner, ...(paths[winner] ?? [])];
  });
  const roles = Array.from({ length: peers }, (_, rival) => ({ asNumber: FIRST_AS + rival }));
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    deadline,
    roles: [...roles, { asNumber: FIRST_AS + peers, expected: best }],
  });
  try {
    await play.open();
    const tables = roles.map((_, rival) =>
      encodeTable(workload, announcerOf(play.player(rival)), detourOf(rival)),
    );
    const { judge } = play.player(peers);
    const table = await play.time(
      "tables",
      () => {
        for (const [rival, bytes] of tables.entries()) play.player(rival).neighbour.send(bytes);
      },
      () => judge.isContent && play.players.every(({ neighbour }) => neighbour.backlog === 0),
    );
    return [{ step: "tables", ...table }];
  } finally {
    await play.close();
  }
}

/** Longer by nothing to three ASes, by rival and path: so that each of the rivals wins somewhere. */
function detour(asPath: readonly number[], rival: number): number[] {
  const more = ((asPath[0] ?? 0) + Math.imul(rival, 7)) % 4;
  return [...Array.from({ length: more }, () => 64900 + rival), ...asPath];
}
