import { describe, expect, test } from "bun:test";
import { DEFAULT_POLICY, type PeerPlan, type SpeakerPlan } from "../../bgpd/cluster/speaker.ts";
import { difference } from "../../bgpd/difference.ts";
import { parseAddress } from "../../lib/address.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { peerPlan, speakerPlan } from "./plan.ts";

const peer = (name: string, change: Partial<PeerPlan> = {}): PeerPlan =>
  peerPlan({
    name,
    origin: "mesh",
    address: parseAddress("172.30.0.12"),
    remoteAs: 64512,
    ...change,
  });

const plan = speakerPlan({
  blocks: [parsePrefix("10.244.1.0/24")],
  pools: [parsePrefix("10.244.0.0/16")],
  peers: [peer("a"), peer("b")],
});

function summary(after: SpeakerPlan, before: SpeakerPlan | "none" = plan) {
  const change = difference(before === "none" ? undefined : before, after);
  return {
    speaker: change.speaker,
    listen: change.listen,
    selection: change.selection,
    removed: change.removed,
    added: change.added.map(({ name }) => name),
    restarted: change.restarted.map(({ name }) => name),
    kept: change.kept.map(({ name }) => name),
    withdrawn: change.withdrawn.map(formatPrefix),
    originated: change.originated.map(formatPrefix),
  };
}

const nothing = {
  speaker: false,
  listen: false,
  selection: false,
  removed: [],
  added: [],
  restarted: [],
  kept: ["a", "b"],
  withdrawn: [],
  originated: [],
};

describe("difference of plans", () => {
  test("the first plan adds everything", () => {
    expect(summary(plan, "none")).toEqual({
      ...nothing,
      listen: true,
      selection: true,
      added: ["a", "b"],
      kept: [],
      originated: ["10.244.1.0/24"],
    });
  });

  test("an equal plan touches nothing", () => {
    expect(summary(structuredClone(plan))).toEqual(nothing);
  });

  test("another choice in the decision keeps the sessions", () => {
    const selection = { ...plan.selection, maximumPaths: 2 };
    expect(summary({ ...plan, selection })).toEqual({ ...nothing, selection: true });
  });

  test("another policy keeps the session", () => {
    const policy = { ...DEFAULT_POLICY, gracefulShutdown: true, importPolicy: "all" as const };
    expect(summary({ ...plan, peers: [peer("a", { policy }), peer("b")] })).toEqual(nothing);
  });

  test("ranges of services are originated like blocks", () => {
    const services = [parsePrefix("10.96.0.0/12")];
    expect(summary({ ...plan, services })).toMatchObject({ originated: ["10.96.0.0/12"] });
  });

  test("a changed filter or acceptDefaultRoute keeps the session", () => {
    const filters = [
      {
        name: "f",
        importV4: [{ action: "Reject" as const, operations: [], place: "c.yaml:6" }],
        exportV4: [],
        importV6: [],
        exportV6: [],
      },
    ];
    const after = [peer("a", { filters }), peer("b", { acceptDefaultRoute: true })];
    expect(summary({ ...plan, peers: after })).toEqual(nothing);
  });

  test("other BFD parameters keep the session", () => {
    const bfd = {
      multihop: false,
      minimumTtl: 1,
      detectMultiplier: 3,
      minTransmitInterval: 100,
      minReceiveInterval: 100,
      strict: false,
    };
    expect(summary({ ...plan, peers: [peer("a", { bfd }), peer("b")] })).toEqual(nothing);
  });

  const parameters: Partial<PeerPlan>[] = [
    { address: parseAddress("172.30.0.13") },
    { port: 1179 },
    { remoteAs: 65000 },
    { localAs: 65001 },
    { holdTime: 3 },
    { keepaliveTime: 1 },
    { passive: true },
    { ttl: 2 },
    { role: { role: "peer", strict: false } },
    { aigp: true },
  ];
  for (const change of parameters) {
    test(`a changed ${Object.keys(change)[0]} restarts that session and no other`, () => {
      expect(summary({ ...plan, peers: [peer("a", change), peer("b")] })).toEqual({
        ...nothing,
        restarted: ["a"],
        kept: ["b"],
      });
    });
  }

  test("a peer that is gone is removed, a new one added", () => {
    expect(summary({ ...plan, peers: [peer("b"), peer("c")] })).toEqual({
      ...nothing,
      removed: ["a"],
      added: ["c"],
      kept: ["b"],
    });
  });

  test("blocks are withdrawn and originated one by one", () => {
    const blocks = [parsePrefix("10.244.9.0/24"), parsePrefix("10.244.1.0/24")];
    expect(summary({ ...plan, blocks })).toEqual({ ...nothing, originated: ["10.244.9.0/24"] });
    expect(summary(plan, { ...plan, blocks })).toEqual({
      ...nothing,
      withdrawn: ["10.244.9.0/24"],
    });
  });

  test("another AS number or identifier restarts every session", () => {
    for (const change of [{ asNumber: 64513 }, { routerId: parseAddress("172.30.0.99") }]) {
      expect(summary({ ...plan, ...change })).toEqual({
        ...nothing,
        speaker: true,
        restarted: ["a", "b"],
        kept: [],
      });
    }
  });

  test("another port or address to listen on changes the listener alone", () => {
    expect(summary({ ...plan, listenPort: 1179 })).toEqual({ ...nothing, listen: true });
  });
});
