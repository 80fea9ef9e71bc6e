/**
 * Sessions of a node with a pod of its own, which the built plugin has attached and BIRD runs in: a nested cluster's
 * prefixes come in, another node learns them, and packets go both ways until the pod is gone.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import type { PeerAnswer } from "../../resource/answer.ts";
import { type Bird, birdOn, birdText, hasBird, IPV4, IPV6 } from "./bird.ts";
import { executable, hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network, withoutObjects } from "./network.ts";

const KEY = "of the pods";
const PEERING = ["169.254.0.179", "fd00:179::1"] as const;
const PODS = ["red", "blue"] as const;

const CLUSTER = `
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: { name: default }
spec:
  asNumber: 64512
  holdTime: 3s
  keepaliveTime: 1s
  connectRetryTime: 1s
  localWorkloadPeeringIPV4: ${PEERING[0]}
  localWorkloadPeeringIPV6: "${PEERING[1]}"
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n1 }
spec:
  bgp: { ipv4Address: 172.30.0.11/24, ipv6Address: "fd00:30::11/64" }
  blocks: [10.244.1.0/24, "fd00:244:1::/120"]
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: n2 }
spec:
  bgp: { ipv4Address: 172.30.0.12/24, ipv6Address: "fd00:30::12/64" }
  blocks: [10.244.2.0/24, "fd00:244:2::/120"]
`;

const selecting = (selector: string, key: string): string => `---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: child }
spec: { node: n1, localWorkloadSelector: "${selector}", asNumber: 65401, password: { file: ${key} } }
`;

const RED = "color == 'red' && projectcalico.org/namespace == 'tenants'";

let network: Network;
let n1: Manx;
let n2: Manx;

beforeEach(() => {
  network = createNetwork({
    n1: ["172.30.0.11/24", "fd00:30::11/64"],
    n2: ["172.30.0.12/24", "fd00:30::12/64"],
  });
  for (const node of ["n1", "n2"]) {
    network.run(node, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1");
  }
  for (const pod of PODS) Bun.spawnSync(["ip", "netns", "add", pod]);
  n1 = manxOn(network, "n1");
  n2 = manxOn(network, "n2");
  n1.configure(CLUSTER + selecting(RED, key()));
  n2.configure(CLUSTER);
});

afterEach(async () => {
  await network.remove();
  for (const pod of PODS) Bun.spawnSync(["ip", "netns", "delete", pod]);
  Bun.spawnSync(["rm", "-rf", "/run/manx/ipam"]);
});

function key(): string {
  const file = network.file("key", KEY);
  chmodSync(file, 0o600);
  return file;
}

type Attached = { readonly ipv4: string; readonly ipv6: string; readonly hostEnd: string };

/** Call the plugin for a pod, which is a network namespace of its colour. */
function cni(command: "ADD" | "DEL", pod: string): Attached {
  const config = {
    cniVersion: "1.0.0",
    name: "pods",
    type: "manx",
    ipam: { type: "manx-ipam", blocks: ["10.244.1.0/24", "fd00:244:1::/120"] },
    args: { cni: { labels: [{ key: "color", value: pod }] } },
  };
  const { exitCode, stdout } = Bun.spawnSync(["ip", "netns", "exec", "n1", executable], {
    stdin: new TextEncoder().encode(JSON.stringify(config)),
    env: {
      ...process.env,
      CNI_COMMAND: command,
      CNI_CONTAINERID: `sandbox-of-${pod}`,
      CNI_NETNS: `/run/netns/${pod}`,
      CNI_IFNAME: "eth0",
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=tenants;K8S_POD_NAME=${pod}`,
      CNI_PATH: "/nowhere",
    },
  });
  const text = stdout.toString();
  if (exitCode !== 0) throw new Error(`${command}: ${text}`);
  if (command === "DEL") return { ipv4: "", ipv6: "", hostEnd: "" };
  const { ips, interfaces } = JSON.parse(text);
  const [ipv4 = "", ipv6 = ""] = ips.map((ip: { address: string }) => ip.address.split("/")[0]);
  return { ipv4, ipv6, hostEnd: interfaces[0].name };
}

/** A nested cluster's router: it announces a prefix of each family, by a session of its own each, and one of the nodes'. */
function startBird(pod: string, { ipv4, ipv6 }: Attached, options = `password "${KEY}";`): Bird {
  const session = (name: string, own: string, peer: string, channel: string): string => `
protocol bgp ${name} {
  local ${own} as 65401;
  neighbor ${peer} as 64512;
  multihop;
  ${options}
  hold time 3; keepalive time 1; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ${channel}
}
`;
  const text = birdText(
    ipv4,
    "protocol static { ipv4; route 10.123.0.0/26 blackhole; route 172.30.0.12/30 blackhole; }\n",
    "protocol static { ipv6; route 2001:db8:123::/64 blackhole; }\n",
    session("over4", ipv4, PEERING[0], IPV4),
    session("over6", ipv6, PEERING[1], IPV6),
  );
  const bird = birdOn(network, pod);
  bird.start(text);
  network.run(pod, "ip", "address", "add", "10.123.0.1/32", "dev", "lo");
  network.run(pod, "ip", "address", "add", "2001:db8:123::1/128", "dev", "lo");
  network.run(pod, "ip", "link", "set", "lo", "up");
  return bird;
}

const stateOf = (name: string): PeerAnswer | undefined =>
  n1.ask<PeerAnswer[]>("peers").find((peer) => peer.name === name);

function isUp(name: string): boolean {
  const peer = stateOf(name);
  return peer?.state === "Established" && peer.prefixes.accepted === 1;
}

const onLoopback = (): string[] =>
  network
    .run("n1", "ip", "-o", "address", "show", "dev", "lo")
    .split("\n")
    .flatMap((line) => PEERING.filter((address) => line.includes(` ${address}/`)));

function routesTo(node: string, prefix: string): string {
  const family = prefix.includes(":") ? "-6" : "-4";
  const text = network.run(node, "ip", family, "route", "show", prefix);
  return withoutObjects(text).replace(" pref medium", "").trim();
}

function reaches(namespace: string, from: string, to: string): boolean {
  network.run(namespace, "ping", "-c", "3", "-i", "0.05", "-W", "2", "-q", "-I", from, to);
  return true;
}

describe.skipIf(!hasManx || !hasBird)("a nested cluster in a pod", () => {
  test("is a peer as long as its pod is there, and is reached from another node", async () => {
    n1.start();
    n2.start();
    await n1.established(undefined, "mesh n2");
    expect(stateOf("child")).toMatchObject({
      state: "Idle",
      address: `pods ${RED}`,
      lastError: "this node has no pod with an address record",
    });
    expect(onLoopback()).toEqual([...PEERING]);

    const blue = cni("ADD", "blue");
    await eventually("the pod is seen that is none", () =>
      stateOf("child")?.lastError.includes("the one pod of this node is not selected by color"),
    );
    const red = cni("ADD", "red");
    // Far sooner than a look that nothing has asked for.
    await eventually("the sessions are there", () => stateOf("child tenants/red IPv6"), 2000);
    expect(stateOf("child tenants/red")).toMatchObject({ address: red.ipv4, remoteAs: 65_401 });
    expect(stateOf("child")).toBeUndefined();
    startBird("red", red);
    startBird("blue", blue, "");
    for (const name of ["child tenants/red", "child tenants/red IPv6"]) {
      await eventually(`${name} is up`, () => isUp(name));
    }

    // The node's way is the pod's link; everybody else's is the node.
    await eventually("the kernels have the routes", () => routesTo("n2", "2001:db8:123::/64"));
    await eventually("the kernels have the routes", () => routesTo("n2", "10.123.0.0/26"));
    expect(routesTo("n1", "10.123.0.0/26")).toBe(
      `10.123.0.0/26 via ${red.ipv4} dev ${red.hostEnd} proto 77 metric 1024`,
    );
    expect(routesTo("n1", "2001:db8:123::/64")).toBe(
      `2001:db8:123::/64 via ${red.ipv6} dev ${red.hostEnd} proto 77 metric 1024`,
    );
    expect(routesTo("n2", "10.123.0.0/26")).toBe(
      "10.123.0.0/26 via 172.30.0.11 dev eth0 proto 77 metric 1024",
    );
    expect(routesTo("n2", "2001:db8:123::/64")).toContain("via fd00:30::11 dev eth0");
    const [path] = n2.paths("10.123.0.0/26");
    expect(path?.attributes).toMatchObject({ nextHop: "172.30.0.11", asPath: [65_401] });

    // What would draw the other node's packets into the pod is not believed.
    const drawn = await n1.path("172.30.0.12/30");
    expect(drawn.state).toBe("rejected");
    expect(drawn.reason).toContain("it covers 172.30.0.12, a Node's or a peer's address");

    // Both ways through the checks of sources, and with the pod's end for the nested cluster's.
    await eventually("n2 reaches it", () => reaches("n2", "172.30.0.12", "10.123.0.1"));
    await eventually("n2 reaches it", () => reaches("n2", "fd00:30::12", "2001:db8:123::1"));
    expect(reaches("red", "10.123.0.1", "172.30.0.12")).toBe(true);
    expect(reaches("red", "2001:db8:123::1", "fd00:30::12")).toBe(true);
    expect(reaches("red", red.ipv4, PEERING[0])).toBe(true);

    // A stranger is no peer, and has changed nothing.
    expect(n1.ask<PeerAnswer[]>("peers").map(({ name }) => name)).toEqual([
      "mesh n2",
      "child tenants/red",
      "child tenants/red IPv6",
    ]);
    await eventually("the stranger is refused", () =>
      n1.log().includes(`"remote":"${blue.ipv4}","local":"${PEERING[0]}"`),
    );

    cni("DEL", "red");
    await eventually("the session is gone", () => stateOf("child"), 2000);
    await eventually("n1 has no route", () => routesTo("n1", "10.123.0.0/26") === "", 2000);
    await eventually("n2 has no route", () => routesTo("n2", "10.123.0.0/26") === "", 2000);
    await eventually("n2 has no route", () => routesTo("n2", "2001:db8:123::/64") === "", 2000);
    expect(n1.peer("mesh n2")).toMatchObject({ state: "Established", flaps: 0 });
    cni("DEL", "blue");
  }, 60_000);

  test("is found again by a daemon that restarts, and loses its peering with the document", async () => {
    const first = n1.start();
    n2.start();
    const red = cni("ADD", "red");
    const bird = startBird("red", red);
    await eventually("the pod is a peer", () => isUp("child tenants/red"));
    await eventually("the pod is a peer", () => isUp("child tenants/red IPv6"));
    const before = routesTo("n1", "10.123.0.0/26");
    expect(before).toContain(red.hostEnd);

    first.kill("SIGTERM");
    await first.exited;
    expect(onLoopback()).toEqual([...PEERING]);
    expect(routesTo("n1", "10.123.0.0/26")).toBe(before);
    n1.start();
    await eventually("the pod is a peer again", () => isUp("child tenants/red"));
    await eventually("the pod is a peer again", () => isUp("child tenants/red IPv6"));
    expect(routesTo("n1", "10.123.0.0/26")).toBe(before);
    await n1.established(undefined, "mesh n2");

    // What others take away is put back.
    network.run("n1", "ip", "address", "delete", `${PEERING[0]}/32`, "dev", "lo");
    await eventually("the address is back", () => onLoopback().length === 2);

    n1.configure(CLUSTER);
    await eventually("nobody is a peer", () => stateOf("child tenants/red") === undefined);
    await eventually("the addresses are gone", () => onLoopback().length === 0);
    // The last words went before them.
    for (const name of ["over4", "over6"]) {
      await eventually(
        "the pod knows why",
        () => bird.log().includes(`${name}: Received: Peer de-configured`),
        1000,
      );
    }
    expect(routesTo("n1", "10.123.0.0/26")).toBe("");
    expect(n1.peer("mesh n2").flaps).toBe(0);
    cni("DEL", "red");
  }, 60_000);
});
