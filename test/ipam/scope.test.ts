/** Records of the node's blocks, which networks share; and what becomes the node's that was a network's. */

import { describe, expect, test } from "bun:test";
import { allocate } from "../../ipam/allocate.ts";
import { addressAt, IN_USE } from "../../ipam/block.ts";
import { inspectFolder } from "../../ipam/inspection.ts";
import { DATA_DIRECTORY, openRecords } from "../../ipam/records-files.ts";
import { listFolders, SCOPES } from "../../ipam/scope.ts";
import { formatAddress } from "../../lib/address.ts";
import { BOOT, type MemoryFiles, memoryFiles } from "./memory-files.ts";
import { BLOCK, recordOf } from "./records-suite.ts";

const A = { container: "a", interfaceName: "eth0" };
const LONG = { container: "l".repeat(300), interfaceName: "eth0" };

/** Records of a network, in the node's folder or in its own. */
function open(files: MemoryFiles, network: string, scope: "node" | "network" = "node") {
  return openRecords({ files, network, scope, now: () => 77, warn: () => {} });
}

function take(files: MemoryFiles, network: string, container: string): string {
  const { record } = allocate(open(files, network), {
    holder: { container, interfaceName: "eth0" },
    network,
    blocks: [BLOCK],
    reserved: () => [],
    time: "2026-01-01T00:00:00.000Z",
  });
  return formatAddress(record.address);
}

/** Everything but the past of blocks, without what all paths have in common. */
function namesOf(files: MemoryFiles): string[] {
  const root = `${DATA_DIRECTORY}/${BOOT}/`;
  return files
    .paths()
    .filter((path) => path.startsWith(root) && !path.includes("/order/"))
    .map((path) => path.slice(root.length));
}

describe("networks that share the node's blocks", () => {
  test("never have the same address, and one container of both has one of each", () => {
    const files = memoryFiles();
    expect(
      ["red", "blue", "red"].map((network, at) => take(files, network, `c${at >> 1}`)),
    ).toEqual([0, 1, 2].map((n) => `10.244.1.${n}`));
    expect(take(files, "blue", "c0")).toBe("10.244.1.1");
    expect(namesOf(files)).toContain("@node/holder/blue:c0:eth0:4");
  });

  test("see their own holders alone, and give back nobody else's", () => {
    const files = memoryFiles();
    for (const network of ["red", "blue"]) take(files, network, "a");
    const [red, blue] = ["red", "blue"].map((network) => open(files, network));
    expect(red!.holders()).toMatchObject([{ holder: A, family: 4, network: "red" }]);
    red!.putAside(addressAt(BLOCK, 1));
    expect(blue!.holders()).toMatchObject([{ holder: A, family: 4, network: "blue" }]);
    expect(red!.addresses(A, 4).map(formatAddress)).toEqual(["10.244.1.0"]);
    for (const give of [red!.release, red!.releaseAside]) give(A, 4);
    expect(blue!.addresses(A, 4).map(formatAddress)).toEqual(["10.244.1.1"]);
    for (const give of [blue!.release, blue!.releaseAside]) give(A, 4);
    expect(namesOf(files)).toEqual([]);
  });

  test("know theirs also where the name is too long for a file", () => {
    const files = memoryFiles();
    for (const network of ["red", "blue"]) take(files, network, LONG.container);
    const red = open(files, "red");
    expect(red.holders()).toMatchObject([{ holder: LONG, family: 4, network: "red" }]);
    expect(red.strays()).toEqual([]);
    red.release(LONG, 4);
    expect(open(files, "blue").holders()).toHaveLength(1);
  });

  test("share what was given back lately as well", () => {
    const files = memoryFiles();
    take(files, "red", "a");
    open(files, "red").release(A, 4);
    expect(open(files, "blue").order(BLOCK)[0]).toBe(77);
    expect(take(files, "blue", "b")).toBe("10.244.1.1");
  });

  test("are told apart by who looks at the folder", () => {
    const files = memoryFiles();
    take(files, "red", "a");
    open(files, "own", "network").claim(recordOf(9, "b"));
    const folders = listFolders(DATA_DIRECTORY, BOOT, files.list);
    expect(folders.map(({ scope, network }) => [scope, network])).toEqual([
      ["node", undefined],
      ["network", "own"],
    ]);
    const taken = folders.flatMap((folder) => inspectFolder(files, folder, 99).taken);
    expect(taken.map(({ scope, network, fault, place }) => [scope, network, fault, place])).toEqual(
      [
        ["node", "red", "", "holder"],
        ["network", "own", "", "holder"],
      ],
    );
  });
});

