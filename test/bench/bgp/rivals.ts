/** B, G, H: many neighbours announce the same prefixes, each with attributes of its own. */

import type { Daemon } from "./daemon.ts";
import { encodeTable } from "./encode.ts";
import { pathHash } from "./judge.ts";
import type { ExpectedPaths } from "./paths-judge.ts";
import { Play, type Role } from "./play.ts";
import {
  announcerOf,
  CLUSTER_AS,
  DAEMON_WORD,
  expectAll,
  FIRST_AS,
  type Size,
  type Step,
  workloadOf,
} from "./scene.ts";
import type { AttributeSet, Workload } from "./workload.ts";

/** B, G: each prefix goes by whose path is shortest, and of those by the lowest identifier. */
export async function playRivals(daemon: Daemon, size: Size): Promise<Step[]> {
  const { peers } = size;
  const workload = workloadOf(size.prefixes);
  const best = expectAll(workload, ({ asPath }) => {
    const paths = Array.from({ length: peers }, (_, rival) => detour(asPath, rival));
    const shortest = Math.min(...paths.map(({ length }) => length));
    const winner = paths.findIndex(({ length }) => length === shortest);
    return [CLUSTER_AS, FIRST_AS + winner, ...(paths[winner] ?? [])];
  });
  return await playTables(daemon, size, { expected: best });
}

/** H: all of them are told to who takes several paths of a prefix (RFC 7911). */
export async function playPaths(daemon: Daemon, size: Size): Promise<Step[]> {
  return await playTables(daemon, size, { paths: allOf(workloadOf(size.prefixes), size.peers) });
}

function allOf({ sets }: Workload, peers: number): ExpectedPaths {
  const hashes = new Uint32Array(sets.length * peers);
  for (const [set, { asPath }] of sets.entries()) {
    for (let rival = 0; rival < peers; rival++) {
      const path = [CLUSTER_AS, FIRST_AS + rival, ...detour(asPath, rival)];
      hashes[set * peers + rival] = pathHash(path);
    }
  }
  return { paths: peers, hashes, nextHop: DAEMON_WORD };
}

/** Until one more neighbour holds what it must of the rivals' tables. */
async function playTables(
  daemon: Daemon,
  { prefixes, peers, deadline }: Size,
  listener: Omit<Role, "asNumber">,
): Promise<Step[]> {
  const workload = workloadOf(prefixes);
  const detourOf = (rival: number) => (set: AttributeSet) => ({
    ...set,
    asPath: detour(set.asPath, rival),
  });
  const roles = Array.from({ length: peers }, (_, rival) => ({ asNumber: FIRST_AS + rival }));
  const play = new Play(daemon, workload, {
    asNumber: CLUSTER_AS,
    deadline,
    roles: [...roles, { asNumber: FIRST_AS + peers, ...listener }],
  });
  try {
    await play.open();
    const tables = roles.map((_, rival) =>
      encodeTable(workload, announcerOf(play.player(rival)), detourOf(rival)),
    );
    const { judge, paths = judge } = play.player(peers);
    const table = await play.time(
      "tables",
      () => {
        for (const [rival, bytes] of tables.entries()) play.player(rival).neighbour.send(bytes);
      },
      () => paths.isContent && play.players.every(({ neighbour }) => neighbour.backlog === 0),
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
