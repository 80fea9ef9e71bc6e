import { describe, expect, test } from "bun:test";
import type { PeerPlan } from "../../../bgpd/cluster/speaker.ts";
import { compileExport, compileImport } from "../../../bgpd/policy/compile.ts";
import { parseAddress } from "../../../lib/address.ts";
import { parsePrefix } from "../../../lib/prefix.ts";
import type { BgpFilter } from "../../../resource/bgp-filter.ts";
import { documentOf, resourcesOf } from "../../resource/documents.ts";
import { peerPlan, speakerPlan } from "../plan.ts";

const peer = peerPlan();
const internal = peerPlan({ remoteAs: 64512 });
const meshOfOtherAs = peerPlan({ origin: "mesh" });

const speaker = speakerPlan({
  blocks: [parsePrefix("10.250.1.0/24")],
  pools: [parsePrefix("10.244.0.0/16"), parsePrefix("fd00:244::/48")],
});

type Source = "local" | "internal" | "external";

function route(prefix: string, source: Source = "external") {
  return { prefix: parsePrefix(prefix), source, attributes: { unknown: [] } as never };
}

function filter(name: string, spec: string): BgpFilter {
  const [found] = resourcesOf(documentOf("BGPFilter", name, spec)).filters;
  if (found === undefined) throw new Error("no filter");
  return found.resource;
}

function say({ accept, reason }: { readonly accept: boolean; readonly reason: string }): string {
  return `${accept ? "accept" : "reject"}: ${reason}`;
}

const NEITHER = "accept: built-in policy: neither ours nor special";
const NO_DEFAULT =
  "reject: built-in policy: a default route, and acceptDefaultRoute is not set (Calico takes it, and so does importPolicy: all)";
const POOL =
  "reject: built-in policy: inside our own pool 10.244.0.0/16 (Calico takes it, and so does importPolicy: all)";

describe("the built-in import policy of an external peer", () => {
  const { policy } = compileImport(peer, speaker);
  test.each<[prefix: string, answer: string]>([
    ["198.51.100.0/24", NEITHER],
    ["192.0.2.0/24", NEITHER],
    ["10.0.0.0/8", NEITHER],
    ["10.244.0.0/15", NEITHER],
    ["192.168.0.0/16", NEITHER],
    ["100.64.0.0/10", NEITHER],
    ["10.244.0.0/16", POOL],
    ["10.244.7.0/24", POOL],
    ["10.244.7.9/32", POOL],
    [
      "10.250.1.0/24",
      "reject: built-in policy: inside our own block 10.250.1.0/24 (Calico takes it, and so does importPolicy: all)",
    ],
    ["0.0.0.0/0", NO_DEFAULT],
    ["::/0", NO_DEFAULT],
    [
      "0.0.0.0/8",
      "reject: built-in policy: this network (0.0.0.0/8; Calico takes it, and so does importPolicy: all)",
    ],
    [
      "127.0.0.1/32",
      "reject: built-in policy: loopback (127.0.0.0/8; Calico takes it, and so does importPolicy: all)",
    ],
    [
      "169.254.0.0/16",
      "reject: built-in policy: link-local (169.254.0.0/16; Calico takes it, and so does importPolicy: all)",
    ],
    [
      "224.0.0.0/24",
      "reject: built-in policy: multicast (224.0.0.0/4; Calico takes it, and so does importPolicy: all)",
    ],
    [
      "240.0.0.0/8",
      "reject: built-in policy: reserved (240.0.0.0/4; Calico takes it, and so does importPolicy: all)",
    ],
    [
      "255.255.255.255/32",
      "reject: built-in policy: reserved (240.0.0.0/4; Calico takes it, and so does importPolicy: all)",
    ],
    [
      "fe80::/64",
      "reject: built-in policy: link-local (fe80::/10; Calico takes it, and so does importPolicy: all)",
    ],
    [
      "ff02::/16",
      "reject: built-in policy: multicast (ff00::/8; Calico takes it, and so does importPolicy: all)",
    ],
    [
      "::ffff:10.0.0.0/104",
      "reject: built-in policy: IPv4-mapped (::ffff:0.0.0.0/96; Calico takes it, and so does importPolicy: all)",
    ],
    [
      "fd00:244:0:1::/122",
      "reject: built-in policy: inside our own pool fd00:244::/48 (Calico takes it, and so does importPolicy: all)",
    ],
    ["2001:db8::/32", NEITHER],
  ])("%s", (prefix, answer) => {
    expect(say(policy(route(prefix)))).toBe(answer);
  });

  test("acceptDefaultRoute lets the default route in, and nothing else", () => {
    const open = compileImport({ ...peer, acceptDefaultRoute: true }, speaker).policy;
    expect(open(route("0.0.0.0/0")).accept).toBe(true);
    expect(open(route("10.244.1.0/24")).accept).toBe(false);
  });
});

