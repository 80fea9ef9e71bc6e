/** A peer's plan in the words of its connections. */

import { describe, expect, test } from "bun:test";
import { destinationOf, restrictionsOf } from "../../bgpd/peer-plan.ts";
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
