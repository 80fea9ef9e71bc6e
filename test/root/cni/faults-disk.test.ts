/** Disks that are read-only or full, and records that somebody tore: error objects, and nothing left. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Call, command, type Json, type Scene } from "./scene.ts";
import { createNode } from "./situation.ts";
import { differenceOf, recordsOf, survey } from "./survey.ts";

let scene: Scene;
let before: string;
beforeEach(() => {
  scene = createNode();
  before = survey(scene);
});
afterEach(() => scene.remove());

function expectAsBefore(): void {
  expect(differenceOf(before, survey(scene))).toBeUndefined();
}

function expectError(verb: string, call: Call, code: number, says: string | RegExp): void {
  const { status, json, stderr } = scene.call(verb, call);
  expect(json?.msg).toMatch(says);
  expect({ status, code: json?.code, cniVersion: json?.cniVersion, stderr }).toEqual({
    status: 1,
    code,
    cniVersion: "1.0.0",
    stderr: "",
  });
}

/** A file system of its own for the records of a second pod, "a", taken away by `act`'s end. */
function onDisk(options: string, act: (call: Call, mount: string) => void): void {
  const mount = join(scene.folder, "disk");
  mkdirSync(mount);
  command("mount", "-t", "tmpfs", "-o", options, "tmpfs", mount);
  try {
    const ipam = { type: "manx-ipam", blocks: ["10.244.2.0/24"], dataDir: join(mount, "ipam") };
    act({ config: { ipam } }, mount);
  } finally {
    command("umount", mount);
  }
}

describe("a disk that is read-only", () => {
  test("from the start on: ADD says so, and DEL has nothing to do", () => {
    onDisk("ro", (call) => {
      expectError("ADD", call, 5, /^address records: EROFS.*ipam/);
      expectAsBefore();
      scene.done("DEL", call);
    });
  });

  test("since the ADD: DEL says so, takes the interface away, and the next DEL does the rest", () => {
    onDisk("rw", (call, mount) => {
      const prevResult = scene.done("ADD", call);
      command("mount", "-o", "remount,ro", mount);
      scene.done("CHECK", { config: { ...call.config, prevResult } });
      expectError("DEL", call, 5, /^address records: unlink .*EROFS$/);
      expectAsBefore();
      expectError("ADD", { ...call, container: "c" }, 5, /^address records: open .*EROFS$/);
      expectAsBefore();
      command("mount", "-o", "remount,rw", mount);
      scene.done("DEL", call);
      expect(scene.done("ADD", call).ips).toHaveLength(1);
      scene.done("DEL", call);
      expectAsBefore();
    });
  });
});

describe("a disk that is full", () => {
  for (const inodes of [1, 2, 4, 6, 7, 8]) {
    test(`after ${inodes} files and folders: ADD says so, and leaves nothing`, () => {
      onDisk(`nr_inodes=${inodes}`, (call) => {
        expectError("ADD", call, 5, /^address records: .*ENOSPC/);
        expectAsBefore();
        scene.done("DEL", call);
        expectAsBefore();
      });
    });
  }

  test("of data: ADD says so, and succeeds again once there is room", () => {
    onDisk("size=16k", (call, mount) => {
      const filler = join(mount, "filler");
      expect(() => writeFileSync(filler, new Uint8Array(1 << 20))).toThrow("ENOSPC");
      expectError("ADD", call, 5, /^address records: .*ENOSPC/);
      expectAsBefore();
      truncateSync(filler, 0);
      expect(scene.done("ADD", call).ips).toHaveLength(1);
      // Giving back needs no room.
      expect(() => writeFileSync(filler, new Uint8Array(1 << 20))).toThrow("ENOSPC");
      scene.done("DEL", call);
      expectAsBefore();
    });
  });
});

describe("a record that somebody tore", () => {
  const tears: { name: string; tear: (text: string) => string }[] = [
    ...[0, 1, 20, 60, -1].map((length) => ({
      name: `after ${length < 0 ? "all but one" : length} characters`,
      tear: (text: string) => text.slice(0, length),
    })),
    { name: "to zeros", tear: (text) => "\0".repeat(text.length) },
    { name: "to an array", tear: () => "[]" },
    { name: "to null", tear: () => "null" },
    { name: "to a record of tomorrow", tear: (text) => text.replace('"version":1', '"version":2') },
    { name: "to no address", tear: (text) => text.replace(/10\.244\.1\.\d+"/, '999.1.1.1"') },
  ];
  for (const { name, tear } of tears) {
    test(`${name}: it is put aside with one warning, others go on, DEL takes it back`, () => {
      const prevResult: Json = scene.done("ADD");
      const [holder = ""] = recordsOf(scene).filter((path) => path.endsWith("a:eth0:4"));
      const path = join(scene.folder, "ipam", holder);
      writeFileSync(path, tear(readFileSync(path, "utf8")));

      const [first, second] = [1, 2].map(() => scene.call("CHECK", { config: { prevResult } }));
      expect(first?.json).toMatchObject({
        code: 101,
        msg: expect.stringMatching(/no IPv4 address record .*: that of 10.244.1.1 was put aside$/),
      });
      expect(first?.stderr).toMatch(/^manx: .*a:eth0:4 is not readable: .* 10.244.1.1 stays taken/);
      expect(second).toMatchObject({ stderr: "", json: first?.json });
      // Its interface is there still, so this one keeps no address.
      expectError("ADD", {}, 102, /^CNI_IFNAME eth0 exists already/);
      const put = recordsOf(scene).filter(
        (name) => !name.includes("b:eth0") && !name.endsWith("1.0"),
      );
      expect(put.map((name) => name.split("/").slice(2).join("/"))).toEqual([
        "address/10.244.1.1",
        "quarantine/10.244.1.1@a:eth0:4",
      ]);
      scene.done("DEL");
      expectAsBefore();
      expect(scene.done("ADD").ips).toHaveLength(1);
      scene.done("DEL");
      expectAsBefore();
    });
  }

  test("to another's address: DEL takes back what it is a link of, and leaves the other", () => {
    scene.done("ADD");
    const [holder = ""] = recordsOf(scene).filter((path) => path.endsWith("a:eth0:4"));
    const path = join(scene.folder, "ipam", holder);
    // "b" has the first.
    writeFileSync(path, readFileSync(path, "utf8").replace(/10\.244\.1\.\d+"/, '10.244.1.0"'));
    scene.done("DEL");
    expectAsBefore();
  });
});
