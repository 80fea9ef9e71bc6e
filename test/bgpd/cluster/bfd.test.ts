/** Which BFD session a plan has for a peer. */

import { describe, expect, test } from "bun:test";
import type { KeyReader } from "../../../bgpd/cluster/context.ts";
import { planSpeaker } from "../../../bgpd/cluster/plan.ts";
import type { BfdPlan } from "../../../bgpd/cluster/speaker.ts";
import { Secret } from "../../../lib/secret.ts";
import { formatFault } from "../../../resource/fault.ts";
import { documentOf, nodeOf, resourcesOf } from "../../resource/documents.ts";

const DEFAULTS: BfdPlan = {
  multihop: false,
  minimumTtl: 1,
  detectMultiplier: 3,
  minTransmitInterval: 300,
  minReceiveInterval: 300,
  strict: false,
};

/** Calico's failureDetectionMode. */
const NEAR = "BFDIfDirectlyConnected";

type Given = {
  readonly common?: string;
  readonly own?: string;
  readonly address?: string;
  readonly mode?: string;
};

/** n1's plan with two nodes and a BGPPeer; by peers' names, or what is wrong. */
function planned(
  given: Given,
  readKey?: KeyReader,
): Record<string, BfdPlan | undefined> | string[] {
  const { common = "", own = "", address = "172.30.0.1", mode = "None" } = given;
  const line = (text: string): string => (text === "" ? "" : `\nbfd: ${text}`);
  const resources = resourcesOf(
    documentOf("BGPConfiguration", "default", `listenPort: 179${line(common)}`),
    documentOf(
      "BGPPeer",
      "tor",
      `peerIP: ${address}\nasNumber: 65000\nfailureDetectionMode: ${mode}${line(own)}`,
    ),
    nodeOf("n1", 11),
    nodeOf("n2", 12),
  );
  const result = planSpeaker(resources, "n1", readKey === undefined ? {} : { readKey });
  if ("faults" in result) return result.faults.map(formatFault);
  return Object.fromEntries(result.plan.peers.map(({ name, bfd }) => [name, bfd]));
}

describe("which sessions there are", () => {
  test.each<[name: string, given: Given, mesh: BfdPlan | undefined, tor: BfdPlan | undefined]>([
    ["none", {}, undefined, undefined],
    ["one peer's", { own: "{}" }, undefined, DEFAULTS],
    ["everybody's", { common: "{}" }, DEFAULTS, DEFAULTS],
    ["all but one", { common: "{}", own: "{enabled: false}" }, DEFAULTS, undefined],
    [
      "one although the others have none",
      { common: "{enabled: false, detectMultiplier: 5}", own: "{enabled: true}" },
      undefined,
      { ...DEFAULTS, detectMultiplier: 5 },
    ],
    [
      "field by field",
      {
        common: "{minTransmitInterval: 100ms, detectMultiplier: 5}",
        own: "{minTransmitInterval: 1s, strict: true}",
      },
      { ...DEFAULTS, minTransmitInterval: 100, detectMultiplier: 5 },
      { ...DEFAULTS, minTransmitInterval: 1000, detectMultiplier: 5, strict: true },
    ],
    [
      "an address of another network is several hops away",
      { common: "{}", address: "172.31.0.1" },
      DEFAULTS,
      { ...DEFAULTS, multihop: true },
    ],
    ["one by Calico's field", { mode: NEAR }, undefined, DEFAULTS],
    [
      "by Calico's field one that is for links, where the peer is in no network of the node's",
      { mode: NEAR, address: "172.31.0.1" },
      undefined,
      { ...DEFAULTS, ifConnected: true },
    ],
    [
      "by Calico's field with times of ours, though the cluster has none and several hops",
      {
        common: "{enabled: false, multihop: true, minTransmitInterval: 1s}",
        own: "{detectMultiplier: 5}",
        mode: NEAR,
        address: "172.31.0.1",
      },
      undefined,
      { ...DEFAULTS, detectMultiplier: 5, minTransmitInterval: 1000, ifConnected: true },
    ],
    [
      "unless a document knows better",
      {
        common: "{multihop: true, minimumTtl: 250}",
        own: "{multihop: false}",
        address: "10.0.0.1",
      },
      { ...DEFAULTS, multihop: true, minimumTtl: 250 },
      { ...DEFAULTS, minimumTtl: 250 },
    ],
  ])("%s", (_name, given, mesh, tor) => {
    expect(planned(given)).toEqual({ "mesh n2": mesh, tor });
  });
});

describe("keys", () => {
  const auth = (type: string): string => `{auth: {type: ${type}, keyId: 7, keyFile: /etc/key}}`;

  test("the file's octets are the key", () => {
    const plan = planned(
      { own: auth("MeticulousKeyedSHA1") },
      (file) => new Secret(new TextEncoder().encode(file)),
    );
    if (Array.isArray(plan)) throw new Error(plan.join("\n"));
    const { authentication } = plan.tor!;
    expect(authentication).toMatchObject({ type: "meticulous keyed SHA1", keyId: 7 });
    expect(new TextDecoder().decode(authentication!.key.reveal())).toBe("/etc/key");
  });

  test.each([
    ["KeyedMD5", 16],
    ["MeticulousKeyedMD5", 16],
    ["KeyedSHA1", 20],
    ["MeticulousKeyedSHA1", 20],
  ])("%s takes up to %d octets", (type, most) => {
    const reader = (length: number) => () => new Secret(new Uint8Array(length));
    expect(planned({ own: auth(type) }, reader(most))).toHaveProperty("tor");
    for (const length of [0, most + 1]) {
      expect(planned({ own: auth(type) }, reader(length))).toEqual([
        `c.yaml:14: BGPPeer tor: spec.bfd.auth.keyFile: "/etc/key": the file holds ${length} octets: expected a key of 1 to ${most} for ${type}`,
      ]);
    }
  });

  test("a fault of the cluster's document is told once, however many sessions meet it", () => {
    expect(planned({ common: auth("KeyedMD5") }, () => "ENOENT")).toEqual([
      'c.yaml:6: BGPConfiguration default: spec.bfd.auth.keyFile: "/etc/key": ENOENT',
    ]);
  });
});
