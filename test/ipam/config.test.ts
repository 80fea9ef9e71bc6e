/** The `ipam` section. */

import { describe, expect, test } from "bun:test";
import { parseIpamConfig } from "../../ipam/config.ts";
import { CniError } from "../../ipam/protocol/error.ts";
import { formatPrefix } from "../../lib/prefix.ts";

function messageOf(ipam: unknown): string {
  try {
    parseIpamConfig({ ipam });
  } catch (failure) {
    if (!(failure instanceof CniError)) throw failure;
    return `${failure.code}: ${failure.message}`;
  }
  return "";
}

describe("the ipam section", () => {
  test("needs nothing but its type", () => {
    expect(parseIpamConfig({ ipam: { type: "manx-ipam" } })).toEqual({
      blocks: undefined,
      nodeFile: "/run/manx/node.json",
      dataDirectory: "/run/manx/ipam",
      cooldown: { time: 30_000, isStrict: false },
      skipFirstAndLast: false,
      routes: [],
    });
  });

  test("says where everything is", () => {
    const ipam = {
      type: "manx-ipam",
      blocks: ["10.1.0.0/24", "10.2.0.0/26"],
      nodeFile: "/n",
      dataDir: "/d",
      routes: [{ dst: "10.0.0.0/8", gw: "10.1.0.1" }],
    };
    const parsed = parseIpamConfig({ ipam });
    expect(parsed.blocks?.map(formatPrefix)).toEqual(["10.1.0.0/24", "10.2.0.0/26"]);
    expect(parsed).toMatchObject({
      nodeFile: "/n",
      dataDirectory: "/d",
      routes: [{ dst: "10.0.0.0/8", gw: "10.1.0.1" }],
    });
  });

  for (const [name, ipam, says] of [
    ["no object", undefined, '7: the configuration has no "ipam" object'],
    [
      "an unknown key",
      { block: [] },
      "7: ipam.block is no key of manx-ipam: expected type, blocks, nodeFile, dataDir, routes, cooldown, strictCooldown, skipFirstAndLast",
    ],
    [
      "no blocks in blocks",
      { blocks: [] },
      '7: ipam.blocks is []: expected ["10.244.1.0/24", ...]',
    ],
    [
      "a cool-down that is text",
      { cooldown: "30s" },
      '7: ipam.cooldown is "30s": expected seconds from 0 to 3600',
    ],
    [
      "a strict cool-down that is no switch",
      { strictCooldown: 1 },
      "7: ipam.strictCooldown is 1: expected true or false",
    ],
    [
      "a skipFirstAndLast that is no switch",
      { skipFirstAndLast: "yes" },
      '7: ipam.skipFirstAndLast is "yes": expected true or false',
    ],
    [
      "a block of which skipFirstAndLast leaves nothing",
      { blocks: ["10.1.0.0/31"], skipFirstAndLast: true },
      "7: ipam.skipFirstAndLast leaves no address in 10.1.0.0/31",
    ],
    [
      "host bits",
      { blocks: ["10.244.1.1/24"] },
      '7: ipam.blocks[0]: "10.244.1.1/24" has bits set beyond its length: did you mean 10.244.1.0/24?',
    ],
    [
      "an IPv6 block that is too large",
      { blocks: ["fd00::/64"] },
      "7: ipam.blocks[0]: fd00::/64 is too large for a block: expected /116 to /128, cut it into several",
    ],
    [
      "the same block twice",
      { blocks: ["10.1.0.0/24", "10.1.0.0/24"] },
      "7: ipam.blocks has 10.1.0.0/24 twice",
    ],
    [
      "a relative path",
      { dataDir: "here" },
      '7: ipam.dataDir is "here": expected an absolute path',
    ],
    [
      "a route without dst",
      { routes: [{ gw: "10.0.0.1" }] },
      '7: ipam.routes[0].dst is "": expected a prefix such as 0.0.0.0/0',
    ],
    [
      "three faults, told at once",
      { x: 1, blocks: ["y"], nodeFile: 3 },
      "7: ipam.x is no key of manx-ipam: expected type, blocks, nodeFile, dataDir, routes, cooldown, strictCooldown, skipFirstAndLast; ipam.blocks[0]: ",
    ],
  ] as const) {
    test(`with ${name} is refused with the reason`, () => {
      expect(messageOf(ipam)).toStartWith(says);
    });
  }
});
