/** What ADD leaves in the kernel, as text; and that it leaves nothing else, wherever it fails. */

import { describe, expect, test } from "bun:test";
import { add } from "../../cni/add.ts";
import { check } from "../../cni/check.ts";
import { remove } from "../../cni/delete.ts";
import { CniError } from "../../ipam/protocol/error.ts";
import { resultToJson } from "../../ipam/protocol/result.ts";
import type { Request as KernelRequest } from "../../kernel/kernel.ts";
import { createTwin, failureOf } from "./twin.ts";

const ATTACHED = `namespace host
  link lo mtu 65536 down
  link manx0b3b1f0306f veth ee:ee:ee:ee:ee:ee mtu 1500 alias pods/a/eth0 up peer eth0@a
  route 10.244.1.0/32 proto 3 scope link dev manx0b3b1f0306f
  neighbour 10.244.1.0 dev manx0b3b1f0306f lladdr 7a:02:d7:06:d8:d2 permanent
  sysctl net/ipv4/conf/manx0b3b1f0306f/forwarding = 1
  sysctl net/ipv4/conf/manx0b3b1f0306f/proxy_arp = 1
  sysctl net/ipv4/conf/manx0b3b1f0306f/route_localnet = 0
  sysctl net/ipv4/conf/manx0b3b1f0306f/rp_filter = 1
  sysctl net/ipv6/conf/manx0b3b1f0306f/disable_ipv6 = 1
namespace a
  link lo mtu 65536 down
  link eth0 veth 7a:02:d7:06:d8:d2 mtu 1500 up peer manx0b3b1f0306f@host
  address 10.244.1.0/32 dev eth0
  route 0.0.0.0/0 proto 3 via 169.254.1.1 dev eth0
  route 169.254.1.1/32 proto 3 scope link dev eth0
  neighbour 169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee permanent
  sysctl net/ipv4/conf/eth0/forwarding = 0
`;

describe("in the twin of the kernel", () => {
  test("ADD makes what docs/cni.md says", () => {
    const { memory, ground, request } = createTwin();
    add(request("ADD", "a"), ground);
    expect(memory.print()).toBe(ATTACHED);
  });

  test("CHECK is content with what ADD made, of every plan", () => {
    const { ground, request } = createTwin();
    const ipam = {
      type: "manx-ipam",
      blocks: ["10.244.1.0/24"],
      routes: [{ dst: "10.0.0.0/8" }, { dst: "192.0.2.0/24" }],
    };
    for (const [pod, config] of Object.entries({ a: {}, b: { mtu: 1400 }, c: { ipam } })) {
      const prevResult = resultToJson(add(request("ADD", pod, config), ground), "1.0.0");
      expect(check(request("CHECK", pod, { ...config, prevResult }), ground)).toBeUndefined();
    }
  });

  test("DEL takes back everything, of the pod and of no other", () => {
    const { ground, request, pod, state, forgotten } = createTwin();
    pod("a");
    add(request("ADD", "b"), ground);
    const before = state();
    add(request("ADD", "a"), ground);
    expect(state()).not.toBe(before);
    remove(request("DEL", "a"), ground);
    expect(state()).toBe(before);
    remove(request("DEL", "a"), ground);
    expect(state()).toBe(before);
    expect(forgotten).toEqual(["10.244.1.1"]);
  });

  test("an ADD that the kernel refuses, at whatever request, leaves nothing and says what was refused", () => {
    const asked: KernelRequest["type"][] = [];
    for (let refused = 0; ; refused++) {
      const { memory, ground, request, pod, state } = createTwin();
      pod("a");
      const before = state();
      let count = 0;
      const stop = memory.inject((asking) => {
        if (count++ !== refused) return undefined;
        asked.push(asking.type);
        return { code: "EPERM", words: "refused by the test" };
      });
      try {
        add(request("ADD", "a"), ground);
        stop();
        break;
      } catch (failure) {
        stop();
        expect(failure).toBeInstanceOf(CniError);
        expect((failure as CniError).code).toBe(100);
        expect((failure as CniError).message).toContain("refused by the test (EPERM)");
      }
      expect(state()).toBe(before);
    }
    expect(asked).toEqual([
      "create veth",
      "set ipv4 settings",
      "set link",
      "add route",
      "replace neighbour",
      "set ipv4 settings",
      "set link",
      "add address",
      "add route",
      "replace neighbour",
      "add route",
    ]);
  });

  test("a DEL whose link cannot be deleted gives the address back all the same, and says so", () => {
    const { memory, ground, request, state } = createTwin();
    add(request("ADD", "a"), ground);
    const stop = memory.inject(({ type }) =>
      type === "delete link" ? { code: "EPERM" } : undefined,
    );
    const { code } = failureOf(() => remove(request("DEL", "a"), ground));
    stop();
    expect(code).toBe(100);
    expect(state()).not.toContain("/holder/");
    remove(request("DEL", "a"), ground);
  });

  test("a DEL that cannot ask the kernel at all gives the address back all the same", () => {
    const { ground, request, state } = createTwin();
    add(request("ADD", "a"), ground);
    const host = () => {
      throw new Error("socket: EMFILE");
    };
    expect(() => remove(request("DEL", "a"), { ...ground, host })).toThrow("socket: EMFILE");
    expect(state()).not.toContain("/holder/");
  });

  test("an ADD that is killed at whatever file operation: the next one works, and DEL leaves nothing", () => {
    for (let operation = 0; ; operation++) {
      const { ground, request, pod, state } = createTwin();
      pod("a");
      const before = state();
      const files = ground.files as typeof ground.files & {
        killAt(at?: number): void;
        killed: boolean;
      };
      files.killAt(operation);
      try {
        add(request("ADD", "a"), ground);
      } catch (failure) {
        if (!files.killed) throw failure;
      }
      const { killed } = files;
      files.killAt(undefined);
      if (!killed) break;
      expect(add(request("ADD", "a"), ground).ips).toHaveLength(1);
      remove(request("DEL", "a"), ground);
      expect(state()).toBe(before);
    }
  });
});
