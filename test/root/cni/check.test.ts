/** CHECK in real namespaces: content right after ADD, and finds each kind of damage. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createScene, type Json, type Scene } from "./scene.ts";

const HOST_END = "manx0b3b1f0306f";
const SETTINGS = `/proc/sys/net/ipv4/conf/${HOST_END}`;

let scene: Scene;
let prevResult: Json;
beforeEach(() => {
  scene = createScene();
  prevResult = scene.done("ADD", { config: { mtu: 1400 } });
});
afterEach(() => scene.remove());

function check(config: Json = {}) {
  return scene.call("CHECK", { config: { mtu: 1400, prevResult, ...config } });
}

describe("CHECK", () => {
  test("is content right after ADD and prints nothing", () => {
    expect(check()).toEqual({ status: 0, stdout: "", stderr: "", json: undefined });
  });

  test("is content in 0.4.0", () => {
    const old = { ...prevResult, cniVersion: "0.4.0" };
    expect(check({ cniVersion: "0.4.0", prevResult: old }).status).toBe(0);
  });

  test("is not there in 0.3.1", () => {
    expect(check({ cniVersion: "0.3.1" }).json?.code).toBe(1);
  });

  test("needs a prevResult", () => {
    expect(check({ prevResult: undefined }).json).toMatchObject({ code: 7 });
  });

  test("accepts an MTU that another plugin gave to the pod's end", () => {
    scene.run("a", "ip", "link", "set", "eth0", "mtu", "1300");
    expect(check().status).toBe(0);
  });

  test("accepts route_localnet, which portmap sets for ports of the loopback", () => {
    scene.run("host", "sh", "-c", `echo 1 > ${SETTINGS}/route_localnet`);
    expect(check().status).toBe(0);
  });

  const damages: { name: string; where: "host" | "a"; command: string; says: string }[] = [
    {
      name: "the pair is gone",
      where: "a",
      command: "ip link delete eth0",
      says: `${HOST_END} is missing on the host; eth0 is missing in the pod`,
    },
    {
      name: "the pod's end is called otherwise",
      where: "a",
      command: "ip link set eth0 down; ip link set eth0 name eth9",
      says: "eth0 is missing in the pod",
    },
    {
      name: "the host end is down",
      where: "host",
      command: `ip link set ${HOST_END} down`,
      says: `${HOST_END} is down on the host`,
    },
    {
      name: "the pod's end is down",
      where: "a",
      command: "ip link set eth0 down",
      says: "eth0 is down in the pod",
    },
    {
      name: "the host end has another MAC",
      where: "host",
      command: `ip link set ${HOST_END} address 02:00:00:00:00:01`,
      says: `${HOST_END} on the host has MAC 02:00:00:00:00:01, expected ee:ee:ee:ee:ee:ee`,
    },
    {
      name: "the pod's end has another MAC",
      where: "a",
      command: "ip link set eth0 address 02:00:00:00:00:01",
      says: "eth0 in the pod has MAC 02:00:00:00:00:01, expected",
    },
    {
      name: "the host end has another MTU",
      where: "host",
      command: `ip link set ${HOST_END} mtu 1300`,
      says: `${HOST_END} on the host has MTU 1300, expected 1400`,
    },
    {
      name: "the ends are of two pairs",
      where: "a",
      command:
        "ip link set eth0 name old; ip link add eth0 type veth peer name other; ip link set eth0 up",
      says: "are no pair",
    },
    {
      name: "the address is gone",
      where: "a",
      command: "ip address flush dev eth0",
      says: "address 10.244.1.0/32 is missing on eth0 in the pod",
    },
    {
      name: "the address has another length",
      where: "a",
      command: "ip address add 10.244.1.0/24 dev eth0; ip address delete 10.244.1.0/32 dev eth0",
      says: "address 10.244.1.0/32 is missing",
    },
    {
      name: "the default route is gone",
      where: "a",
      command: "ip route delete default",
      says: "route 0.0.0.0/0 via 169.254.1.1 dev eth0 is missing in the pod",
    },
    {
      name: "the gateway's route is gone",
      where: "a",
      command: "ip route delete 169.254.1.1",
      says: "route 169.254.1.1/32 dev eth0 is missing in the pod",
    },
    {
      name: "the pod's neighbour is gone",
      where: "a",
      command: "ip neigh delete 169.254.1.1 dev eth0",
      says: "neighbour 169.254.1.1 of eth0 is",
    },
    {
      name: "the pod's neighbour is another",
      where: "a",
      command: "ip neigh replace 169.254.1.1 dev eth0 lladdr 02:00:00:00:00:01",
      says: "neighbour 169.254.1.1 of eth0 is 02:00:00:00:00:01 permanent in the pod, expected ee:ee:ee:ee:ee:ee permanent",
    },
    {
      name: "the host's route is gone",
      where: "host",
      command: "ip route delete 10.244.1.0",
      says: `route 10.244.1.0/32 dev ${HOST_END} is missing on the host`,
    },
    {
      name: "the host's route leads elsewhere",
      where: "host",
      command: "ip route replace 10.244.1.0 dev lo",
      says: `route 10.244.1.0/32 dev ${HOST_END} is missing on the host`,
    },
    {
      name: "the host's neighbour is not permanent",
      where: "host",
      command: `ip neigh replace 10.244.1.0 dev ${HOST_END} lladdr 02:00:00:00:00:01 nud noarp`,
      says: `neighbour 10.244.1.0 of ${HOST_END} is 02:00:00:00:00:01 noarp`,
    },
    {
      name: "the host end does not forward",
      where: "host",
      command: `echo 0 > ${SETTINGS}/forwarding`,
      says: "forwarding is 0, expected 1",
    },
    {
      name: "the host end lets in any source",
      where: "host",
      command: `echo 0 > ${SETTINGS}/rp_filter`,
      says: "rp_filter is 0, expected 1",
    },
    {
      name: "the host end does not answer ARP",
      where: "host",
      command: `echo 0 > ${SETTINGS}/proxy_arp`,
      says: "proxy_arp is 0, expected 1",
    },
    {
      name: "the host end speaks IPv6",
      where: "host",
      command: `echo 0 > /proc/sys/net/ipv6/conf/${HOST_END}/disable_ipv6`,
      says: "disable_ipv6 is 0, expected 1",
    },
  ];
  for (const { name, where, command, says } of damages) {
    test(`finds it when ${name}`, () => {
      scene.run(where, "sh", "-e", "-c", command);
      const { status, json } = check();
      expect(json?.msg).toContain(says);
      expect({ status, code: json?.code }).toEqual({ status: 1, code: 101 });
    });
  }

  test("tells two damages at once", () => {
    scene.run("a", "ip", "route", "delete", "default");
    scene.run("host", "ip", "route", "delete", "10.244.1.0");
    expect(check().json?.msg).toMatch(/0\.0\.0\.0\/0.* is missing in the pod; .*10\.244\.1\.0\/32/);
  });

  test("finds it when the address record is gone", () => {
    scene.run("host", "rm", "-r", `${scene.folder}/ipam`);
    expect(check().json).toMatchObject({
      code: 101,
      msg: "network pods has no IPv4 address record for eth0 of container a",
    });
  });

  test("finds it when prevResult has another address than the record", () => {
    const ips = [{ address: "10.244.1.9/32", interface: 1 }];
    expect(check({ prevResult: { ...prevResult, ips } }).json).toMatchObject({
      code: 101,
      msg: "the address record of eth0 of container a says 10.244.1.0, prevResult 10.244.1.9",
    });
  });

  test("finds it when prevResult does not name what ADD made", () => {
    expect(check({ prevResult: { ...prevResult, interfaces: [], ips: [] } }).json?.code).toBe(101);
  });

  test("finds it when the namespace is gone", () => {
    const environment = { CNI_NETNS: "/run/netns/none" };
    expect(scene.call("CHECK", { environment, config: { prevResult } }).json?.code).toBe(8);
  });
});
