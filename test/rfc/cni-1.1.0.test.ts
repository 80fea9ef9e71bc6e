/** GC and STATUS, which came with version 1.1.0 of the CNI specification. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { acquireLock } from "../../kernel/lock.ts";
import { createScene, type Json, type Scene } from "../root/cni/scene.ts";

const cniVersion = "1.1.0";
const VALID = "cni.dev/valid-attachments";

let scene: Scene;
beforeEach(() => {
  scene = createScene("a", "b", "c");
});
afterEach(() => scene.remove());

describe("10: GC", () => {
  const add = (pod: string, config: Json = {}) =>
    scene.done("ADD", { pod, config: { cniVersion, ...config } });
  const collect = (valid: Json[], config: Json = {}) =>
    scene.call("GC", { config: { cniVersion, [VALID]: valid, ...config } });

  test("takes back what is not valid any more, prints nothing, and leaves the others reachable", () => {
    add("a");
    const before = scene.state();
    add("b");
    add("c");
    const { status, stdout } = collect([{ containerID: "a", ifname: "eth0" }]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(scene.state()).toEqual(before);
    expect(scene.ip("b", "link").map(({ ifname }) => ifname)).toEqual(["lo"]);
    expect(scene.ping("host", "10.244.1.0")).toBe(true);
  });

  test("never touches another network, whose addresses are kept in the same place", () => {
    add("a", {
      name: "elsewhere",
      ipam: { ...(scene.config.ipam as Json), blocks: ["10.245.0.0/24"] },
    });
    const before = scene.state();
    add("b");
    expect(collect([]).status).toBe(0);
    expect(scene.state()).toEqual(before);
  });

  test("takes back an attachment by its alias when the records are lost", () => {
    const before = scene.state();
    add("a");
    rmSync(join(scene.folder, "ipam"), { recursive: true });
    expect(collect([]).status).toBe(0);
    expect(scene.state()).toEqual(before);
  });

  test("hands on to the delegate, with the list", () => {
    const seen = join(scene.folder, "seen");
    scene.file("recorder", `#!/bin/sh\ncat > ${seen}; echo "$CNI_COMMAND" >> ${seen}\n`);
    const environment = { CNI_PATH: scene.folder };
    const valid = [{ containerID: "a", ifname: "eth0" }];
    const config = { cniVersion, [VALID]: valid, ipam: { type: "recorder" } };
    expect(scene.call("GC", { config, environment }).status).toBe(0);
    const told = scene.run("host", "cat", seen);
    expect(told).toEndWith("GC\n");
    expect(JSON.parse(told.slice(0, -3))[VALID]).toEqual(valid);
  });

  test("of manx-ipam gives back addresses alone", () => {
    const config = { cniVersion, type: "bridge" };
    scene.done("ADD", { plugin: "manx-ipam", config });
    expect(JSON.stringify(scene.state())).toContain("/holder/");
    const { status } = scene.call("GC", {
      plugin: "manx-ipam",
      config: { ...config, [VALID]: [] },
    });
    expect(status).toBe(0);
    expect(JSON.stringify(scene.state())).not.toContain("/holder/");
  });

  for (const version of ["0.3.0", "0.3.1", "0.4.0", "1.0.0"]) {
    test(`17: is not in ${version}`, () => {
      expect(collect([], { cniVersion: version }).json).toMatchObject({ code: 1 });
    });
  }
});

describe("9: STATUS", () => {
  const status = (config: Json = {}) => scene.call("STATUS", { config: { cniVersion, ...config } });
  const nodeFile = () => join(scene.folder, "node.json");
  const fromNode = () => ({
    ipam: { type: "manx-ipam", nodeFile: nodeFile(), dataDir: join(scene.folder, "ipam") },
  });
  const node = (more: Json = {}) => {
    const blocks = { ipv4: ["10.244.1.0/24"], ipv6: [] };
    const ready = { ok: true, reason: "converged", since: "2026-01-01T00:00:00.000Z" };
    const file = { version: 1, node: "n1", blocks, mtu: 1500, generation: 1, ready, ...more };
    writeFileSync(nodeFile(), JSON.stringify(file));
  };

  test("is content with blocks of the configuration, and prints nothing", () => {
    expect(status()).toMatchObject({ status: 0, stdout: "" });
  });

  test("is 50 without a node file, and says what writes it", () => {
    const { json } = status(fromNode());
    expect(json?.code).toBe(50);
    expect(json?.msg).toContain("manx bgpd writes it");
  });

  test("is 50 when no address is free, with what to do; other verbs go on", () => {
    const ipam = { ...(scene.config.ipam as Json), blocks: ["10.244.1.0/32"] };
    scene.done("ADD", { config: { cniVersion, ipam } });
    const { json } = status({ ipam });
    expect(json).toMatchObject({ cniVersion, code: 50 });
    expect(json?.msg).toContain(
      "no free address: block 10.244.1.0/32 has 1 of 1 addresses in use; the network is pods. The node needs another block: add one",
    );
    scene.done("DEL", { config: { cniVersion, ipam } });
    expect(status({ ipam }).status).toBe(0);
  });

  test("is 51 when the node is not ready, with its reason", () => {
    node({ ready: { ok: false, reason: "waiting for the tables of tor", since: "2026" } });
    const { json } = status(fromNode());
    expect(json?.code).toBe(51);
    expect(json?.msg).toContain("waiting for the tables of tor");
  });

  test("is 51 when the daemon has been away for longer than its grace time, and not before", () => {
    const lock = join(scene.folder, "bgpd.lock");
    node({ daemon: { lock, grace: 60 } });
    const held = acquireLock(lock);
    const past = Date.now() / 1000 - 100;
    utimesSync(lock, past, past);
    expect(status(fromNode()).status).toBe(0);
    held?.touch();
    held?.release();
    expect(status(fromNode()).status).toBe(0);
    utimesSync(lock, past, past);
    const { json } = status(fromNode());
    expect(json?.code).toBe(51);
    expect(json?.msg).toContain("manx bgpd does not run");
    rmSync(lock);
    expect(status(fromNode()).json?.msg).toBe(`manx bgpd does not run: there is no ${lock}`);
    // Pods are attached all the same.
    scene.done("ADD", { config: { cniVersion, ...fromNode() } });
  });

  test("is the delegate's", () => {
    const error = '{"cniVersion":"1.1.0","code":50,"msg":"nothing left"}';
    scene.file("full", `#!/bin/sh\necho '${error}'; exit 1\n`);
    const config = { cniVersion, ipam: { type: "full" } };
    const { json } = scene.call("STATUS", { config, environment: { CNI_PATH: scene.folder } });
    expect(json).toMatchObject({ code: 50, msg: "full STATUS: nothing left" });
  });

  for (const version of ["0.3.0", "0.3.1", "0.4.0", "1.0.0"]) {
    test(`17: is not in ${version}`, () => {
      expect(status({ cniVersion: version }).json).toMatchObject({ code: 1 });
    });
  }
});
