/** What pods' connections look like from outside: nft as the kernel's witness, and servers that say who called. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { StatusAnswer } from "../../../resource/answer.ts";
import { configuration, document, documents } from "../../interop/documents.ts";
import { hasManx, type Manx, manxOn } from "../../interop/manx.ts";
import { createNetwork, eventually, type Network } from "../../interop/network.ts";

const LINK_LOCAL = "fe80::1";
const POD = { 4: "10.244.1.5", 6: "fd00:10:244:1::5" } as const;
const NODE = { 4: "172.30.0.11", 6: "fd00:30::11" } as const;
const OUTSIDE = { 4: "172.30.0.99", 6: "fd00:30::99" } as const;
/** On the other node. */
const OTHER = { 4: "10.244.2.5", 6: "fd00:10:244:2::5" } as const;
const PORT = 7777;

const member = (name: string, host: number, block: number): string =>
  document(
    "Node",
    name,
    `bgp: { ipv4Address: 172.30.0.${host}/24, ipv6Address: "fd00:30::${host}/64" }, blocks: [10.244.${block}.0/24, "fd00:10:244:${block}::/120"]`,
  );

const cluster = (natOutgoing: boolean): string =>
  documents(
    configuration(""),
    member("n1", 11, 1),
    member("n2", 12, 2),
    document("IPPool", "four", `cidr: 10.244.0.0/16, natOutgoing: ${natOutgoing}`),
    document("IPPool", "six", `cidr: "fd00:10:244::/48", natOutgoing: ${natOutgoing}`),
    document("IPPool", "other", "cidr: 10.250.0.0/20"),
  );

const TABLE = (family: string, source: string, exempt: readonly string[]): string[] => [
  `table ${family} manx-outgoing {`,
  "chain beyond {",
  ...exempt.map((prefix) => `${family} daddr ${prefix} return`),
  "counter packets N bytes N masquerade fully-random",
  "}",
  "chain outgoing {",
  "type nat hook postrouting priority srcnat; policy accept;",
  `${family} saddr ${source} goto beyond`,
  "}",
  "}",
];
const BOTH = [
  ...TABLE("ip", "10.244.0.0/16", ["10.244.0.0/16", "10.250.0.0/20"]),
  ...TABLE("ip6", "fd00:10:244::/48", ["fd00:10:244::/48"]),
];

const THEIRS = ["table ip6 theirs {", "}"];

let network: Network;
let n1: Manx;
let n2: Manx;

beforeEach(() => {
  const lan = (host: number): string[] => [`172.30.0.${host}/24`, `fd00:30::${host}/64`];
  network = createNetwork({ n1: lan(11), n2: lan(12), outside: lan(99), pod: [] });
  n1 = manxOn(network, "n1");
  n2 = manxOn(network, "n2");
  for (const daemon of [n1, n2]) daemon.configure(cluster(true));
});

afterEach(async () => {
  await network.remove();
});

/** Tables in the order of their names, without what counters have counted, and where a line stands. */
function rules(): string[] {
  const text = network.run("n1", "nft", "list", "ruleset");
  return text
    .split(/^(?=table )/m)
    .toSorted()
    .flatMap((table) => table.split("\n"))
    .map((line) => line.trim().replace(/packets \d+ bytes \d+/, "packets N bytes N"))
    .filter((line) => line !== "");
}

const ruled = (expected: readonly string[]): Promise<true> =>
  eventually(
    "the rules are so",
    () => {
      return JSON.stringify(rules()) === JSON.stringify(expected) || undefined;
    },
    20_000,
  );

/** A pod behind a link of n1's, and addresses of another's on n2. */
function addPods(): void {
  const n1 = (...words: string[]): string => network.run("n1", ...words);
  const pod = (...words: string[]): string => network.run("pod", "ip", ...words);
  n1(
    "sh",
    "-c",
    "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
  );
  n1("ip", "link", "add", "p0", "type", "veth", "peer", "name", "p1", "netns", "pod");
  for (const address of ["169.254.1.1/32", `${LINK_LOCAL}/64`]) {
    n1("ip", "address", "add", address, "dev", "p0", "nodad");
  }
  n1("ip", "link", "set", "p0", "up");
  pod("link", "set", "p1", "up");
  for (const address of [`${POD[4]}/32`, `${POD[6]}/128`]) {
    pod("address", "add", address, "dev", "p1", "nodad");
  }
  pod("route", "add", "default", "via", "169.254.1.1", "dev", "p1", "onlink");
  pod("-6", "route", "add", "default", "via", LINK_LOCAL, "dev", "p1");
  for (const address of [POD[4], POD[6]]) n1("ip", "route", "add", address, "dev", "p0");
  for (const address of [`${OTHER[4]}/32`, `${OTHER[6]}/128`]) {
    network.run("n2", "ip", "address", "add", address, "dev", "lo", "nodad");
  }
}

