import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IpamAnswer } from "../../cli/ipam.ts";
import { writeNodeFile } from "../../ipam/node.ts";
import { openRecords } from "../../ipam/records-files.ts";
import { parseAddress } from "../../lib/address.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { run } from "./run.ts";

let folder: string;
let flags: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "manx-ipam-"));
  flags = ["--node-file", join(folder, "node.json"), "--data-dir", join(folder, "ipam")];
});

afterEach(() => rmSync(folder, { recursive: true }));

function publish(...blocks: string[]): void {
  writeNodeFile(join(folder, "node.json"), {
    node: "n1",
    blocks: { ipv4: blocks.map(parsePrefix), ipv6: [] },
    mtu: 1500,
    generation: 1,
    ready: { ok: true, reason: "converged", since: "2026-01-01T00:00:00.000Z" },
  });
}

function take(network: string, address: string, block: string): void {
  const records = openRecords({ directory: join(folder, "ipam"), network });
  const taken = records.claim({
    address: parseAddress(address),
    block: parsePrefix(block),
    holder: { container: `c-${address}`, interfaceName: "eth0" },
    pod: { namespace: "default", name: `web-${address}` },
    time: "2026-01-01T00:00:00.000Z",
  });
  expect(taken).toBe(true);
}

describe("manx ipam", () => {
  test("counts what is used and free in each block", async () => {
    publish("10.244.1.0/24", "10.244.9.0/30");
    take("pods", "10.244.1.7", "10.244.1.0/24");
    take("pods", "10.244.1.8", "10.244.1.0/24");
    const { code, out } = await run(["ipam", ...flags]);
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.split(/ +/))).toEqual([
      ["POOL", "BLOCKS", "USED", "FREE"],
      ["-", "2", "2", "258"],
      [""],
      ["BLOCK", "POOL", "NETWORK", "USED", "FREE"],
      ["10.244.1.0/24", "-", "pods", "2", "254"],
      ["10.244.9.0/30", "-", "0", "4"],
      [""],
    ]);
  });

  test("show lists each address with its holder", async () => {
    publish("10.244.1.0/24");
    take("pods", "10.244.1.7", "10.244.1.0/24");
    const { out } = await run(["ipam", "show", ...flags]);
    expect(out).toContain("10.244.1.7");
    expect(out).toContain("pod default/web-10.244.1.7 (eth0)");
  });

  test("--json has everything, also of a network whose block is no longer the node's", async () => {
    publish("10.244.1.0/24");
    take("pods", "10.244.3.1", "10.244.3.0/24");
    const { out } = await run(["ipam", "--json", ...flags]);
    const answer: IpamAnswer = JSON.parse(out);
    expect(answer.blocks).toEqual([
      { block: "10.244.3.0/24", pool: null, network: "pods", used: 1, cooling: 0, free: 255 },
      { block: "10.244.1.0/24", pool: null, network: null, used: 0, cooling: 0, free: 256 },
    ]);
    expect(answer.addresses[0]).toMatchObject({ address: "10.244.3.1", container: "c-10.244.3.1" });
  });

  test("without a node file it says so and shows what the records tell", async () => {
    take("pods", "10.244.1.7", "10.244.1.0/24");
    const { code, out } = await run(["ipam", ...flags]);
    expect(code).toBe(0);
    expect(out).toContain("10.244.1.0/24");
    expect(out).toContain(`cannot read ${join(folder, "node.json")} (ENOENT)`);
  });

  test("a damaged record is named, and its address stays taken", async () => {
    publish("10.244.1.0/24");
    take("pods", "10.244.1.7", "10.244.1.0/24");
    const boot = new Bun.Glob("*/pods/address/10.244.1.7").scanSync(join(folder, "ipam")).next();
    writeFileSync(join(folder, "ipam", String(boot.value)), "{");
    const { out } = await run(["ipam", ...flags]);
    expect(out).toContain("address/10.244.1.7");
    expect(out).toContain("its address stays taken");
  });
});
