/**
 * Two nodes, a folder between them, and pods: blocks are claimed, announced, added to and given back.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Subprocess } from "bun";
import { type NodeFile, readNodeFile } from "../../../ipam/node.ts";
import { containsPrefix, formatPrefix, parsePrefix } from "../../../lib/prefix.ts";
import type { StatusAnswer } from "../../../resource/answer.ts";
import { configuration, document, documents } from "../../interop/documents.ts";
import { executable, hasManx } from "../../interop/manx.ts";
import { createNetwork, eventually, type Network, withoutObjects } from "../../interop/network.ts";

const cluster = (pool: string): string =>
  documents(
    configuration(),
    document("Node", "n1", "bgp: { ipv4Address: 172.30.0.11/24 }"),
    document("Node", "n2", "bgp: { ipv4Address: 172.30.0.12/24 }"),
    document("IPPool", "pods", `cidr: 10.244.0.0/24, blockSize: 30, ${pool}`),
  );

let network: Network;

/** Nodes have a `/run/manx` of their own: a mount namespace each, as machines do. */
function inside(node: string, ...command: string[]): string[] {
  const own = join(network.folder, node);
  mkdirSync(own, { recursive: true });
  mkdirSync("/run/manx", { recursive: true });
  const script = 'mount --bind "$0" /run/manx && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, own, ...command];
}

function bgpd(node: string, ...more: string[]): Subprocess {
  const config = join(network.folder, "cluster.yaml");
  const flags = ["--config", config, "--node", node, "--claims", join(network.folder, "claims")];
  return network.start(node, node, inside(node, executable, "bgpd", ...flags, ...more));
}

const routesOf = (node: string): string => withoutObjects(network.run(node, "ip", "-4", "route"));
const fileOf = (node: string): NodeFile => readNodeFile(join(network.folder, node, "node.json"));
const blocksOf = (node: string): string[] => fileOf(node).blocks.ipv4.map(formatPrefix);
const claimed = (): string[] =>
  readdirSync(join(network.folder, "claims"))
    .map((name) => name.replace("_", "/"))
    .sort();

function cni(verb: string, node: string, pod: string) {
  const config = { cniVersion: "1.1.0", name: "pods", type: "manx", ipam: { type: "manx-ipam" } };
  const [command = "", ...rest] = inside(node, executable);
  const { exitCode, stdout } = Bun.spawnSync({
    cmd: ["ip", "netns", "exec", node, command, ...rest],
    env: {
      PATH: process.env.PATH,
      CNI_COMMAND: verb,
      CNI_CONTAINERID: pod,
      CNI_NETNS: `/run/netns/${pod}`,
      CNI_IFNAME: "eth0",
      CNI_PATH: dirname(executable),
    },
    stdin: Buffer.from(JSON.stringify(config)),
    stderr: "inherit",
  });
  const text = stdout.toString();
  return { exitCode, json: text === "" ? {} : JSON.parse(text) };
}

function add(node: string, pod: string): string {
  const { exitCode, json } = cni("ADD", node, pod);
  if (exitCode !== 0) throw new Error(JSON.stringify(json));
  return json.ips[0].address;
}

const PODS = ["p1", "p2", "p3", "p4", "q1"];

