import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { planSpeaker } from "../../../bgpd/cluster/plan.ts";
import type { SpeakerPlan } from "../../../bgpd/cluster/speaker.ts";
import { formatAddress } from "../../../lib/address.ts";
import { formatFault } from "../../../resource/fault.ts";
import type { Resources } from "../../../resource/resource.ts";
import { documentOf, resourcesOf } from "../../resource/documents.ts";

type NodeTraits = { readonly labels?: string; readonly as?: number; readonly cluster?: string };

function node(name: string, host: number, traits: NodeTraits = {}): string {
  const { labels = "", as, cluster } = traits;
  const bgp = [
    `ipv4Address: 172.30.0.${host}/24`,
    ...(as === undefined ? [] : [`asNumber: ${as}`]),
    ...(cluster === undefined ? [] : [`routeReflectorClusterID: ${cluster}`]),
  ];
  return documentOf("Node", name, `bgp: {${bgp.join(", ")}}`).replace(
    `{name: ${name}}`,
    `{name: ${name}, labels: {${labels}}}`,
  );
}

const peer = (name: string, spec: string): string => documentOf("BGPPeer", name, spec);
const configuration = (spec: string): string => documentOf("BGPConfiguration", "default", spec);

function plannedOf(resources: Resources, name: string) {
  const planned = planSpeaker(resources, name);
  if ("faults" in planned) throw new Error(planned.faults.map(formatFault).join("\n"));
  return planned;
}

const planOf = (resources: Resources, name: string): SpeakerPlan => plannedOf(resources, name).plan;
const names = (plan: SpeakerPlan): string[] => plan.peers.map(({ name }) => name);
const sessions = (resources: Resources, ...of: string[]) =>
  Object.fromEntries(of.map((name) => [name, names(planOf(resources, name))]));

const RR = { labels: 'rr: "true"', cluster: "244.0.0.1" };
const reflectors = [node("n1", 11), node("n2", 12), node("r1", 21, RR), node("r2", 22, RR)];
const clients = "nodeSelector: '!has(rr)'\npeerSelector: has(rr)";
const between = "nodeSelector: has(rr)\npeerSelector: has(rr)";

describe("nodes that reflect routes", () => {
  test("leave the mesh, and the others keep theirs", () => {
    expect(sessions(resourcesOf(...reflectors), "n1", "n2", "r1", "r2")).toEqual({
      n1: ["mesh n2"],
      n2: ["mesh n1"],
      r1: [],
      r2: [],
    });
  });

  test("a peerSelector gives both ends their sessions, reflectors' clients and equals", () => {
    const resources = resourcesOf(
      configuration("nodeToNodeMeshEnabled: false"),
      peer("clients", clients),
      peer("between", between),
      ...reflectors,
    );
    expect(sessions(resources, "n1", "r1", "r2")).toEqual({
      n1: ["clients r1", "clients r2"],
      r1: ["clients n1", "clients n2", "between r2"],
      r2: ["clients n1", "clients n2", "between r1"],
    });
    const { clusterId, peers } = planOf(resources, "r1");
    expect(clusterId === undefined ? "" : formatAddress(clusterId)).toBe("244.0.0.1");
    expect(peers.map(({ name, policy }) => [name, policy.reflection?.client])).toEqual([
      ["clients n1", true],
      ["clients n2", true],
      ["between r2", false],
    ]);
    expect(planOf(resources, "n1").peers.some(({ policy }) => policy.reflection)).toBe(false);
  });

  test.each<[name: string, other: NodeTraits, address: string, isClient: boolean]>([
    ["a reflector of another cluster is a client", { cluster: "244.0.0.2" }, "172.30.0.31", true],
    ["one of the same cluster is none", { cluster: "244.0.0.1" }, "172.30.0.31", false],
    ["a router of the same AS is a client", {}, "172.30.0.1", true],
    ["a peer of another AS is none", { as: 65001 }, "172.30.0.31", false],
  ])("%s, by its address", (_name, other, address, isClient) => {
    const resources = resourcesOf(
      node("r1", 21, RR),
      node("other", 31, other),
      peer("one", `node: r1\npeerIP: ${address}\nasNumber: ${other.as ?? 64512}`),
    );
    expect(planOf(resources, "r1").peers[0]?.policy.reflection?.client === true).toBe(isClient);
  });

  test("everybody selected with everybody is a mesh by selector, without a session with oneself", () => {
    const resources = resourcesOf(peer("all", "peerSelector: all()"), ...reflectors);
    expect(names(planOf(resources, "n1"))).toEqual(["all n2", "all r1", "all r2"]);
    expect(plannedOf(resources, "n1").notes).toEqual([]);
  });
});

