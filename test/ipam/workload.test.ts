/** The node's pods, by the records of all networks. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeRecord, encodeRecord } from "../../ipam/record.ts";
import { openRecords } from "../../ipam/records-files.ts";
import { watchRecords } from "../../ipam/records-watch.ts";
import { WorkloadReader } from "../../ipam/workload.ts";
import { formatAddress } from "../../lib/address.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { recordOf } from "./records-suite.ts";

const BLOCK6 = parsePrefix("fd00::/120");
let base: string;
let directory: string;
let number = 0;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "manx-workload-"));
});
afterAll(() => rmSync(base, { recursive: true }));
beforeEach(() => {
  directory = join(base, `${number++}`, "ipam");
});

const recordsOf = (network: string) => openRecords({ directory, network });

/** `NETWORK CONTAINER ADDRESSES LABELS`, each. */
function print(reader: WorkloadReader): string[] {
  const watch = watchRecords(() => {}, directory);
  const workloads = reader.read(watch.folders());
  watch.close();
  return workloads.map(({ network, holder, addresses, labels }) => {
    const own = { color: labels.color, of: labels["projectcalico.org/namespace"] };
    return `${network} ${holder.container} ${addresses.map(formatAddress).join(" ")} ${JSON.stringify(own)}`;
  });
}

describe("workloads", () => {
  test("are attachments with all their addresses, of every network and of the node's blocks, by time", () => {
    const late = {
      ...recordOf(1, "a"),
      time: "2026-02-01T00:00:00.000Z",
      labels: { color: "red" },
    };
    recordsOf("one").claim(late);
    recordsOf("one").claim({ ...late, ...pick(recordOf(2, "a", BLOCK6)) });
    openRecords({ directory, network: "two", scope: "node" }).claim({
      ...recordOf(3, "b", parsePrefix("10.9.0.0/28")),
      network: "two",
    });
    expect(print(new WorkloadReader())).toEqual([
      'two b 10.9.0.3 {"of":"default"}',
      'one a 10.244.1.1 fd00::2 {"color":"red","of":"default"}',
    ]);
  });

  test("are what the records say now, also where an address is another's by the same name", () => {
    const reader = new WorkloadReader();
    expect(print(reader)).toEqual([]);
    recordsOf("one").claim(recordOf(1, "a"));
    expect(print(reader)).toEqual(['one a 10.244.1.1 {"of":"default"}']);
    recordsOf("one").release(recordOf(1, "a").holder, 4);
    recordsOf("one").claim(recordOf(1, "b"));
    expect(print(reader)).toEqual(['one b 10.244.1.1 {"of":"default"}']);
    recordsOf("one").release(recordOf(1, "b").holder, 4);
    expect(print(reader)).toEqual([]);
  });

  test("are none of a record that cannot be read", () => {
    recordsOf("one").claim(recordOf(1, "a"));
    const watch = watchRecords(() => {}, directory);
    const [folder] = watch.folders();
    watch.close();
    writeFileSync(`${folder!.path}/address/10.244.1.9`, "{");
    expect(print(new WorkloadReader())).toEqual(['one a 10.244.1.1 {"of":"default"}']);
  });

  test("are told of as they come, though no folder was there when the watch began", async () => {
    let told = 0;
    const watch = watchRecords(() => {
      told++;
      watch.folders();
    }, directory);
    watch.folders();
    recordsOf("first").release(recordOf(1, "a").holder, 4);
    const next = async (act: () => void): Promise<boolean> => {
      const before = told;
      act();
      for (const end = performance.now() + 5000; performance.now() < end; await Bun.sleep(2)) {
        if (told > before) return true;
      }
      return false;
    };
    // Nobody has made the folder above: then whoever looks now and then finds it.
    recordsOf("first").claim(recordOf(0, "z"));
    watch.folders();
    expect(await next(() => recordsOf("second").claim(recordOf(1, "a")))).toBe(true);
    watch.folders();
    expect(await next(() => recordsOf("second").release(recordOf(1, "a").holder, 4))).toBe(true);
    watch.close();
  });
});

describe("labels in a record", () => {
  const labelled = { ...recordOf(1, "a"), labels: { color: "red", "a/b": "" } };

  test("are read as they were written", () => {
    expect(decodeRecord(encodeRecord(labelled))).toEqual(labelled);
    expect(encodeRecord(recordOf(1, "a"))).not.toContain("labels");
  });

  test("are of the same version: who knows none of them reads the rest", () => {
    const { labels, ...rest } = JSON.parse(encodeRecord(labelled));
    expect(labels).toEqual(labelled.labels);
    expect(rest.version).toBe(1);
    expect(decodeRecord(JSON.stringify(rest))).toEqual(recordOf(1, "a"));
  });

  test("that are no text are no record's", () => {
    const text = encodeRecord(labelled).replace('"red"', "1");
    expect(() => decodeRecord(text)).toThrow("color is 1, not text");
  });
});

function pick({ address, block }: ReturnType<typeof recordOf>) {
  return { address, block };
}
