import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import Ajv from "ajv";
import { parseAllDocuments } from "yaml";
import { formatSchema, jsonSchemas } from "../../bootstrap/schema.ts";
import { clusterDocuments } from "../../lab/documents.ts";
import { planTopology } from "../../lab/topology.ts";
import { documentOf, faultsOf, nodeOf } from "./documents.ts";

const CONF = join(import.meta.dir, "../../conf");
const FOLDER = join(CONF, "schema");

const ajv = new Ajv({ allErrors: true });
for (const [file, schema] of Object.entries(jsonSchemas())) {
  ajv.addSchema(JSON.parse(formatSchema(schema)), file);
}
const isDocument = ajv.getSchema("manx.json");

/** What a JSON Schema validator has against the documents of a text. */
function errorsOf(text: string): string[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (isDocument?.(document.toJS()) === true) return [];
    return (isDocument?.errors ?? []).map(
      ({ instancePath, message }) => `${instancePath} ${message}`,
    );
  });
}

describe("JSON Schemas", () => {
  test("conf/schema is what bootstrap/schema.ts makes", () => {
    const made = Object.entries(jsonSchemas()).map(([file, schema]) => [
      file,
      formatSchema(schema),
    ]);
    const found = readdirSync(FOLDER).map((file) => [
      file,
      readFileSync(join(FOLDER, file), "utf8"),
    ]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(made));
  });

  test.each(["cluster", "racks"])("conf/%s fits them, and its editors find them", (name) => {
    const folder = join(CONF, name);
    for (const file of readdirSync(folder)) {
      const path = join(folder, file);
      const text = readFileSync(path, "utf8");
      expect(errorsOf(text)).toEqual([]);
      const schema = /^# yaml-language-server: \$schema=(.+)$/m.exec(text)?.[1];
      expect(
        schema === undefined ? name === "cluster" : existsSync(join(dirname(path), schema)),
      ).toBe(true);
    }
  });

  test("the lab's documents fit them", () => {
    const files = clusterDocuments(planTopology({ nodes: 3, pods: 2 }));
    expect(files.flatMap(({ text }) => errorsOf(text))).toEqual([]);
  });

  const cases: readonly (readonly [name: string, document: string, error?: string])[] = [
    ["a number in asdot", documentOf("BGPConfiguration", "default", 'asNumber: "1.10"')],
    ["a duration", documentOf("BGPConfiguration", "default", "holdTime: 1m30s")],
    ["what means nothing", documentOf("BGPConfiguration", "default", "logSeverityScreen: Debug")],
    [
      "a value that asks for nothing",
      documentOf("IPPool", "p", "cidr: 10.0.0.0/16\nipipMode: Never"),
    ],
    ["what a store writes", `${nodeOf("n1", 11)}status: {podCIDRs: []}\n`],
    [
      "a tunnel's address",
      documentOf("Node", "n1", "bgp: {ipv4Address: 10.0.0.1, ipv4IPIPTunnelAddr: 10.1.1.1}"),
    ],
    ["a peer by selector", documentOf("BGPPeer", "p", "peerSelector: has(rr)")],
    [
      "a node's own",
      `${documentOf("BGPConfiguration", "node.n1", "listenPort: 1179")}---\n${nodeOf("n1", 11)}`,
    ],
    [
      "an unknown field",
      documentOf("BGPPeer", "p", "peerIP: 10.0.0.1\nasNumber: 1\ncolour: red"),
      "/spec must NOT have additional properties",
    ],
    [
      "a tunnel",
      documentOf("IPPool", "p", "cidr: 10.0.0.0/16\nipipMode: Always"),
      "/spec/ipipMode must be equal to one of the allowed values",
    ],
    [
      "another word than the known ones",
      documentOf("BGPPeer", "p", "peerIP: 10.0.0.1\nasNumber: 1\nnextHopMode: Other"),
      "/spec/nextHopMode must be equal to one of the allowed values",
    ],
    [
      "a number outside of its bounds",
      documentOf("BGPConfiguration", "default", "listenPort: 70000"),
      "/spec/listenPort must be <= 65535",
    ],
    [
      "another type",
      documentOf("BGPPeer", "p", 'peerIP: 10.0.0.1\nasNumber: 1\npassive: "yes"'),
      "/spec/passive must be boolean",
    ],
    [
      "what is the cluster's alone, for a node",
      documentOf("BGPConfiguration", "node.n1", "asNumber: 1"),
      "/spec must NOT have additional properties",
    ],
    [
      "a missing field",
      documentOf("Node", "n1", "blocks: []"),
      "/spec must have required property 'bgp'",
    ],
    [
      "another kind",
      documentOf("NetworkPolicy", "p", "{}"),
      "/kind must be equal to one of the allowed values",
    ],
  ];
  for (const [name, text, error] of cases) {
    test(`${name} ${error === undefined ? "fits" : "does not fit"}, as bgpd says`, () => {
      expect(errorsOf(text)).toEqual(error === undefined ? [] : expect.arrayContaining([error]));
      expect(faultsOf(text).length === 0).toBe(error === undefined);
    });
  }

  test("a field is described in bgpd's words", () => {
    const { properties } = jsonSchemas()["bgppeer.json"] ?? {};
    expect(properties?.spec).toMatchObject({
      properties: {
        reachableBy: {
          description:
            "expected a host's address such as 172.30.0.1 or fd00::1; link-local ones are not supported",
        },
      },
    });
  });
});
