import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "manx-validate-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, ...documents: [kind: string, name: string, spec: object][]): string {
  const path = join(folder, name);
  const texts = documents.map(([kind, metadataName, spec]) =>
    JSON.stringify({
      apiVersion: "projectcalico.org/v3",
      kind,
      metadata: { name: metadataName },
      spec,
    }),
  );
  writeFileSync(path, texts.join("\n---\n"));
  return path;
}

const NODE = { bgp: { ipv4Address: "172.30.0.11/24" } };

describe("manx validate", () => {
  test("counts what is there when nothing is wrong", async () => {
    const path = write("a.yaml", ["Node", "n1", NODE]);
    const { code, out, err } = await run(["validate", path]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(
      "1 Node, 0 BGPPeers, 0 BGPFilters, 0 IPPools, 0 IPReservations: no fault",
    );
  });

  test("tells every fault of every file, with file and line, and ends with 2", async () => {
    write("a.yaml", ["Node", "n1", { bgp: { ipv4Address: "172.30.0.300" } }]);
    write("b.yaml", ["BGPPeer", "tor", { peerIP: "172.30.0.1", asNumber: 0 }]);
    const { code, out, err } = await run(["validate", folder]);
    expect([code, out]).toEqual([2, ""]);
    const lines = err.trim().split("\n");
    expect(lines[0]).toStartWith(
      `${folder}/a.yaml:1: Node n1: spec.bgp.ipv4Address: "172.30.0.300"`,
    );
    expect(lines[1]).toStartWith(`${folder}/b.yaml:1: BGPPeer tor: spec.asNumber: 0`);
  });

  test("tells a fault once that several nodes have", async () => {
    const peer = { peerIP: "172.30.0.1", asNumber: 65_000 };
    const path = write(
      "a.yaml",
      ["Node", "n1", NODE],
      ["Node", "n2", { bgp: { ipv4Address: "172.30.0.12/24" } }],
      ["BGPPeer", "tor", peer],
      ["BGPPeer", "twin", { ...peer, peerIP: "172.30.0.1:1179" }],
    );
    const { code, err } = await run(["validate", path]);
    expect(code).toBe(2);
    expect(err.trim().split("\n")).toHaveLength(1);
  });

  test("notes where Calico takes or tells more, once for all nodes", async () => {
    const path = write(
      "a.yaml",
      ["Node", "n1", { ...NODE, blocks: ["10.244.1.0/24"] }],
      ["Node", "n2", { bgp: { ipv4Address: "172.30.0.12/24" }, blocks: ["10.244.2.0/24"] }],
      ["IPPool", "pods", { cidr: "10.244.0.0/16" }],
      ["BGPConfiguration", "default", { serviceClusterIPs: [{ cidr: "10.96.0.0/12" }] }],
      ["BGPFilter", "open", { importV4: [{ action: "Accept" }], exportV4: [{ action: "Accept" }] }],
      ["BGPPeer", "tor", { peerIP: "172.30.0.1", asNumber: 65_000 }],
      [
        "BGPPeer",
        "default",
        { peerIP: "172.30.0.2", asNumber: 65_000, acceptDefaultRoute: true, exportPolicy: "pools" },
      ],
      [
        "BGPPeer",
        "calico",
        { peerIP: "172.30.0.3", asNumber: 65_000, importPolicy: "all", exportPolicy: "pools" },
      ],
      ["BGPPeer", "filtered", { peerIP: "172.30.0.4", asNumber: 65_000, filters: ["open"] }],
      [
        "BGPPeer",
        "closed",
        { peerIP: "172.30.0.5", asNumber: 65_000, importPolicy: "none", exportPolicy: "none" },
      ],
      ["BGPPeer", "inside", { peerIP: "172.30.0.6", asNumber: 64_512 }],
    );
    const own =
      "what is inside our pool 10.244.0.0/16, what is inside our service range 10.96.0.0/12, this node's blocks, loopback, link-local, multicast and reserved prefixes; importPolicy: all takes it";
    const { code, out } = await run(["validate", path]);
    expect(code).toBe(0);
    expect(out.trim().split("\n").slice(1)).toEqual([
      `note: BGPPeer tor: refused where Calico takes it: the default route, ${own}`,
      "note: BGPPeer tor: not told where Calico tells it: other nodes' routes in 10.244.0.0/16; exportPolicy: pools tells them",
      `note: BGPPeer default: refused where Calico takes it: ${own}`,
      "note: BGPPeer closed: no route comes in (importPolicy: none, RFC 8212); Calico takes all",
      "note: BGPPeer closed: no route goes out (exportPolicy: none, RFC 8212); Calico tells our blocks",
    ]);
    const json = await run(["validate", path, "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({ faults: [], notes: { length: 5 } });
  });

  test("--json has the faults as records, and a missing path is one", async () => {
    const { code, out } = await run(["validate", join(folder, "none"), "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(out).faults[0]).toMatchObject({ file: join(folder, "none"), line: 0 });
  });
});
