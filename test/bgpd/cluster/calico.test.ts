/**
 * A cluster in Calico's form (conf/racks): the sessions, announcements and rules that Calico would give it.
 */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { planSpeaker } from "../../../bgpd/cluster/plan.ts";
import type { SpeakerPlan } from "../../../bgpd/cluster/speaker.ts";
import { compileExport, compileImport } from "../../../bgpd/policy/compile.ts";
import type { PolicyRoute } from "../../../bgpd/policy/route.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import { formatAddress } from "../../../lib/address.ts";
import { formatPrefix, parsePrefix } from "../../../lib/prefix.ts";
import { readDirectory } from "../../../resource/directory.ts";
import { readDocuments } from "../../../resource/document.ts";
import { formatFault } from "../../../resource/fault.ts";

const { sources } = readDirectory(join(import.meta.dir, "../../../conf/racks"));
const { resources, faults, notes } = readDocuments(sources);

function planOf(node: string): SpeakerPlan {
  const planned = planSpeaker(resources, node);
  if ("faults" in planned) throw new Error(planned.faults.map(formatFault).join("\n"));
  expect(planned.notes).toEqual([]);
  return planned.plan;
}

test("the documents have neither faults nor notes", () => {
  expect([...faults, ...notes].map(formatFault)).toEqual([]);
});

describe("sessions", () => {
  test.each<[node: string, sessions: string[]]>([
    [
      "n1",
      [
        "clients r1 172.30.1.21 AS 64512 hold 90",
        "clients r2 172.30.2.22 AS 64512 hold 90",
        "tor-a 172.30.1.1 AS 65001 hold 30 filter from-tor",
      ],
    ],
    [
      "n2",
      [
        "clients r1 172.30.1.21 AS 64512 hold 90",
        "clients r2 172.30.2.22 AS 64512 hold 90",
        "tor-a 172.30.1.1 AS 65001 hold 30 filter from-tor",
      ],
    ],
    [
      "n3",
      [
        "clients r1 172.30.1.21 AS 64512 hold 90",
        "clients r2 172.30.2.22 AS 64512 hold 90",
        "tor-b 172.30.2.1 AS 65002 hold 90 filter from-tor",
      ],
    ],
    [
      "n4",
      [
        "clients r1 172.30.1.21 AS 64512 hold 30",
        "clients r2 172.30.2.22 AS 64512 hold 30",
        "tor-b 172.30.2.1 AS 65002 hold 30 filter from-tor",
      ],
    ],
    [
      "r1",
      [
        "clients n1 172.30.1.11 AS 64512 hold 90 client",
        "clients n2 172.30.1.12 AS 64512 hold 90 client",
        "clients n3 172.30.2.13 AS 64512 hold 90 client",
        "clients n4 172.30.2.14 AS 64512 hold 90 client",
        "reflectors r2 172.30.2.22 AS 64512 hold 90",
      ],
    ],
  ])("%s", (node, sessions) => {
    const lines = planOf(node).peers.map(({ name, address, remoteAs, holdTime, filters, policy }) =>
      [
        `${name} ${formatAddress(address)} AS ${remoteAs} hold ${holdTime}`,
        ...filters.map((filter) => `filter ${filter.name}`),
        ...(policy.reflection?.client ? ["client"] : []),
      ].join(" "),
    );
    expect(lines).toEqual(sessions);
  });

  test("each has its other end", () => {
    const names = resources.nodes.map(({ resource }) => resource.name);
    const pairs = names.flatMap((node) =>
      planOf(node).peers.flatMap(({ node: other }) => (other === undefined ? [] : [[node, other]])),
    );
    expect(pairs.map(([a, b]) => `${b} ${a}`).sort()).toEqual(
      pairs.map(([a, b]) => `${a} ${b}`).sort(),
    );
  });
});

const ours: Attributes = { origin: 0, asPath: [] };
const theirs: Attributes = { origin: 0, asPath: [{ type: "sequence", asNumbers: [65001] }] };
const lab: Attributes = { origin: 0, asPath: [{ type: "sequence", asNumbers: [65666, 1] }] };

