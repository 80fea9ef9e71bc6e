/** manx with `static`: the address is the configuration's or the runtime's to say. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createRuntime, type Runtime } from "./runtime.ts";
import { createScene, type Json, PLUGINS, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = createScene();
});
afterEach(() => scene.remove());

function runtimeFor(ipam: Json, cniVersion = "1.0.0"): Runtime {
  const manx = { type: "manx", capabilities: { ips: true }, ipam: { type: "static", ...ipam } };
  return createRuntime(scene, { cniVersion, name: "pods", plugins: [manx] });
}

describe.skipIf(PLUGINS === "")("manx with static", () => {
  for (const cniVersion of ["0.4.0", "1.0.0"]) {
    test(`gives the address alone, routes through our gateway, and DNS, version ${cniVersion}`, () => {
      const runtime = runtimeFor(
        {
          addresses: [{ address: "10.9.0.7/24" }],
          routes: [{ dst: "10.0.0.0/8" }],
          dns: { nameservers: ["10.0.0.10"] },
        },
        cniVersion,
      );
      const { ips, routes, dns } = runtime.add();
      expect(ips as Json[]).toMatchObject([{ address: "10.9.0.7/32", gateway: "169.254.1.1" }]);
      expect(routes).toEqual([{ dst: "10.0.0.0/8", gw: "169.254.1.1" }]);
      expect(dns).toEqual({ nameservers: ["10.0.0.10"] });
      expect(scene.ping("host", "10.9.0.7")).toBe(true);
      expect(runtime.check().failure).toBeUndefined();
      for (let time = 0; time < 2; time++) expect(runtime.del().failure).toBeUndefined();
      expect(scene.ip("host", "route", "show", "10.9.0.7")).toEqual([]);
    });
  }

  test("gives the address that the runtime asks for", () => {
    const runtime = runtimeFor({});
    const { ips } = runtime.add({ capabilities: { ips: ["10.9.0.8/24"] } });
    expect(ips as Json[]).toMatchObject([{ address: "10.9.0.8/32" }]);
    expect(scene.ping("host", "10.9.0.8")).toBe(true);
  });

  test("CHECK finds that the pod lost its address", () => {
    const runtime = runtimeFor({ addresses: [{ address: "10.9.0.7/24" }] });
    runtime.add();
    scene.run("a", "ip", "address", "flush", "dev", "eth0");
    expect(runtime.check().failure?.answer.json?.msg).toContain(
      "address 10.9.0.7/32 is missing on eth0 in the pod",
    );
  });

  test("a gateway of its own is not used, and its CHECK misses it in the result", () => {
    const runtime = runtimeFor({ addresses: [{ address: "10.9.0.7/24", gateway: "10.9.0.1" }] });
    const { ips } = runtime.add();
    expect(ips as Json[]).toMatchObject([{ address: "10.9.0.7/32", gateway: "169.254.1.1" }]);
    expect(scene.ping("host", "10.9.0.7")).toBe(true);
    expect(runtime.check().failure?.answer.json?.msg).toStartWith("static CHECK: ");
    expect(runtime.del().failure).toBeUndefined();
  });

  test("an address that another pod has is refused, and that pod keeps it", () => {
    const runtime = runtimeFor({ addresses: [{ address: "10.9.0.7/24" }] });
    runtime.add({ pod: "b" });
    const before = scene.state();
    const { failure } = runtime.tryAdd();
    expect(failure?.answer.json).toMatchObject({
      code: 102,
      msg: "there is a route to 10.9.0.7/32 already, over manx23bed21a109",
    });
    expect(scene.state()).toEqual(before);
    expect(runtime.check({ pod: "b" }).failure).toBeUndefined();
  });

  test("two addresses are refused by name, and nothing is left", () => {
    const before = scene.state();
    const addresses = [{ address: "10.9.0.7/24" }, { address: "10.9.1.7/24" }];
    const { failure } = runtimeFor({ addresses }).tryAdd();
    expect(failure?.answer.json).toMatchObject({
      code: 103,
      msg: "static gave 10.9.0.7/24, 10.9.1.7/24: expected one address, or one of each family",
    });
    expect(scene.state()).toEqual(before);
  });
});
