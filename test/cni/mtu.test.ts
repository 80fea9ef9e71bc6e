/** What says the MTU of a pod's interface: the configuration, else the node file, else Linux. */

import { expect, test } from "bun:test";
import { add } from "../../cni/add.ts";
import { createTwin } from "./twin.ts";

const NODE = {
  version: 1,
  node: "n1",
  blocks: { ipv4: ["10.244.1.0/24"], ipv6: [] },
  mtu: 1380,
  generation: 1,
  ready: { ok: true, reason: "", since: "" },
};
const FROM_NODE = { ipam: { type: "manx-ipam" } };

for (const [name, config, mtu] of [
  ["the configuration's", { ...FROM_NODE, mtu: 1400 }, 1400],
  ["the node file's", FROM_NODE, 1380],
  ["Linux' own where the blocks are the configuration's", {}, 1500],
] as const) {
  test(name, () => {
    const twin = createTwin();
    twin.ground.files.makeFolder("/run/manx");
    twin.ground.files.create("/run/manx/node.json", JSON.stringify(NODE));
    add(twin.request("ADD", "a", config), twin.ground);
    expect(twin.pod("a").link("eth0")?.mtu).toBe(mtu);
  });
}
