/** Address records: both implementations, killed processes, and many at once. */

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { allocate, Exhausted } from "../../ipam/allocate.ts";
import { addressAt } from "../../ipam/block.ts";
import type { AddressRecord } from "../../ipam/record.ts";
import { openRecords } from "../../ipam/records-files.ts";
import { memoryRecords } from "../../ipam/records-memory.ts";
import { listFolders } from "../../ipam/scope.ts";
import { formatAddress } from "../../lib/address.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { BOOT, memoryFiles } from "./memory-files.ts";
import { BLOCK, describeRecords, recordOf } from "./records-suite.ts";

const folder = mkdtempSync(join(tmpdir(), "manx-records-"));
afterAll(() => rmSync(folder, { recursive: true }));
let networks = 0;
const network = (): string => `n${networks++}`;

function wishOf(container: string) {
  return {
    holder: { container, interfaceName: "eth0" },
    reserved: () => [],
    time: "2026-01-01T00:00:00.000Z",
  };
}

describeRecords("in memory", (now) => memoryRecords(now));
describeRecords("files on disk", (now) =>
  openRecords({ directory: folder, network: network(), boot: BOOT, now }),
);
describeRecords("files in memory", (now) =>
  openRecords({ files: memoryFiles(), network: "n", now }),
);

describeRecords("files in the node's folder", (now) =>
  openRecords({ files: memoryFiles(), network: "n", scope: "node", now }),
);

describe("records on disk", () => {
  test("two processes' views of one network are the same", () => {
    const options = { directory: folder, network: network(), boot: BOOT };
    openRecords(options).claim(recordOf(3, "a"));
    expect(openRecords(options).claim(recordOf(3, "b"))).toBe(false);
    expect(openRecords(options).list().records).toEqual([recordOf(3, "a")]);
  });

  test("the first claim after a boot removes other boots' folders, and nothing else", () => {
    const directory = join(folder, "boots");
    for (const name of ["00000000-0000-4000-8000-000000000000", "kept"]) {
      mkdirSync(join(directory, name, "n"), { recursive: true });
    }
    openRecords({ directory, network: "n", boot: BOOT }).claim(recordOf(3, "a"));
    expect(readdirSync(directory).sort()).toEqual([BOOT, "kept"]);
    expect(listFolders(directory, BOOT).map(({ network }) => network)).toEqual(["n"]);
  });

  test("a record that cannot be read keeps its address, is listed, and goes with its DEL", () => {
    const options = { directory: folder, network: network(), boot: BOOT };
    const records = openRecords(options);
    records.claim(recordOf(3, "a"));
    const path = join(folder, BOOT, options.network, "address/10.244.1.3");
    writeFileSync(path, '{"version": 9}');
    expect(records.isTaken(addressAt(BLOCK, 3))).toBe(true);
    expect(records.list()).toEqual({
      records: [],
      unreadable: [{ path, reason: expect.stringContaining("record version is 9, not 1") }],
    });
    records.release({ container: "a", interfaceName: "eth0" }, 4);
    expect(existsSync(path)).toBe(false);
  });
});

