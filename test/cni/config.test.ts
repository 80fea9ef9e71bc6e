/** The plugin's own keys. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GATEWAYS } from "../../cni/attachment.ts";
import { ipamTypeOf, parseCniConfig } from "../../cni/config.ts";
import { parseIpamConfig } from "../../ipam/config.ts";
import type { Request } from "../../ipam/protocol/request.ts";
import { isVersion } from "../../ipam/protocol/version.ts";

const parse = (config: object, args: Record<string, string> = {}) =>
  parseCniConfig({ config: config as Request["config"], args: new Map(Object.entries(args)) });

const DEFAULTS = {
  gateways: GATEWAYS,
  sysctls: [],
  queues: 1,
  forwarding: false,
  sourceCheck: true,
};

describe("the configuration", () => {
  test("of conf/ is right", () => {
    const list = JSON.parse(
      readFileSync(join(import.meta.dir, "../../conf/10-manx.conflist"), "utf8"),
    );
    const [manx, portmap, bandwidth] = list.plugins;
    expect(isVersion(list.cniVersion)).toBe(true);
    expect(parse(manx)).toEqual({ ...DEFAULTS, ipam: "manx-ipam" });
    expect(parseIpamConfig(manx).nodeFile).toBe("/run/manx/node.json");
    expect(portmap).toMatchObject({ type: "portmap", capabilities: { portMappings: true } });
    expect(bandwidth).toMatchObject({ type: "bandwidth", capabilities: { bandwidth: true } });
  });

  for (const [name, config, says] of [
    ["no ipam", {}, '"ipam" has no "type": expected the name of a plugin, such as manx-ipam'],
    ["an ipam type that is a path", { ipam: { type: "../x" } }, '"ipam" has no "type"'],
    [
      "an MTU that is too small",
      { ipam: { type: "x" }, mtu: 67 },
      "mtu is 67: expected a whole number from 68 to 65535",
    ],
    [
      "an MTU that is no number",
      { ipam: { type: "x" }, mtu: "1500" },
      'mtu is "1500": expected a whole number',
    ],
    ["queues that are none", { numQueues: 0 }, "numQueues is 0: expected a whole number from 1"],
    [
      "forwarding that is text",
      { forwarding: "yes" },
      'forwarding is "yes": expected true or false',
    ],
    [
      "a source check that is a number",
      { sourceCheck: 0 },
      "sourceCheck is 0: expected true or false",
    ],
    ["a gateway that is no address", { gateway: "x" }, 'gateway is "x": expected a unicast IPv4'],
    ["a gateway that is a group", { gateway: "224.0.0.1" }, 'gateway is "224.0.0.1"'],
    ["an IPv6 gateway that is not link-local", { gateway: ["fd00::1"] }, 'gateway is "fd00::1"'],
    ["sysctls that are a list", { sysctls: [] }, "sysctls is []: expected an object"],
    [
      "a sysctl of the machine",
      { sysctls: { "kernel.shmmax": "1" } },
      'sysctls has "kernel.shmmax": expected a name that begins with net.',
    ],
    [
      "a sysctl that leads elsewhere",
      { sysctls: { "net/../kernel/shmmax": "1" } },
      'sysctls has "net/../kernel/shmmax"',
    ],
    ["a sysctl that is a number", { sysctls: { "net.a": 1 } }, "sysctls net.a is 1: expected text"],
    ["a MAC that is a group's", { runtimeConfig: { mac: "01:00:5e:00:00:01" } }, "the MAC is"],
    ["a MAC that is short", { runtimeConfig: { mac: "02:00:00" } }, 'the MAC is "02:00:00"'],
    ["dns that is a list", { ipam: { type: "x" }, dns: [] }, "dns is []: expected an object"],
  ] as const) {
    test(`with ${name} is refused with the reason`, () => {
      expect(() => parse(config)).toThrow(says);
    });
  }

  test("may have keys of others", () => {
    expect(parse({ ipam: { type: "x" }, runtimeConfig: {}, "cni.dev/x": 1, other: 1 })).toEqual({
      ...DEFAULTS,
      ipam: "x",
    });
  });

  test("takes the MAC of the runtime before that of CNI_ARGS", () => {
    const config = { ipam: { type: "x" } };
    const mac = "02:00:00:00:00:0A";
    expect(parse(config, { MAC: "02:00:00:00:00:0b" }).mac).toBe("02:00:00:00:00:0b");
    const both = parse({ ...config, runtimeConfig: { mac } }, { MAC: "02:00:00:00:00:0b" });
    expect(both.mac).toBe("02:00:00:00:00:0a");
  });

  test("need only have ipam.type for a DEL", () => {
    expect(ipamTypeOf({ ipam: { type: "x", blocks: 3 }, mtu: "large" })).toBe("x");
    for (const type of ["", ".", "..", "a/b", "a\0b", 3, undefined]) {
      expect(ipamTypeOf({ ipam: { type } })).toBeUndefined();
    }
  });
});
