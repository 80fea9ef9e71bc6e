/** The plugin's own keys. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ipamTypeOf, parseCniConfig } from "../../cni/config.ts";
import { parseIpamConfig } from "../../ipam/config.ts";
import { isVersion } from "../../ipam/protocol/version.ts";

describe("the configuration", () => {
  test("of conf/ is right", () => {
    const list = JSON.parse(
      readFileSync(join(import.meta.dir, "../../conf/10-manx.conflist"), "utf8"),
    );
    const [manx, portmap] = list.plugins;
    expect(isVersion(list.cniVersion)).toBe(true);
    expect(parseCniConfig(manx)).toEqual({ ipam: "manx-ipam" });
    expect(parseIpamConfig(manx).nodeFile).toBe("/run/manx/node.json");
    expect([manx.type, portmap.type]).toEqual(["manx", "portmap"]);
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
    ["dns that is a list", { ipam: { type: "x" }, dns: [] }, "dns is []: expected an object"],
  ] as const) {
    test(`with ${name} is refused with the reason`, () => {
      expect(() => parseCniConfig(config)).toThrow(says);
    });
  }

  test("may have keys of others", () => {
    expect(
      parseCniConfig({ ipam: { type: "x" }, runtimeConfig: {}, "cni.dev/x": 1, other: 1 }),
    ).toEqual({ ipam: "x" });
  });

  test("need only have ipam.type for a DEL", () => {
    expect(ipamTypeOf({ ipam: { type: "x", blocks: 3 }, mtu: "large" })).toBe("x");
    for (const type of ["", ".", "..", "a/b", "a\0b", 3, undefined]) {
      expect(ipamTypeOf({ ipam: { type } })).toBeUndefined();
    }
  });
});