/** Servers tell whoever calls what address he has there. */
async function serve(namespace: string): Promise<void> {
  const script = `Bun.listen({ hostname: "::", port: ${PORT}, socket: {
    open(socket) { socket.end(socket.remoteAddress.replace("::ffff:", "")); }, data() {} } });
    console.log("serving");`;
  network.start(namespace, `server-${namespace}`, [process.execPath, "-e", script]);
  await eventually("it serves", () => network.log(`server-${namespace}`).includes("serving"));
}

/** How a server sees the pod. */
function seenBy(address: string): string {
  const script = `const socket = require("net").connect({ host: "${address}", port: ${PORT}, timeout: 3000 });
    socket.on("data", (text) => process.stdout.write(text)).on("timeout", () => process.exit(1));`;
  return network.run("pod", process.execPath, "-e", script);
}

describe.skipIf(!hasManx)("pods of a pool with natOutgoing", () => {
  test("have the node's address outside, and their own among pods", async () => {
    addPods();
    n1.start();
    n2.start();
    await ruled(BOTH);
    for (const namespace of ["outside", "n2"]) await serve(namespace);
    await eventually("n2's block is routed", () =>
      n1.kernelRoutes().some((route) => route.startsWith("10.244.2.0/24")),
    );
    await eventually("n1's block is routed", () =>
      n2.kernelRoutes().some((route) => route.startsWith("10.244.1.0/24")),
    );
    for (const family of [4, 6] as const) {
      expect(await eventually("an answer", () => seenBy(OUTSIDE[family]), 20_000)).toBe(
        NODE[family],
      );
      expect(await eventually("an answer", () => seenBy(OTHER[family]), 20_000)).toBe(POD[family]);
    }
    expect(n1.ask<StatusAnswer>("status").masquerade).toEqual({
      sources: ["10.244.0.0/16", "fd00:10:244::/48"],
      error: null,
    });
  });

  test("have it again when somebody has removed the rules, and no more when the pool says otherwise", async () => {
    n1.start();
    await ruled(BOTH);
    network.run(
      "n1",
      "nft",
      "delete",
      "rule",
      "ip",
      "manx-outgoing",
      "outgoing",
      "handle",
      handleOf("goto beyond"),
    );
    expect(rules()).not.toEqual(BOTH);
    await ruled(BOTH);
    network.run("n1", "nft", "flush", "ruleset");
    await ruled(BOTH);
    n1.configure(cluster(false));
    await ruled([]);
    expect(n1.ask<StatusAnswer>("status").masquerade).toBeUndefined();
  });

  test("keep the rules when the daemon dies, and its cleanup and its leave take them away", async () => {
    network.run("n1", "nft", "add", "table", "ip6", "theirs");
    const daemon = n1.start();
    await ruled([...BOTH, ...THEIRS]);
    daemon.kill("SIGKILL");
    await daemon.exited;
    await ruled([...BOTH, ...THEIRS]);
    n1.tell("bgpd", "--cleanup");
    await ruled(THEIRS);
    const again = n1.start("--withdraw");
    await ruled([...BOTH, ...THEIRS]);
    again.kill("SIGTERM");
    await again.exited;
    await ruled(THEIRS);
  });

  test("are left alone without --fib kernel", async () => {
    n1.start("--fib", "none");
    await eventually("it listens", () => n1.log().includes("listening"));
    expect(rules()).toEqual([]);
  });
});

function handleOf(words: string): string {
  const text = network.run("n1", "nft", "-a", "list", "ruleset");
  const line = text.split("\n").find((one) => one.includes(words));
  return line?.split("handle ").at(-1) ?? "";
}
