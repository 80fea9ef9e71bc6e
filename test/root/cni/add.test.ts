/** ADD in real namespaces: what it makes, to the letter, and that it makes all of it or nothing. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createScene, type Json, type Scene } from "./scene.ts";

/** `printf %s pods/a/eth0 | sha1sum` begins so. */
const HOST_END = "manx0b3b1f0306f";

let scene: Scene;
beforeEach(() => {
  scene = createScene();
});
afterEach(() => scene.remove());

function pick(entries: Json[], ...keys: string[]): Json[] {
  return entries.map((entry) => Object.fromEntries(keys.map((key) => [key, entry[key]])));
}

function sysctl(name: string): string {
  return scene.run("host", "cat", `/proc/sys/net/${name}`).trim();
}

describe("ADD", () => {
  test("makes these links and no others", () => {
    const result = scene.done("ADD");
    const links = ["ifname", "address", "mtu", "flags"];
    // Unlike operstate, which the kernel sets a little later.
    const flags = expect.arrayContaining(["UP", "LOWER_UP"]);
    expect(pick(scene.ip("host", "link", "show", "type", "veth"), ...links)).toEqual([
      { ifname: HOST_END, address: "ee:ee:ee:ee:ee:ee", mtu: 1500, flags },
    ]);
    const mac = (result.interfaces as Json[])[1]?.mac;
    expect(pick(scene.ip("a", "link", "show", "type", "veth"), ...links)).toEqual([
      { ifname: "eth0", address: mac, mtu: 1500, flags },
    ]);
  });

  test("gives the pod its address alone, a gateway that nobody has, and no need for ARP", () => {
    scene.done("ADD");
    const [link] = scene.ip("a", "-4", "address", "show", "dev", "eth0");
    expect(pick(link?.addr_info as Json[], "local", "prefixlen", "scope")).toEqual([
      { local: "10.244.1.0", prefixlen: 32, scope: "global" },
    ]);
    const routes = scene.ip("a", "-4", "route");
    expect(pick(routes, "dst", "gateway", "dev", "scope")).toEqual([
      { dst: "default", gateway: "169.254.1.1", dev: "eth0", scope: "global" },
      { dst: "169.254.1.1", gateway: undefined, dev: "eth0", scope: "link" },
    ]);
    expect(pick(scene.ip("a", "-4", "neigh"), "dst", "dev", "lladdr", "state")).toEqual([
      { dst: "169.254.1.1", dev: "eth0", lladdr: "ee:ee:ee:ee:ee:ee", state: ["PERMANENT"] },
    ]);
  });

  test("puts one route and one neighbour on the host", () => {
    const result = scene.done("ADD");
    expect(pick(scene.ip("host", "route"), "dst", "dev", "scope", "protocol", "metric")).toEqual([
      { dst: "10.244.1.0", dev: HOST_END, scope: "link", protocol: "boot", metric: undefined },
    ]);
    expect(pick(scene.ip("host", "neigh"), "dst", "dev", "lladdr", "state")).toEqual([
      {
        dst: "10.244.1.0",
        dev: HOST_END,
        lladdr: (result.interfaces as Json[])[1]?.mac,
        state: ["PERMANENT"],
      },
    ]);
  });

  test("sets the host end so that it forwards, and lets in nothing but the pod's address", () => {
    scene.run("host", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/default/route_localnet");
    scene.done("ADD");
    expect(sysctl(`ipv4/conf/${HOST_END}/forwarding`)).toBe("1");
    expect(sysctl(`ipv4/conf/${HOST_END}/rp_filter`)).toBe("1");
    expect(sysctl(`ipv4/conf/${HOST_END}/proxy_arp`)).toBe("1");
    expect(sysctl(`ipv4/conf/${HOST_END}/route_localnet`)).toBe("0");
    expect(sysctl(`ipv6/conf/${HOST_END}/disable_ipv6`)).toBe("1");
    expect(sysctl("ipv4/ip_forward")).toBe("0");
  });

  test("answers with what it made", () => {
    const result = scene.done("ADD");
    expect(result).toEqual({
      cniVersion: "1.0.0",
      interfaces: [
        { name: HOST_END, mac: "ee:ee:ee:ee:ee:ee" },
        {
          name: "eth0",
          mac: expect.stringMatching(/^.[26ae](:[0-9a-f]{2}){5}$/),
          sandbox: "/run/netns/a",
        },
      ],
      ips: [{ address: "10.244.1.0/32", gateway: "169.254.1.1", interface: 1 }],
      routes: [{ dst: "0.0.0.0/0", gw: "169.254.1.1" }],
    });
  });

  for (const cniVersion of ["0.3.0", "0.3.1", "0.4.0", "1.0.0"]) {
    test(`answers ${cniVersion} in the form of ${cniVersion}`, () => {
      const result = scene.done("ADD", { config: { cniVersion } });
      expect(result.cniVersion).toBe(cniVersion);
      expect(Object.hasOwn((result.ips as Json[])[0] ?? {}, "version")).toBe(
        cniVersion !== "1.0.0",
      );
    });
  }

  test("lets pods and the host talk to each other, without a default route on the host", () => {
    scene.done("ADD", { pod: "a" });
    scene.done("ADD", { pod: "b" });
    expect(scene.ping("a", "10.244.1.1")).toBe(true);
    expect(scene.ping("b", "10.244.1.0")).toBe(true);
    expect(scene.ping("host", "10.244.1.0")).toBe(true);
  });

  test("keeps out what comes with another's address", () => {
    scene.done("ADD", { pod: "a" });
    scene.done("ADD", { pod: "b" });
    scene.run("a", "ip", "address", "add", "10.244.1.9/32", "dev", "eth0");
    scene.run(
      "a",
      "ip",
      "route",
      "replace",
      "10.244.1.1",
      "via",
      "169.254.1.1",
      "src",
      "10.244.1.9",
    );
    expect(scene.ping("a", "10.244.1.1")).toBe(false);
  });

  test("sets the MTU of both ends", () => {
    scene.done("ADD", { config: { mtu: 1400 } });
    expect(scene.ip("host", "link", "show", HOST_END)[0]?.mtu).toBe(1400);
    expect(scene.ip("a", "link", "show", "eth0")[0]?.mtu).toBe(1400);
  });

  test("takes blocks and MTU from the node file where the configuration has none", () => {
    const node = {
      version: 1,
      node: "n1",
      blocks: { ipv4: ["10.244.7.0/30"], ipv6: [] },
      mtu: 1380,
      generation: 1,
      ready: { ok: true, reason: "", since: "2026-01-01T00:00:00Z" },
    };
    const nodeFile = scene.file("node.json", JSON.stringify(node));
    const ipam = { type: "manx-ipam", nodeFile, dataDir: `${scene.folder}/ipam` };
    const result = scene.done("ADD", { config: { ipam } });
    expect((result.ips as Json[])[0]?.address).toBe("10.244.7.0/32");
    expect(scene.ip("a", "link", "show", "eth0")[0]?.mtu).toBe(1380);
  });

  test("routes no more into the pod's interface than it is told to", () => {
    const ipam = { ...(scene.config.ipam as Json), routes: [{ dst: "10.0.0.0/8" }] };
    scene.done("ADD", { config: { ipam } });
    expect(scene.ip("a", "-4", "route").map(({ dst }) => dst)).toEqual([
      "10.0.0.0/8",
      "169.254.1.1",
    ]);
  });

  test("hands on the configuration's dns", () => {
    const dns = { nameservers: ["10.96.0.10"], search: ["cluster.local"] };
    expect(scene.done("ADD", { config: { dns } }).dns).toEqual(dns);
  });

  test("keeps what plugins before it in the chain made", () => {
    const prevResult = {
      cniVersion: "1.0.0",
      interfaces: [{ name: "net1", sandbox: "/run/netns/a" }],
      ips: [{ address: "192.0.2.1/24", interface: 0 }],
    };
    const result = scene.done("ADD", { config: { prevResult } });
    expect((result.interfaces as Json[]).map(({ name }) => name)).toEqual([
      "net1",
      HOST_END,
      "eth0",
    ]);
    expect((result.ips as Json[]).map((ip) => ip.interface)).toEqual([0, 2]);
  });

  test("replaces a host end that a dead sandbox left", () => {
    const create = `link add ${HOST_END} type veth peer name left`;
    scene.run("host", "ip", ...create.split(" "));
    scene.done("ADD");
    expect(scene.ip("host", "link", "show", "type", "veth")).toHaveLength(1);
    expect(scene.ip("host", "link", "show", HOST_END)[0]?.flags).toContain("LOWER_UP");
  });

  test("after a boot: records of another are removed", () => {
    const old = `${scene.folder}/ipam/00000000-0000-4000-8000-000000000000/pods/address`;
    scene.run("host", "mkdir", "-p", old);
    scene.done("ADD");
    expect(scene.run("host", "ls", `${scene.folder}/ipam`).trim()).not.toContain("00000000-0000");
  });
});

describe("a failing ADD leaves everything as it was", () => {
  const cases: {
    name: string;
    arrange?: () => void;
    call?: Parameters<Scene["call"]>[1];
    code: number;
    says: string;
  }[] = [
    {
      name: "CNI_IFNAME exists in the pod",
      arrange: () => void scene.run("a", "ip", "link", "add", "eth0", "type", "bridge"),
      code: 102,
      says: "CNI_IFNAME eth0 exists already in CNI_NETNS /run/netns/a",
    },
    {
      name: "another interface has a route to the address",
      arrange: () => {
        scene.run("host", "ip", "link", "add", "other", "type", "bridge");
        scene.run("host", "ip", "link", "set", "other", "up");
        scene.run("host", "ip", "route", "add", "10.244.1.0/32", "dev", "other");
      },
      code: 102,
      says: "there is a route to 10.244.1.0/32 already, over other",
    },
    {
      name: "the namespace is missing",
      call: { environment: { CNI_NETNS: "/run/netns/none" } },
      code: 8,
      says: "CNI_NETNS /run/netns/none is no network namespace of a pod: ",
    },
    {
      name: "the namespace is a file of another kind",
      call: { environment: { CNI_NETNS: "/proc/self/uid_map" } },
      code: 8,
      says: "CNI_NETNS /proc/self/uid_map is no network namespace of a pod: setns: EINVAL",
    },
    {
      name: "the namespace is the host's",
      call: { environment: { CNI_NETNS: "/run/netns/host" } },
      code: 8,
      says: "it is the namespace that the plugin runs in",
    },
    {
      name: "the IPAM plugin is not there",
      call: { config: { ipam: { type: "absent" } } },
      code: 103,
      says: "there is no plugin absent in CNI_PATH",
    },
    {
      name: "the configuration is wrong in two places",
      call: { config: { mtu: 10, ipam: {} } },
      code: 7,
      says: '"ipam" has no "type": expected the name of a plugin, such as manx-ipam; mtu is 10: expected a whole number from 68 to 65535',
    },
    {
      name: "a route of the configuration is there twice",
      call: {
        config: {
          ipam: {
            type: "manx-ipam",
            blocks: ["10.244.1.0/24"],
            routes: [{ dst: "10.0.0.0/8" }, { dst: "10.0.0.0/8" }],
          },
        },
      },
      code: 7,
      says: "ipam.routes has 10.0.0.0/8 twice",
    },
  ];
  for (const { name, arrange, call, code, says } of cases) {
    test(name, () => {
      arrange?.();
      const before = scene.state();
      const pod = scene.ip("a", "link").map(({ ifname }) => ifname);
      const { status, json, stderr } = scene.call("ADD", {
        ...call,
        config: withRecords(call?.config),
      });
      expect(json?.msg).toContain(says);
      expect({ status, stderr, code: json?.code }).toEqual({ status: 1, stderr: "", code });
      expect(scene.state()).toEqual(before);
      expect(scene.ip("a", "link").map(({ ifname }) => ifname)).toEqual(pod);
    });
  }

  /** With the scene's records. */
  function withRecords(config: Json = {}): Json {
    const ipam = config.ipam as Json | undefined;
    if (ipam?.type !== "manx-ipam") return config;
    return { ...config, ipam: { ...ipam, dataDir: `${scene.folder}/ipam` } };
  }

  test("a second ADD of what is attached fails, and the pod keeps its address", () => {
    scene.done("ADD");
    const before = scene.state();
    const { status, json } = scene.call("ADD");
    expect({ status, code: json?.code }).toEqual({ status: 1, code: 102 });
    expect(scene.state()).toEqual(before);
    expect(scene.ping("host", "10.244.1.0")).toBe(true);
  });

  test("when all addresses are in use: code 11 that says which block, how many, and what to do", () => {
    const ipam = { ...(scene.config.ipam as Json), blocks: ["10.244.1.8/32"] };
    scene.done("ADD", { pod: "a", config: { ipam } });
    const { json } = scene.call("ADD", { pod: "b", config: { ipam } });
    expect(json).toEqual({
      cniVersion: "1.0.0",
      code: 11,
      msg: 'no free address: block 10.244.1.8/32 has 1 of 1 addresses in use; the network is pods. The node needs another block: add one to "blocks" in the ipam section',
    });
    expect(scene.ip("b", "link").map(({ ifname }) => ifname)).toEqual(["lo"]);
  });
});
