/**
 * Communities, roles, AIGP and rules of sessions between bgpd and BIRD 2.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Bird, birdOn, birdRoutes, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, documents, N1, TOR, torPeer } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const FILTER = `
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: { name: mark }
spec:
  exportV4:
  - action: Accept
    source: RemotePeers
  - action: Accept
    operations:
    - addCommunity: { value: "65000:7" }
    - addCommunity: { value: "65000:1:2" }
    - prependASPath: { prefix: [64999, 64998] }
`;

/** The node's documents; `spec` is more of the peer's, `more` of the cluster's. */
function cluster(spec: string, more = ""): string {
  return documents(configuration(more), N1, FILTER, torPeer(TOR, spec));
}

/** BIRD's side: attributes of its static route, and options of the session. */
function router(attributes = "", options = "", channel = "", as = "64512"): string {
  return birdText(
    "172.30.0.1",
    birdRoutes(`192.0.2.0/24 blackhole { ${attributes} }`, "198.51.100.0/24 blackhole"),
    birdSession({
      neighbour: `172.30.0.11 as ${as}`,
      options,
      channels: `ipv4 { import all; export all; ${channel} };`,
    }),
  );
}

let network: Network;
let n1: Manx;
let tor: Bird;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
  n1 = manxOn(network, "n1");
  tor = birdOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

function start(ours: string, theirs: string): void {
  tor.start(theirs);
  n1.configure(ours);
  n1.start();
}

describe.skipIf(!hasManx || !hasBird)("BIRD and", () => {
  test("communities of all three kinds, which it sends", async () => {
    const kinds =
      "bgp_community.add((65000,100)); bgp_large_community.add((65000,1,2)); bgp_ext_community.add((rt,65000,7)); bgp_ext_community.add((generic,0x43000000,2));";
    start(cluster(""), router(kinds));
    const { attributes } = await n1.path("192.0.2.0/24");
    expect(attributes.communities).toEqual(["65000:100"]);
    expect(attributes.largeCommunities).toEqual(["65000:1:2"]);
    // The origin validation state is not for others to tell (RFC 8097).
    expect(attributes.extendedCommunities).toEqual(["rt:65000:7"]);
  });

  test("what an export filter adds", async () => {
    start(cluster("filters: [mark]"), router());
    const route = await tor.told("10.244.1.0/24");
    expect(route).toContain("BGP.as_path: 64512 64999 64998\n");
    expect(route).toContain("BGP.community: (65000,7)");
    expect(route).toContain("BGP.large_community: (65000, 1, 2)");
  });

  test("communities and ranges of BGPConfiguration", async () => {
    const more = [
      "serviceClusterIPs: [{ cidr: 10.96.0.0/12 }]",
      'communities: [{ name: pods, value: "65000:8" }]',
      "prefixAdvertisements: [{ cidr: 10.244.0.0/16, communities: [pods] }]",
    ];
    start(cluster("", more.join(", ")), router());
    expect(await tor.told("10.244.1.0/24")).toContain("BGP.community: (65000,8)");
    expect(tor.ask("show", "route", "10.96.0.0/12", "all")).not.toContain("BGP.community");
    expect(tor.ask("show", "route", "10.96.0.0/12", "all")).toContain("BGP.next_hop: 172.30.0.11");
  });

  test("graceful shutdown: it is told on the session that is up", async () => {
    start(cluster(""), router());
    expect(await tor.told("10.244.1.0/24")).not.toContain("BGP.community");
    n1.configure(cluster("gracefulShutdown: true"));
    await eventually("the community is there", () =>
      tor.ask("show", "route", "10.244.1.0/24", "all").includes("(65535,0)"),
    );
    expect(n1.peer().flaps).toBe(0);
  });

  test("roles that are a pair, with ONLY_TO_CUSTOMER in both directions", async () => {
    start(
      cluster("role: customer, strictRole: true"),
      router("", "local role provider; require roles yes;"),
    );
    const { attributes } = await n1.path("192.0.2.0/24");
    expect(attributes.onlyToCustomer).toBe(65000);
    expect(await tor.told("10.244.1.0/24")).not.toContain("BGP.otc");
    expect(n1.peer().capabilities).toContain("role provider");
  });

  test("a provider's mark, which we make", async () => {
    start(cluster("role: provider"), router("", "local role customer;"));
    expect(await tor.told("10.244.1.0/24")).toContain("BGP.otc: 64512");
  });

  test("roles that are none: the session does not come up", async () => {
    start(cluster("role: provider"), router("", "local role provider;"));
    await eventually("it failed", () => n1.peer().lastError.includes("Role Mismatch"));
    expect(n1.peer().state).not.toBe("Established");
  });

  test("AIGP, where both sides have it on", async () => {
    start(cluster("aigp: true"), router("igp_metric = 77;", "", "aigp originate;"));
    expect((await n1.path("192.0.2.0/24")).attributes.aigp).toBe("77");
  });

  test("a local AS is all that it sees", async () => {
    start(cluster("localASNumber: 65100"), router("", "", "", "65100"));
    expect(await tor.told("10.244.1.0/24")).toContain("BGP.as_path: 65100\n");
  });

  test("a limit of prefixes: it is sent Cease/1, and comes back after a while", async () => {
    start(cluster("prefixLimit: {max: 1, restartTime: 1}"), router());
    await eventually("it was ended", () => n1.peer().lastError.includes("exceed the limit of 1"));
    await eventually("BIRD says why", () => tor.log().includes("Maximum number of"));
    tor.ask("disable", "outside");
    await eventually("it is back", () => n1.peer().state === "Established");
  });

  test("what it asks to drop, where that is configured", async () => {
    start(cluster("discardBlackhole: true"), router("bgp_community.add((65535,666));"));
    await eventually("the kernel drops it", () =>
      network.run("n1", "ip", "route", "show", "proto", "77").includes("blackhole 192.0.2.0/24"),
    );
    expect(network.run("n1", "ip", "route", "get", "198.51.100.1")).toContain("via 172.30.0.1");
  });

  test("our own AS in a path, refused and allowed", async () => {
    start(cluster(""), router("bgp_path.prepend(64512);"));
    const refused = await n1.path("192.0.2.0/24");
    expect(refused.reason).toBe("AS loop: its path holds our own AS 64512");
    n1.configure(cluster("numAllowedLocalASNumbers: 1"));
    await eventually("it is used", () => {
      return n1.paths("192.0.2.0/24")[0]?.state === "best";
    });
    expect(n1.peer().flaps).toBe(0);
  });

  test("its own AS, which becomes ours in what it is told", async () => {
    const filter = "filters: [mark], asOverride: true";
    start(cluster(filter).replace("[64999, 64998]", "[64999, 65000]"), router());
    expect(await tor.told("10.244.1.0/24")).toContain("BGP.as_path: 64512 64999 64512\n");
  });

  test("importPolicy: all takes what the built-in policy would refuse", async () => {
    const pool = "bgp_med = 5; }; route 10.244.7.0/24 blackhole { bgp_med = 5;";
    start(cluster("importPolicy: all"), router(pool));
    expect((await n1.path("10.244.7.0/24")).state).toBe("best");
  });
});