describe("the built-in policy", () => {
  test.each<[name: string, plan: PeerPlan, accepted: readonly Source[]]>([
    ["an internal peer is told everything", internal, ["local", "internal", "external"]],
    ["an external peer is told our own blocks alone", peer, ["local"]],
    ["a mesh peer of another AS is told our own blocks alone", meshOfOtherAs, ["local"]],
  ])("%s", (_name, plan, accepted) => {
    const { policy } = compileExport(plan, speaker);
    const sources: readonly Source[] = ["local", "internal", "external"];
    const told = sources.filter((source) => policy(route("10.244.1.0/24", source)).accept);
    expect(told).toEqual([...accepted]);
  });

  test.each([
    ["an internal peer", internal],
    ["a mesh peer of another AS", meshOfOtherAs],
  ])("%s is believed in everything", (_name, plan) => {
    const { policy } = compileImport(plan, speaker);
    for (const prefix of ["10.244.1.0/24", "0.0.0.0/0", "127.0.0.0/8", "10.250.1.0/24"]) {
      expect(policy(route(prefix)).accept).toBe(true);
    }
  });
});

describe("a filter rule", () => {
  type Row = readonly [rule: string, matching: readonly string[], others: readonly string[]];
  test.each<Row>([
    ["{action: Reject}", ["198.51.100.0/24", "0.0.0.0/0"], []],
    [
      "{action: Reject, cidr: 20.0.0.0/8, matchOperator: Equal}",
      ["20.0.0.0/8"],
      ["20.0.0.0/9", "20.1.0.0/16", "21.0.0.0/8", "20.0.0.0/7"],
    ],
    [
      "{action: Reject, cidr: 20.0.0.0/8, matchOperator: NotEqual}",
      ["20.0.0.0/9", "21.0.0.0/8"],
      ["20.0.0.0/8"],
    ],
    [
      "{action: Reject, cidr: 20.0.0.0/8, matchOperator: In}",
      ["20.0.0.0/8", "20.1.0.0/16", "20.1.2.3/32"],
      ["20.0.0.0/7", "21.0.0.0/8"],
    ],
    [
      "{action: Reject, cidr: 20.0.0.0/8, matchOperator: NotIn}",
      ["20.0.0.0/7", "21.0.0.0/8"],
      ["20.0.0.0/8", "20.1.0.0/16"],
    ],
    [
      "{action: Reject, cidr: 20.0.0.0/8, matchOperator: In, prefixLength: {min: 16, max: 24}}",
      ["20.1.0.0/16", "20.1.2.0/24"],
      ["20.0.0.0/8", "20.0.0.0/15", "20.1.2.0/25", "21.0.0.0/16"],
    ],
    [
      "{action: Reject, cidr: 20.0.0.0/8, matchOperator: In, prefixLength: {min: 16}}",
      ["20.1.0.0/16", "20.1.2.3/32"],
      ["20.0.0.0/15"],
    ],
    [
      "{action: Reject, cidr: 20.0.0.0/8, matchOperator: NotIn, prefixLength: {max: 24}}",
      ["20.1.2.0/25", "21.0.0.0/8"],
      ["20.0.0.0/8", "20.1.2.0/24"],
    ],
  ])("%s", (rule, matching, others) => {
    const filters = [filter("f", `importV4: [${rule}, {action: Accept}]`)];
    const { policy } = compileImport({ ...peer, filters }, speaker);
    expect(matching.filter((prefix) => policy(route(prefix)).accept)).toEqual([]);
    expect(others.filter((prefix) => !policy(route(prefix)).accept)).toEqual([]);
  });
});