describe("both ends of a BGPPeer", () => {
  test("reversePeering: Manual leaves the other end to a document of its own", () => {
    const manual = resourcesOf(
      peer("clients", `${clients}\nreversePeering: Manual`),
      ...reflectors,
    );
    expect(sessions(manual, "n1", "r1")).toEqual({
      n1: ["mesh n2", "clients r1", "clients r2"],
      r1: [],
    });
    const back = peer("back", "nodeSelector: has(rr)\npeerSelector: '!has(rr)'\nholdTime: 30");
    const both = resourcesOf(
      peer("clients", `${clients}\nreversePeering: Manual`),
      back,
      ...reflectors,
    );
    expect(names(planOf(both, "r1"))).toEqual(["back n1", "back n2"]);
    expect(plannedOf(both, "n1").notes).toEqual([]);
  });

  test("have the same filters and timers; one calls when the other waits; roles are each other's", () => {
    const resources = resourcesOf(
      documentOf("BGPFilter", "f", "importV4: [{action: Accept}]"),
      peer(
        "up",
        "node: n1\npeerSelector: has(top)\nholdTime: 30\nfilters: [f]\npassive: true\nrole: customer",
      ),
      node("n1", 11, { as: 65001 }),
      node("top", 21, { labels: "top: a", as: 65002 }),
    );
    const ends = ["n1", "top"].map((name) => planOf(resources, name).peers[0]);
    expect(
      ends.map((end) => [
        end?.name,
        end?.localAs,
        end?.remoteAs,
        end?.holdTime,
        end?.filters.length,
        end?.passive,
        end?.role?.role,
        end?.policy.importPolicy,
      ]),
    ).toEqual([
      ["up top", 65001, 65002, 30, 1, true, "customer", "all"],
      ["up n1", 65002, 65001, 30, 1, false, "provider", "all"],
    ]);
  });

  test("have the same key, hops and shutdown; link and source address are of one end", () => {
    const resources = resourcesOf(
      node("n1", 11, { as: 64_513 }),
      node("r1", 21, RR),
      peer(
        "clients",
        `${clients}\npassword: {file: /k}\nttlSecurity: 2\ndelayOpen: 5\nsendHoldTime: 60\nshutdown: rack move\ninterface: eth1\nsourceAddress: None`,
      ),
    );
    const [own] = planOf(resources, "n1").peers.filter(({ node }) => node === "r1");
    const [theirs] = planOf(resources, "r1").peers;
    const common = { ttlSecurity: 2, delayOpen: 5, sendHoldTime: 60, shutdown: "rack move" };
    expect(own).toMatchObject({ ...common, link: "eth1", source: "any" });
    expect(theirs).toMatchObject({ ...common, name: "clients n1" });
    expect([own?.key, theirs?.key].map((key) => key === undefined)).toEqual([false, false]);
    expect([theirs?.link, theirs?.source]).toEqual([undefined, undefined]);
  });

  test("by an IPv6 address, and the other end is called there too", () => {
    const dual = (name: string, host: number): string =>
      documentOf(
        "Node",
        name,
        `bgp: {ipv4Address: 172.30.0.${host}/24, ipv6Address: "fd00::${host}/64"}`,
      );
    const one = peer("one", 'node: n1\npeerIP: "fd00::12"\nasNumber: 64512');
    const resources = resourcesOf(one, dual("n1", 11), dual("n2", 12));
    const ends = ["n1", "n2"].map((name) =>
      planOf(resources, name).peers.map((end) => [end.name, formatAddress(end.address)]),
    );
    expect(ends).toEqual([[["one", "fd00::12"]], [["one n1", "fd00::11"]]]);
  });

  test("of two that wait by the same document, one calls", () => {
    const all = peer("all", "peerSelector: all()\npassive: true\nlocalASNumber: 65100");
    const resources = resourcesOf(all, node("n1", 11), node("n2", 12));
    const ends = ["n1", "n2"].map((name) => planOf(resources, name).peers[0]);
    expect(ends.map((end) => [end?.localAs, end?.remoteAs, end?.passive])).toEqual([
      [65100, 65100, false],
      [65100, 65100, true],
    ]);
  });

  test.each<[role: string, isRefused: boolean]>([
    ["customer", true],
    ["rs", true],
    ["peer", false],
  ])("both of role %s", (role, isRefused) => {
    const resources = resourcesOf(
      peer("all", `peerSelector: all()\nrole: ${role}`),
      node("n1", 11, { as: 65001 }),
      node("n2", 12, { as: 65002 }),
    );
    const planned = planSpeaker(resources, "n1");
    expect("faults" in planned ? planned.faults.map(({ message }) => message) : []).toEqual(
      isRefused
        ? [`both ends have this document, and two of role ${role} do not go together (RFC 9234)`]
        : [],
    );
  });

  test("are refused where both wait, by two documents", () => {
    const resources = resourcesOf(
      peer("up", "node: n1\npeerSelector: has(top)\npassive: true"),
      peer("down", "node: n2\npeerSelector: all()\npassive: true"),
      node("n1", 11),
      node("n2", 12, { labels: "top: a" }),
    );
    expect(() => planOf(resources, "n1")).toThrow(
      "BGPPeer up: spec.passive: true: Node n2 waits for Node n1 too, by BGPPeer down: nobody would call",
    );
  });

  test("agree on the AS number where one has another on this session", () => {
    const resources = resourcesOf(
      peer("one", "node: n1\npeerSelector: has(top)\nlocalASNumber: 65100"),
      node("n1", 11),
      node("top", 21, { labels: "top: a" }),
    );
    const ends = ["n1", "top"].map((name) => planOf(resources, name).peers[0]);
    expect(ends.map((end) => [end?.localAs, end?.remoteAs])).toEqual([
      [65100, 64512],
      [64512, 65100],
    ]);
  });

  test.each<[name: string, spec: string, reversed: string[]]>([
    ["a node's address and AS bring its end", "peerIP: 172.30.0.21\nasNumber: 64512", ["one n1"]],
    ["another AS is somebody else there", "peerIP: 172.30.0.21\nasNumber: 65000", []],
    ["so is another port", "peerIP: 172.30.0.21:1179\nasNumber: 64512", []],
  ])("%s", (_name, spec, reversed) => {
    const resources = resourcesOf(
      configuration("nodeToNodeMeshEnabled: false"),
      peer("one", `node: n1\n${spec}`),
      node("n1", 11),
      node("n2", 21),
    );
    expect(names(planOf(resources, "n2"))).toEqual(reversed);
  });
});

