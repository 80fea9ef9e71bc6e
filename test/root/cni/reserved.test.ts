/** What the node file says that nobody may have. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type NodeBlock, writeNodeFile } from "../../../ipam/node.ts";
import { parsePrefix } from "../../../lib/prefix.ts";
import { createScene, type Json, type Scene } from "./scene.ts";

const POOL: NodeBlock = {
  ...parsePrefix("10.244.1.0/29"),
  pool: "pods",
  skipFirstAndLast: true,
  reserved: [
    { prefix: parsePrefix("10.244.1.2/31"), name: "routers" },
    { prefix: parsePrefix("10.244.1.5/32"), name: "printer" },
  ],
};

let scene: Scene;
beforeEach(() => {
  scene = createScene("a", "b", "c");
});
afterEach(() => scene.remove());

/** A configuration that takes these blocks from the node file. */
function publish(...ipv4: NodeBlock[]): Json {
  const nodeFile = join(scene.folder, "node.json");
  writeNodeFile(nodeFile, {
    node: "n1",
    blocks: { ipv4, ipv6: [] },
    growth: { ipv4: "raise maxBlocksPerNode of IPPool pods", ipv6: "add an IPPool" },
    mtu: 1500,
    generation: 1,
    ready: { ok: true, reason: "converged", since: "2026-01-01T00:00:00.000Z" },
  });
  return { ipam: { type: "manx-ipam", nodeFile, dataDir: join(scene.folder, "ipam") } };
}

const addressOf = ({ ips }: Json): string =>
  (ips as readonly { readonly address: string }[])[0]?.address ?? "";

describe("a reserved address", () => {
  test("is never given: the rest of the block is, and then code 11 names pool, limit, use and knob", () => {
    const config = publish(POOL);
    const given = ["a", "b"].map((pod) => addressOf(scene.done("ADD", { pod, config })));
    expect(given).toEqual(["10.244.1.1/32", "10.244.1.4/32"]);
    // It was free for longest, and reserved since then: 10.244.1.4 cools, and 10.244.1.6 is new.
    publish({ ...POOL, reserved: [] });
    expect(addressOf(scene.done("ADD", { pod: "c", config }))).toBe("10.244.1.2/32");
    for (const pod of ["c", "b"]) scene.done("DEL", { pod, config });
    publish(POOL);
    expect(addressOf(scene.done("ADD", { pod: "b", config }))).toBe("10.244.1.6/32");
    expect(addressOf(scene.done("ADD", { pod: "c", config }))).toBe("10.244.1.4/32");
    const environment = { CNI_IFNAME: "eth1" };
    const { json } = scene.call("ADD", { pod: "c", config, environment });
    expect(json).toMatchObject({
      code: 11,
      msg: "no free address: block 10.244.1.0/29 of IPPool pods has 3 of 3 addresses in use and 5 reserved (skipFirstAndLast, IPReservation routers, IPReservation printer); the network is pods. The node needs another block: raise maxBlocksPerNode of IPPool pods",
    });
    const asked = { ...config, cniVersion: "1.1.0" };
    expect(scene.call("STATUS", { config: asked }).json).toMatchObject({
      code: 50,
      msg: json?.msg,
    });
  });

  test("is refused to who asks for it, with the reservation's name", () => {
    const ips = (address: string) => ({ ...publish(POOL), runtimeConfig: { ips: [address] } });
    const { json } = scene.call("ADD", { config: ips("10.244.1.3/32") });
    expect(json).toMatchObject({
      code: 7,
      msg: "the address that is asked for cannot be had: 10.244.1.3 is reserved in block 10.244.1.0/29 of IPPool pods: IPReservation routers",
    });
    expect(scene.call("ADD", { config: ips("10.244.1.7") }).json?.msg).toContain(
      ": skipFirstAndLast",
    );
    expect(addressOf(scene.done("ADD", { config: ips("10.244.1.6") }))).toBe("10.244.1.6/32");
  });

  test("at a block's ends is left out without a daemon as well", () => {
    const ipam = { ...(scene.config.ipam as Json), blocks: ["10.244.1.0/30"] };
    const config = { ipam: { ...ipam, skipFirstAndLast: true } };
    const given = ["a", "b"].map((pod) => addressOf(scene.done("ADD", { pod, config })));
    expect(given).toEqual(["10.244.1.1/32", "10.244.1.2/32"]);
    expect(scene.call("ADD", { pod: "c", config }).json?.msg).toContain(
      "has 2 of 2 addresses in use and 2 reserved (skipFirstAndLast)",
    );
  });
});
