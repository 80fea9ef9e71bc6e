/** A daemon with Services beside its documents, and a router whose kernel has a route to what is told. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { WhyAnswer } from "../../../resource/answer.ts";
import {
  configuration,
  document,
  documents,
  N1,
  node,
  TOR,
  torPeer,
} from "../../interop/documents.ts";
import { hasManx, type Manx, manxOn } from "../../interop/manx.ts";
import { createNetwork, eventually, type Network } from "../../interop/network.ts";
import { listOf, serviceItem, sliceItem } from "../../resource/kubectl.ts";

const WEB = {
  name: "web",
  cluster: "10.96.0.1",
  external: ["192.0.2.1"],
  policy: "Local",
} as const;
const RANGES =
  "serviceClusterIPs: [{cidr: 10.96.0.0/12}], serviceExternalIPs: [{cidr: 192.0.2.0/28}]";

/** What n1 reads, with the Service's endpoints on these nodes. */
const clusterWith = (...endpoints: readonly string[]): string =>
  documents(
    configuration(RANGES),
    N1,
    torPeer(TOR),
    listOf(serviceItem(WEB), sliceItem("web", endpoints)),
  );

let n1: Manx;
let tor: Manx;
let network: Network;

beforeEach(() => {
  network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
  n1 = manxOn(network, "n1");
  tor = manxOn(network, "tor");
});

afterEach(async () => {
  await network.remove();
});

const RANGE_ROUTES = ["10.96.0.0/12 via 172.30.0.11", "192.0.2.0/28 via 172.30.0.11"];
const ADDRESS_ROUTES = ["10.96.0.1 via 172.30.0.11", "192.0.2.1 via 172.30.0.11"];

/** The router's kernel routes to services come to be these. */
async function routed(what: string, routes: readonly string[]): Promise<void> {
  await eventually(what, () => {
    const found = tor
      .kernelRoutes()
      .filter((line) => !line.includes("10.244."))
      .map((line) => line.replace(/ dev .*/, ""));
    return JSON.stringify(found) === JSON.stringify([...routes].sort());
  });
}

describe.skipIf(!hasManx)("a Service for which only its own node will do", () => {
  test("has its addresses announced while an endpoint is ready, and no session notices", async () => {
    tor.configure(
      documents(
        configuration("asNumber: 65000"),
        node("tor", "172.30.0.1/24", "10.244.9.0/24"),
        document("BGPPeer", "n1", "peerIP: 172.30.0.11, asNumber: 64512, importPolicy: all"),
      ),
    );
    tor.start();
    n1.configure(clusterWith("n2"));
    n1.start();
    await routed("the ranges alone", RANGE_ROUTES);

    n1.configure(clusterWith("n2", "n1"));
    await routed("an endpoint here", [...RANGE_ROUTES, ...ADDRESS_ROUTES]);
    expect(n1.kernelRoutes().filter((line) => !line.includes("10.244."))).toEqual([]);
    expect(n1.ask<WhyAnswer>("why", "192.0.2.1").summary).toContain(
      "192.0.2.1 is the external IP of Service shop/web, announced by n1: a ready endpoint is on it.",
    );

    n1.configure(clusterWith("n2", "n1!"));
    await routed("which is not ready any more", RANGE_ROUTES);
    expect(n1.peer("tor").flaps).toBe(0);
  }, 60_000);
});