describe("two documents that describe one session", () => {
  const address = "peerIP: 172.30.0.1\nasNumber: 65000";

  test.each<[name: string, documents: readonly string[], winner: string]>([
    [
      "one for all nodes comes before one that selects",
      [peer("some", `nodeSelector: all()\n${address}`), peer("every", address)],
      "every",
    ],
    [
      "else the first in order",
      [peer("first", `node: n1\n${address}`), peer("second", `nodeSelector: all()\n${address}`)],
      "first",
    ],
  ])("%s, and the other is noted", (_name, documents, winner) => {
    const { plan, notes } = plannedOf(resourcesOf(...documents, node("n1", 11)), "n1");
    expect(names(plan)).toEqual([winner]);
    expect(notes.map(({ message }) => message)).toEqual([
      `the session of Node n1 with 172.30.0.1 is BGPPeer ${winner}'s, as Calico has it: nothing of this document holds for it`,
    ]);
  });

  test("what is written from this end comes before what is from the other", () => {
    const resources = resourcesOf(
      peer("theirs", "node: n2\npeerSelector: all()\nholdTime: 30"),
      peer("ours", "node: n1\npeerSelector: all()\nholdTime: 60"),
      node("n1", 11),
      node("n2", 12),
    );
    expect(names(planOf(resources, "n1"))).toEqual(["ours n2"]);
    expect(names(planOf(resources, "n2"))).toEqual(["theirs n1"]);
  });
});

