import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readlinkSync } from "node:fs";
import { openKernel } from "../../../kernel/netlink.ts";
import { createNamespace, insideNamespace, removeNamespace } from "../../../kernel/netns.ts";

const PATH = "/run/netns-test";
const own = (): string => readlinkSync("/proc/thread-self/ns/net");

describe("namespaces by path", () => {
  afterEach(() => removeNamespace(PATH));

  test("are made apart from ours, entered for a call and left again", () => {
    const before = own();
    createNamespace(PATH);
    expect(own()).toBe(before);
    expect(insideNamespace(PATH, own)).not.toBe(before);
    expect(own()).toBe(before);
  });

  test("are left also when the call throws", () => {
    createNamespace(PATH);
    const before = own();
    expect(() =>
      insideNamespace(PATH, () => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(own()).toBe(before);
  });

  test("are not made twice at one path, and the first survives the attempt", () => {
    createNamespace(PATH);
    const first = insideNamespace(PATH, own);
    expect(() => createNamespace(PATH)).toThrow("EEXIST");
    expect(insideNamespace(PATH, own)).toBe(first);
  });

  test("are removed with their file, and removing none is no error", () => {
    createNamespace(PATH);
    removeNamespace(PATH);
    expect(existsSync(PATH)).toBe(false);
    removeNamespace(PATH);
  });

  test("are opened by path; a path that leads nowhere is told", () => {
    createNamespace(PATH);
    const kernel = openKernel({ namespace: PATH });
    expect(kernel.links().map(({ name }) => name)).toEqual(["lo"]);
    kernel.close();
    expect(() => openKernel({ namespace: "/run/nowhere" })).toThrow("ENOENT");
    expect(() => openKernel({ namespace: "/dev/null" })).toThrow("EINVAL");
  });

  test("live on in a kernel that was opened before they were removed", () => {
    createNamespace(PATH);
    const kernel = openKernel({ namespace: PATH });
    removeNamespace(PATH);
    expect(kernel.link("lo")?.name).toBe("lo");
    kernel.close();
  });
});
