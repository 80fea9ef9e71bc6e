/** IPv6: pods of both families, and of IPv6 alone, whose addresses work the moment ADD returns. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createScene, type Json, type Scene } from "./scene.ts";

const HOST_END = "manx0b3b1f0306f";
const GATEWAY6 = "fe80::ecee:eeff:feee:eeee";

let scene: Scene;
beforeEach(() => {
  scene = createScene();
  scene.run("host", "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
});
afterEach(() => scene.remove());

const ipamOf = (...blocks: string[]): Json => ({
  ipam: { ...(scene.config.ipam as Json), blocks },
});
const dual = () => ipamOf("10.244.1.0/24", "fd00:10:244:1::/120");
const six = () => ipamOf("fd00:10:244:1::/120");

/** A single echo without a retry: an address that is tentative would not answer it. */
const answers = (from: string, to: string): void => {
  scene.run(from, "ping", "-c", "1", "-W", "2", "-n", to);
};

describe("a pod of both families", () => {
  test("has one address of each, routes over both gateways, and says so in the result", () => {
    const { ips, routes } = scene.done("ADD", { config: dual() });
    expect(ips).toEqual([
      { address: "10.244.1.0/32", gateway: "169.254.1.1", interface: 1 },
      { address: "fd00:10:244:1::/128", gateway: GATEWAY6, interface: 1 },
    ]);
    expect(routes).toEqual([
      { dst: "0.0.0.0/0", gw: "169.254.1.1" },
      { dst: "::/0", gw: GATEWAY6 },
    ]);
    expect(scene.ip("a", "-6", "route", "show", "default")[0]).toMatchObject({
      gateway: GATEWAY6,
      dev: "eth0",
    });
    const flags = scene.ip("a", "-6", "address", "show", "dev", "eth0", "scope", "global");
    expect(JSON.stringify(flags)).not.toContain("tentative");
  });

  test("answers and reaches the other pod in both families as soon as it is attached", () => {
    scene.done("ADD", { config: dual() });
    scene.done("ADD", { pod: "b", config: dual() });
    answers("a", "10.244.1.1");
    answers("a", "fd00:10:244:1::1");
    answers("b", "fd00:10:244:1::");
    answers("host", "fd00:10:244:1::1");
  });

  test("has permanent neighbours in both families, on both sides", () => {
    scene.done("ADD", { config: dual() });
    const permanent = (where: string) =>
      scene
        .ip(where, "neigh", "show", "nud", "permanent")
        .filter(({ dev }) => dev !== "lo")
        .map(({ dst, lladdr }) => `${dst} ${lladdr}`)
        .sort();
    expect(permanent("host")).toEqual([
      "10.244.1.0 7a:02:d7:06:d8:d2",
      "fd00:10:244:1:: 7a:02:d7:06:d8:d2",
    ]);
    expect(permanent("a")).toEqual([
      "169.254.1.1 ee:ee:ee:ee:ee:ee",
      `${GATEWAY6} ee:ee:ee:ee:ee:ee`,
    ]);
  });

  test("CHECK is content, and finds what is missing of IPv6", () => {
    const prevResult = scene.done("ADD", { config: dual() });
    const config = { ...dual(), prevResult };
    expect(scene.call("CHECK", { config }).status).toBe(0);
    scene.run("host", "ip", "-6", "route", "delete", "fd00:10:244:1::/128");
    scene.run("a", "ip", "-6", "neigh", "delete", GATEWAY6, "dev", "eth0");
    const { json } = scene.call("CHECK", { config });
    expect(json?.code).toBe(101);
    expect(json?.msg).toContain(`route fd00:10:244:1::/128 dev ${HOST_END} is missing on the host`);
    expect(json?.msg).toContain(`neighbour ${GATEWAY6} of eth0 is missing in the pod`);
  });

  test("DEL takes back both families", () => {
    const before = scene.state();
    scene.done("ADD", { config: dual() });
    scene.done("DEL", { config: dual() });
    expect(scene.state()).toEqual(before);
  });

  for (const [empty, blocks, says] of [
    ["IPv6", ["10.244.1.0/24", "fd00::/128"], "block fd00::/128 has 1 of 1 addresses in use"],
    ["IPv4", ["10.244.9.0/32", "fd00::/120"], "block 10.244.9.0/32 has 1 of 1 addresses in use"],
  ] as const) {
    test(`is attached in both families or not at all: ${empty} is used up`, () => {
      const last = blocks.filter((block) => /\/(32|128)$/.test(block));
      scene.done("ADD", { pod: "b", config: ipamOf(...last) });
      const before = scene.state();
      const { json } = scene.call("ADD", { config: ipamOf(...blocks) });
      expect(json).toMatchObject({ code: 11 });
      expect(json?.msg).toContain(says);
      expect(scene.state()).toEqual(before);
    });
  }

  test("routes of the configuration go over the gateway of their family", () => {
    const routes = [{ dst: "10.0.0.0/8" }, { dst: "2001:db8::/32" }];
    const ipam = { ...(dual().ipam as Json), routes };
    expect(scene.done("ADD", { config: { ipam } }).routes).toEqual([
      { dst: "10.0.0.0/8", gw: "169.254.1.1" },
      { dst: "2001:db8::/32", gw: GATEWAY6 },
    ]);
  });
});

describe("a pod of IPv6 alone", () => {
  test("answers at once, and has no IPv4", () => {
    const { ips, routes } = scene.done("ADD", { config: six() });
    expect(ips).toEqual([{ address: "fd00:10:244:1::/128", gateway: GATEWAY6, interface: 1 }]);
    expect(routes).toEqual([{ dst: "::/0", gw: GATEWAY6 }]);
    answers("host", "fd00:10:244:1::");
    expect(scene.ip("a", "-4", "route")).toEqual([]);
  });

  test("where the runtime has switched IPv6 off in the pod's namespace it is switched on for the interface", () => {
    scene.run("a", "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    scene.done("ADD", { config: six() });
    answers("host", "fd00:10:244:1::");
  });

  test("its ips have version 6 in results before 1.0.0", () => {
    const { ips } = scene.done("ADD", { config: { ...six(), cniVersion: "0.4.0" } });
    expect((ips as Json[])[0]?.version).toBe("6");
  });
});

test("manx-ipam gives other plugins an address of each family", () => {
  const { ips } = scene.done("ADD", { plugin: "manx-ipam", config: dual() });
  expect(ips).toEqual([
    { address: "10.244.1.2/24", gateway: "10.244.1.1" },
    { address: "fd00:10:244:1::2/120", gateway: "fd00:10:244:1::1" },
  ]);
});
