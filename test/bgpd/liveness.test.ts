/** RFC 5882: what a BFD session's end means for its peer, and which sessions there are. */

import { describe, expect, test } from "bun:test";
import type { BfdFactory, SessionChange, SessionPlan } from "../../bgpd/bfd/bfd.ts";
import { type BfdPlan, DEFAULT_POLICY, type PeerPlan } from "../../bgpd/cluster/speaker.ts";
import { createLiveness, type Liveness } from "../../bgpd/liveness.ts";
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

function stage(): Stage {
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
    const liveness = createLiveness({ start: undefined, onFailure: () => {}, onUp: () => {} });
    const strict = peer("a", { strict: true });
    liveness.apply([strict]);
    expect([liveness.permits(strict), liveness.status("a")]).toEqual([true, undefined]);
  });
});
