/** Networks that take of one node's blocks, and networks whose configuration changes, over the twin. */

import { describe, expect, test } from "bun:test";
import { add } from "../../cni/add.ts";
import { check } from "../../cni/check.ts";
import { collect } from "../../cni/collect.ts";
import { remove } from "../../cni/delete.ts";
import { status } from "../../cni/status.ts";
import { giveBackStrays, straysOf } from "../../ipam/attachment.ts";
import { resultToJson } from "../../ipam/protocol/result.ts";
import { DATA_DIRECTORY } from "../../ipam/records-files.ts";
import { parseAddress } from "../../lib/address.ts";
import { BOOT } from "../ipam/memory-files.ts";
import { createTwin, failureOf, SHARING } from "./twin.ts";

const RED = { ...SHARING, name: "red" };
const BLUE = { ...SHARING, name: "blue" };
const gcOf = (...valid: string[]) => ({
  cniVersion: "1.1.0",
  "cni.dev/valid-attachments": valid.map((containerID) => ({ containerID, ifname: "eth0" })),
});

function createNode(...blocks: string[]) {
  const twin = createTwin();
  twin.publish(...blocks);
  const { ground, request } = twin;
  const attach = (pod: string, config: object, interfaceName?: string): string[] =>
    add(request("ADD", pod, config, interfaceName), ground).ips.map(({ address }) => address);
  const detach = (pod: string, config: object, interfaceName?: string): void =>
    void remove(request("DEL", pod, config, interfaceName), ground);
  return { ...twin, attach, detach };
}

describe("two networks of one node file", () => {
  test("give a pod of both an address each", () => {
    const { attach, detach, pod, state } = createNode("10.244.1.0/24");
    pod("a");
    const before = state();
    expect(attach("a", RED)).toEqual(["10.244.1.0/32"]);
    expect(attach("a", BLUE, "net1")).toEqual(["10.244.1.1/32"]);
    detach("a", RED);
    expect(attach("a", RED)).toEqual(["10.244.1.2/32"]);
    detach("a", RED);
    detach("a", BLUE, "net1");
    expect(state()).toBe(before);
  });

  test("a GC of one takes back nothing of the other's, though both name no container", () => {
    const { attach, pod, state, ground, request } = createNode("10.244.1.0/24");
    for (const name of ["a", "b"]) pod(name);
    attach("a", BLUE);
    const before = state();
    attach("b", RED);
    collect(request("GC", "", { ...RED, ...gcOf() }), ground);
    expect(state()).toBe(before);
    collect(request("GC", "", { ...BLUE, ...gcOf() }), ground);
    expect(state()).not.toContain("/address/");
  });

  test("whichever of them calls GC gives back an address that is nobody's", () => {
    const { attach, state, ground, request } = createNode("10.244.1.0/24");
    attach("a", BLUE);
    const before = state();
    ground.files.create(`${DATA_DIRECTORY}/${BOOT}/@node/address/10.244.1.9`, "?");
    collect(request("GC", "", { ...RED, ...gcOf() }), ground);
    expect(state()).toBe(before);
  });
});

test("of what was nobody's, only what is so still is given back, and only where it is", () => {
  const { attach, state, ground, request } = createNode("10.244.1.0/24");
  attach("a", RED);
  attach("b", { name: "red", ipam: { type: "manx-ipam", blocks: ["10.9.0.0/24"] } });
  const before = state();
  ground.files.create(`${DATA_DIRECTORY}/${BOOT}/red/address/10.244.1.0`, "?");
  const gc = request("GC", "", { ...RED, ...gcOf() });
  expect(straysOf(gc, ground.files)).toEqual([parseAddress("10.244.1.0")]);
  giveBackStrays(gc, ["10.244.1.0", "10.9.0.0"].map(parseAddress), ground.files);
  expect(state()).toBe(before);
});

describe("a network whose configuration gets or loses its blocks while pods run", () => {
  for (const [name, before, after] of [
    ["gets them", SHARING, {}],
    ["loses them", {}, SHARING],
  ] as const) {
    const attached = () => {
      const node = createNode("10.244.1.0/24");
      for (const pod of ["a", "b", "c"]) node.pod(pod);
      const empty = node.state();
      node.attach("a", before);
      return { ...node, empty };
    };

    test(`${name}: DEL and GC give back what the old one took`, () => {
      const { detach, state, empty, attach, ground, request, forgotten } = attached();
      detach("a", after);
      expect(state()).toBe(empty);
      expect(forgotten).toEqual(["10.244.1.0"]);
      attach("b", before);
      collect(request("GC", "", { ...after, ...gcOf("b") }), ground);
      expect(state()).toContain("10.244.1.1");
      collect(request("GC", "", { ...after, ...gcOf() }), ground);
      expect(state()).toBe(empty);
    });

    test(`${name}: CHECK is content with the pod`, () => {
      const { ground, request } = createNode("10.244.1.0/24");
      const prevResult = resultToJson(add(request("ADD", "a", before), ground), "1.0.0");
      expect(check(request("CHECK", "a", { ...after, prevResult }), ground)).toBeUndefined();
    });

    test(`${name}: an ADD of the pod that runs is refused, and its record stays`, () => {
      const { request, ground, state, detach, empty } = attached();
      expect(failureOf(() => add(request("ADD", "a", after), ground)).code).toBe(102);
      expect(state()).toContain("/address/10.244.1.0\n");
      detach("a", after);
      expect(state()).toBe(empty);
    });
  }

  test("gives new pods what nobody has when the blocks are the same ones", () => {
    const { attach, detach, pod, state } = createNode("10.244.1.0/24");
    for (const name of ["a", "b"]) pod(name);
    const before = state();
    expect(attach("a", {})).toEqual(["10.244.1.0/32"]);
    expect(attach("b", SHARING)).toEqual(["10.244.1.1/32"]);
    for (const name of ["a", "b"]) detach(name, SHARING);
    expect(state()).toBe(before);
  });
});