type Told = readonly [
  direction: "to" | "from",
  node: string,
  peer: string,
  prefix: string,
  source: PolicyRoute["source"],
  attributes: Attributes,
  reason: string,
];

describe("announcements and filters", () => {
  test("blocks, services, the rack's aggregate", () => {
    const { blocks, services, aggregates, unexportedPools } = planOf("n1");
    expect([blocks, services, unexportedPools].map((list) => list.map(formatPrefix))).toEqual([
      ["10.244.1.0/26"],
      ["10.96.0.0/12"],
      ["10.250.0.0/24"],
    ]);
    expect(aggregates.map(({ prefix, makers }) => [formatPrefix(prefix), makers])).toEqual([
      ["10.244.0.0/20", ["n1", "n2"]],
    ]);
    expect(planOf("n3").aggregates).toEqual([]);
    const { sources, exempt } = planOf("n1").masquerade ?? { sources: [], exempt: [] };
    expect([sources, exempt].map((list) => list.map(formatPrefix))).toEqual([
      ["10.244.0.0/16"],
      ["10.244.0.0/16", "10.250.0.0/24"],
    ]);
  });

  test.each<Told>([
    [
      "to",
      "n3",
      "tor-b",
      "10.244.16.0/26",
      "local",
      ours,
      "+ built-in policy: this node's own block; with 64512:100 64512:7:1 (prefixAdvertisements 10.244.0.0/16)",
    ],
    ["to", "n3", "tor-b", "10.250.0.0/26", "local", ours, "- in pool 10.250.0.0/24"],
    ["to", "n3", "clients r1", "10.250.0.0/26", "local", ours, "- in pool 10.250.0.0/24"],
    ["to", "n3", "tor-b", "10.96.0.0/12", "local", ours, "+ BGPFilter from-tor: exportV4 rule 1"],
    [
      "to",
      "n3",
      "clients r1",
      "10.96.0.0/12",
      "local",
      ours,
      "+ built-in policy: an internal peer",
    ],
    ["to", "n1", "tor-a", "10.244.1.0/26", "local", ours, "- in the aggregate 10.244.0.0/20"],
    [
      "to",
      "n1",
      "tor-a",
      "10.244.0.0/20",
      "local",
      ours,
      "+ built-in policy: this node's aggregate",
    ],
    ["to", "n1", "clients r1", "10.244.1.0/26", "local", ours, "+ built-in policy: an internal"],
    ["to", "n1", "clients r1", "10.244.0.0/20", "local", ours, "- an aggregate for routers"],
    ["from", "n1", "tor-a", "192.0.2.0/24", "external", theirs, "+ built-in policy"],
    [
      "from",
      "n1",
      "tor-a",
      "192.0.2.0/26",
      "external",
      theirs,
      "- BGPFilter from-tor: importV4 rule 1",
    ],
    [
      "from",
      "n1",
      "tor-a",
      "192.0.2.0/24",
      "external",
      lab,
      "- BGPFilter from-tor: importV4 rule 2",
    ],
    [
      "from",
      "n1",
      "tor-a",
      "10.244.16.0/24",
      "external",
      theirs,
      "- built-in policy: inside our own",
    ],
    [
      "from",
      "n1",
      "clients r1",
      "10.244.16.0/26",
      "internal",
      ours,
      "+ built-in policy: an internal",
    ],
  ])("%s %s's %s: %s", (direction, node, name, prefix, source, attributes, reason) => {
    const plan = planOf(node);
    const peer = plan.peers.find((one) => one.name === name);
    if (peer === undefined) throw new Error(`${node} has no peer ${name}`);
    const compile = direction === "to" ? compileExport : compileImport;
    const verdict = compile(peer, plan).policy({ prefix: parsePrefix(prefix), attributes, source });
    expect(`${verdict.accept ? "+" : "-"} ${verdict.reason}`).toStartWith(reason);
  });
});
