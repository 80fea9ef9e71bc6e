/** A session that lives while its node's link comes by addresses of the other family, or loses them. */

import { expect, test } from "bun:test";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { documentOf } from "../resource/documents.ts";
import { DocumentsScene, planFor } from "./documents-scene.ts";

const CLUSTER = ["1", "2"].map((number) =>
  documentOf(
    "Node",
    `n${number}`,
    `bgp: {ipv4Address: 172.30.0.${number}/24, ipv6Address: "fd00:30::${number}/64"}\nblocks: [10.244.${number}.0/24, "fd00:244:${number}::/120"]`,
  ),
);

test("its peer is told the next hop that is there now, and the session does not end", () => {
  const scene = new DocumentsScene();
  scene.apply(planFor("n1", CLUSTER), "kernel");
  scene.apply(planFor("n2", CLUSTER));
  const nextHops = (): (string | undefined)[] => {
    scene.pass(20);
    return ["10.244.1.0/24", "fd00:244:1::/120"].map((prefix) => {
      const nextHop = scene.best("n2", prefix)?.attributes.nextHop;
      return nextHop === undefined ? undefined : formatAddress(nextHop);
    });
  };
  const eth0 = (type: "add address" | "delete address", address: string): void =>
    scene.kernel("n1").apply({ type, link: "eth0", address: parseAddress(address), length: 64 });

  expect(nextHops()).toEqual(["172.30.0.1", undefined]);
  eth0("add address", "fd00:31::1");
  expect(nextHops()).toEqual(["172.30.0.1", "fd00:31::1"]);
  eth0("add address", "fd00:30::1");
  expect(nextHops()).toEqual(["172.30.0.1", "fd00:30::1"]);
  eth0("delete address", "fd00:30::1");
  expect(nextHops()).toEqual(["172.30.0.1", "fd00:31::1"]);
  eth0("delete address", "fd00:31::1");
  expect(nextHops()).toEqual(["172.30.0.1", undefined]);
  const sessions = [...scene.daemon("n2").neighbours.values()];
  expect(sessions.map(({ peer }) => peer.status().flaps)).toEqual([0]);
});
