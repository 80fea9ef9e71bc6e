/** `manx ipam release`, GC and `manx ipam show` in real namespaces: who has an address, and how it is given back. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { HOST_END, IpamHost } from "./ipam-host.ts";
import { PLUGINS } from "./scene.ts";

let host: IpamHost;
beforeEach(() => {
  host = new IpamHost();
});
afterEach(() => host.scene.remove());

describe("manx ipam release", () => {
  test("refuses an address that a pod has, with all that has it; --force gives it back all the same", () => {
    host.attach();
    const refused = host.release("10.244.1.0");
    expect(refused.code).toBe(1);
    for (const evidence of [
      `its host end ${HOST_END.a} is there`,
      `the host has a route to it over ${HOST_END.a}`,
      "eth0 in /run/netns/a has it",
    ]) {
      expect(refused.err).toContain(evidence);
    }
    expect(existsSync(host.records("holder/a:eth0:4"))).toBe(true);
    expect(existsSync(host.records("quarantine"))).toBe(false);
    const forced = host.release("10.244.1.0 --force");
    expect(forced.code).toBe(0);
    expect(forced.err).toContain(`not proved to be free: its host end ${HOST_END.a} is there`);
    expect(existsSync(host.records("address/10.244.1.0"))).toBe(false);
    expect(host.check().findings.map(({ kind }) => kind)).toEqual(["route without record"]);
  });

  test("lets the address cool, and forgets its connections", () => {
    host.attach();
    host.ip("link", "delete", HOST_END.a);
    expect(host.release("10.244.1.0").out).toStartWith("10.244.1.0 of network pods is given back");
    const { out } = host.shell(`manx ipam show 10.244.1.0 --json ${host.flags}`);
    expect(JSON.parse(out)).toMatchObject({ state: "cooling", holders: [] });
    expect(JSON.parse(out).coolsFor).toBeGreaterThan(0);
  });

  test("of an address that several networks have asks which", () => {
    host.attach();
    host.ip("link", "delete", HOST_END.a);
    const other = join(dirname(host.records()), "twin");
    for (const folder of ["holder", "address"]) mkdirSync(join(other, folder), { recursive: true });
    writeFileSync(
      join(other, "holder/a:net1:4"),
      readFileSync(host.records("address/10.244.1.0"), "utf8").replace("eth0", "net1"),
    );
    linkSync(join(other, "holder/a:net1:4"), join(other, "address/10.244.1.0"));
    expect(host.release("10.244.1.0")).toMatchObject({
      code: 2,
      err: "manx: 10.244.1.0 is taken in networks pods, twin: say which with --network\n",
    });
    expect(host.release("10.244.1.0 --network pods").code).toBe(0);
    expect(existsSync(join(other, "address/10.244.1.0"))).toBe(true);
  });

  test("of an address that nobody has says so", () => {
    expect(host.release("10.244.1.0")).toMatchObject({ code: 1 });
    expect(host.release("10.244.1.0").err).toContain("nobody has 10.244.1.0");
  });
});

describe("GC", () => {
  test("gives back addresses that nobody is known to have, but for those that a pod has", () => {
    host.attach();
    // Some tool replaced the file of a living pod's address; the other one is nobody's at all.
    const text = readFileSync(host.records("address/10.244.1.0"), "utf8");
    rmSync(host.records("address/10.244.1.0"));
    writeFileSync(host.records("address/10.244.1.0"), text);
    writeFileSync(host.records("address/10.244.1.99"), "?");
    const valid = ["a", "b"].map((containerID) => ({ containerID, ifname: "eth0" }));
    const gc = (attachments: unknown): void =>
      void host.scene.done("GC", {
        config: { cniVersion: "1.1.0", "cni.dev/valid-attachments": attachments },
      });
    gc(valid);
    expect(existsSync(host.records("address/10.244.1.99"))).toBe(false);
    expect(existsSync(host.records("address/10.244.1.0"))).toBe(true);
    gc([]);
    expect(readdirSync(host.records("address"))).toEqual([]);
    host.expectClean();
  });
});

describe("manx ipam show of an address", () => {
  test("says who has it, since when, by which host end, and where its namespace is", () => {
    host.attach();
    const { out } = host.shell(`manx ipam show 10.244.1.1 --json ${host.flags}`);
    expect(JSON.parse(out)).toMatchObject({
      state: "used",
      block: "10.244.1.0/24",
      holders: [
        {
          network: "pods",
          container: "b",
          interface: "eth0",
          hostEnd: HOST_END.b,
          namespace: "/run/netns/b",
        },
      ],
    });
  });

  test.skipIf(PLUGINS === "")(
    "of another plugin's pod tells its namespace, and check is content",
    () => {
      const config = {
        cniVersion: "1.0.0",
        name: "bridged",
        type: "bridge",
        bridge: "br0",
        isGateway: true,
        ipam: {
          type: "manx-ipam",
          blocks: ["10.244.3.0/28"],
          dataDir: `${host.scene.folder}/ipam`,
        },
      };
      host.scene.done("ADD", { plugin: "bridge", config });
      host.expectClean();
      const { out } = host.shell(`manx ipam show 10.244.3.2 --json ${host.flags}`);
      expect(JSON.parse(out).holders).toMatchObject([
        { container: "a", hostEnd: null, namespace: "eth0 in /run/netns/a has it" },
      ]);
      expect(host.shell(`manx ipam show 10.244.3.0/28 ${host.flags}`).out).toContain(
        "- left out: 3",
      );
      expect(host.release("10.244.3.2").err).toContain("eth0 in /run/netns/a has it");
    },
  );
});
