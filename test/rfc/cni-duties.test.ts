/**
 * The duties of a plugin by the CNI specification, one after the other, in every version that has them.
 *
 * The numbers are ours; each name says the clause. GC and STATUS are in `cni-1.1.0.test.ts`, delegation (14, 15) in
 * `test/root/cni/delegate.test.ts`, concurrency (12) in `test/ipam/records.test.ts`.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Call, createScene, type Json, type Scene } from "../root/cni/scene.ts";

const VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
const WITH_CHECK = VERSIONS.filter((version) => version >= "0.4.0");

let scene: Scene;
beforeEach(() => {
  scene = createScene();
});
afterEach(() => scene.remove());

const failed = (verb: string, call: Call): Json => {
  const { status, json } = scene.call(verb, call);
  expect(status).not.toBe(0);
  expect([typeof json?.code, typeof json?.msg]).toEqual(["number", "string"]);
  return json ?? {};
};

for (const cniVersion of VERSIONS) {
  const config = { cniVersion };
  describe(cniVersion, () => {
    test("1: a failure is an exit code and an error object of the version on stdout", () => {
      const error = failed("ADD", { config, environment: { CNI_NETNS: "/run/netns/none" } });
      expect(error).toMatchObject({ cniVersion, code: 8 });
    });

    test("2: keys that nobody knows are tolerated, those of the runtime as well", () => {
      const more = { ...config, comment: "x", "cni.dev/labels": { a: "b" }, args: {} };
      expect(scene.done("ADD", { config: more }).cniVersion).toBe(cniVersion);
    });

    test("3: a CNI_IFNAME that exists in the container is refused, and nothing is changed", () => {
      scene.run("a", "ip", "link", "add", "eth0", "type", "bridge");
      const before = scene.state();
      expect(failed("ADD", { config }).msg).toContain("CNI_IFNAME eth0 exists already");
      expect(scene.state()).toEqual(before);
    });

    test("3: the interface is in the container's namespace, under that name", () => {
      scene.done("ADD", { config, environment: { CNI_IFNAME: "net7" } });
      expect(scene.ip("a", "link", "show", "net7")).toHaveLength(1);
    });

    test("4: the result is of the version that was asked for", () => {
      const { ips, interfaces, ...rest } = scene.done("ADD", { config });
      expect(rest.cniVersion).toBe(cniVersion);
      expect((ips as Json[])[0]?.version).toBe(cniVersion < "1.0.0" ? "4" : undefined);
      expect((interfaces as Json[])[1]).toMatchObject({ name: "eth0", sandbox: "/run/netns/a" });
      expect((interfaces as Json[])[0]?.sandbox).toBeUndefined();
    });

    test("5: what plugins before it made stays in the result, ours comes after it", () => {
      const ips = [
        {
          ...(cniVersion < "1.0.0" ? { version: "4" } : {}),
          address: "192.0.2.7/24",
          interface: 0,
        },
      ];
      const prevResult = { cniVersion, interfaces: [{ name: "other0" }], ips, dns: {} };
      const result = scene.done("ADD", { config: { ...config, prevResult } });
      expect((result.interfaces as Json[]).map(({ name }) => name)).toEqual([
        "other0",
        "manx0b3b1f0306f",
        "eth0",
      ]);
      expect((result.ips as Json[]).map((ip) => ip.interface)).toEqual([0, 2]);
      expect((result.ips as Json[])[0]).toEqual(ips[0] ?? {});
    });

    test("6: DEL is idempotent: twice, never attached, without prevResult, without a namespace", () => {
      const before = scene.state();
      scene.done("DEL", { config, container: "never" });
      scene.done("ADD", { config });
      scene.done("DEL", { config, environment: { CNI_NETNS: undefined } });
      scene.done("DEL", { config });
      expect(scene.state()).toEqual(before);
    });

    test("7: DEL gives the address back when the namespace is gone", () => {
      scene.done("ADD", { config });
      scene.run("host", "ip", "netns", "delete", "a");
      scene.done("DEL", { config });
      expect(JSON.stringify(scene.state())).not.toContain("/holder/");
      scene.run("host", "ip", "netns", "add", "a");
    });

    test("11: VERSION says what is supported without reading stdin", () => {
      const { status, json } = scene.call("VERSION", { input: "no JSON", config });
      expect(status).toBe(0);
      expect(json?.supportedVersions).toEqual(VERSIONS);
    });

    test("13: DEL after a failed ADD, then ADD again, succeeds", () => {
      failed("ADD", { config: { ...config, mtu: 1 } });
      scene.done("DEL", { config });
      scene.done("ADD", { config });
    });

    test("17: a configuration without a name is code 7, the own namespace is code 8", () => {
      expect(failed("ADD", { config: { ...config, name: undefined } }).code).toBe(7);
      const environment = { CNI_NETNS: "/run/netns/host" };
      expect(failed("ADD", { config, environment }).code).toBe(8);
    });

    test("18: a network's name has the specification's form", () => {
      for (const name of ["-a", "a/b", "a b", ""]) {
        expect(failed("ADD", { config: { ...config, name } }).code).toBe(7);
      }
      scene.done("ADD", { config: { ...config, name: "0a_.-Z" } });
    });
  });
}

for (const cniVersion of WITH_CHECK) {
  describe(cniVersion, () => {
    test("8: CHECK is content right after ADD, and prints nothing", () => {
      const prevResult = scene.done("ADD", { config: { cniVersion } });
      const { status, stdout } = scene.call("CHECK", { config: { cniVersion, prevResult } });
      expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    });

    test("8: CHECK tells a missing route and a missing address at once", () => {
      const prevResult = scene.done("ADD", { config: { cniVersion } });
      scene.run("a", "ip", "route", "delete", "default");
      scene.run("a", "ip", "address", "flush", "dev", "eth0");
      const { msg } = failed("CHECK", { config: { cniVersion, prevResult } });
      expect(msg).toContain("address 10.244.1.0/32 is missing");
      expect(msg).toContain("route 0.0.0.0/0 via 169.254.1.1 dev eth0 is missing");
    });

    test("8: CHECK accepts what later plugins of the chain add", () => {
      const result = scene.done("ADD", { config: { cniVersion } });
      scene.run("a", "ip", "address", "add", "192.0.2.9/24", "dev", "eth0");
      scene.run("a", "ip", "route", "add", "198.51.100.0/24", "dev", "eth0");
      const prevResult = {
        ...result,
        interfaces: [...(result.interfaces as Json[]), { name: "ifb0" }],
        routes: [...(result.routes as Json[]), { dst: "198.51.100.0/24" }],
      };
      expect(scene.call("CHECK", { config: { cniVersion, prevResult } }).status).toBe(0);
    });
  });
}

for (const cniVersion of VERSIONS.filter((version) => version < "0.4.0")) {
  test(`17: CHECK is not in ${cniVersion}`, () => {
    expect(failed("CHECK", { config: { cniVersion } })).toMatchObject({ cniVersion, code: 1 });
  });
}

describe("of the environment", () => {
  const variables = { CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "", CNI_PATH: "" };
  for (const [verb, missing] of [
    ["ADD", ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"]],
    ["DEL", ["CNI_CONTAINERID", "CNI_IFNAME"]],
    ["CHECK", ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"]],
    ["GC", ["CNI_PATH"]],
    ["STATUS", ["CNI_PATH"]],
  ] as const) {
    test(`${verb} names all that is missing at once`, () => {
      const { code, msg } = failed(verb, { environment: variables });
      expect(code).toBe(4);
      expect(msg).toBe(missing.map((name) => `${name} is missing: ${verb} needs it`).join("; "));
    });
  }

  test("no CNI_COMMAND: a line for people, and nothing on stdout", () => {
    const { status, stdout, stderr } = scene.call("", {});
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toContain("CNI specification 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0");
  });
});
