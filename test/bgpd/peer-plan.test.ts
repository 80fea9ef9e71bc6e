/** A peer's plan in the words of its connections, and of its session. */

import { describe, expect, test } from "bun:test";
import { destinationOf, restrictionsOf, sessionConfig } from "../../bgpd/peer-plan.ts";
import { parseAddress } from "../../lib/address.ts";
import { peerPlan } from "./plan.ts";

describe("how far a peer may be", () => {
  test.each([
    ["an external one as far as its plan says", { ttl: 64 }, { hops: 64 }],
    ["one of our AS anywhere", { remoteAs: 64_512, ttl: 64 }, {}],
    ["with TTL security on the next link", { ttlSecurity: 1 }, { hops: 255, leastHops: 255 }],
    ["and up to 254 hops away", { ttlSecurity: 254 }, { hops: 255, leastHops: 2 }],
    [
      "within our AS too (RFC 5082)",
      { remoteAs: 64_512, ttlSecurity: 3 },
      { hops: 255, leastHops: 253 },
    ],
    ["by one link", { link: "eth1" }, { hops: 1, link: "eth1" }],
  ])("%s", (_, change, restrictions) => {
    expect(restrictionsOf(peerPlan(change))).toEqual(restrictions);
  });
});

test("a connection goes from the node's address, or from any", () => {
  const { address: remote, localAddress: local } = peerPlan();
  expect(destinationOf(peerPlan(), undefined)).toEqual({ remote, local, port: 179, hops: 1 });
  expect(destinationOf(peerPlan({ source: "any" }), undefined)).not.toHaveProperty("local");
  expect(local).toEqual(parseAddress("172.30.0.11"));
});

describe("what its session is configured with", () => {
  const identifier = parseAddress("172.30.0.11");
  test.each([
    ["no DelayOpen", {}, { delayOpenTime: 0 }],
    ["DelayOpen", { delayOpen: 3 }, { delayOpenTime: 3 }],
    ["no word about the send hold timer", {}, { sendHoldTime: undefined }],
    ["the send hold timer switched off", { sendHoldTime: 0 }, { sendHoldTime: 0 }],
    ["one AS", {}, { remoteAs: 65_000 }],
    [
      "several",
      { asNumbers: [{ first: 1, last: 9 }], remoteAs: 0 },
      { remoteAs: [{ first: 1, last: 9 }] },
    ],
    ["waiting", { passive: true }, { passiveTcpEstablishment: true }],
    ["one path of a prefix", {}, { addPath: { receive: [], send: [] } }],
    [
      "several, from the peer",
      { families: [4, 6] as const, addPath: { receive: true, send: false } },
      { addPath: { receive: [4, 6], send: [] } },
    ],
  ])("%s", (_, change, config) => {
    expect(sessionConfig(peerPlan(change), identifier)).toMatchObject(config);
  });
});