describe("STATUS of a network of the node's blocks", () => {
  const asked = { ...BLUE, cniVersion: "1.1.0" };

  test("counts what networks of before have of a block that no ADD has taken over yet", () => {
    const own = { name: "red", ipam: { type: "manx-ipam", blocks: ["10.244.1.0/31"] } };
    const { publish, attach, detach, request, ground, state } = createNode("10.244.1.0/31");
    for (const pod of ["a", "b"]) attach(pod, own);
    const before = state();
    const refusal = failureOf(() => status(request("STATUS", "", asked), ground));
    expect(refusal.code).toBe(50);
    expect(refusal.message).toContain("block 10.244.1.0/31 has 2 of 2 addresses in use");
    expect(state()).toBe(before);
    expect(failureOf(() => attach("c", BLUE)).message).toBe(refusal.message);
    detach("b", own);
    expect(status(request("STATUS", "", asked), ground)).toBeUndefined();
    publish("10.244.2.0/31");
    expect(status(request("STATUS", "", asked), ground)).toBeUndefined();
  });

  test("lets cool what a network of before gave back lately", () => {
    const own = { name: "red", ipam: { type: "manx-ipam", blocks: ["10.244.1.0/32"] } };
    const { attach, detach, request, ground } = createNode("10.244.1.0/32");
    attach("a", own);
    detach("a", own);
    const strict = { ...asked, ipam: { type: "manx-ipam", strictCooldown: true } };
    expect(failureOf(() => status(request("STATUS", "", strict), ground)).message).toContain(
      "1 given back less than 30 s ago",
    );
    expect(status(request("STATUS", "", asked), ground)).toBeUndefined();
  });

  test("of its own blocks counts its own alone, whatever the node's are", () => {
    const own = { ...asked, ipam: { type: "manx-ipam", blocks: ["10.244.1.0/32"] } };
    const { attach, request, ground } = createNode("10.244.1.0/32");
    attach("a", RED);
    expect(failureOf(() => status(request("STATUS", "", asked), ground)).code).toBe(50);
    expect(status(request("STATUS", "", own), ground)).toBeUndefined();
  });
});

describe("a repeated ADD of a pod that runs is refused with 102 and changes nothing", () => {
  const cases: [string, string[], object][] = [
    ["as it was", ["10.244.1.0/24"], {}],
    ["when its block is no longer the node's", ["10.9.0.0/24"], {}],
    ["when the node has blocks of a further family", ["10.244.1.0/24", "fd00:10::/120"], {}],
    ["when both have changed", ["10.9.0.0/24", "fd00:10::/120"], {}],
    [
      "when another address is asked for",
      ["10.244.1.0/24"],
      { args: { cni: { ips: ["10.244.1.7"] } } },
    ],
    ["when its block is closed by its length", ["10.244.1.0/25"], {}],
    [
      "when another is asked for that somebody has",
      ["10.244.1.0/24"],
      { args: { cni: { ips: ["10.244.1.1"] } } },
    ],
  ];
  for (const [name, blocks, more] of cases) {
    test(name, () => {
      const { publish, attach, request, ground, state } = createNode("10.244.1.0/24");
      for (const pod of ["a", "b"]) attach(pod, RED);
      publish(...blocks);
      const before = state();
      const { code } = failureOf(() => add(request("ADD", "a", { ...RED, ...more }), ground));
      expect(code).toBe(102);
      expect(state()).toBe(before);
    });
  }

  test("while one that was killed before it had its interface gets what there is now", () => {
    const { publish, attach, request, ground, state, memory } = createNode("10.244.1.0/24");
    attach("b", RED);
    const before = state();
    const stop = memory.inject(() => {
      throw new Error("killed");
    });
    expect(() =>
      add(request("ADD", "a", RED), { ...ground, files: undying(ground.files) }),
    ).toThrow();
    stop();
    expect(state()).toContain("holder/red:a:eth0:4");
    publish("10.9.0.0/24");
    expect(attach("a", RED)).toEqual(["10.9.0.0/32"]);
    expect(state()).not.toContain("address/10.244.1.1\n");
    remove(request("DEL", "a", RED), ground);
    expect(before).toContain("10.244.1.0");
  });
});

/** Files of which nothing is removed: as of a process that was killed before it undid anything. */
function undying<Files extends object>(files: Files): Files {
  return { ...files, unlink: () => {} };
}