describe("a block that becomes the node's", () => {
  /** What an earlier Manx wrote, or the network's own `blocks`: records, one put aside, one that is nobody's. */
  function before(): MemoryFiles {
    const files = memoryFiles();
    const red = open(files, "red", "network");
    for (const [ordinal, container] of [
      [0, "a"],
      [1, "b"],
      [2, "torn"],
      [3, "aside"],
      [4, LONG.container],
      [6, "gone"],
    ] as const) {
      red.claim(recordOf(ordinal, container));
    }
    open(files, "blue", "network").claim(recordOf(5, "a"));
    red.release({ ...A, container: "gone" }, 4);
    red.putAside(addressAt(BLOCK, 3));
    const address = `${DATA_DIRECTORY}/${BOOT}/red/address`;
    files.writeAt(`${address}/10.244.1.2`, new TextEncoder().encode("?"), 0);
    files.create(`${address}/10.244.1.7`, "nobody's");
    return files;
  }

  /** Give back everything that somebody has, as DELs do. */
  function giveBackAll(files: MemoryFiles): void {
    for (const network of ["red", "blue"]) {
      for (const scope of ["network", "node"] as const) {
        const records = open(files, network, scope);
        for (const container of ["a", "b", "torn", "aside", LONG.container, "new"]) {
          const holder = { container, interfaceName: "eth0" };
          for (const give of [records.release, records.releaseAside]) give(holder, 4);
        }
      }
    }
  }

  test("comes with everything that is taken of it, and with its past", () => {
    const files = before();
    expect(take(files, "green", "new")).toBe("10.244.1.8");
    const names = namesOf(files).filter((name) => !name.includes("/holder/:"));
    expect(names).toEqual([
      ...[0, 1, 2, 3, 4, 5, 7, 8].map((n) => `@node/address/10.244.1.${n}`),
      "@node/holder/blue:a:eth0:4",
      "@node/holder/green:new:eth0:4",
      "@node/holder/red:a:eth0:4",
      "@node/holder/red:b:eth0:4",
      "@node/holder/red:torn:eth0:4",
      "@node/quarantine/10.244.1.3@red:aside:eth0:4",
    ]);
    const { find, order } = open(files, "red");
    expect(find(A, 4)).toEqual(recordOf(0, "a"));
    expect(find(LONG, 4)).toEqual(recordOf(4, LONG.container));
    expect([...order(BLOCK).subarray(4, 8)]).toEqual([IN_USE, IN_USE, 77, IN_USE]);
  });

  test("of which nothing is left by DELs but what is nobody's", () => {
    const files = before();
    take(files, "red", "new");
    giveBackAll(files);
    expect(namesOf(files)).toEqual(["@node/address/10.244.1.7"]);
    expect(open(files, "red").strays().map(formatAddress)).toEqual(["10.244.1.7"]);
  });

  test("gives its holder what he has, also when that is only found on the way", () => {
    expect(take(before(), "red", "a")).toBe("10.244.1.0");
  });

  test("leaves other blocks' records, and what somebody has twice, where they are", () => {
    const files = before();
    const own = open(files, "red", "network");
    const other = { ...BLOCK, w0: BLOCK.w0 + 4096 };
    own.claim(recordOf(1, "other", other));
    take(files, "green", "new");
    own.claim(recordOf(8, "late"));
    expect(namesOf(files).filter((name) => name.startsWith("red/"))).toEqual([
      "red/address/10.244.1.8",
      "red/address/10.244.17.1",
      "red/holder/late:eth0:4",
      "red/holder/other:eth0:4",
    ]);
  });

  test("whoever takes it over may be killed at any operation: nobody loses his, and DELs leave nothing", () => {
    let operation = 0;
    for (; ; operation++) {
      const files = before();
      files.killAt(operation);
      try {
        take(files, "red", "new");
      } catch (fault) {
        if (!files.killed) throw fault;
      }
      const { killed } = files;
      files.killAt(undefined);
      if (!killed) break;
      if (operation % 2 === 0) {
        expect([8, 9]).toContain(Number(take(files, "red", "new").split(".")[3]));
        const mine = open(files, "red").addresses(A, 4);
        expect(mine.map(formatAddress)).toEqual(["10.244.1.0"]);
      } else {
        // A past that this DEL wrote would say that all is taken over.
        for (const scope of SCOPES) open(files, "red", scope).release({ ...A, container: "b" }, 4);
        take(files, "red", "new");
        const names = namesOf(files);
        for (const n of [0, 2, 3, 4, 5]) expect(names).toContain(`@node/address/10.244.1.${n}`);
      }
      giveBackAll(files);
      // In whichever of the two folders it is by now.
      expect(namesOf(files).map((name) => name.replace(/^[^/]+/, ""))).toEqual([
        "/address/10.244.1.7",
      ]);
    }
    expect(operation).toBeGreaterThan(80);
  });

  test("several may take it over at once: whatever the others did in between, nothing is lost", () => {
    for (let operation = 0; ; operation++) {
      const files = before();
      // Before that operation of the first one, a second one does all of it.
      const isDone = during(files, operation, () => void take(files, "blue", "other"));
      const given = take(files, "red", "new");
      if (!isDone()) break;
      expect(take(files, "blue", "other")).not.toBe(given);
      expect(open(files, "red").addresses(A, 4).map(formatAddress)).toEqual(["10.244.1.0"]);
      expect(namesOf(files).filter((name) => name.startsWith("@node/address/"))).toHaveLength(9);
    }
  });

  test("a DEL in between gives back what it is of, in whichever folder that is by then", () => {
    for (let operation = 0; ; operation++) {
      const files = before();
      const remove = (): void => {
        for (const scope of SCOPES) open(files, "red", scope).release(A, 4);
      };
      const isDone = during(files, operation, () => {
        // A runtime repeats a DEL that fails.
        try {
          remove();
        } catch {
          remove();
        }
      });
      take(files, "green", "new");
      if (!isDone()) break;
      // Nobody has it, or it is taken by nobody and GC gives it back.
      const green = open(files, "green");
      const isFree = namesOf(files).every((name) => !name.endsWith("/10.244.1.0"));
      const strays = green.strays().map(formatAddress);
      expect([isFree, strays.includes("10.244.1.0")]).toContain(true);
      expect(green.isTaken(addressAt(BLOCK, 1))).toBe(true);
    }
  });
});

/** Have `act` happen between two operations; returns whether it did. */
function during(files: MemoryFiles, operation: number, act: () => void): () => boolean {
  const { links, isSame, link, unlink, read, list, writeAt } = files;
  let count = 0;
  const hooked = <Args extends unknown[], Value>(step: (...args: Args) => Value) => {
    return (...args: Args): Value => {
      if (count++ === operation) act();
      return step(...args);
    };
  };
  Object.assign(files, {
    links: hooked(links),
    isSame: hooked(isSame),
    link: hooked(link),
    unlink: hooked(unlink),
    read: hooked(read),
    list: hooked(list),
    writeAt: hooked(writeAt),
  });
  return () => count > operation;
}
