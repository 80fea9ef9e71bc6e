/**
 * Graceful restart beside FRR 8 where it is FRR that goes, with zebra and its kernel's routes left behind, and the
 * long-lived one of either side.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Subprocess } from "bun";
import type { PeerAnswer, StatusAnswer } from "../../resource/answer.ts";
import { configuration, documents, N1, TOR, torPeer } from "./documents.ts";
import { type Frr, frrOn, frrText, hasFrr } from "./frr.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network, watchRoutes, withoutObjects } from "./network.ts";

const OURS = "10.244.1.0/24";
const THEIRS = "192.0.2.0/24";
/** It restarts gracefully, and zebra keeps its routes meanwhile. */
const GRACEFUL = ["bgp graceful-restart", "bgp graceful-restart preserve-fw-state"];

let network: Network;
let n1: Manx;
let tor: Frr;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
  n1 = manxOn(network, "n1");
  tor = frrOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

const startFrr = (...router: readonly string[]) =>
  tor.start({
    configuration: frrText({
      router: [...GRACEFUL, ...router],
      ipv4: [`network ${THEIRS}`],
    }),
    outlived: true,
  });

function startManx(peer: string): Subprocess {
  n1.configure(documents(configuration(), N1, peer));
  return n1.start();
}

const kernelOf = (name: string): string =>
  withoutObjects(network.run(name, "ip", "-4", "route", "show"));
const first = (): PeerAnswer | undefined => n1.ask<PeerAnswer[]>("peers")[0];

async function established(): Promise<void> {
  await eventually("both have each other's routes", () => {
    return n1.peer().prefixes.best === 1 && kernelOf("tor").includes(OURS);
  });
  await eventually("converged", () => n1.ask<StatusAnswer>("status").ready.ok);
}

describe.skipIf(!hasManx || !hasFrr)("with FRR", () => {
  test.each([
    ["a peer", torPeer(TOR)],
    ["a neighbour of a range", torPeer("listenRange: 172.30.0.0/28, asNumber: 65000")],
  ])("a restart of its bgpd, %s, takes no route away at either end", async (_, peer) => {
    await startFrr();
    startManx(peer);
    await established();
    const before = [kernelOf("n1"), kernelOf("tor")];
    const changes = [await watchRoutes(network, "n1"), await watchRoutes(network, "tor")];
    tor.kill();
    const kept = await eventually("its routes are kept", () => {
      const one = first();
      return one?.state !== "Established" && one?.stale.length === 1 && one;
    });
    expect(kept.stale[0]).toMatchObject({ name: "IPv4 unicast", stage: "restart" });
    expect(kept.prefixes.best).toBe(1);
    tor.restart();
    await eventually("it is back, and has told its table", () => {
      const one = first();
      return one?.state === "Established" && one.stale.length === 0 && one.prefixes.best === 1;
    });
    expect(first()?.capabilities.join()).toContain("has restarted");
    await eventually("it has our route again", () => tor.paths(OURS).length === 1);
    expect([kernelOf("n1"), kernelOf("tor")]).toEqual(before);
    expect(changes.map((of) => of()).join("")).not.toContain("Deleted");
  });

  test("a neighbour of a range keeps our route while we restart, and we its", async () => {
    await startFrr();
    const range = torPeer("listenRange: 172.30.0.0/28, asNumber: 65000");
    const daemon = startManx(range);
    await established();
    const before = [kernelOf("n1"), kernelOf("tor")];
    const changes = [await watchRoutes(network, "n1"), await watchRoutes(network, "tor")];
    daemon.kill("SIGKILL");
    await daemon.exited;
    startManx(range);
    await established();
    expect([kernelOf("n1"), kernelOf("tor")]).toEqual(before);
    expect(changes.map((of) => of()).join("")).not.toContain("Deleted");
  });

  test("a long absence of it leaves its route as a last resort until its time is over", async () => {
    await startFrr(
      "bgp graceful-restart restart-time 1",
      "bgp long-lived-graceful-restart stale-time 4",
    );
    startManx(torPeer(TOR));
    await established();
    tor.kill();
    await eventually("long-lived stale", () => first()?.stale[0]?.stage === "long-lived");
    expect(n1.paths(THEIRS)[0]).toMatchObject({
      state: "best",
      stale: "long-lived",
      attributes: { communities: ["65535:6"] },
    });
    expect(kernelOf("n1")).toContain(THEIRS);
    await eventually("gone", () => first()?.prefixes.received === 0);
    expect(kernelOf("n1")).not.toContain(THEIRS);
  });

  test("a long absence of ours leaves our route there as a last resort", async () => {
    await startFrr("bgp long-lived-graceful-restart stale-time 60");
    const asked = torPeer(TOR, "maxRestartTime: 1s, gracefulRestart: { longLivedStaleTime: 60s }");
    const daemon = startManx(asked);
    await established();
    daemon.kill("SIGKILL");
    await daemon.exited;
    await eventually("FRR has marked it", () =>
      tor.paths(OURS)[0]?.community?.string.includes("llgr-stale"),
    );
    expect(kernelOf("tor")).toContain(OURS);
    startManx(asked);
    await established();
    await eventually("it counts again", () => {
      const [path] = tor.paths(OURS);
      return path !== undefined && path.community === undefined;
    });
  });
});
