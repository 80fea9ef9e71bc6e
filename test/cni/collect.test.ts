/** GC over the twin: what is stale goes, proved by record or alias, and nothing else. */

import { expect, test } from "bun:test";
import { add } from "../../cni/add.ts";
import { collect } from "../../cni/collect.ts";
import { remove } from "../../cni/delete.ts";
import { DATA_DIRECTORY, openRecords } from "../../ipam/records-files.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { BOOT } from "../ipam/memory-files.ts";
import { createTwin, failureOf } from "./twin.ts";

const ELSEWHERE = { type: "manx-ipam", blocks: ["10.244.2.0/24"] };

const gcOf = (valid: unknown) => ({ cniVersion: "1.1.0", "cni.dev/valid-attachments": valid });

test("GC takes back all that is not named, and nothing of another network", () => {
  const { ground, request, pod, state } = createTwin();
  for (const name of ["keep", "stale", "other"]) pod(name);
  add(request("ADD", "keep"), ground);
  add(request("ADD", "other", { name: "elsewhere", ipam: ELSEWHERE }), ground);
  const before = state();
  add(request("ADD", "stale"), ground);
  collect(request("GC", "", gcOf([{ containerID: "keep", ifname: "eth0" }])), ground);
  expect(state()).toBe(before);
  collect(request("GC", "", gcOf(null)), ground);
  remove(request("DEL", "other", { name: "elsewhere", ipam: ELSEWHERE }), ground);
  expect(state()).not.toContain("manx");
  expect(state()).not.toContain("/address/");
});

test("GC finds a host end without a record by its alias, and one without an alias by its record", () => {
  for (const lose of ["record", "alias"] as const) {
    const { ground, request, pod, state, memory } = createTwin();
    pod("a");
    const before = state();
    add(request("ADD", "a"), ground);
    if (lose === "alias") {
      memory.kernel().apply({ type: "set link", link: "manx0b3b1f0306f", alias: "" });
    } else {
      ground.files.removeTree(`${DATA_DIRECTORY}`);
      ground.files.makeFolder(DATA_DIRECTORY);
    }
    collect(request("GC", "", gcOf([])), ground);
    expect(state()).toBe(before);
  }
});

test("GC leaves a link alone that only bears the alias of an attachment", () => {
  const { ground, request, memory, state } = createTwin();
  const kernel = memory.kernel();
  kernel.apply({ type: "create bridge", name: "br0" });
  kernel.apply({ type: "set link", link: "br0", alias: "pods/a/eth0" });
  const before = state();
  collect(request("GC", "", gcOf([])), ground);
  expect(state()).toBe(before);
});

test("GC that the kernel refuses for one goes on with the others, and tells it", () => {
  const { memory, ground, request, state } = createTwin();
  for (const pod of ["a", "b"]) add(request("ADD", pod), ground);
  const stop = memory.inject((asking) =>
    asking.type === "set link" && asking.link === "manx0b3b1f0306f" ? { code: "EBUSY" } : undefined,
  );
  const { code, message } = failureOf(() => collect(request("GC", "", gcOf([])), ground));
  stop();
  expect(code).toBe(100);
  expect(message).toContain("manx0b3b1f0306f");
  expect(state().match(/link manx/g)?.length).toBe(1);
  expect(state()).not.toContain("/holder/");
});

test("GC gives back an address whose record says nobody's name, when nothing on the machine has it", () => {
  const { ground, request, state, forgotten, memory, unseen } = createTwin();
  add(request("ADD", "keep"), ground);
  const before = state();
  const gc = () =>
    collect(request("GC", "", gcOf([{ containerID: "keep", ifname: "eth0" }])), ground);
  const stray = `${DATA_DIRECTORY}/${BOOT}/pods/address/10.244.1.9`;
  ground.files.create(stray, "?");
  // Not all of it was seen.
  unseen.push("/proc/7/ns/net cannot be read (EACCES)");
  gc();
  unseen.length = 0;
  expect(state()).toContain(stray);
  // A route leads to it.
  const kernel = memory.kernel();
  const [hostEnd = ""] = kernel.links().flatMap(({ name }) => (/^manx/.test(name) ? [name] : []));
  const leading = { destination: parsePrefix("10.244.1.9/32"), nextHops: [{ link: hostEnd }] };
  kernel.apply({ type: "add route", route: leading });
  gc();
  expect(state()).toContain(stray);
  kernel.apply({ type: "delete route", route: leading });
  gc();
  expect(state()).toBe(before);
  expect(forgotten).toContain("10.244.1.9");
});

test("GC gives back what was put aside of a container that is gone, and keeps that of one that stays", () => {
  const { ground, request, state, pod } = createTwin();
  for (const name of ["keep", "stale"]) {
    pod(name);
    add(request("ADD", name), ground);
  }
  const records = openRecords({ files: ground.files, network: "pods", warn: () => {} });
  for (const { address } of records.list().records) records.putAside(address);
  collect(request("GC", "", gcOf([{ containerID: "keep", ifname: "eth0" }])), ground);
  expect(state()).toContain("quarantine/10.244.1.0@keep:eth0:4");
  expect(state()).not.toContain("10.244.1.1");
});

for (const [name, list, says] of [
  ["none at all", undefined, "cni.dev/valid-attachments is missing: expected a list"],
  ["no list", { a: 1 }, 'cni.dev/valid-attachments is {"a":1}: expected a list'],
  [
    "entries of another form, all of them",
    [{ containerID: "a" }, 7],
    'cni.dev/valid-attachments[0] is {"containerID":"a"}: expected {"containerID", "ifname"}; cni.dev/valid-attachments[1] is 7',
  ],
] as const) {
  test(`a list of valid attachments that is ${name} is refused, and nothing is removed`, () => {
    const { ground, request, state } = createTwin();
    add(request("ADD", "a"), ground);
    const before = state();
    const { code, message } = failureOf(() => collect(request("GC", "", gcOf(list)), ground));
    expect(code).toBe(7);
    expect(message).toContain(says);
    expect(state()).toBe(before);
  });
}