describe("filters and the built-in policy", () => {
  const filters = [
    filter(
      "first",
      "importV4:\n- {action: Accept, cidr: 10.244.9.0/24, matchOperator: Equal}\n- {action: Reject, cidr: 20.0.0.0/8, matchOperator: In, prefixLength: {min: 9}}",
    ),
    filter(
      "second",
      'importV4:\n- {action: Accept, cidr: 20.0.0.0/8, matchOperator: In}\nimportV6:\n- {action: Reject, cidr: "2001:db8::/32", matchOperator: In}\nexportV4:\n- {action: Accept}',
    ),
  ];
  const plan = { ...peer, filters };
  const { policy } = compileImport(plan, speaker);

  test.each<[prefix: string, answer: string]>([
    [
      "20.1.0.0/16",
      "reject: BGPFilter first: importV4 rule 2 (c.yaml:7): Reject In 20.0.0.0/8 /9 to /longest",
    ],
    ["20.0.0.0/8", "accept: BGPFilter second: importV4 rule 1 (c.yaml:6): Accept In 20.0.0.0/8"],
    [
      "10.244.9.0/24",
      "accept: BGPFilter first: importV4 rule 1 (c.yaml:6): Accept Equal 10.244.9.0/24",
    ],
    ["10.244.8.0/24", POOL],
    ["198.51.100.0/24", NEITHER],
    [
      "2001:db8:1::/48",
      "reject: BGPFilter second: importV6 rule 1 (c.yaml:8): Reject In 2001:db8::/32",
    ],
  ])("%s: the first rule that matches decides, else the built-in policy", (prefix, answer) => {
    expect(say(policy(route(prefix)))).toBe(answer);
  });

  test("Accept for everything makes a transit peer", () => {
    const verdict = compileExport(plan, speaker).policy(route("198.51.100.0/24", "internal"));
    expect(say(verdict)).toBe(
      "accept: BGPFilter second: exportV4 rule 1 (c.yaml:10): Accept everything",
    );
  });

  test("an internal peer's filters hold before its trust", () => {
    const inside = compileImport({ ...internal, filters }, speaker).policy;
    expect(inside(route("20.1.0.0/16")).accept).toBe(false);
    expect(inside(route("10.244.8.0/24")).accept).toBe(true);
  });

  test("a rule answers with one and the same record", () => {
    expect(policy(route("20.1.0.0/16"))).toBe(policy(route("20.2.0.0/16")));
    expect(policy(route("10.244.8.0/24"))).toBe(policy(route("10.244.7.0/24")));
  });
});

describe("keys", () => {
  const reject = filter("f", "importV4: [{action: Reject}]\nexportV4: [{action: Reject}]");
  const accept = filter("f", "importV4: [{action: Accept}]\nexportV4: [{action: Accept}]");
  const v6 = filter("f", "importV6: [{action: Reject}]\nexportV6: [{action: Reject}]");
  const plans: Readonly<Record<string, PeerPlan>> = {
    plain: peer,
    internal,
    mesh: meshOfOtherAs,
    open: { ...peer, acceptDefaultRoute: true },
    rejecting: { ...peer, filters: [reject] },
    accepting: { ...peer, filters: [accept] },
    v6: { ...peer, filters: [v6] },
    twice: { ...peer, filters: [reject, accept] },
  };

  test("policies that differ have other keys", () => {
    const keys = Object.values(plans).map((plan) => compileImport(plan, speaker).key);
    expect(new Set(keys).size).toBe(keys.length);
    const filtered = ["plain", "internal", "rejecting", "accepting", "v6", "twice"] as const;
    const exports = filtered.map((name) => compileExport(plans[name] ?? peer, speaker).key);
    expect(new Set(exports).size).toBe(exports.length);
  });

  test("other pools are another import policy, and the same export policy", () => {
    const other = { ...speaker, pools: [] };
    expect(compileImport(peer, other).key).not.toBe(compileImport(peer, speaker).key);
    expect(compileImport(internal, other).key).toBe(compileImport(internal, speaker).key);
  });

  test("peers that differ in their session alone share a key", () => {
    const other = { ...peer, name: "tor2", address: parseAddress("172.30.0.2"), holdTime: 9 };
    expect(compileExport(other, speaker).key).toBe(compileExport(peer, speaker).key);
    expect(compileImport(other, speaker).key).toBe(compileImport(peer, speaker).key);
  });
});
