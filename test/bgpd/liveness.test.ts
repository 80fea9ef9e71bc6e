/** RFC 5882: what a BFD session's end means for its peer, and which sessions there are. */

import { describe, expect, test } from "bun:test";
import type { BfdFactory, SessionChange, SessionPlan } from "../../bgpd/bfd/bfd.ts";
import { type BfdPlan, DEFAULT_POLICY, type PeerPlan } from "../../bgpd/cluster/speaker.ts";
import { createLiveness, type Liveness } from "../../bgpd/liveness.ts";
import type { InterfaceAddress } from "../../kernel/kernel.ts";
import { parseAddress } from "../../lib/address.ts";
import { Secret } from "../../lib/secret.ts";

const BFD: BfdPlan = {
  multihop: false,
  minimumTtl: 1,
  detectMultiplier: 3,
  minTransmitInterval: 100,
  minReceiveInterval: 100,
  strict: false,
};

function peer(name: string, bfd?: Partial<BfdPlan>): PeerPlan {
  return {
    name,
    origin: "BGPPeer",
    node: undefined,
    reachableBy: undefined,
    address: parseAddress("10.0.0.2"),
    port: 179,
    remoteAs: 64513,
    localAs: 64512,
    localAddress: parseAddress("10.0.0.1"),
    holdTime: 9,
    keepaliveTime: 3,
    connectRetryTime: 5,
    passive: false,
    ttl: 1,
    families: [4],
    acceptDefaultRoute: false,
    filters: [],
    role: undefined,
    aigp: false,
    policy: DEFAULT_POLICY,
    ...(bfd === undefined ? {} : { bfd: { ...BFD, ...bfd } }),
  };
}

type Stage = {
  readonly liveness: Liveness;
  readonly calls: string[];
  readonly plans: Map<string, SessionPlan>;
  tell(change: Partial<SessionChange>): void;
};

function stage(links: InterfaceAddress[] | undefined = undefined): Stage {
  const calls: string[] = [];
  const plans = new Map<string, SessionPlan>();
  let told: (change: SessionChange) => void = () => {};
  const start: BfdFactory = (onChange) => {
    told = onChange;
    calls.push("start");
    return {
      set(name, plan) {
        plans.set(name, plan);
        calls.push(`set ${name}`);
      },
      remove: (name) => calls.push(`remove ${name}`),
      status: () => undefined,
      async stop() {
        calls.push("stop");
      },
    };
  };
  const liveness = createLiveness({
    start,
    addresses: () => links,
    onFailure: (name, { cause }) => calls.push(`failed ${name}: ${cause}`),
    onUp: (name) => calls.push(`up ${name}`),
  });
  return {
    liveness,
    calls,
    plans,
    tell: (change) => {
      const failed = { from: "Up", to: "Down", cause: "why", failure: true } as const;
      told({ name: "a", ...failed, independent: false, ...change });
    },
  };
}

describe("sessions follow the plan", () => {
  test("no thread is started for peers without BFD", async () => {
    const { liveness, calls } = stage();
    liveness.apply([peer("a"), peer("b")]);
    await liveness.stop();
    expect(calls).toEqual([]);
  });

  test("only what differs is touched", () => {
    const { liveness, calls } = stage();
    liveness.apply([peer("a", {}), peer("b", {}), peer("c")]);
    expect(calls.splice(0)).toEqual(["start", "set a", "set b"]);
    liveness.apply([peer("a", {}), peer("b", { detectMultiplier: 5 }), peer("c")]);
    expect(calls.splice(0)).toEqual(["set b"]);
    liveness.apply([peer("a"), peer("c", {})]);
    expect(calls.splice(0)).toEqual(["remove a", "remove b", "set c"]);
  });

  test("strict is BGP's business, and the key is octets", () => {
    const { liveness, calls, plans } = stage();
    const authentication = {
      type: "keyed SHA1",
      keyId: 1,
      key: new Secret(Uint8Array.of(0x61, 0x62)),
    } as const;
    liveness.apply([peer("a", { authentication })]);
    expect(plans.get("a")?.authentication).toEqual({
      ...authentication,
      key: Uint8Array.of(0x61, 0x62),
    });
    calls.length = 0;
    liveness.apply([peer("a", { authentication, strict: true })]);
    expect(calls).toEqual([]);
  });
});

