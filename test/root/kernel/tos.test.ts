/** Routes for packets of one type of service: neither ours nor anybody's who only asks where a packet goes. */

import { expect, test } from "bun:test";
import type { KernelEvent } from "../../../kernel/kernel.ts";
import { openKernel } from "../../../kernel/netlink.ts";
import { createNamespace, removeNamespace } from "../../../kernel/netns.ts";
import { parseAddress } from "../../../lib/address.ts";
import { formatPrefix, parsePrefix } from "../../../lib/prefix.ts";

const PATH = "/run/kernel-tos";
const destination = parsePrefix("192.0.2.0/24");

test("a route of a type of service is not shown, and another stands beside it", async () => {
  createNamespace(PATH);
  const kernel = openKernel({ namespace: PATH });
  const other = openKernel({ namespace: PATH });
  const heard: KernelEvent[] = [];
  const route = (verb: string): void => {
    const words = ["ip", "route", verb, "blackhole", "192.0.2.0/24", "tos", "0x10"];
    const { exitCode, stderr } = Bun.spawnSync(["nsenter", `--net=${PATH}`, ...words]);
    if (exitCode !== 0) throw new Error(stderr.toString());
  };
  try {
    const stop = kernel.watch(["route"], (event) => heard.push(event), "others");
    route("add");
    expect(kernel.routes({ table: 254 })).toEqual([]);
    expect(kernel.routeTo(parseAddress("192.0.2.1"))).toBeUndefined();
    const plain = { destination, type: "unreachable", protocol: 4 } as const;
    other.apply({ type: "add route", route: plain });
    route("replace");
    route("delete");
    expect(kernel.routes({ table: 254 })).toMatchObject([plain]);
    other.apply({ type: "delete route", route: plain });
    const told = (): string[] =>
      heard.flatMap((event) =>
        event.type === "route"
          ? [`${event.change} ${event.route.type} ${formatPrefix(event.route.destination)}`]
          : [],
      );
    for (const end = performance.now() + 5000; told().length < 2 && performance.now() < end; ) {
      await Bun.sleep(2);
    }
    expect(told()).toEqual(["new unreachable 192.0.2.0/24", "deleted unreachable 192.0.2.0/24"]);
    stop();
  } finally {
    kernel.close();
    other.close();
    removeNamespace(PATH);
  }
});
