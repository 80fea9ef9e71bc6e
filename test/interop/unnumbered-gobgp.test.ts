/**
 * An unnumbered peer that is GoBGP, with its `neighbor-interface`: it looks for us among its kernel's neighbours, does
 * not advertise itself as a router, and is found by its call.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { configuration, document, documents, N1_BOTH } from "./documents.ts";
import { type Gobgp, gobgpOn, hasGobgp } from "./gobgp.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const family = (name: string): string => `
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${name}-unicast"`;

const GOBGP = `
[global.config]
  as = 65000
  router-id = "172.30.0.1"
[[neighbors]]
  [neighbors.config]
    neighbor-interface = "eth1"
    peer-as = 64512
  [neighbors.timers.config]
    connect-retry = 1${family("ipv4")}${family("ipv6")}
`;

let network: Network;
let n1: Manx;
let tor: Gobgp;

beforeEach(() => {
  network = createNetwork({ n1: [], tor: [] });
  const ends = ["type", "veth", "peer", "name", "eth1", "netns", "tor"];
  network.run("n1", "ip", "link", "add", "eth1", ...ends);
  for (const name of ["n1", "tor"]) {
    network.run(name, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1");
    network.run(name, "ip", "link", "set", "eth1", "up");
  }
  n1 = manxOn(network, "n1");
  tor = gobgpOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

/** Of eth1, once it may be used. */
async function linkLocal(namespace: string): Promise<string> {
  return eventually(`${namespace} has a link-local address`, () => {
    const text = network.run(namespace, "ip", "-6", "address", "show", "dev", "eth1");
    return text.includes("tentative") ? undefined : /inet6 (fe80[^/]*)/.exec(text)?.[1];
  });
}

describe.skipIf(!hasManx || !hasGobgp)("with GoBGP on an unnumbered link", () => {
  test("both families go by link-local next hops, theirs into our kernel, ours to it", async () => {
    const [ours, theirs] = [await linkLocal("n1"), await linkLocal("tor")];
    // It wants to have heard of us when it starts.
    network.run("tor", "ping", "-c", "1", "-W", "5", `${ours}%eth1`);
    tor.start(GOBGP);
    await tor.isUp();
    const uplink = "interface: eth1, asNumber: external, importPolicy: all";
    n1.configure(documents(configuration(), N1_BOTH, document("BGPPeer", "uplink", uplink)));
    n1.start();
    const peer = await n1.established();
    expect(peer).toMatchObject({ address: `${theirs}%eth1`, remoteAs: 65_000, flaps: 0 });
    tor.ask("global", "rib", "add", "192.0.2.0/24");
    tor.ask("global", "rib", "add", "2001:db8::/48", "-a", "ipv6");
    await eventually("both are in the kernel", () => {
      const routes = n1.kernelRoutes();
      return (
        routes.some((line) => line.startsWith(`192.0.2.0/24 via inet6 ${theirs} dev eth1`)) &&
        routes.some((line) => line.startsWith(`2001:db8::/48 via ${theirs} dev eth1`))
      );
    });
    for (const [afi, block] of [
      ["ipv4", "10.244.1.0/24"],
      ["ipv6", "fd00:244::40/122"],
    ] as const) {
      await eventually(`it has ${block} by our address`, () =>
        tor
          .ask("global", "rib", "-a", afi)
          .split("\n")
          .some((line) => line.includes(block) && line.includes(ours)),
      );
    }
  });
});
