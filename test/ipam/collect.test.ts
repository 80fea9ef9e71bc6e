/** GC of manx-ipam below other plugins: what is not valid is given back when nothing on the machine has it. */

import { expect, test } from "bun:test";
import { giveBackAddresses, takeAddresses } from "../../ipam/attachment.ts";
import { collectBelow } from "../../ipam/collect.ts";
import { DATA_DIRECTORY } from "../../ipam/records-files.ts";
import { parseAddress } from "../../lib/address.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { createTwin, failureOf, SHARING } from "../cni/twin.ts";
import { BOOT } from "./memory-files.ts";

const gcOf = (...valid: string[]) => ({
  cniVersion: "1.1.0",
  "cni.dev/valid-attachments": valid.map((containerID) => ({ containerID, ifname: "eth0" })),
});

/** A node with attachments of another plugin's, whose links are not ours: a is not valid any more, b is. */
function createBelow(...blocks: string[]) {
  const twin = createTwin();
  const { ground, request, publish, state } = twin;
  publish(...blocks);
  const take = (pod: string): void =>
    void takeAddresses(request("ADD", pod, SHARING), "subnet", ground.files);
  take("b");
  const records = (): string[] =>
    state()
      .split("\n")
      .filter((line) => line.startsWith("/run/"));
  const before = records();
  take("a");
  const held = records();
  const gc = (...valid: string[]): void =>
    collectBelow(request("GC", "", { ...SHARING, ...gcOf(...valid) }), ground.files, ground.survey);
  return { ...twin, gc, records, before, held };
}

test("gives back what is not valid and in no use, and keeps what is valid", () => {
  const { gc, records, before } = createBelow("10.244.1.0/24", "fd00:10::/120");
  gc("b");
  expect(records()).toEqual(before);
});

test("keeps what a pod that lives has, in either family, until it is gone", () => {
  for (const text of ["10.244.1.3", "fd00:10::3"]) {
    const { gc, records, before, held, pod } = createBelow("10.244.1.0/24", "fd00:10::/120");
    const address = parseAddress(text);
    const kernel = pod("a");
    kernel.apply({ type: "add address", link: "lo", address, length: 24 });
    gc("b");
    expect(records()).toEqual(held);
    kernel.apply({ type: "delete address", link: "lo", address, length: 24 });
    gc("b");
    expect(records()).toEqual(before);
  }
});

test("keeps what the host has a route to", () => {
  const { gc, records, before, held, memory } = createBelow("10.244.1.0/24");
  const kernel = memory.kernel();
  kernel.apply({ type: "set link", link: "lo", up: true });
  const route = { destination: parsePrefix("10.244.1.3/32"), nextHops: [{ link: "lo" }] };
  kernel.apply({ type: "add route", route });
  gc("b");
  expect(records()).toEqual(held);
  kernel.apply({ type: "delete route", route });
  gc("b");
  expect(records()).toEqual(before);
});

test("keeps everything while a part of the machine cannot be seen", () => {
  const { gc, records, held, before, unseen } = createBelow("10.244.1.0/24");
  unseen.push("/proc/7/ns/net cannot be read (EACCES)");
  gc("b");
  expect(records()).toEqual(held);
  unseen.length = 0;
  gc("b");
  expect(records()).toEqual(before);
});

test("gives back an address that is nobody's, and removes the traces of killed calls", () => {
  const { ground, gc, records, before } = createBelow("10.244.1.0/24");
  const root = `${DATA_DIRECTORY}/${BOOT}/@node`;
  ground.files.create(`${root}/address/10.244.1.9`, "?");
  ground.files.create(`${root}/holder/pods:killed:eth0:4`, "?");
  gc("b");
  expect(records()).toEqual(before);
});

test("leaves another network's alone, and refuses a list that is missing", () => {
  const { ground, request, gc, records, held } = createBelow("10.244.1.0/24");
  const other = { ...SHARING, name: "other" };
  collectBelow(request("GC", "", { ...other, ...gcOf() }), ground.files, ground.survey);
  expect(records()).toEqual(held);
  const missing = request("GC", "", { ...SHARING, cniVersion: "1.1.0" });
  expect(failureOf(() => collectBelow(missing, ground.files, ground.survey)).code).toBe(7);
  expect(records()).toEqual(held);
  gc();
  giveBackAddresses(request("DEL", "a", SHARING), ground.files);
  expect(records().filter((path) => path.includes("/address/"))).toEqual([]);
});
