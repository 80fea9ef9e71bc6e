import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
