/**
 * A cluster of two reflectors and four clients, from documents to tables: whole daemons on a virtual clock.
 */

import { describe, expect, test } from "bun:test";
import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import { Daemon } from "../../bgpd/daemon.ts";
import { MemoryNetwork } from "../../bgpd/transport-memory.ts";
import { address4, formatAddress, parseAddress } from "../../lib/address.ts";
import { VirtualClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { formatFault } from "../../resource/fault.ts";
import { documentOf, nodeOf, resourcesOf } from "../resource/documents.ts";
import { seeded } from "./world.ts";

const REFLECTORS = ["rr1", "rr2"];
const CLIENTS = ["n1", "n2", "n3", "n4"];
const HOSTS: Readonly<Record<string, number>> = { rr1: 1, rr2: 2, n1: 11, n2: 12, n3: 13, n4: 14 };

const addressOf = (name: string): string => `172.30.0.${HOSTS[name]}`;
const blockOf = (name: string): string => `10.244.${HOSTS[name]}.0/24`;

/** Every node has sessions with both reflectors, and these with each other and with every node. */
function documents(clusterIds: readonly string[], more: string): string[] {
  const session = (node: string, other: string): string =>
    documentOf(
      "BGPPeer",
      `${node}-${other}`,
      `node: ${node}\npeerIP: ${addressOf(other)}\nasNumber: 64512`,
    );
  return [
    documentOf("BGPConfiguration", "default", `nodeToNodeMeshEnabled: false\n${more}`),
    ...REFLECTORS.map((name, index) =>
      documentOf(
        "Node",
        name,
        `bgp: {ipv4Address: ${addressOf(name)}/24, routeReflectorClusterID: ${clusterIds[index]}}\nblocks: [${blockOf(name)}]`,
      ),
    ),
    ...CLIENTS.map((name) => nodeOf(name, HOSTS[name] ?? 0, blockOf(name))),
    ...CLIENTS.flatMap((client) =>
      REFLECTORS.flatMap((reflector) => [session(client, reflector), session(reflector, client)]),
    ),
    session("rr1", "rr2"),
    session("rr2", "rr1"),
  ];
}

function start(clusterIds: readonly string[], more = "") {
  const clock = new VirtualClock();
  const random = seeded(11);
  const network = new MemoryNetwork({ clock, latency: () => random() * 20, segment: () => 1400 });
  const names = [...REFLECTORS, ...CLIENTS];
  // The machines are there before anybody starts on them.
  for (const name of names) network.host(parseAddress(addressOf(name)));
  const plan = (name: string, spec: string) => {
    const planned = planSpeaker(resourcesOf(...documents(clusterIds, spec)), name);
    if ("faults" in planned) throw new Error(planned.faults.map(formatFault).join("\n"));
    return planned.plan;
  };
  const daemons = new Map(
    names.map((name) => {
      const daemon = new Daemon({
        clock,
        transport: network.host(parseAddress(addressOf(name))),
        kernel: undefined,
        log: silentLogger(),
        random,
        onConverged: () => {},
      });
      daemon.apply(plan(name, more));
      return [name, daemon] as const;
    }),
  );
  const at = (name: string): Daemon => {
    const daemon = daemons.get(name);
    if (daemon === undefined) throw new Error(`there is no ${name}`);
    return daemon;
  };
  return {
    at,
    pass: (seconds: number) => clock.advance(seconds * 1000),
    apply: (spec: string) => {
      for (const name of names) at(name).apply(plan(name, spec));
    },
    stop: (name: string) => void at(name).stop({ withdraw: true }),
    flaps: () =>
      [...daemons.values()]
        .flatMap(({ neighbours }) => [...neighbours.values()])
        .reduce((sum, { peer }) => sum + peer.status().flaps, 0),
    /** `PREFIX via NEXT_HOP of ORIGINATOR_ID by CLUSTER_LIST`, of all paths of others' blocks, used ones or not. */
    paths: (name: string, of: string) =>
      (at(name).rib?.lookup(parsePrefix(blockOf(of)))?.paths ?? []).map(
        ({ state, reason, attributes: { nextHop, originatorId, clusterList = [] } }) => {
          const hop = nextHop === undefined ? "-" : formatAddress(nextHop);
          const words = [originatorId ?? 0, ...clusterList].map((id) =>
            formatAddress(address4(id)),
          );
          return { state, reason, line: `via ${hop} of ${words[0]} by ${words.slice(1)}` };
        },
      ),
  };
}

type Scene = ReturnType<typeof start>;

/** From the other clients' blocks to how many paths lead there, with the lines of those in use. */
function seen(scene: Scene, name: string) {
  return CLIENTS.filter((of) => of !== name).map((of) => {
    const paths = scene.paths(name, of);
    return [of, paths.length, paths[0]?.state, paths[0]?.line];
  });
}

describe("one cluster ID for both reflectors", () => {
  const IDS = ["244.0.0.1", "244.0.0.1"];

  test("each client has every other's block from both, as its owner told it", () => {
    const scene = start(IDS);
    scene.pass(30);
    for (const name of CLIENTS) {
      expect(seen(scene, name)).toEqual(
        CLIENTS.filter((of) => of !== name).map((of) => [
          of,
          2,
          "best",
          `via ${addressOf(of)} of ${addressOf(of)} by 244.0.0.1`,
        ]),
      );
    }
    expect(scene.flaps()).toBe(0);
  });

  test("a reflector refuses what the other one reflects, and says why", () => {
    const scene = start(IDS);
    scene.pass(30);
    const [own, other] = scene.paths("rr1", "n1");
    expect([own?.state, other?.state]).toEqual(["best", "rejected"]);
    expect(other?.reason).toBe(
      "reflection loop: its CLUSTER_LIST holds our own CLUSTER_ID 244.0.0.1",
    );
  });

  test("the loss of one reflector takes no route away", () => {
    const scene = start(IDS);
    scene.pass(30);
    scene.stop("rr1");
    scene.pass(5);
    for (const name of CLIENTS) {
      expect(seen(scene, name).map(([, paths, state]) => [paths, state])).toEqual(
        Array.from({ length: 3 }, () => [1, "best"]),
      );
    }
  });

  test("clientToClientReflection is switched while the sessions are up", () => {
    const scene = start(IDS);
    scene.pass(30);
    scene.apply("clientToClientReflection: false");
    scene.pass(5);
    for (const name of CLIENTS)
      expect(seen(scene, name).map(([, paths]) => paths)).toEqual([0, 0, 0]);
    // What begins at a reflector is told all the same, by the other one too.
    expect(scene.paths("n1", "rr1").length).toBe(2);
    scene.apply("");
    scene.pass(5);
    expect(seen(scene, "n1").map(([, paths]) => paths)).toEqual([2, 2, 2]);
    expect(scene.flaps()).toBe(0);
  });
});

describe("a cluster ID for each reflector", () => {
  const IDS = ["244.0.0.1", "244.0.0.2"];

  test("each client has every other's block by the shortest CLUSTER_LIST", () => {
    const scene = start(IDS);
    scene.pass(30);
    const lines = (name: string, of: string) => scene.paths(name, of).map(({ line }) => line);
    for (const name of CLIENTS) {
      for (const of of CLIENTS.filter((other) => other !== name)) {
        const way = `via ${addressOf(of)} of ${addressOf(of)}`;
        expect(lines(name, of)).toEqual([`${way} by 244.0.0.1`, `${way} by 244.0.0.2`]);
      }
    }
    expect(scene.flaps()).toBe(0);
  });

  test("each reflector has the other's as well, and its own clients' word wins", () => {
    const scene = start(IDS);
    scene.pass(30);
    const states = scene.paths("rr1", "n1").map(({ state, line }) => `${state} ${line}`);
    expect(states).toEqual([
      "best via 172.30.0.11 of 0.0.0.0 by ",
      "valid via 172.30.0.11 of 172.30.0.11 by 244.0.0.2",
    ]);
  });

  test("a block that is withdrawn is gone everywhere", () => {
    const scene = start(IDS);
    scene.pass(30);
    scene.stop("n1");
    scene.pass(5);
    for (const name of [...REFLECTORS, "n2", "n3", "n4"]) {
      expect(scene.paths(name, "n1")).toEqual([]);
    }
  });
});