describe("a record that cannot be read", () => {
  const holder = { container: "a", interfaceName: "eth0" };
  const contents: [string, string][] = [
    ["nothing", ""],
    ["half a record", '{"version":1,"address":"10.2'],
    ["a record of a later version", '{"version":9}'],
    ["octets", "\u0000\ufffd"],
    ["another's address", JSON.stringify({ ...said(recordOf(4, "a")) })],
    ["another holder", JSON.stringify({ ...said(recordOf(3, "b")) })],
  ];

  function said({ address, block, holder: { container, interfaceName }, time }: AddressRecord) {
    return {
      version: 1,
      address: formatAddress(address),
      block: formatPrefix(block),
      container,
      interface: interfaceName,
      time,
    };
  }

  /** One address in use, and what its record says by now. */
  const damaged = (text: string, container = "a") => {
    const warnings: string[] = [];
    const options = { directory: folder, network: network(), boot: BOOT, now: () => 77 };
    const records = openRecords({ ...options, warn: (message) => void warnings.push(message) });
    records.claim(recordOf(3, container));
    const root = join(folder, BOOT, options.network);
    writeFileSync(join(root, "address/10.244.1.3"), text);
    return { records, warnings, root };
  };

  for (const [name, text] of contents) {
    test(`${name}: it is put aside once, its address stays taken, and its holder gets another`, () => {
      const { records, warnings, root } = damaged(text);
      expect(records.find(holder, 4)).toBeUndefined();
      expect(records.find(holder, 4)).toBeUndefined();
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain("10.244.1.3 stays taken; manx ipam check says more");
      expect(readdirSync(join(root, "quarantine"))).toEqual(["10.244.1.3@a:eth0:4"]);
      expect(records.isTaken(addressAt(BLOCK, 3))).toBe(true);
      expect(allocate(records, { ...wishOf("a"), blocks: [BLOCK] }).record.address).toEqual(
        addressAt(BLOCK, 0),
      );
      expect(records.addresses(holder, 4).map(formatAddress)).toEqual(["10.244.1.0", "10.244.1.3"]);
    });

    test(`${name}: DEL gives it back, put aside or not, and lets it cool`, () => {
      for (const isMet of [false, true]) {
        const { records, root } = damaged(text);
        if (isMet) records.find(holder, 4);
        expect(records.holders()).toEqual([{ holder, family: 4 }]);
        expect(records.addresses(holder, 4).map(formatAddress)).toEqual(["10.244.1.3"]);
        for (const give of [records.release, records.releaseAside]) give(holder, 4);
        expect(records.order(BLOCK)[3]).toBe(77);
        const files = readdirSync(root, { recursive: true, withFileTypes: true });
        expect(files.filter((file) => file.isFile()).map((file) => file.name)).toEqual([
          "10.244.1.0_28",
        ]);
      }
    });
  }

  test("a second one of the same holder is put aside as well, and both go with its DEL", () => {
    const { records, root } = damaged("");
    records.find(holder, 4);
    records.claim(recordOf(5, "a"));
    writeFileSync(join(root, "address/10.244.1.5"), "");
    expect(records.find(holder, 4)).toBeUndefined();
    expect(records.addresses(holder, 4)).toHaveLength(2);
    for (const give of [records.release, records.releaseAside]) give(holder, 4);
    expect(records.list()).toEqual({ records: [], unreadable: [] });
  });

  test("whose holder's name is too long for a file, too", () => {
    const container = "c".repeat(300);
    const { records, root } = damaged("", container);
    const long = { container, interfaceName: "eth0" };
    expect(records.strays().map(formatAddress)).toEqual(["10.244.1.3"]);
    expect(records.find(long, 4)).toBeUndefined();
    expect(readdirSync(join(root, "quarantine"))).toHaveLength(1);
    expect(records.strays().map(formatAddress)).toEqual(["10.244.1.3"]);
    expect(records.addresses(long, 4)).toHaveLength(1);
    for (const give of [records.release, records.releaseAside]) give(long, 4);
    expect(records.strays()).toEqual([]);
  });

  test("a file of an address that is no holder's is nobody's, and what is no address is left alone", () => {
    const { records, root } = damaged("");
    const address = join(root, "address/10.244.1.3");
    rmSync(address);
    writeFileSync(address, "");
    writeFileSync(join(root, "address/README"), "");
    records.release(holder, 4);
    expect(records.strays().map(formatAddress)).toEqual(["10.244.1.3"]);
    records.releaseAddress(addressAt(BLOCK, 3));
    expect(readdirSync(join(root, "address"))).toEqual(["README"]);
  });

  test("whoever puts it aside may be killed at any operation", () => {
    let operation = 0;
    for (; ; operation++) {
      const files = memoryFiles();
      const open = () => openRecords({ files, network: "n", now: () => 9, warn: () => {} });
      open().claim(recordOf(3, "a"));
      const path = files.paths().find((name) => name.endsWith("address/10.244.1.3")) ?? "";
      files.writeAt(path, new TextEncoder().encode("?"), 0);
      files.killAt(operation);
      try {
        open().find(holder, 4);
        break;
      } catch (fault) {
        if (!files.killed) throw fault;
      }
      files.killAt(undefined);
      expect(open().isTaken(addressAt(BLOCK, 3))).toBe(true);
      open().release(holder, 4);
      open().releaseAside(holder, 4);
      expect(files.paths().filter((name) => !name.includes("/order/"))).toEqual([]);
    }
    expect(operation).toBeGreaterThan(5);
  });
});