describe("a node's own BGPConfiguration", () => {
  const resources = resourcesOf(
    configuration("holdTime: 60\nrejectASSets: true\nimportPolicy: all"),
    documentOf(
      "BGPConfiguration",
      "node.n1",
      'listenPort: 1179\nkeepaliveTime: 5\nimportPolicy: none\ncommunities: [{name: a, value: "65000:1"}]\nprefixAdvertisements: [{cidr: 10.244.0.0/16, communities: [a]}]',
    ),
    node("n1", 11),
    node("n2", 12),
    peer("tor", "peerIP: 172.30.0.1\nasNumber: 65000"),
  );

  test("stands before the cluster's, field by field", () => {
    const { listenPort, advertisements, peers } = planOf(resources, "n1");
    const [mesh, tor] = peers;
    expect([listenPort, advertisements.length]).toEqual([1179, 1]);
    expect([mesh?.port, mesh?.holdTime, mesh?.keepaliveTime]).toEqual([179, 15, 5]);
    expect([tor?.policy.importPolicy, tor?.policy.refuseAsSets]).toEqual(["none", true]);
  });

  test("and the others call it at its own port", () => {
    const { listenPort, advertisements, peers } = planOf(resources, "n2");
    expect([listenPort, advertisements.length]).toEqual([179, 0]);
    expect(peers.map(({ port, holdTime }) => [port, holdTime])).toEqual([
      [1179, 60],
      [179, 60],
    ]);
    expect(peers[1]?.policy.importPolicy).toBe("all");
  });
});

describe("every session between nodes", () => {
  const letters = fc.constantFrom("a", "b", "c");
  const traits = fc.record({
    label: letters,
    as: fc.constantFrom(64512, 65001, 65002),
    cluster: fc.option(fc.constantFrom("244.0.0.1", "244.0.0.2"), { nil: undefined }),
  });
  const documents = fc.record({
    mesh: fc.boolean(),
    nodes: fc.array(traits, { minLength: 2, maxLength: 5 }),
    peers: fc.array(
      fc.record({
        from: fc.option(letters, { nil: undefined }),
        to: letters,
        passive: fc.boolean(),
        by: fc.constantFrom("selector", "address"),
      }),
      { maxLength: 4 },
    ),
  });

  test("has its other end, with the same AS numbers, and one of the two calls", () => {
    fc.assert(
      fc.property(documents, ({ mesh, nodes, peers }) => {
        const names = nodes.map((_, index) => `n${index}`);
        const resources = resourcesOf(
          configuration(`nodeToNodeMeshEnabled: ${mesh}`),
          ...nodes.map(({ label, as, cluster }, index) =>
            node(`n${index}`, 11 + index, {
              labels: `l: ${label}`,
              as,
              ...(cluster === undefined ? {} : { cluster }),
            }),
          ),
          ...peers.map(({ from, to, passive, by }, index) => {
            const target = nodes.findIndex(({ label }) => label === to);
            const address = `peerIP: 172.30.0.${11 + target}\nasNumber: ${nodes[target]?.as}`;
            const remote = by === "selector" || target < 0 ? `peerSelector: l == '${to}'` : address;
            const local = from === undefined ? "" : `nodeSelector: l == '${from}'\n`;
            return peer(`p${index}`, `${local}${remote}\npassive: ${passive}`);
          }),
        );
        const planned = names.map((name) => planSpeaker(resources, name));
        const faults = planned.flatMap((one) => ("faults" in one ? one.faults : []));
        expect(faults.every(({ message }) => message.endsWith("nobody would call"))).toBe(true);
        if (faults.length > 0) return;
        const plans = new Map(names.map((name) => [name, planOf(resources, name)]));
        for (const [name, plan] of plans) {
          for (const session of plan.peers) {
            const other = session.node === undefined ? undefined : plans.get(session.node);
            const ends = other?.peers.filter((one) => one.node === name) ?? [];
            expect(ends).toHaveLength(1);
            expect([ends[0]?.remoteAs, ends[0]?.localAs]).toEqual([
              session.localAs,
              session.remoteAs,
            ]);
            expect(session.passive && ends[0]?.passive).toBe(false);
          }
        }
      }),
    );
  });
});
