/** Two networks that take of one node's blocks, as with multus: one address is one on the node, whoever takes it. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { writeNodeFile } from "../../../ipam/node.ts";
import { parsePrefix } from "../../../lib/prefix.ts";
import { addressOf, type Crowd, createCrowd, start } from "./crowd.ts";
import { createScene, type Json, type Scene } from "./scene.ts";
import { recordsOf } from "./survey.ts";

const EXECUTABLE = process.env.MANX_EXECUTABLE ?? "";
const TIMEOUT = 120_000;

/** What two conflists without `blocks` say; the node file has these. */
function publish({ folder }: Scene, ...blocks: string[]): { red: Json; blue: Json } {
  const nodeFile = join(folder, "node.json");
  const all = blocks.map(parsePrefix);
  writeNodeFile(nodeFile, {
    node: "n1",
    blocks: {
      ipv4: all.filter(({ family }) => family === 4),
      ipv6: all.filter(({ family }) => family === 6),
    },
    mtu: 1500,
    generation: 1,
    ready: { ok: true, reason: "converged", since: "2026-01-01T00:00:00.000Z" },
  });
  const ipam = { type: "manx-ipam", nodeFile, dataDir: join(folder, "ipam") };
  return { red: { ipam, name: "red" }, blue: { ipam, name: "blue" } };
}

const NET1 = { CNI_IFNAME: "net1" };
const gcOf = (...valid: string[]) => ({
  cniVersion: "1.1.0",
  "cni.dev/valid-attachments": valid.map((containerID) => ({ containerID, ifname: "eth0" })),
});
const addressesOf = ({ ips }: Json): string[] =>
  (ips as readonly { readonly address: string }[]).map(({ address }) =>
    address.replace(/\/\d+$/, ""),
  );

