/** What rules ask of a route besides its prefix, and what they do to it. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { PeerPlan } from "../../../bgpd/cluster/speaker.ts";
import { compileExport, compileImport, type Surroundings } from "../../../bgpd/policy/compile.ts";
import type { PolicyRoute } from "../../../bgpd/policy/route.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import { formatAddress, parseAddress } from "../../../lib/address.ts";
import { parsePrefix } from "../../../lib/prefix.ts";
import type { BgpFilter } from "../../../resource/bgp-filter.ts";
import { documentOf, faultsOf, resourcesOf } from "../../resource/documents.ts";
import { peerPlan, speakerPlan } from "../plan.ts";

const external = peerPlan();
const internal = peerPlan({ remoteAs: 64512 });

const speaker = speakerPlan();

/** 172.30.0.1 is behind eth0, 172.31.0.1 behind bond1.7. */
const surroundings: Surroundings = {
  interfaceOf: (nextHop) =>
    ({ "172.30.0.1": "eth0", "172.31.0.1": "bond1.7" })[formatAddress(nextHop)],
  generation: 1,
};

function filterOf(spec: string): BgpFilter {
  const [found] = resourcesOf(documentOf("BGPFilter", "f", spec)).filters;
  if (found === undefined) throw new Error("no filter");
  return found.resource;
}

const plain: Attributes = {
  origin: 0,
  asPath: [{ type: "sequence", asNumbers: [65000, 65001, 7] }],
  nextHop: parseAddress("172.30.0.1"),
};

function route(more: Partial<Attributes> = {}, source: PolicyRoute["source"] = "external") {
  return { prefix: parsePrefix("198.51.100.0/24"), attributes: { ...plain, ...more }, source };
}

describe("a rule that rejects, before one that accepts", () => {
  const set = { type: "set" as const, asNumbers: [65000] };
  const local = { asPath: [] };
  type Row = readonly [rule: string, matching: PolicyRoute[], others: PolicyRoute[]];
  test.each<Row>([
    ["source: RemotePeers", [route(), route({}, "internal")], [route(local, "local")]],
    [
      'communities: {values: ["65000:1"]}',
      [route({ communities: [1, 65000 * 65536 + 1] })],
      [route(), route({ communities: [1] }), route({ largeCommunities: [[65000, 1, 0]] })],
    ],
    [
      'communities: {values: ["65000:1:2"]}',
      [
        route({
          largeCommunities: [
            [1, 1, 1],
            [65000, 1, 2],
          ],
        }),
      ],
      [route(), route({ largeCommunities: [[65000, 1, 3]] })],
    ],
    [
      "asPathPrefix: [65000, 65001]",
      [route()],
      [
        route({ asPath: [{ type: "sequence", asNumbers: [65000] }] }),
        route({ asPath: [{ type: "sequence", asNumbers: [65001, 65000] }] }),
        route({ asPath: [set, { type: "sequence", asNumbers: [65001] }] }),
        route(local, "local"),
      ],
    ],
    ["interface: eth0", [route()], [route({ nextHop: parseAddress("172.31.0.1") })]],
    ["interface: bond*", [route({ nextHop: parseAddress("172.31.0.1") })], [route()]],
    [
      'interface: "*.7"',
      [route({ nextHop: parseAddress("172.31.0.1") })],
      [route(), route({ nextHop: parseAddress("172.32.0.1") }), route(local, "local")],
    ],
    [
      "priority: 512",
      [route({ localPref: 2_147_483_135 }, "internal")],
      [route({ localPref: 512 }, "internal"), route()],
    ],
    [
      "priority: 1024",
      [
        route(local, "local"),
        route({ localPref: 100 }, "internal"),
        route({ localPref: 2_147_482_623 }, "internal"),
      ],
      [route(), route({ localPref: 200 }, "internal")],
    ],
    ["peerType: eBGP", [route()], []],
    ["peerType: iBGP", [], [route()]],
    [
      'asPathPrefix: [65000], communities: {values: ["1:1"]}, cidr: 198.51.100.0/24, matchOperator: In',
      [route({ communities: [65537] })],
      [route(), { ...route({ communities: [65537] }), prefix: parsePrefix("192.0.2.0/24") }],
    ],
  ])("{%s}", (conditions, matching, others) => {
    const filters = [filterOf(`importV4: [{action: Reject, ${conditions}}, {action: Accept}]`)];
    const { policy } = compileImport({ ...external, filters }, speaker, surroundings);
    expect(matching.map((one) => policy(one).accept)).toEqual(matching.map(() => false));
    expect(others.map((one) => policy(one).accept)).toEqual(others.map(() => true));
  });

  test("peerType is that of the session", () => {
    const filters = [filterOf("exportV4: [{action: Reject, peerType: iBGP}]")];
    const told = (plan: PeerPlan) =>
      compileExport({ ...plan, filters }, speaker).policy(route({ asPath: [] }, "local")).accept;
    expect([told(external), told(internal)]).toEqual([true, false]);
  });
});

