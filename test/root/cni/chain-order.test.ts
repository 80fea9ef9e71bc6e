/** Where manx stands in a chain: behind another plugin, before one that fails, where it cannot be. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { HOST_END, LINKS } from "./links.ts";
import { createRuntime, type Runtime } from "./runtime.ts";
import { createScene, type Json, PLUGINS, type Scene } from "./scene.ts";
import { tracesOf } from "./traces.ts";

let scene: Scene;
beforeEach(() => {
  scene = createScene();
});
afterEach(() => {
  scene.remove();
  rmSync("/run/cni", { recursive: true, force: true });
});

const manx = (keys: Json = {}): Json => ({
  type: "manx",
  ipam: { ...(scene.config.ipam as Json), ...keys },
});

function runtimeFor(plugins: readonly Json[], cniVersion = "1.0.0"): Runtime {
  return createRuntime(scene, { cniVersion, name: "pods", plugins });
}

const hasPrograms = PLUGINS !== "" && Bun.which("iptables") !== null;

describe.skipIf(!hasPrograms)("manx behind loopback", () => {
  for (const cniVersion of ["0.4.0", "1.0.0"]) {
    test(`keeps its result, and its own interface is the pod's, version ${cniVersion}`, () => {
      const { portmap } = LINKS;
      const runtime = runtimeFor([{ type: "loopback" }, manx(), portmap.config], cniVersion);
      const before = tracesOf(scene, "a");
      const wish = { capabilities: portmap.wish };
      const { interfaces, ips } = runtime.add(wish);
      expect(interfaces as Json[]).toMatchObject([
        { name: "lo", sandbox: "/run/netns/a" },
        { name: HOST_END },
        { name: "eth0", sandbox: "/run/netns/a" },
      ]);
      expect((ips as Json[]).map((ip) => `${ip.address} of ${ip.interface}`)).toEqual([
        "127.0.0.1/8 of 0",
        "::1/128 of 0",
        "10.244.1.0/32 of 2",
      ]);
      // The first address in the result is loopback's.
      const rules = scene.run("host", "iptables", "-t", "nat", "-S");
      expect(rules).toContain("--to-destination 10.244.1.0:80");
      expect(runtime.check(wish).failure).toBeUndefined();
      scene.run("a", "ip", "route", "delete", "default");
      expect(runtime.check(wish).failure?.plugin).toBe("manx");
      for (let time = 0; time < 2; time++) expect(runtime.del(wish).failure).toBeUndefined();
      const { host, pods } = tracesOf(scene, "a");
      expect({ host, pods }).toEqual({ host: before.host, pods: before.pods });
    });
  }
});

describe.skipIf(!hasPrograms)("in a chain that fails", () => {
  test("at manx, as another made the interface: what manx took is given back, and DEL ends all", () => {
    const ptp = {
      type: "ptp",
      ipam: { type: "host-local", subnet: "10.9.0.0/24", dataDir: `${scene.folder}/host-local` },
    };
    const runtime = runtimeFor([ptp, manx()]);
    const before = tracesOf(scene, "a");
    const { failure } = runtime.tryAdd();
    expect({ plugin: failure?.plugin, json: failure?.answer.json }).toMatchObject({
      plugin: "manx",
      json: { code: 102, msg: "CNI_IFNAME eth0 exists already in CNI_NETNS /run/netns/a" },
    });
    expect(tracesOf(scene).host.records).toBe("");
    expect(runtime.del().failure).toBeUndefined();
    expect(tracesOf(scene, "a")).toEqual(before);
  });

  test("at manx, as there is no address: nothing behind it runs, and DEL ends all", () => {
    const runtime = runtimeFor([manx({ blocks: ["10.244.1.0/32"] }), LINKS.firewall.config]);
    runtime.add({ pod: "b" });
    const before = tracesOf(scene, "a");
    const { failure, ran } = runtime.tryAdd();
    expect({ code: failure?.answer.json?.code, ran }).toEqual({ code: 11, ran: ["manx"] });
    expect(runtime.del().failure).toBeUndefined();
    expect(tracesOf(scene, "a")).toEqual(before);
    expect(runtime.check({ pod: "b" }).failure).toBeUndefined();
  });

  test("behind manx: DEL ends all, and the next ADD is whole", () => {
    const wrong = { type: "tuning", sysctl: { "net.none": "1" } };
    const before = tracesOf(scene, "a");
    const runtime = runtimeFor([manx(), wrong]);
    expect(runtime.tryAdd().failure?.plugin).toBe("tuning");
    expect(runtime.del().failure).toBeUndefined();
    expect(tracesOf(scene, "a")).toEqual(before);
    const mended = runtimeFor([manx(), LINKS.tuning.config]);
    mended.add();
    expect(mended.check().failure).toBeUndefined();
  });

  test("at manx a second time in one list: it is refused, and DEL ends both", () => {
    const runtime = runtimeFor([manx(), manx()]);
    const before = tracesOf(scene, "a");
    expect(runtime.tryAdd().failure?.answer.json?.code).toBe(102);
    expect(runtime.del().failure).toBeUndefined();
    expect(tracesOf(scene, "a")).toEqual(before);
  });
});
