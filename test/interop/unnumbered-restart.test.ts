/** Graceful restart over unnumbered sessions, with FRR: whoever goes, packets have their way by link-local next hops. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Subprocess } from "bun";
import type { PeerAnswer, StatusAnswer } from "../../resource/answer.ts";
import { configuration, document, documents, N1 } from "./documents.ts";
import { type Frr, frrOn, hasFrr } from "./frr.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network, watchRoutes, withoutObjects } from "./network.ts";

const OURS = "10.244.1.0/24";
const THEIRS = "192.0.2.0/24";

const FRR = `
router bgp 65000
 bgp router-id 172.30.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 neighbor eth1 interface remote-as external
 neighbor eth1 timers 1 3
 neighbor eth1 timers connect 1
 neighbor eth1 advertisement-interval 0
 address-family ipv4 unicast
  network ${THEIRS}
 exit-address-family
`;

let network: Network;
let n1: Manx;
let tor: Frr;

beforeEach(() => {
  network = createNetwork({ n1: [], tor: [] });
  const ends = ["type", "veth", "peer", "name", "eth1", "netns", "tor"];
  network.run("n1", "ip", "link", "add", "eth1", ...ends);
  for (const [name, address] of [
    ["n1", "172.30.0.11/32"],
    ["tor", "172.30.0.1/32"],
  ] as const) {
    network.run(name, "ip", "address", "add", address, "dev", "lo");
    network.run(name, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1");
    network.run(name, "ip", "link", "set", "eth1", "up");
  }
  n1 = manxOn(network, "n1");
  tor = frrOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

function startManx(): Subprocess {
  const uplink = "interface: eth1, asNumber: external, importPolicy: all";
  n1.configure(documents(configuration(), N1, document("BGPPeer", "uplink", uplink)));
  return n1.start();
}

/** What a kernel has of the other's prefix: it leads over eth1 to a link-local address. */
const wayOf = (name: string, prefix: string): string =>
  withoutObjects(network.run(name, "ip", "-4", "route", "show", prefix)).trim();
const bothWays = (): string[] => [wayOf("n1", THEIRS), wayOf("tor", OURS)];
const first = (): PeerAnswer | undefined => n1.ask<PeerAnswer[]>("peers")[0];

async function established(): Promise<void> {
  await eventually(
    "both have each other's routes",
    () => first()?.state === "Established" && bothWays().every((way) => way.includes("via inet6")),
    30_000,
  );
  await eventually("converged", () => n1.ask<StatusAnswer>("status").ready.ok);
}

describe.skipIf(!hasManx || !hasFrr)("over an unnumbered session, a restart", () => {
  // FRR 8.4 takes ours out of its own kernel for a moment, as the session comes up: there our way is back at the end.
  test("of FRR's bgpd takes no route away here", async () => {
    await tor.start({ configuration: FRR, outlived: true });
    startManx();
    await established();
    const before = bothWays();
    const changes = await watchRoutes(network, "n1");
    tor.kill();
    await eventually("its routes are kept", () => first()?.stale[0]?.stage === "restart");
    expect(first()?.prefixes.best).toBe(1);
    tor.restart();
    await eventually("it is back, and has told its table", () => {
      const one = first();
      return one?.state === "Established" && one.stale.length === 0 && one.prefixes.best === 1;
    });
    await eventually("both have each other's routes", () => `${bothWays()}` === `${before}`);
    expect(changes()).not.toContain("Deleted");
  });

  test("of ours, by SIGKILL, takes no route away at either end", async () => {
    await tor.start({ configuration: FRR });
    const daemon = startManx();
    await established();
    const before = bothWays();
    const changes = [await watchRoutes(network, "n1"), await watchRoutes(network, "tor")];
    daemon.kill("SIGKILL");
    await daemon.exited;
    startManx();
    await established();
    expect(bothWays()).toEqual(before);
    expect(changes.map((of) => of()).join("")).not.toContain("Deleted");
  });
});