describe("the past of a block that is nonsense", () => {
  for (const [name, times] of [
    ["no numbers", Array(16).fill(Number.NaN)],
    ["times before the boot", Array(16).fill(-1)],
    ["times that are yet to come", Array(16).fill(1e300)],
    ["a file that ends early", [1]],
  ] as const) {
    test(`${name}: every address is found all the same`, () => {
      const options = { directory: folder, network: network(), boot: BOOT, now: () => 1000 };
      const records = openRecords(options);
      records.claim(recordOf(0, "first"));
      const order = join(folder, BOOT, options.network, "order/10.244.1.0_28");
      writeFileSync(order, new Uint8Array(new Float64Array(times).buffer));
      const cooldown = { time: 30, isStrict: true };
      for (let count = 1; count < 16; count++) {
        allocate(records, { ...wishOf(`c${count}`), blocks: [BLOCK], cooldown });
      }
      expect(records.list().records).toHaveLength(16);
      expect(() => allocate(records, { ...wishOf("late"), blocks: [BLOCK], cooldown })).toThrow(
        Exhausted,
      );
    });
  }
});

describe("a process that is killed", () => {
  const wish = (container: string) => ({
    ...wishOf(container),
    blocks: [parsePrefix("10.244.1.0/30")],
  });
  const steps = {
    ADD: (files: ReturnType<typeof memoryFiles>) =>
      void allocate(openRecords({ files, network: "n" }), wish("a")),
    DEL: (files: ReturnType<typeof memoryFiles>) =>
      void openRecords({ files, network: "n", now: () => 5 }).release(wish("a").holder, 4),
  };

  /** Files after `before`, and then a process killed at `operation`; undefined when it came through. */
  const killed = (before: (keyof typeof steps)[], last: keyof typeof steps, operation: number) => {
    const files = memoryFiles();
    for (const step of before) steps[step](files);
    files.killAt(operation);
    try {
      steps[last](files);
    } catch (fault) {
      if (!files.killed) throw fault;
      files.killAt(undefined);
      return files;
    }
    return undefined;
  };

  const scenes: { name: string; before: (keyof typeof steps)[]; last: keyof typeof steps }[] = [
    { name: "in the first ADD of a boot", before: [], last: "ADD" },
    { name: "in a later ADD", before: ["ADD", "DEL"], last: "ADD" },
    { name: "in an ADD that finds what it has", before: ["ADD"], last: "ADD" },
    { name: "in a DEL", before: ["ADD"], last: "DEL" },
    { name: "in a second DEL", before: ["ADD", "DEL"], last: "DEL" },
  ];
  for (const { name, before, last } of scenes) {
    test(`${name}, at whatever operation: a taken address is its holder's, and DEL leaves nothing`, () => {
      let operation = 0;
      for (; ; operation++) {
        const files = killed(before, last, operation);
        if (files === undefined) break;
        const records = openRecords({ files, network: "n", now: () => 9 });
        const { records: listed, unreadable } = records.list();
        expect(unreadable).toEqual([]);
        for (const record of listed) expect(records.find(record.holder, 4)).toEqual(record);
        steps.DEL(files);
        expect(files.paths().filter((path) => !path.includes("/order/"))).toEqual([]);
      }
      expect(operation).toBeGreaterThan(2);
    });

    test(`${name}, at whatever operation: the next ADD works, and no address is lost`, () => {
      for (let operation = 0; ; operation++) {
        const files = killed(before, last, operation);
        if (files === undefined) break;
        steps.ADD(files);
        const records = openRecords({ files, network: "n" });
        const others = ["b", "c", "d"].map(
          (container) => allocate(records, wish(container)).record,
        );
        expect(new Set(others.map(({ address }) => formatAddress(address))).size).toBe(3);
        expect(records.list().records).toHaveLength(4);
        expect(() => allocate(records, wish("e"))).toThrow(Exhausted);
      }
    });
  }
});

