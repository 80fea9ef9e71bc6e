import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConfiguration } from "../../bgpd/configuration.ts";
import { documentOf, nodeOf } from "../resource/documents.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "manx-configuration-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(...documents: string[]): string {
  const path = join(folder, "c.yaml");
  writeFileSync(path, documents.join("---\n"));
  return path;
}

const idle = documentOf("BGPConfiguration", "default", "logSeverityScreen: Debug");
const peer = (name: string, spec = ""): string =>
  documentOf("BGPPeer", name, `peerIP: 172.30.0.1\nasNumber: 65000\n${spec}`);

describe("a key in a Secret", () => {
  const secret = (key: string, namespace = "bgp"): string =>
    `apiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: ${namespace}}\nstringData: {tor: ${key}}\n`;
  const keyed = peer("tor", "password: {secretKeyRef: {name: keys, key: tor}}");
  const keyOf = (plan: ReturnType<ReturnType<typeof createConfiguration>["read"]>): string =>
    new TextDecoder().decode(plan?.speaker.peers[0]?.key?.reveal());

  test("is the session's until another is there, also while the Secret is gone", () => {
    const path = write(nodeOf("n1", 11), keyed, secret("one"));
    const configuration = createConfiguration(path, "n1");
    expect(keyOf(configuration.read())).toBe("one");
    write(nodeOf("n1", 11), keyed);
    expect(keyOf(configuration.read())).toBe("one");
    expect(configuration.notes()).toEqual([
      `${path}:14: BGPPeer tor: spec.password.secretKeyRef: no Secret is called keys: sessions keep the key that they had`,
    ]);
    write(nodeOf("n1", 11), keyed, secret("two"));
    expect(keyOf(configuration.read())).toBe("two");
  });

  test("is that of pods and ranges too, whose sessions are made later", () => {
    const cluster = documentOf(
      "BGPConfiguration",
      "default",
      "localWorkloadPeeringIPV4: 169.254.0.179",
    );
    const password = "password: {secretKeyRef: {name: keys, key: tor}}\nasNumber: 65001";
    const others = [
      documentOf("BGPPeer", "pods", `localWorkloadSelector: all()\n${password}`),
      documentOf("BGPPeer", "leaves", `listenRange: 10.0.0.0/8\n${password}`),
    ];
    const configuration = createConfiguration(
      write(nodeOf("n1", 11), cluster, ...others, secret("one")),
      "n1",
    );
    configuration.read();
    write(nodeOf("n1", 11), cluster, ...others);
    const { workloads = [], ranges = [] } = configuration.read()?.speaker ?? {};
    const keys = [...workloads, ...ranges].map(({ session: { key } }) =>
      new TextDecoder().decode(key?.reveal()),
    );
    expect(keys).toEqual(["one", "one"]);
  });

  test("that was never there keeps its session down, and nothing else", () => {
    const other = documentOf("BGPPeer", "b", "peerIP: 172.30.0.2\nasNumber: 65000");
    const path = write(nodeOf("n1", 11), keyed, other);
    const configuration = createConfiguration(path, "n1");
    expect(configuration.read()?.speaker.peers.map(({ name, keyless }) => [name, keyless])).toEqual(
      [
        ["tor", "no Secret is called keys"],
        ["b", undefined],
      ],
    );
    expect(configuration.status().faults).toEqual([]);
    expect(configuration.notes()).toEqual([
      `${path}:14: BGPPeer tor: spec.password.secretKeyRef: no Secret is called keys: no session until it is there`,
    ]);
  });

  test("is told from its file's permissions where others may read it", () => {
    const path = write(nodeOf("n1", 11), keyed, secret("one"));
    const configuration = createConfiguration(path, "n1");
    chmodSync(path, 0o600);
    configuration.read();
    expect(configuration.notes()).toEqual([]);
    chmodSync(path, 0o640);
    configuration.read();
    expect(configuration.notes()).toEqual([
      `${path}:16: Secret bgp/keys: its file: others can use it (mode 640): chmod 600`,
    ]);
  });

  test("has one place", () => {
    const path = write(nodeOf("n1", 11), keyed, secret("one"), secret("two", "other"));
    const configuration = createConfiguration(path, "n1");
    expect(configuration.read()).toBeUndefined();
    expect(configuration.status().faults).toEqual([
      `${path}:14: BGPPeer tor: spec.password.secretKeyRef: Secrets of this name are in the namespaces bgp, other: expected one`,
    ]);
  });
});

describe("a reading's notes", () => {
  test("are of what means nothing and of what another document decides", () => {
    const path = write(nodeOf("n1", 11), idle, peer("some", "node: n1"), peer("every"));
    const configuration = createConfiguration(path, "n1");
    expect(configuration.read()?.speaker.peers.map(({ name }) => name)).toEqual(["every"]);
    expect(configuration.notes()).toEqual([
      `${path}:12: BGPConfiguration default: spec.logSeverityScreen: "Debug": means nothing to this version of Manx: each daemon's log has the level that --log-level or MANX_LOG says`,
      `${path}:18: BGPPeer some: spec.peerIP: "172.30.0.1": the session of Node n1 with 172.30.0.1 is BGPPeer every's, as Calico has it: nothing of this document holds for it`,
    ]);
  });

  test("go with the next reading", () => {
    const configuration = createConfiguration(write(nodeOf("n1", 11), idle), "n1");
    configuration.read();
    expect(configuration.notes()).toHaveLength(1);
    write(nodeOf("n1", 11));
    configuration.read();
    expect([configuration.notes(), configuration.status().faults]).toEqual([[], []]);
    expect(configuration.status().generation).toBe(2);
  });
});
