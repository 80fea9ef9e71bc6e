/** A listener that is told more than its socket holds: it hears that something was lost, and then the rest. */

import { expect, test } from "bun:test";
import type { KernelEvent, Request } from "../../../kernel/kernel.ts";
import { openKernel } from "../../../kernel/netlink.ts";
import { createNamespace, removeNamespace } from "../../../kernel/netns.ts";
import { address4 } from "../../../lib/address.ts";
import { prefixOf } from "../../../lib/prefix.ts";

const PATH = "/run/kernel-overrun";
/** Some hundred octets each: more than the socket has room for while nobody reads. */
const COUNT = 60_000;
const PATIENCE = 10_000;

const routes = (type: "add" | "delete"): Request[] =>
  Array.from({ length: COUNT }, (_, index) => {
    const destination = prefixOf(address4(0x0b00_0000 + index * 256), 24);
    return { type: `${type} route`, route: { destination, type: "blackhole" } };
  });

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!condition()) {
    if (performance.now() > end) throw new Error("it did not come about");
    await Bun.sleep(5);
  }
}

test("others' bulk overruns a listener, its own does not, and it goes on listening", async () => {
  createNamespace(PATH);
  const [own, other] = [openKernel({ namespace: PATH }), openKernel({ namespace: PATH })];
  const heard: KernelEvent[] = [];
  try {
    const stop = own.watch(["route", "link"], (event) => heard.push(event), "others");
    own.applyAll(routes("add"));
    other.apply({ type: "set link", link: "lo", up: true });
    await until(() => heard.some(({ type }) => type === "link"));
    expect(heard.filter(({ type }) => type === "overrun")).toEqual([]);
    other.applyAll(routes("delete"));
    await until(() => heard.some(({ type }) => type === "overrun"));
    other.apply({ type: "set link", link: "lo", up: false });
    await until(() => heard.some((event) => event.type === "link" && !event.link.up));
    stop();
  } finally {
    own.close();
    other.close();
    removeNamespace(PATH);
  }
});