describe("two networks of one node file", () => {
  let scene: Scene;
  beforeEach(() => {
    scene = createScene();
  });
  afterEach(() => scene.remove());

  test("a pod of both has two addresses of each family, and all of them answer", () => {
    const { red, blue } = publish(scene, "10.244.1.0/24", "fd00:10::/120");
    scene.run("host", "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
    const before = scene.state();
    const calls = [{ config: red }, { config: blue, environment: NET1 }];
    const given = calls.flatMap((call) => addressesOf(scene.done("ADD", call)));
    expect(given).toEqual(["10.244.1.0", "fd00:10::", "10.244.1.1", "fd00:10::1"]);
    scene.run("host", "ip", "address", "add", "fd00::1/128", "dev", "lo");
    for (const link of ["eth0", "net1"]) {
      for (const to of ["10.0.0.1", "fd00::1"]) {
        scene.run("a", "ping", "-c", "1", "-W", "2", "-n", "-I", link, to);
      }
    }
    scene.run("host", "ip", "address", "delete", "fd00::1/128", "dev", "lo");
    for (const call of calls) scene.done("DEL", call);
    expect(scene.state()).toEqual(before);
  });

  test("a GC of one of them leaves the other's pods alone", () => {
    const { red, blue } = publish(scene, "10.244.1.0/24");
    scene.done("ADD", { config: blue });
    const before = scene.state();
    scene.done("ADD", { pod: "b", config: red });
    scene.done("GC", { config: { ...red, ...gcOf() } });
    expect(scene.state()).toEqual(before);
    expect(scene.ping("host", "10.244.1.0")).toBe(true);
  });

  test("an IPAM below another plugin takes of the same ones", () => {
    const { red, blue } = publish(scene, "10.244.1.0/29");
    scene.done("ADD", { config: red });
    const below = scene.done("ADD", { config: blue, plugin: "manx-ipam", pod: "b" });
    // Its subnet has 10.244.1.0 and 10.244.1.1 for itself.
    expect(addressesOf(below)).toEqual(["10.244.1.2"]);
    expect(addressesOf(scene.done("ADD", { config: red, pod: "b" }))).toEqual(["10.244.1.1"]);
    scene.done("DEL", { config: blue, plugin: "manx-ipam", pod: "b" });
    expect(recordsOf(scene).filter((path) => path.includes("/address/"))).toHaveLength(2);
  });

  test("an IPAM below another plugin cannot tell whether the pod runs: what it may have no longer stays taken", () => {
    const { red, blue } = publish(scene, "10.244.1.0/24");
    const call = { config: red, plugin: "manx-ipam" };
    scene.done("ADD", call);
    publish(scene, "10.9.0.0/24");
    expect(addressesOf(scene.done("ADD", call))).toEqual(["10.9.0.2"]);
    publish(scene, "10.244.1.0/24");
    const ipam = { ...(blue.ipam as Json), type: "manx-ipam" };
    const asked = { ...blue, ipam, runtimeConfig: { ips: ["10.244.1.2"] } };
    expect(scene.call("ADD", { pod: "b", config: asked }).json?.code).toBe(102);
    scene.done("DEL", call);
    expect(recordsOf(scene)).toEqual([]);
    expect(addressesOf(scene.done("ADD", { pod: "b", config: asked }))).toEqual(["10.244.1.2"]);
  });

  test("what is taken is told by manx ipam, and nothing is wrong with it", () => {
    const { red, blue } = publish(scene, "10.244.1.0/24");
    scene.done("ADD", { config: red });
    scene.done("ADD", { config: blue, environment: NET1 });
    const ipam = (...words: string[]): Json => {
      const flags = ["--data-dir", join(scene.folder, "ipam"), "--json"];
      const node = words[0] === "release" ? [] : ["--node-file", join(scene.folder, "node.json")];
      return JSON.parse(scene.run("host", EXECUTABLE, "ipam", ...words, ...flags, ...node));
    };
    expect(ipam("check")).toMatchObject({ findings: [], checked: { addresses: 2 } });
    const { blocks, addresses } = ipam("show") as { blocks: Json[]; addresses: Json[] };
    expect(blocks).toMatchObject([{ block: "10.244.1.0/24", network: null, used: 2, free: 254 }]);
    expect(addresses).toMatchObject([
      { address: "10.244.1.0", network: "red", interface: "eth0" },
      { address: "10.244.1.1", network: "blue", interface: "net1" },
    ]);
    expect(ipam("show", "10.244.1.1")).toMatchObject({
      holders: [{ network: "blue", namespace: "/run/netns/a" }],
    });
    scene.run("a", "ip", "link", "delete", "net1");
    expect(ipam("release", "10.244.1.1")).toMatchObject({ network: "blue" });
    expect(recordsOf(scene).filter((path) => path.includes("blue"))).toEqual([]);
  });

  test("pods of before, whose network had its own folder, go on; new ones get what they have not", () => {
    const { red } = publish(scene, "10.244.1.0/24");
    const before = scene.state();
    const old = { ipam: scene.config.ipam, name: "red" };
    scene.done("ADD", { config: old });
    expect(addressesOf(scene.done("ADD", { pod: "b", config: red }))).toEqual(["10.244.1.1"]);
    for (const address of ["10.244.1.0", "10.244.1.1"]) {
      expect(scene.ping("host", address)).toBe(true);
    }
    for (const pod of ["a", "b"]) scene.done("DEL", { pod, config: red });
    expect(scene.state()).toEqual(before);
  });

  test("a repeated ADD of a pod that runs is refused, and its record stays, whatever became of its block", () => {
    const { red } = publish(scene, "10.244.1.0/24");
    scene.done("ADD", { config: red });
    publish(scene, "10.9.0.0/24", "fd00:10::/120");
    const before = scene.state();
    expect(scene.call("ADD", { config: red }).json?.code).toBe(102);
    expect(scene.state()).toEqual(before);
    expect(scene.ping("host", "10.244.1.0")).toBe(true);
  });
});

describe("64 ADDs at once over two networks", () => {
  let crowd: Crowd | undefined;
  afterEach(() => {
    crowd?.scene.remove();
    crowd = undefined;
  });

  for (const [name, hasBefore] of [
    ["of a new block", false],
    ["of a block that pods of before have addresses of", true],
  ] as const) {
    test(
      `${name} take 64 addresses, and a GC of one network leaves the other's`,
      async () => {
        crowd = createCrowd(66);
        const { scene, pods, config } = crowd;
        const { red, blue } = publish(scene, "10.244.1.0/24");
        const [first = "", second = "", ...others] = pods;
        const old = hasBefore ? [first, second] : [];
        for (const pod of old) scene.done("ADD", { pod, config: { ...config, name: "red" } });
        const started = others.map((pod, at) =>
          start(crowd as Crowd, "ADD", pod, at % 2 === 0 ? red : blue),
        );
        for (const { go } of started) go();
        const answers = await Promise.all(started.map(({ answer }) => answer));
        for (const { status, stdout } of answers) {
          if (status !== 0) throw new Error(stdout);
        }
        const given = answers.map(({ json }) => addressOf(json));
        expect(new Set([...given, ...old.map((_, at) => `10.244.1.${at}`)]).size).toBe(
          64 + old.length,
        );
        const routes = (): unknown[] => scene.ip("host", "-4", "route").map(({ dst }) => dst);
        expect(new Set(routes()).size).toBe(64 + old.length);
        scene.done("GC", { config: { ...config, ...red, ...gcOf() } });
        const left = given.filter((_, at) => at % 2 === 1);
        expect(new Set(routes())).toEqual(new Set(left));
        expect(recordsOf(scene).filter((path) => path.includes("@node/address/"))).toHaveLength(32);
        scene.done("GC", { config: { ...config, ...blue, ...gcOf() } });
        expect(recordsOf(scene)).toEqual([]);
      },
      TIMEOUT,
    );
  }
});
