/**
 * Graceful restart with several paths of a prefix on the session (RFC 7911 section 5): BIRD's and ours, with the shared
 * traffic of a kernel as the judge.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Subprocess } from "bun";
import type { PeerAnswer, StatusAnswer } from "../../resource/answer.ts";
import { birdCommand, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, documents, N1, torPeer } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network, watchRoutes, withoutObjects } from "./network.ts";

const PREFIX = "192.0.2.0/24";
const HOPS = ["172.30.0.21", "172.30.0.22"] as const;

let network: Network;
let n1: Manx;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
  n1 = manxOn(network, "n1");
});

afterEach(async () => {
  await network.remove();
});

/** A BIRD of our AS with one path by each hop; `-R` says that it has restarted. */
function startBird(hops: readonly string[], ...flags: readonly string[]): Subprocess {
  const routes = hops.map(
    (hop, at) => `protocol static way${at} { ipv4; route ${PREFIX} via ${hop}; }\n`,
  );
  const session = birdSession({
    local: "172.30.0.1 as 64512",
    neighbour: "172.30.0.11 as 64512",
    options: "graceful restart on;",
    channels: "ipv4 { import all; export all; add paths tx; };",
  });
  const file = network.file("bird.conf", birdText("172.30.0.1", ...routes, session));
  const command = birdCommand(file, `${network.folder}/bird.ctl`);
  return network.start("tor", "bird", [...command, ...flags]);
}

function startManx(): Subprocess {
  const peer = torPeer("peerIP: 172.30.0.1, asNumber: 64512, addPath: { receive: true }");
  n1.configure(documents(configuration(), N1, peer));
  return n1.start();
}

/** The ways of the prefix in the node's kernel. */
const ways = (): string[] =>
  [...withoutObjects(network.run("n1", "ip", "route", "show", PREFIX)).matchAll(/via (\S+)/g)].map(
    ([, way = ""]) => way,
  );
const first = (): PeerAnswer | undefined => n1.ask<PeerAnswer[]>("peers")[0];

async function shared(): Promise<void> {
  await eventually("the kernel has both ways", () => `${ways().sort()}` === `${HOPS}`);
  await eventually("converged", () => n1.ask<StatusAnswer>("status").ready.ok);
}

describe.skipIf(!hasManx || !hasBird)("with several paths of a prefix, a restart", () => {
  test("of BIRD takes none of them away, and one that it does not tell again goes", async () => {
    const daemon = startBird(HOPS);
    startManx();
    await shared();
    const changes = await watchRoutes(network, "n1");
    daemon.kill("SIGKILL");
    await daemon.exited;
    const kept = await eventually("both are kept", () => {
      const one = first();
      return one?.stale[0]?.prefixes === 2 && one;
    });
    expect(kept.stale[0]?.stage).toBe("restart");
    expect(n1.paths(PREFIX).map(({ stale }) => stale)).toEqual(["restart", "restart"]);
    const second = startBird(HOPS, "-R");
    await eventually("told again", () => {
      const one = first();
      return one?.state === "Established" && one.stale.length === 0;
    });
    await shared();
    expect(changes()).not.toContain(PREFIX);
    second.kill("SIGKILL");
    await second.exited;
    await eventually("kept again", () => first()?.stale[0]?.prefixes === 2);
    // Numbered anew by whoever has restarted: which number the one that is left has means nothing.
    startBird(HOPS.slice(1), "-R");
    await eventually("one way is left", () => `${ways()}` === HOPS[1]);
    expect(changes()).not.toContain("Deleted");
  });

  test("of ours leaves both ways in our kernel", async () => {
    startBird(HOPS);
    const daemon = startManx();
    await shared();
    const changes = await watchRoutes(network, "n1");
    daemon.kill("SIGKILL");
    await daemon.exited;
    startManx();
    await shared();
    expect(first()?.families[0]?.addPath).toMatchObject({ receive: true });
    expect(changes()).not.toContain("Deleted");
    expect(ways()).toHaveLength(2);
  });
});
