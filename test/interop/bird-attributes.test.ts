/**
 * Communities, roles, AIGP and rules of sessions between bgpd and BIRD 2.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { which } from "bun";
import type { PeerAnswer, RouteAnswer } from "../../resource/answer.ts";
import { createNetwork, eventually, isInside, type Network } from "./network.ts";

const manx = process.env.MANX_EXECUTABLE ?? "";
const bird = which("bird") ?? "";
const birdc = which("birdc") ?? "";

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

/** The node's documents; `spec` is the rest of the peer's. */
function cluster(spec: string, more = ""): string {
  return `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec:
  asNumber: 64512
  holdTime: 3s
  keepaliveTime: 1s
  connectRetryTime: 1s
${more}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n1 }
spec:
  bgp: { ipv4Address: 172.30.0.11/24 }
  blocks: [10.244.1.0/24]
---
${FILTER}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: tor }
spec:
  peerIP: 172.30.0.1
  asNumber: 65000
${spec.replace(/^/gm, "  ")}
`;
}

/** BIRD's side: attributes of its static route, and options of the session. */
function router(attributes = "", options = "", channel = "", as = "64512"): string {
  return `
router id 172.30.0.1;
log stderr all;
protocol device { scan time 1; }
protocol static outside {
  ipv4;
  route 192.0.2.0/24 blackhole { ${attributes} };
  route 198.51.100.0/24 blackhole;
}
protocol bgp n1 {
  local 172.30.0.1 as 65000;
  neighbor 172.30.0.11 as ${as};
  hold time 3; keepalive time 1; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ${options}
  ipv4 { import all; export all; ${channel} };
}
`;
}

let network: Network;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
});

afterEach(async () => {
  await network.remove();
});

function start(ours: string, theirs: string): void {
  const conf = network.file("bird.conf", theirs);
  network.start("tor", "bird", [bird, "-f", "-c", conf, "-s", `${network.folder}/bird.ctl`]);
  const file = network.file("cluster.yaml", ours);
  const api = `${network.folder}/bgpd.sock`;
  network.start("n1", "bgpd", [manx, "bgpd", "--config", file, "--node", "n1", "--api", api]);
}

function ask<Answer>(...args: string[]): Answer {
  const api = `${network.folder}/bgpd.sock`;
  return JSON.parse(network.run("n1", manx, ...args, "--json", "--api", api));
}

function askBird(...words: string[]): string {
  return network.run("tor", birdc, "-s", `${network.folder}/bird.ctl`, ...words);
}

const peer = (): PeerAnswer | undefined => ask<PeerAnswer[]>("peers")[0];

async function received(prefix = "192.0.2.0/24") {
  return eventually(`${prefix} is there`, () => {
    const route = ask<RouteAnswer[]>("routes").find((one) => one.prefix === prefix);
    return route?.paths[0];
  });
}

/** What BIRD has of our block. */
async function told(what = "our block"): Promise<string> {
  return eventually(`BIRD has ${what}`, () => {
    const text = askBird("show", "route", "10.244.1.0/24", "all");
    return text.includes("BGP.origin") && text;
  });
}

const here = isInside && manx !== "" && bird !== "";