describe("a peer that is watched where it is on a link", () => {
  const linkAt = (text: string, length = 24): InterfaceAddress => ({
    link: 2,
    address: parseAddress(text),
    length,
    scope: "global",
  });
  const near = (more: Partial<PeerPlan> = {}, bfd: Partial<BfdPlan> = {}): PeerPlan => ({
    ...peer("a", { ifConnected: true, ...bfd }),
    localAddress: parseAddress("192.0.2.1"),
    ...more,
  });
  const withoutWish = (more: Partial<PeerPlan>, bfd: Partial<BfdPlan> = {}): PeerPlan => ({
    ...near(more),
    bfd: { ...BFD, ...bfd },
  });

  test.each<[string, InterfaceAddress[] | undefined, PeerPlan, string | undefined]>([
    ["is, from the node's address", [linkAt("10.0.0.1")], near(), "192.0.2.1"],
    [
      "is, from the link's where the session's is the system's choice",
      [linkAt("10.1.0.1"), linkAt("10.0.0.1")],
      near({ source: "any" }),
      "10.0.0.1",
    ],
    ["is not behind a router", [linkAt("10.1.0.1")], near(), undefined],
    ["is not where nobody looks", undefined, near({ source: "any" }), undefined],
    ["is not by an address for the host alone", [linkAt("10.0.0.1", 32)], near(), undefined],
    [
      "is anyway without that wish, from where the session is",
      [linkAt("10.0.0.1")],
      withoutWish({ source: "any" }),
      "10.0.0.1",
    ],
    [
      "over several hops is watched from the node's address",
      [linkAt("10.0.0.1")],
      withoutWish({ source: "any" }, { multihop: true }),
      "192.0.2.1",
    ],
  ])("%s", (_name, links, plan, local) => {
    const { liveness, plans } = stage(links);
    liveness.apply([plan]);
    expect(plans.get("a")?.local).toEqual(
      local === undefined ? (undefined as never) : parseAddress(local),
    );
  });

  test("is watched on when the link loses its address, so that the failure is seen", () => {
    const links = [linkAt("10.0.0.1")];
    const { liveness, calls } = stage(links);
    const plan = near({ source: "any" });
    liveness.apply([plan]);
    links.pop();
    liveness.apply([plan]);
    expect(calls).toEqual(["start", "set a"]);
    links.push(linkAt("10.0.0.9"));
    liveness.apply([plan]);
    expect(calls).toEqual(["start", "set a", "set a"]);
    links.pop();
    liveness.apply([{ ...plan, address: parseAddress("10.0.7.2") }]);
    expect(calls.at(-1)).toBe("remove a");
  });

  test("is not waited for where it is not watched", () => {
    const links: InterfaceAddress[] = [];
    const { liveness } = stage(links);
    const strict = near({}, { strict: true });
    expect(liveness.permits(strict)).toBe(true);
    links.push(linkAt("10.0.0.1"));
    expect(liveness.permits(strict)).toBe(false);
  });
});

describe("RFC 5882 section 3.2, 4.2", () => {
  test("a failed path is told, with its cause", () => {
    const { liveness, calls, tell } = stage();
    liveness.apply([peer("a", {})]);
    tell({ cause: "detection time expired" });
    expect(calls).toContain("failed a: detection time expired");
  });

  test("a session that ends by intention is no failure", () => {
    const { liveness, calls, tell } = stage();
    liveness.apply([peer("a", {})]);
    tell({ failure: false });
    expect(calls).toEqual(["start", "set a"]);
  });

  test("a strict peer waits for its session, any other does not", () => {
    const { liveness, calls, tell } = stage();
    const [strict, lax] = [peer("a", { strict: true }), peer("b", {})];
    liveness.apply([strict, lax]);
    expect([strict, lax, peer("c")].map(liveness.permits)).toEqual([false, true, true]);
    tell({ from: "Init", to: "Up", failure: false });
    expect(calls).toContain("up a");
    expect(liveness.permits(strict)).toBe(true);
    tell({});
    expect(liveness.permits(strict)).toBe(false);
  });

  test("where nothing can be watched nobody waits", () => {
    const liveness = createLiveness({
      start: undefined,
      addresses: () => undefined,
      onFailure: () => {},
      onUp: () => {},
    });
    const strict = peer("a", { strict: true });
    liveness.apply([strict]);
    expect([liveness.permits(strict), liveness.status("a")]).toEqual([true, undefined]);
  });
});