describe.skipIf(!hasManx)("bgpd --claims", () => {
  beforeEach(() => {
    network = createNetwork({ n1: "172.30.0.11/24", n2: "172.30.0.12/24" });
    network.file("cluster.yaml", cluster("idleTime: 1s"));
    mkdirSync(join(network.folder, "claims"));
    for (const pod of PODS) Bun.spawnSync(["ip", "netns", "add", pod]);
  });

  afterEach(async () => {
    for (const pod of PODS) Bun.spawnSync(["ip", "netns", "delete", pod]);
    await network.remove();
  });

  const running = async (): Promise<[string, string]> => {
    bgpd("n1");
    bgpd("n2");
    return eventually("each has a block, and the other's route", () => {
      const [one = "", two = ""] = [blocksOf("n1")[0], blocksOf("n2")[0]];
      const isThere = one !== "" && routesOf("n2").includes(`${one} via 172.30.0.11`);
      const isHere = two !== "" && routesOf("n1").includes(`${two} via 172.30.0.12`);
      const both: [string, string] = [one, two];
      return isThere && isHere && both;
    });
  };

  test("two nodes take blocks of their own, pods of both reach each other; a full one brings a second, which goes when it is empty", async () => {
    const [one, two] = await running();
    expect(one).not.toBe(two);
    expect(claimed()).toEqual([one, two].sort());
    expect(
      JSON.parse(readFileSync(join(network.folder, "claims", one.replace("/", "_")), "utf8")),
    ).toMatchObject({
      version: 1,
      block: one,
      pool: "pods",
      node: "n1",
    });
    expect(routesOf("n1")).toContain(`blackhole ${one}`);

    const other = add("n2", "q1").replace("/32", "");
    const first = ["p1", "p2", "p3", "p4"].slice(0, 3).map((pod) => add("n1", pod));
    for (const address of first) {
      expect(containsPrefix(parsePrefix(one), parsePrefix(address))).toBe(true);
    }
    await eventually("the pods reach each other", () =>
      network.run("p1", "ping", "-c", "1", "-W", "1", other).includes("1 received"),
    );

    const fourth = add("n1", "p4");
    const second = await eventually("a second block is claimed and announced", () => {
      const [, next] = blocksOf("n1");
      return next !== undefined && routesOf("n2").includes(`${next} via`) && next;
    });
    expect(claimed()).toEqual([one, two, second].sort());
    expect(routesOf("n1")).toContain(`blackhole ${second}`);

    expect(cni("DEL", "n1", "p4").exitCode).toBe(0);
    await eventually("the second block is given back, to the last route", () => {
      const isGone = !routesOf("n2").includes(second) && !routesOf("n1").includes(second);
      return isGone && claimed().length === 2 && blocksOf("n1").length === 1;
    });
    expect(fourth).not.toBe("");
    expect(blocksOf("n1")).toEqual([one]);
  }, 60_000);

  test("with a limit: the refusal names pool, limit, use and knob; STATUS says the same", async () => {
    network.file("cluster.yaml", cluster("maxBlocksPerNode: 1"));
    const [one] = await running();
    for (const pod of ["p1", "p2", "p3", "p4"]) add("n1", pod);
    const knob = "raise maxBlocksPerNode (IPPool pods allows 1 and it has 1), or add an IPPool";
    const { json } = cni("ADD", "n1", "q1");
    expect(json).toMatchObject({
      code: 11,
      msg: `no free address: block ${one} of IPPool pods has 4 of 4 addresses in use; the network is pods. The node needs another block: ${knob}`,
    });
    expect(cni("STATUS", "n1", "q1").json).toMatchObject({ code: 50, msg: json.msg });
  }, 60_000);

  test("a daemon that is killed and started while the folder is away serves what it had, and says what is wrong", async () => {
    const child = bgpd("n1");
    const [one = ""] = await eventually(
      "a block",
      () => blocksOf("n1").length > 0 && blocksOf("n1"),
    );
    child.kill("SIGKILL");
    await child.exited;
    const claims = join(network.folder, "claims");
    Bun.spawnSync(["mv", claims, `${claims}.away`]);
    bgpd("n1");
    const api = "/run/manx/bgpd.sock";
    const status = await eventually("it answers and names the folder", () => {
      const [command = "", ...rest] = inside("n1", executable, "status", "--json", "--api", api);
      const answer: StatusAnswer = JSON.parse(network.run("n1", command, ...rest));
      return network.log("n1").includes(`the claims in ${claims} cannot be used`) && answer;
    });
    expect(status.blocks).toEqual([one]);
    expect(blocksOf("n1")).toEqual([one]);
    expect(routesOf("n1")).toContain(`blackhole ${one}`);
  }, 60_000);

  test("a block that another Node's document names, or that was claimed before, is not used and told", async () => {
    const claims = join(network.folder, "claims");
    const claim = (block: string, node: string, time: string): void =>
      writeFileSync(
        join(claims, block.replace("/", "_")),
        JSON.stringify({ version: 1, block, pool: "pods", node, time }),
      );
    claim("10.244.0.0/29", "n9", "2020-01-01T00:00:00.000Z");
    claim("10.244.0.4/30", "n1", "2021-01-01T00:00:00.000Z");
    bgpd("n1");
    const [one = ""] = await eventually(
      "a block",
      () => blocksOf("n1").length > 0 && blocksOf("n1"),
    );
    expect(one).not.toBe("10.244.0.4/30");
    expect(network.log("n1")).toContain(
      "10.244.0.4/30 is claimed by this node and not used: n9 has claimed 10.244.0.0/29 before, at 2020-01-01T00:00:00.000Z",
    );
    expect(routesOf("n1")).not.toContain("10.244.0.4/30");
  }, 60_000);

  test("with --fib none is refused: it would take blocks that nobody serves", async () => {
    expect(await bgpd("n1", "--fib", "none").exited).toBe(2);
    expect(network.log("n1")).toContain("--claims with --fib none");
  });
});