describe.skipIf(!here)("BIRD and", () => {
  test("communities of all three kinds, which it sends", async () => {
    const kinds =
      "bgp_community.add((65000,100)); bgp_large_community.add((65000,1,2)); bgp_ext_community.add((rt,65000,7)); bgp_ext_community.add((generic,0x43000000,2));";
    start(cluster(""), router(kinds));
    const { attributes } = await received();
    expect(attributes.communities).toEqual(["65000:100"]);
    expect(attributes.largeCommunities).toEqual(["65000:1:2"]);
    // The origin validation state is not for others to tell (RFC 8097).
    expect(attributes.extendedCommunities).toEqual(["rt:65000:7"]);
  });

  test("what an export filter adds", async () => {
    start(cluster("filters: [mark]"), router());
    const route = await told();
    expect(route).toContain("BGP.as_path: 64512 64999 64998\n");
    expect(route).toContain("BGP.community: (65000,7)");
    expect(route).toContain("BGP.large_community: (65000, 1, 2)");
  });

  test("communities and ranges of BGPConfiguration", async () => {
    const more = `  serviceClusterIPs: [{ cidr: 10.96.0.0/12 }]
  communities: [{ name: pods, value: "65000:8" }]
  prefixAdvertisements: [{ cidr: 10.244.0.0/16, communities: [pods] }]`;
    start(cluster("", more), router());
    expect(await told()).toContain("BGP.community: (65000,8)");
    expect(askBird("show", "route", "10.96.0.0/12", "all")).not.toContain("BGP.community");
    expect(askBird("show", "route", "10.96.0.0/12", "all")).toContain("BGP.next_hop: 172.30.0.11");
  });

  test("graceful shutdown: it is told on the session that is up", async () => {
    start(cluster(""), router());
    expect(await told()).not.toContain("BGP.community");
    network.file("cluster.yaml", cluster("gracefulShutdown: true"));
    await eventually("the community is there", () =>
      askBird("show", "route", "10.244.1.0/24", "all").includes("(65535,0)"),
    );
    expect(peer()?.flaps).toBe(0);
  });

  test("roles that are a pair, with ONLY_TO_CUSTOMER in both directions", async () => {
    start(
      cluster("role: customer\nstrictRole: true"),
      router("", "local role provider; require roles yes;"),
    );
    const { attributes } = await received();
    expect(attributes.onlyToCustomer).toBe(65000);
    expect(await told()).not.toContain("BGP.otc");
    expect(peer()?.capabilities).toContain("role provider");
  });

  test("a provider's mark, which we make", async () => {
    start(cluster("role: provider"), router("", "local role customer;"));
    expect(await told()).toContain("BGP.otc: 64512");
  });

  test("roles that are none: the session does not come up", async () => {
    start(cluster("role: provider"), router("", "local role provider;"));
    await eventually("it failed", () => peer()?.lastError.includes("Role Mismatch"));
    expect(peer()?.state).not.toBe("Established");
  });

  test("AIGP, where both sides have it on", async () => {
    start(cluster("aigp: true"), router("igp_metric = 77;", "", "aigp originate;"));
    expect((await received()).attributes.aigp).toBe("77");
  });

  test("a local AS is all that it sees", async () => {
    start(cluster("localASNumber: 65100"), router("", "", "", "65100"));
    expect(await told()).toContain("BGP.as_path: 65100\n");
  });

  test("a limit of prefixes: it is sent Cease/1, and comes back after a while", async () => {
    start(cluster("prefixLimit: {max: 1, restartTime: 1}"), router());
    await eventually("it was ended", () => peer()?.lastError.includes("exceed the limit of 1"));
    await eventually("BIRD says why", () => network.log("bird").includes("Maximum number of"));
    askBird("disable", "outside");
    await eventually("it is back", () => peer()?.state === "Established");
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
    const refused = await received();
    expect(refused.reason).toBe("AS loop: its path holds our own AS 64512");
    network.file("cluster.yaml", cluster("numAllowedLocalASNumbers: 1"));
    await eventually("it is used", () => {
      const routes = ask<RouteAnswer[]>("routes");
      return routes.find(({ prefix }) => prefix === "192.0.2.0/24")?.paths[0]?.state === "best";
    });
    expect(peer()?.flaps).toBe(0);
  });

  test("its own AS, which becomes ours in what it is told", async () => {
    const filter = "filters: [mark]\nasOverride: true";
    start(cluster(filter).replace("[64999, 64998]", "[64999, 65000]"), router());
    expect(await told()).toContain("BGP.as_path: 64512 64999 64512\n");
  });

  test("importPolicy: all takes what the built-in policy would refuse", async () => {
    const pool = "bgp_med = 5; }; route 10.244.7.0/24 blackhole { bgp_med = 5;";
    start(cluster("importPolicy: all"), router(pool));
    expect((await received("10.244.7.0/24")).state).toBe("best");
  });
});