describe("any sequence of ADD and DEL", () => {
  const commands = fc.array(
    fc.record({ verb: fc.constantFrom("ADD", "DEL"), container: fc.nat(11).map((n) => `c${n}`) }),
    { maxLength: 60 },
  );
  const blocks = [parsePrefix("10.244.1.0/30"), parsePrefix("10.244.9.4/31")];
  const all = blocks.flatMap((block) =>
    Array.from({ length: block.length === 30 ? 4 : 2 }, (_, n) =>
      formatAddress(addressAt(block, n)),
    ),
  );

  for (const [name, open] of [
    ["in memory", (now: () => number) => memoryRecords(now)],
    ["in files", (now: () => number) => openRecords({ files: memoryFiles(), network: "n", now })],
  ] as const) {
    test(`${name} behaves as a list of free addresses does: longest free of the first block first`, () => {
      fc.assert(
        fc.property(commands, (sequence) => {
          let time = 0;
          const records = open(() => time);
          // The model: free addresses of each block in the order of being given.
          const free = blocks.map((block) =>
            all.filter((text) => text.startsWith(`10.244.${(block.w0 >> 8) & 255}.`)),
          );
          const held = new Map<string, string>();
          for (const { verb, container } of sequence) {
            time++;
            const holder = { container, interfaceName: "eth0" };
            const wish = { holder, blocks, reserved: () => [], time: "2026-01-01T00:00:00.000Z" };
            const has = held.get(container);
            if (verb === "DEL") {
              const given = records.release(holder, 4);
              expect(given === undefined ? undefined : formatAddress(given.address)).toBe(
                has as string,
              );
              held.delete(container);
              if (has !== undefined)
                free.find((_, at) => has.startsWith(`10.244.${at === 0 ? 1 : 9}.`))?.push(has);
              continue;
            }
            const next = has ?? free.find((list) => list.length > 0)?.shift();
            if (next === undefined) {
              expect(() => allocate(records, wish)).toThrow(Exhausted);
              continue;
            }
            expect(formatAddress(allocate(records, wish).record.address)).toBe(next);
            held.set(container, next);
          }
          const listed = records
            .list()
            .records.map(({ address, holder }) => [holder.container, formatAddress(address)]);
          expect(new Map(listed as [string, string][])).toEqual(held);
        }),
        { numRuns: 200 },
      );
    });
  }
});

describe("64 processes at once", () => {
  test("get 64 addresses, none twice, all of their own", async () => {
    const directory = join(folder, "crowd");
    const claim = (container: string) =>
      Bun.spawn([process.execPath, join(import.meta.dir, "claimer.ts"), directory, container], {
        stdout: "pipe",
      });
    const crowd = Array.from({ length: 64 }, (_, index) => claim(`c${index}`));
    const texts = await Promise.all(crowd.map((child) => new Response(child.stdout).text()));
    expect(new Set(texts).size).toBe(64);
    const { records, unreadable } = openRecords({ directory, network: "n", boot: BOOT }).list();
    expect({ count: records.length, unreadable }).toEqual({ count: 64, unreadable: [] });
    const mine = new Map(records.map((record) => [record.holder.container, record]));
    texts.forEach((text, index) => {
      expect(formatAddress(mine.get(`c${index}`)!.address)).toBe(text);
    });
  });
});