describe("operations", () => {
  function changed(operations: string, attributes: Attributes = plain): Attributes | undefined {
    const filters = [filterOf(`importV4: [{action: Accept, operations: [${operations}]}]`)];
    const { policy } = compileImport({ ...external, filters }, speaker);
    return policy({ ...route(), attributes }).rewrite?.(attributes);
  }

  test("addCommunity adds either kind, and none twice", () => {
    const both = '{addCommunity: {value: "65000:1"}}, {addCommunity: {value: "65000:1:2"}}';
    const once = changed(both);
    expect(once?.communities).toEqual([65000 * 65536 + 1]);
    expect(once?.largeCommunities).toEqual([[65000, 1, 2]]);
    expect(changed(both, once)).toEqual(once);
  });

  test("prependASPath: the path begins with the list as written", () => {
    expect(changed("{prependASPath: {prefix: [3, 2, 1]}}")?.asPath).toEqual([
      { type: "sequence", asNumbers: [3, 2, 1, 65000, 65001, 7] },
    ]);
  });

  test("setPriority is what Calico's nodes say as LOCAL_PREF, and the last one counts", () => {
    expect(changed("{setPriority: {value: 512}}")?.localPref).toBe(2_147_483_135);
    const twice = "{setPriority: {value: 512}}, {setPriority: {value: 1024}}";
    expect(changed(twice)?.localPref).toBe(2_147_482_623);
  });

  test("are one function for all prefixes, and are told with the rule", () => {
    const filters = [
      filterOf('importV4: [{action: Accept, operations: [{addCommunity: {value: "1:2"}}]}]'),
    ];
    const { policy } = compileImport({ ...external, filters }, speaker);
    expect(policy(route()).rewrite).toBe(policy(route({ localPref: 7 })).rewrite);
    expect(policy(route()).reason).toBe(
      "BGPFilter f: importV4 rule 1 (c.yaml:5): Accept everything, addCommunity 1:2",
    );
  });
});

test("each family has the normal priority that the documents say", () => {
  const rules = "[{action: Reject, priority: 2048}, {action: Accept}]";
  const filters = [filterOf(`importV4: ${rules}\nimportV6: ${rules}`)];
  const own = (normalPriority: typeof speaker.normalPriority): boolean[] => {
    const { policy } = compileImport({ ...external, filters }, speakerPlan({ normalPriority }));
    const six = { ...route({ localPref: 100 }, "internal"), prefix: parsePrefix("2001:db8::/48") };
    return [route({ localPref: 100 }, "internal"), six].map((one) => policy(one).accept);
  };
  expect(own({ 4: 2048, 6: 1024 })).toEqual([false, true]);
  expect(own({ 4: 1024, 6: 2048 })).toEqual([true, false]);
});

test("an answer does not depend on what was asked before", () => {
  const communities = fc.subarray([1, 2, 3]);
  const asNumbers = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 });
  const rules = fc.array(
    fc.record(
      {
        action: fc.constantFrom("Accept" as const, "Reject" as const),
        community: fc.integer({ min: 1, max: 3 }).map((value) => ({
          type: "standard" as const,
          value,
        })),
        asPathPrefix: asNumbers,
        source: fc.constant("RemotePeers" as const),
        priority: fc.constantFrom(1024, 2_147_483_547),
        operations: fc.constant([]),
        place: fc.constant("c.yaml:1"),
      },
      { requiredKeys: ["action", "operations", "place"] },
    ),
    { maxLength: 6 },
  );
  const sets = fc.record({ communities, asNumbers });
  const asked = fc.array(
    fc.tuple(fc.nat(2), fc.constantFrom("local", "internal", "external"), fc.nat(3)),
  );
  fc.assert(
    fc.property(rules, fc.tuple(sets, sets, sets), asked, (importV4, shapes, questions) => {
      const filters = [{ name: "f", importV4, exportV4: [], importV6: [], exportV6: [] }];
      const attributes = shapes.map((shape) => ({
        ...plain,
        communities: shape.communities,
        asPath: [{ type: "sequence" as const, asNumbers: shape.asNumbers }],
      }));
      const fresh = () => compileImport({ ...external, filters }, speaker).policy;
      const { policy } = compileImport({ ...external, filters }, speaker);
      for (const [index, source, third] of questions) {
        const one: PolicyRoute = {
          prefix: parsePrefix(`20.0.${third}.0/24`),
          attributes: attributes[index] ?? plain,
          source: source as PolicyRoute["source"],
        };
        expect(policy(one).reason).toBe(fresh()(one).reason);
      }
    }),
    { numRuns: 200 },
  );
});

