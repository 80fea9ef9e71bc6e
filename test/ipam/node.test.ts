/** The node file. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NodeFile, NodeFileError, readNodeFile, writeNodeFile } from "../../ipam/node.ts";
import { parsePrefix } from "../../lib/prefix.ts";

const folder = mkdtempSync(join(tmpdir(), "manx-node-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "node.json");

const node: NodeFile = {
  node: "n1",
  blocks: { ipv4: [parsePrefix("10.244.1.0/24")], ipv6: [parsePrefix("fd00:1::/120")] },
  mtu: 1450,
  generation: 3,
  ready: { ok: false, reason: "no session is established", since: "2026-01-01T00:00:00Z" },
};

describe("the node file", () => {
  test("tells of each block its pool and what nobody may have of it, and how more are come by", () => {
    const full: NodeFile = {
      ...node,
      blocks: {
        ipv4: [
          {
            ...parsePrefix("10.244.1.0/24"),
            pool: "pods",
            skipFirstAndLast: true,
            reserved: [{ prefix: parsePrefix("10.244.1.16/28"), name: "routers" }],
            onlyAsked: true,
            closed: "IPPool pods is disabled",
          },
          parsePrefix("10.244.2.0/24"),
        ],
        ipv6: [],
      },
      growth: { ipv4: "raise maxBlocksPerNode", ipv6: "add an IPPool" },
    };
    writeNodeFile(path, full);
    expect(readNodeFile(path)).toEqual(full);
  });

  test("of an older daemon, whose blocks are texts, can be read", () => {
    const old = { version: 1, ...node, blocks: { ipv4: ["10.244.1.0/24"], ipv6: [] } };
    writeFileSync(path, JSON.stringify(old));
    expect(readNodeFile(path).blocks).toEqual({ ipv4: [parsePrefix("10.244.1.0/24")], ipv6: [] });
  });

  test("reads as it was written, and nothing else is left in the folder", () => {
    writeNodeFile(path, node);
    expect(readNodeFile(path)).toEqual(node);
    expect(readdirSync(folder)).toEqual(["node.json"]);
  });

  test("that is missing is an error with its path and the file system's code", () => {
    const fault = failure(join(folder, "none"));
    expect(fault.code).toBe("ENOENT");
    expect(fault.message).toBe(`cannot read ${join(folder, "none")} (ENOENT)`);
  });

  const json = {
    version: 1,
    node: "n1",
    blocks: { ipv4: [], ipv6: [] },
    mtu: 1500,
    generation: 1,
    ready: { ok: true, reason: "", since: "" },
  };
  const wrong: [string, unknown, string][] = [
    ["is no JSON", undefined, "is no node file: JSON Parse error"],
    ["is a list", [], "the file is [], expected an object"],
    ["is of another version", { ...json, version: 3 }, "version is 3, expected 2"],
    ["has no name", { ...json, node: undefined }, "node is undefined, expected a string"],
    ["has an MTU that is text", { ...json, mtu: "1500" }, 'mtu is "1500", expected a number'],
    [
      "has blocks of the wrong family",
      { ...json, blocks: { ipv4: ["fd00::/120"], ipv6: [] } },
      "blocks.ipv4 has fd00::/120",
    ],
    [
      "has a block that is none",
      { ...json, blocks: { ipv4: ["10.0.0.0"], ipv6: [] } },
      '"10.0.0.0" is not a prefix',
    ],
    [
      "has a reservation without a name",
      {
        ...json,
        blocks: { ipv4: [{ cidr: "10.0.0.0/24", reserved: [{ cidr: "10.0.0.0/28" }] }], ipv6: [] },
      },
      "name is undefined, expected a string",
    ],
    [
      "has a switch that is text",
      { ...json, blocks: { ipv4: [{ cidr: "10.0.0.0/24", skipFirstAndLast: "no" }], ipv6: [] } },
      'skipFirstAndLast is "no", expected a boolean',
    ],
    [
      "does not say whether it is ready",
      { ...json, ready: {} },
      "ok is undefined, expected a boolean",
    ],
  ];
  for (const [name, content, says] of wrong) {
    test(`that ${name} is refused with the reason`, () => {
      writeFileSync(path, content === undefined ? "{" : JSON.stringify(content));
      const fault = failure(path);
      expect(fault.code).toBe("EINVAL");
      expect(fault.message).toContain(says);
    });
  }
});

function failure(file: string): NodeFileError {
  try {
    readNodeFile(file);
  } catch (fault) {
    if (fault instanceof NodeFileError) return fault;
    throw fault;
  }
  throw new Error("it was read");
}
