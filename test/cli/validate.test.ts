import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listOf, serviceItem, sliceItem } from "../resource/kubectl.ts";
import { expectGolden } from "./golden.ts";
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

const ROOT = join(import.meta.dir, "../..");

/** What `manx validate` says of these, with paths from the root of the sources. */
async function shown(...argv: string[]): Promise<string> {
  const { code, out, err } = await run(["validate", ...argv]);
  expect([code, err]).toEqual([0, ""]);
  return out.replaceAll(`${ROOT}/`, "").replaceAll(`${folder}/`, "");
}

/** A mesh of nodes, every tenth with a router. */
function large(count: number): [kind: string, name: string, spec: object][] {
  const nodes = Array.from({ length: count }, (_, at): [string, string, object] => {
    const bgp = { ipv4Address: `172.30.${at >> 7}.${(at & 127) + 1}/16` };
    return ["Node", `n${at}`, { bgp, blocks: [`10.${at >> 8}.${at & 255}.0/24`] }];
  });
  const routers = nodes
    .filter((_, at) => at % 10 === 0)
    .map(([, name], at): [string, string, object] => [
      "BGPPeer",
      `tor-${at}`,
      { node: name, peerIP: `172.31.0.${at + 1}`, asNumber: 65_000 },
    ]);
  return [...nodes, ...routers];
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
    expect(out.split("\n").filter((line) => line.startsWith("note: "))).toEqual([
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

describe("what each node would do", () => {
  const racks = join(ROOT, "conf/racks");

  test("racks with reflectors and routers", async () => {
    expectGolden("validate-racks", await shown(racks));
  });

  test("one node alone", async () => {
    expectGolden("validate-racks-node", await shown(racks, "--node", "n1"));
  });

  test("every field that makes a session unusual", async () => {
    const path = write(
      "a.yaml",
      ["BGPConfiguration", "default", { listenPort: 1179, logSeverityScreen: "Debug" }],
      [
        "Node",
        "n1",
        {
          bgp: { ...NODE.bgp, ipv6Address: "fd00::11/64" },
          blocks: ["10.244.1.0/24"],
          gracefulShutdown: true,
        },
      ],
      [
        "BGPPeer",
        "odd",
        {
          peerIP: "203.0.113.1:1790",
          asNumber: 65_000,
          localASNumber: 65_100,
          reachableBy: "172.30.0.254",
          passive: true,
          holdTime: 0,
          role: "customer",
          strictRole: true,
          aigp: true,
          addPath: { receive: true, send: "BestN", count: 3 },
          bfd: { strict: true, minTransmitInterval: 100 },
          maxRestartTime: "5m",
          gracefulRestart: { notifications: true, longLivedStaleTime: "1h" },
          nextHopMode: "Self",
          asOverride: true,
          removePrivateAS: true,
          numAllowedLocalASNumbers: 2,
          rejectASSets: true,
          discardBlackhole: true,
          prefixLimit: { max: 9 },
          acceptDefaultRoute: true,
          exportPolicy: "none",
        },
      ],
    );
    expectGolden("validate-odd", await shown(path));
  });

  test("who only helps restarts asks for no time, whatever the cluster has", async () => {
    const path = write(
      "a.yaml",
      ["BGPConfiguration", "default", { gracefulRestart: { longLivedStaleTime: "1h" } }],
      ["Node", "n1", NODE],
      [
        "BGPPeer",
        "tor",
        {
          peerIP: "172.30.0.1",
          asNumber: 65_000,
          maxRestartTime: "5m",
          gracefulRestart: { mode: "Helper" },
        },
      ],
    );
    const text = await shown(path);
    expect(text).toContain("helps restarts only");
    expect(text).not.toMatch(/restart 300s|long-lived/);
  });

  test("sessions with keys, within few hops, kept down, and with whoever calls", async () => {
    const path = write(
      "a.yaml",
      [
        "BGPConfiguration",
        "default",
        {
          bindMode: "None",
          nodeMeshPassword: { file: "/k/mesh" },
          nodeMeshAddPath: { receive: true, send: "All" },
        },
      ],
      ["Node", "n1", NODE],
      ["Node", "n2", { bgp: { ipv4Address: "172.30.0.12/24" } }],
      [
        "BGPPeer",
        "tor",
        {
          node: "n1",
          peerIP: "172.30.0.1",
          asNumber: 65_000,
          password: { file: "/k/tor" },
          ttlSecurity: 1,
          sourceAddress: "None",
          interface: "eth1",
          delayOpen: 3,
          sendHoldTime: 0,
          shutdown: "cable",
        },
      ],
      [
        "BGPPeer",
        "pods",
        {
          node: "n1",
          listenRange: "172.30.0.0/24",
          asNumbers: [64_512, "65100-65199"],
          listenLimit: 8,
          sendHoldTime: 60,
          addPath: { send: "ECMP" },
        },
      ],
    );
    const out = await shown(path, "--node", "n1");
    expect(out).not.toContain("/k/");
    expectGolden("validate-sessions", out);
  });

  test("keys in Secrets, of which one is not there", async () => {
    const secret = (key: string): object => ({ secretKeyRef: { name: "bgp", key } });
    const tor = (host: number, key: string): object => ({
      peerIP: `172.30.0.${host}`,
      asNumber: 65_000,
      password: secret(key),
    });
    const path = write(
      "a.yaml",
      ["Node", "n1", NODE],
      ["BGPPeer", "tor", tor(1, "tor")],
      ["BGPPeer", "late", tor(2, "late")],
    );
    appendFileSync(
      path,
      "\n---\n{apiVersion: v1, kind: Secret, metadata: {name: bgp}, stringData: {tor: hush}}\n",
    );
    chmodSync(path, 0o600);
    const out = await shown(path);
    expect(out).not.toContain("hush");
    expectGolden("validate-secrets", out);
  });

  test("addresses of Services that a node announces by themselves", async () => {
    const path = write(
      "a.yaml",
      ["BGPConfiguration", "default", { serviceClusterIPs: [{ cidr: "10.96.0.0/12" }] }],
      ["Node", "n1", NODE],
      ["Node", "n2", { bgp: { ipv4Address: "172.30.0.12/24" } }],
    );
    const names = Array.from({ length: 30 }, (_, index) => `s${index}`);
    const items = names.flatMap((name, index) => [
      serviceItem({ name, cluster: `10.96.0.${index}`, policy: "Local" }),
      sliceItem(name, [index < 28 ? "n1" : "n2"]),
    ]);
    appendFileSync(path, `\n---\n${listOf(...items)}`);
    expectGolden("validate-services", await shown(path));
    expectGolden("validate-services-node", await shown(path, "--node", "n1"));
    const { groups } = JSON.parse((await run(["validate", path, "--json"])).out);
    expect(groups[0].nodes[1].services).toEqual([
      { prefix: "10.96.0.28/32", service: "shop/s28" },
      { prefix: "10.96.0.29/32", service: "shop/s29" },
    ]);
  });

  test("peers on links", async () => {
    const path = write(
      "a.yaml",
      ["Node", "n1", NODE],
      [
        "BGPPeer",
        "uplink-1",
        {
          interface: "eth1",
          asNumber: "external",
          ttlSecurity: 1,
          bfd: {},
          password: { file: "/k" },
        },
      ],
      ["BGPPeer", "uplink-2", { interface: "eth2", asNumber: 65_000 }],
      ["BGPPeer", "spine", { interface: "eth3", asNumber: "internal", passive: true }],
    );
    expectGolden("validate-unnumbered", await shown(path));
  });

  test("pods as peers, on the nodes that select them", async () => {
    const path = write(
      "a.yaml",
      [
        "BGPConfiguration",
        "default",
        { localWorkloadPeeringIPV4: "169.254.0.179", localWorkloadPeeringIPV6: "fd00:179::1" },
      ],
      ["Node", "n1", { bgp: { ...NODE.bgp, ipv6Address: "fd00:30::11/64" } }],
      ["Node", "n2", { bgp: { ipv4Address: "172.30.0.12/24" } }],
      ["BGPPeer", "red", { localWorkloadSelector: "color == 'red'", asNumber: 65_401 }],
      [
        "BGPPeer",
        "blue",
        {
          node: "n1",
          localWorkloadSelector: "color == 'blue' && has(router)",
          asNumber: 65_402,
          passive: true,
          password: { file: "/k" },
        },
      ],
    );
    expectGolden("validate-pods", await shown(path));
  });

  test("a large mesh is a page", async () => {
    const path = write("a.yaml", ...large(60));
    const out = await shown(path);
    expect(out).toContain("59 other nodes");
    expect(out).toContain("and 42 more, which --node shows one by one");
    const json = await run(["validate", path, "--json"]);
    const { groups } = JSON.parse(json.out);
    expect(groups).toHaveLength(7);
    expect(groups.map(({ nodes }: { nodes: unknown[] }) => nodes.length).sort()).toEqual([
      1, 1, 1, 1, 1, 1, 54,
    ]);
  });

  test("a node that is not there", async () => {
    const { code, err } = await run(["validate", racks, "--node", "n9"]);
    expect([code, err]).toEqual([
      2,
      '--node: no Node is called "n9": there are n1, n2, n3, n4, r1, r2; say which one this is with --node\n',
    ]);
  });

  test("what two documents say of one session is noted once", async () => {
    const peer = { peerIP: "172.30.0.1", asNumber: 65_000 };
    const path = write(
      "a.yaml",
      ["Node", "n1", NODE],
      ["BGPPeer", "first", { node: "n1", ...peer }],
      ["BGPPeer", "every", peer],
    );
    expect(await shown(path)).toContain(
      `note: a.yaml:3: BGPPeer first: spec.peerIP: "172.30.0.1": the session of Node n1 with 172.30.0.1 is BGPPeer every's`,
    );
  });
});
