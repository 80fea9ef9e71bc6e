import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type IpamAnswer, viewIpam } from "../../cli/ipam.ts";
import { addressAnswer } from "../../cli/ipam-show.ts";
import { viewOf } from "../../ipam/machine.ts";
import { type NodeBlock, writeNodeFile } from "../../ipam/node.ts";
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
  publishBlocks(...blocks.map(parsePrefix));
}

function publishBlocks(...blocks: NodeBlock[]): void {
  writeNodeFile(join(folder, "node.json"), {
    node: "n1",
    blocks: { ipv4: blocks, ipv6: [] },
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

  test("tells of a block what the daemon says of it: its pool and what is reserved", async () => {
    const block = {
      ...parsePrefix("10.244.1.0/24"),
      pool: "green",
      skipFirstAndLast: true,
      reserved: [{ prefix: parsePrefix("10.244.1.32/30"), name: "printers" }],
    };
    publishBlocks(block);
    const { out } = await run(["ipam", "--json", ...flags]);
    const answer: IpamAnswer = JSON.parse(out);
    expect(answer.blocks).toEqual([
      { block: "10.244.1.0/24", pool: "green", network: null, used: 0, cooling: 0, free: 250 },
    ]);
    const { out: reserved } = await run(["ipam", "show", "10.244.1.33", "--json", ...flags]);
    expect(JSON.parse(reserved)).toMatchObject({ state: "reserved", pool: "green" });
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

  test("--config names the pools of blocks, and sums them up", async () => {
    publish("10.244.1.0/24", "10.244.9.0/30", "192.0.2.0/30");
    take("pods", "10.244.1.7", "10.244.1.0/24");
    const config = join(folder, "pools.yaml");
    writeFileSync(
      config,
      "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: green}\nspec: {cidr: 10.244.0.0/16}\n",
    );
    const { out } = await run(["ipam", "--json", "--config", config, ...flags]);
    expect((JSON.parse(out) as IpamAnswer).pools).toEqual([
      { pool: "green", blocks: 2, used: 1, cooling: 0, free: 259 },
      { pool: null, blocks: 1, used: 0, cooling: 0, free: 4 },
    ]);
    writeFileSync(config, "kind: IPPool\n");
    const refused = await run(["ipam", "--config", config, ...flags]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("pools.yaml");
  });

  test("show of a block is a map of it, of another an error that names those there are", async () => {
    publish("10.244.9.0/30");
    take("pods", "10.244.9.1", "10.244.9.0/30");
    const { out } = await run(["ipam", "show", "10.244.9.0/30", "--json", ...flags]);
    expect(JSON.parse(out)).toEqual([
      {
        block: "10.244.9.0/30",
        network: "pods",
        pool: null,
        cells: ["free", "used", "free", "free"],
      },
    ]);
    const all = await run(["ipam", "show", "--map", ...flags]);
    expect(all.out).toStartWith("10.244.9.0/30  network pods  pool -\n");
    const other = await run(["ipam", "show", "10.244.8.0/30", ...flags]);
    expect(other).toMatchObject({
      code: 1,
      err: "manx: 10.244.8.0/30 is no block of this node: there are 10.244.9.0/30\n",
    });
  });

  test("an address that was given back cools, in its block and its pool", async () => {
    publish("10.244.9.0/30");
    take("pods", "10.244.9.1", "10.244.9.0/30");
    const records = openRecords({ directory: join(folder, "ipam"), network: "pods" });
    records.release({ container: "c-10.244.9.1", interfaceName: "eth0" }, 4);
    const { out } = await run(["ipam", "--json", ...flags]);
    expect((JSON.parse(out) as IpamAnswer).blocks).toEqual([
      { block: "10.244.9.0/30", pool: null, network: "pods", used: 0, cooling: 1, free: 3 },
    ]);
  });

  test("one address: used, free, cooling, not of this node, or one whose record cannot be read", () => {
    publish("10.244.9.0/30");
    for (const ordinal of [0, 1, 2]) take("pods", `10.244.9.${ordinal}`, "10.244.9.0/30");
    const records = openRecords({ directory: join(folder, "ipam"), network: "pods" });
    records.release({ container: "c-10.244.9.2", interfaceName: "eth0" }, 4);
    const [file] = new Bun.Glob("*/pods/address/10.244.9.0").scanSync(join(folder, "ipam"));
    writeFileSync(join(folder, "ipam", file ?? ""), "{");
    const view = viewIpam({ nodeFile: join(folder, "node.json"), dataDir: join(folder, "ipam") });
    const host = { links: [], addresses: [], routes: [], neighbours: [] };
    const machine = viewOf({ host, namespaces: [], calls: [], unseen: [] });
    const answer = (text: string) => addressAnswer(parseAddress(text), view, { view: machine });
    expect([0, 1, 2, 3].map((ordinal) => answer(`10.244.9.${ordinal}`).state)).toEqual([
      "unreadable",
      "used",
      "cooling",
      "free",
    ]);
    expect(answer("192.0.2.1")).toMatchObject({ state: "not of this node", block: null });
    // What the record does not say its file's name does.
    expect(answer("10.244.9.0").holders).toMatchObject([
      { container: "c-10.244.9.0", interface: "eth0", since: null, hostEnd: null, namespace: null },
    ]);
  });
});
