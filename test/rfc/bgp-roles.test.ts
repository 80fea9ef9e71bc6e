/** RFC 9234 section 5: what roles do to routes, every procedure for every role. */

import { describe, expect, test } from "bun:test";
import { PLAIN_RULES, type Role } from "../../bgpd/rib/rules.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { attributesOf, OUR_AS, peerAt, Scene } from "../bgpd/rib/scene.ts";

const PREFIX = "198.51.100.0/24";
const OUTSIDE = 65_009;
const ROLES: readonly (Role | undefined)[] = [
  undefined,
  "provider",
  "rs",
  "rs-client",
  "customer",
  "peer",
];

/** What a route of a peer, towards which we have this role, is used with. */
function received(role: Role | undefined, onlyToCustomer?: number): string {
  const scene = new Scene();
  const id = scene.add(peerAt(9, "external", { rules: { ...PLAIN_RULES, role } }));
  const more = onlyToCustomer === undefined ? {} : { onlyToCustomer };
  scene.announce(id, [PREFIX], attributesOf([OUTSIDE], "172.30.0.9", more));
  scene.settle();
  const [path] = scene.rib.lookup(parsePrefix(PREFIX))?.paths ?? [];
  if (path?.state === "rejected") return path.reason;
  return `OTC ${path?.attributes.onlyToCustomer ?? "none"}`;
}

/** What a peer, towards which we have this role, is told. */
function told(role: Role | undefined, onlyToCustomer?: number): string {
  const scene = new Scene();
  const id = scene.add(peerAt(9, "external", { rules: { ...PLAIN_RULES, role } }));
  const more = onlyToCustomer === undefined ? {} : { onlyToCustomer };
  scene.rib.originate(parsePrefix(PREFIX), { origin: 0, asPath: [], ...more });
  scene.settle();
  const got = scene.told.get(id)?.routes.get(PREFIX);
  if (got !== undefined) return `OTC ${got.onlyToCustomer ?? "none"}`;
  return scene.rib.advertisedTo(id, parsePrefix(PREFIX))[0]?.reason ?? "";
}

function leak(role: Role, asNumber: number): string {
  return `route leak: it carries ONLY_TO_CUSTOMER of AS ${asNumber}, and our role is ${role} (RFC 9234)`;
}

function held(role: Role): string {
  return `it carries ONLY_TO_CUSTOMER of AS 7, and our role is ${role} (RFC 9234)`;
}

describe("ingress", () => {
  test("1: from a customer or a client of our route server it is a leak", () => {
    expect(received("provider", 7)).toBe(leak("provider", 7));
    expect(received("rs", OUTSIDE)).toBe(leak("rs", OUTSIDE));
  });

  test("2: from a peer it is a leak unless the peer itself said it", () => {
    expect(received("peer", 7)).toBe(leak("peer", 7));
    expect(received("peer", OUTSIDE)).toBe(`OTC ${OUTSIDE}`);
  });

  test("3: from a provider, a peer or a route server it is added where it is missing", () => {
    const answers = ROLES.map((role) => received(role));
    const added = `OTC ${OUTSIDE}`;
    expect(answers).toEqual(["OTC none", "OTC none", "OTC none", added, added, added]);
  });

  test("from a provider or a route server it stays as it is", () => {
    expect([received("customer", 7), received("rs-client", 7)]).toEqual(["OTC 7", "OTC 7"]);
  });
});

describe("egress", () => {
  test("1: to a customer, a peer or a client it is added, with our AS", () => {
    const answers = ROLES.map((role) => told(role));
    const added = `OTC ${OUR_AS}`;
    expect(answers).toEqual(["OTC none", added, added, "OTC none", "OTC none", added]);
  });

  test("2: what carries it goes to no provider, peer or route server", () => {
    const answers = ROLES.map((role) => told(role, 7));
    const roles = ["rs-client", "customer", "peer"] as const;
    expect(answers).toEqual(["OTC 7", "OTC 7", "OTC 7", ...roles.map(held)]);
  });
});

test("a route of a provider reaches a customer and no other provider", () => {
  const scene = new Scene();
  const add = (n: number, role: Role) =>
    scene.add(peerAt(n, "external", { rules: { ...PLAIN_RULES, role } }));
  const [up, other, down] = [add(5, "customer"), add(6, "customer"), add(7, "provider")];
  const inside = scene.add(peerAt(2, "internal"));
  scene.announce(up, [PREFIX], attributesOf([65_005], "172.30.0.5"));
  scene.settle();
  const tags = [other, down, inside].map(
    (id) => scene.told.get(id)?.routes.get(PREFIX)?.onlyToCustomer,
  );
  expect(tags).toEqual([undefined, 65_005, 65_005]);
  expect(scene.tells(other)).toEqual([]);
});

test("a route server need not put its AS in front (RFC 7947 section 2.2.2)", () => {
  const reasons = (["rs-client", "customer"] as const).map((role) => {
    const scene = new Scene();
    const id = scene.add(peerAt(9, "external", { rules: { ...PLAIN_RULES, role } }));
    scene.announce(id, [PREFIX], attributesOf([65_001], "172.30.0.7"));
    scene.settle();
    return scene.rib.lookup(parsePrefix(PREFIX))?.paths[0]?.state;
  });
  expect(reasons).toEqual(["best", "rejected"]);
});