describe("keys", () => {
  test.each([
    "cidr: 10.0.0.0/8, matchOperator: In",
    "cidr: 10.0.0.0/8, matchOperator: NotIn",
    "cidr: 10.0.0.0/8, matchOperator: In, prefixLength: {min: 9}",
    "cidr: 10.0.0.0/8, matchOperator: In, prefixLength: {max: 9}",
    "source: RemotePeers",
    "interface: eth0",
    "peerType: iBGP",
    'communities: {values: ["1:2"]}',
    "asPathPrefix: [65000]",
    "priority: 1000",
  ])("are others with another condition: %s", (condition) => {
    const keyWith = (rule: string): string => {
      const filters = [filterOf(`importV4: [{action: Reject${rule}}]`)];
      return compileImport({ ...external, filters }, speaker, surroundings).key;
    };
    expect(keyWith(`, ${condition}`)).not.toBe(keyWith(""));
    expect(keyWith(`, ${condition}`)).toBe(keyWith(`, ${condition}`));
  });

  test("follow the normal priority only where a rule asks for one", () => {
    const asking = {
      ...external,
      filters: [filterOf("importV4: [{action: Reject, priority: 9}]")],
    };
    const other = speakerPlan({ normalPriority: { 4: 1024, 6: 9 } });
    const keyOf = (plan: PeerPlan, of: typeof speaker) => compileImport(plan, of).key;
    expect(keyOf(asking, other)).not.toBe(keyOf(asking, speaker));
    expect(keyOf(external, other)).toBe(keyOf(external, speaker));
    expect(compileExport(asking, other).key).toBe(compileExport(asking, speaker).key);
  });

  test("follow the links only where a rule asks for one", () => {
    const asking = {
      ...external,
      filters: [filterOf("importV4: [{action: Reject, interface: x}]")],
    };
    const later = { ...surroundings, generation: 2 };
    const keyOf = (plan: PeerPlan, where: Surroundings) => compileImport(plan, speaker, where).key;
    expect(keyOf(asking, later)).not.toBe(keyOf(asking, surroundings));
    expect(keyOf(external, later)).toBe(keyOf(external, surroundings));
    expect(compileExport(asking, speaker, later).key).toBe(
      compileExport(asking, speaker, surroundings).key,
    );
  });
});

describe("documents", () => {
  test.each<[rule: string, fault: string]>([
    ["{action: Accept, source: Local}", 'source: "Local": expected RemotePeers'],
    ["{action: Accept, peerType: both}", 'peerType: "both": expected eBGP or iBGP'],
    [
      "{action: Accept, interface: a b}",
      'interface: "a b": expected the name of an interface such as eth0, or a pattern such as eth*',
    ],
    [
      'communities: {values: ["70000:1"]}, action: Accept',
      'communities.values[0]: "70000:1": expected a community such as 65000:100 (two numbers up to 65535) or 65000:1:2 (three up to 4294967295)',
    ],
    [
      'communities: {values: ["1:1", "1:2"]}, action: Accept',
      "communities.values: expected exactly one community, as Calico has it",
    ],
    ["{action: Accept, asPathPrefix: []}", "asPathPrefix: expected at least one AS number"],
    ["{action: Accept, priority: 0}", "priority: 0: expected a priority from 1 to 2147483646"],
    [
      "{action: Reject, operations: [{setPriority: {value: 1}}]}",
      ": operations go with the action Accept: what is rejected is not changed",
    ],
    [
      '{action: Accept, operations: [{setPriority: {value: 1}, addCommunity: {value: "1:1"}}]}',
      "operations[0]: expected exactly one of addCommunity, prependASPath, setPriority",
    ],
    [
      "{action: Accept, operations: [{prependASPath: {prefix: [1,1,1,1,1,1,1,1,1,1,1]}}]}",
      "operations[0].prependASPath.prefix: expected at most 10 AS numbers",
    ],
    [
      "{action: Accept, cidr: 10.0.0.0/8, matchOperator: In, prefixLength: {max: 33}}",
      "prefixLength.max: 33: expected a prefix length from 0 to 32",
    ],
  ])("%s", (rule, fault) => {
    const text = rule.startsWith("{") ? rule : `{${rule}}`;
    const found = faultsOf(documentOf("BGPFilter", "f", `importV4:\n- ${text}`));
    const where = "c.yaml:6: BGPFilter f: spec.importV4[0]";
    expect(found).toEqual([`${where}${fault.startsWith(":") ? "" : "."}${fault}`]);
  });
});
