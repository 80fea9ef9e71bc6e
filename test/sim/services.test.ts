/** Services whose endpoints come and go: who is told what, and that nobody is told more. */

import { expect, test } from "bun:test";
import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import type { SpeakerPlan } from "../../bgpd/cluster/speaker.ts";
import { documentOf, nodeOf, resourcesOf } from "../resource/documents.ts";
import { listOf, serviceItem, sliceItem } from "../resource/kubectl.ts";
import { DocumentsScene, planFor } from "./documents-scene.ts";

const COUNT = 500;
const addressOf = (index: number): string => `10.96.${index >> 8}.${index & 255}`;

/** Local Services, of which every second has a ready endpoint on n1, the others on n2; `moved` are there otherwise. */
function documents(...moved: readonly number[]): string[] {
  const items = Array.from({ length: COUNT }, (_, index) => {
    const isHere = (index % 2 === 0) !== moved.includes(index);
    return [
      serviceItem({ name: `s${index}`, cluster: addressOf(index), policy: "Local" }),
      sliceItem(`s${index}`, [isHere ? "n1" : "n2"]),
    ];
  });
  return [
    documentOf(
      "BGPConfiguration",
      "default",
      "serviceClusterIPs: [{cidr: 10.96.0.0/12}]\nholdTime: 0",
    ),
    nodeOf("n1", 11, "10.244.1.0/24"),
    nodeOf("n2", 12, "10.244.2.0/24"),
    documentOf("BGPPeer", "tor", "peerIP: 172.30.0.1\nasNumber: 65000"),
    listOf(...items.flat()),
  ];
}

function plansOf(...moved: readonly number[]): readonly SpeakerPlan[] {
  const resources = resourcesOf(...documents(...moved));
  return ["n1", "n2"].flatMap((node) => {
    const planned = planSpeaker(resources, node);
    return "plan" in planned ? [planned.plan] : [];
  });
}

function scene(): DocumentsScene {
  const all = new DocumentsScene();
  const [n1, n2] = plansOf();
  if (n1 === undefined || n2 === undefined) throw new Error("no plans");
  all.apply(
    planFor("tor", [
      documentOf("BGPConfiguration", "default", "asNumber: 65000\nholdTime: 0"),
      documentOf("Node", "tor", "bgp: {ipv4Address: 172.30.0.1/24}"),
      documentOf("BGPPeer", "n1", "peerIP: 172.30.0.11\nasNumber: 64512\nimportPolicy: all"),
      documentOf("BGPPeer", "n2", "peerIP: 172.30.0.12\nasNumber: 64512\nimportPolicy: all"),
    ]),
  );
  all.apply(n1, "kernel");
  all.apply(n2);
  all.pass(30);
  return all;
}

/** Who told the router of an address. */
function tellers(all: DocumentsScene, index: number): (string | undefined)[] {
  const views = all.daemon("tor").rib?.routes() ?? [];
  const view = views.find(({ prefix }) => prefix.w0 === 0x0a600000 + index && prefix.length === 32);
  return view?.paths.map(({ peer }) => peer) ?? [];
}

test("each address is told by the node with an endpoint, the range by all, and nobody installs any", () => {
  const all = scene();
  expect([tellers(all, 0), tellers(all, 1)]).toEqual([["n1"], ["n2"]]);
  expect(all.routes("tor").filter((prefix) => prefix.endsWith("/32"))).toHaveLength(COUNT);
  expect(
    all
      .daemon("tor")
      .rib?.routes()
      .find(({ prefix }) => prefix.length === 12)?.paths,
  ).toHaveLength(2);
  expect(all.installed("n1")).toEqual(["10.244.1.0/24 blackhole", "10.244.2.0/24 via 172.30.0.12"]);
});

test("an endpoint that moves has its address told, and nothing else decided or told", () => {
  const all = scene();
  const sent = (node: string) =>
    [...all.daemon(node).neighbours.values()].map(({ peer }) => peer.status().messages.updatesSent);
  const decisions = (node: string): number => all.daemon(node).rib?.effort.decisions ?? 0;
  const before = [sent("n1"), sent("n2"), decisions("n1"), decisions("tor")] as const;
  for (const plan of plansOf(0)) all.apply(plan);
  all.pass(5);
  expect(tellers(all, 0)).toEqual(["n2"]);
  // One withdrawal from n1 to each of its peers, one announcement from n2.
  expect(sent("n1")).toEqual(before[0].map((count) => count + 1));
  expect(sent("n2")).toEqual(before[1].map((count) => count + 1));
  // n1: its own went, n2's came; the router: n2's came, n1's went.
  expect(decisions("n1") - before[2]).toBeLessThanOrEqual(3);
  expect(decisions("tor") - before[3]).toBeLessThanOrEqual(3);
});
