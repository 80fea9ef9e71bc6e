/** Which pods have which sessions, and why a document has none. */

import { describe, expect, test } from "bun:test";
import type { WorkloadsPlan } from "../../bgpd/cluster/speaker.ts";
import { whyNone, workloadSessions } from "../../bgpd/workload-session.ts";
import type { Workload } from "../../ipam/workload.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { workload } from "../ipam/workloads.ts";
import { document, planOf } from "../sim/plan.ts";

const NODE = document("Node", "n1", {
  bgp: { ipv4Address: "172.30.0.11/24", ipv6Address: "fd00:30::11/64" },
});
const PEERING = {
  localWorkloadPeeringIPV4: "169.254.0.179",
  localWorkloadPeeringIPV6: "fd00:179::1",
};

/** Of BGPPeers with these selectors, by name. */
function plansOf(selectors: Record<string, string>, peering: object = PEERING): WorkloadsPlan[] {
  const peers = Object.entries(selectors).map(([name, localWorkloadSelector]) =>
    document("BGPPeer", name, { localWorkloadSelector, asNumber: 65_401 }),
  );
  const plan = planOf("n1", document("BGPConfiguration", "default", peering), NODE, ...peers);
  return [...(plan.workloads ?? [])];
}

const print = (
  plans: readonly WorkloadsPlan[],
  workloads: readonly Workload[],
  taken: readonly string[] = [],
): string[] =>
  workloadSessions(plans, workloads, taken.map(parseAddress)).map(
    ({ document: by, plan: { name, address, localAddress, remoteAs, behindUs } }) =>
      `${by}: ${name} ${formatAddress(address)} at ${formatAddress(localAddress)} AS ${remoteAs}${behindUs ? " behind us" : ""}`,
  );

const red = workload({ name: "red", labels: { color: "red" } }, "10.244.1.1", "fd00:244::1");
const bare = workload({ container: "c0ffee", labels: { color: "red" }, minute: 1 }, "10.244.1.2");
const second = workload({ name: "red", interfaceName: "net1", minute: 2 }, "10.244.1.3");

describe("sessions of pods", () => {
  test("are one of each family that there is an address for, called by pod, interface and family", () => {
    expect(print(plansOf({ child: "all()" }), [red, bare, second])).toEqual([
      "child: child default/red 10.244.1.1 at 169.254.0.179 AS 65401 behind us",
      "child: child default/red IPv6 fd00:244::1 at fd00:179::1 AS 65401 behind us",
      "child: child c0ffee 10.244.1.2 at 169.254.0.179 AS 65401 behind us",
      "child: child default/red net1 10.244.1.3 at 169.254.0.179 AS 65401 behind us",
    ]);
    const onlyFour = plansOf({ child: "all()" }, { localWorkloadPeeringIPV4: "169.254.0.179" });
    expect(print(onlyFour, [red])).toHaveLength(1);
  });

  test.each([
    ["a label of the call", "color == 'red'", 3],
    ["the namespace", "projectcalico.org/namespace == 'default'", 3],
    ["the pod's name", "projectcalico.org/name starts with 're'", 3],
    ["who runs it", "projectcalico.org/orchestrator == 'cni'", 1],
    ["the network", "manx/network in {'pods'}", 4],
    ["the interface", "manx/interface == 'net1'", 1],
    ["nothing that is there", "has(shape)", 0],
  ])("go by %s", (_what, selector, count) => {
    expect(print(plansOf({ child: selector }), [red, bare, second])).toHaveLength(count);
  });

  test("are not to be had by a label that claims to be the node's word", () => {
    const labels = { "projectcalico.org/namespace": "kube-system", "manx/network": "other" };
    const plans = plansOf({
      child: "projectcalico.org/namespace == 'kube-system' || manx/network == 'other'",
    });
    expect(print(plans, [workload({ name: "x", labels }, "10.244.1.1")])).toEqual([]);
  });

  test("are of the first document that selects the pod", () => {
    const plans = plansOf({ a: "color == 'red'", b: "all()" });
    expect(print(plans, [red, second]).map((text) => text.split(":")[0])).toEqual(["a", "a", "b"]);
  });

  test("are of the newest sandbox of a pod, and not with who is a peer by its address", () => {
    const older = workload({ name: "red", container: "old" }, "10.244.1.9");
    const plans = plansOf({ child: "all()" });
    expect(print(plans, [older, { ...red, time: "2027" }])[0]).toContain("10.244.1.1");
    expect(print(plans, [red], ["10.244.1.1"])).toEqual([
      "child: child default/red IPv6 fd00:244::1 at fd00:179::1 AS 65401 behind us",
    ]);
  });

  test("are with the newer one of two that are recorded with one address", () => {
    const other = workload({ name: "blue", minute: 9, network: "other" }, "10.244.1.1");
    expect(print(plansOf({ child: "all()" }), [red, other])).toEqual([
      "child: child default/red IPv6 fd00:244::1 at fd00:179::1 AS 65401 behind us",
      "child: child default/blue 10.244.1.1 at 169.254.0.179 AS 65401 behind us",
    ]);
  });
});

describe("a document without a session says why:", () => {
  const reasons = (selectors: Record<string, string>, workloads: Workload[], peering?: object) => {
    const plans = plansOf(selectors, peering);
    return plans.map((plan) => whyNone(plan, plans, workloads));
  };
  const onlySix = { localWorkloadPeeringIPV6: "fd00:179::1" };

  test.each<[string, ReturnType<typeof reasons>, string]>([
    ["no pods", reasons({ c: "all()" }, []), "this node has no pod with an address record"],
    [
      "one pod",
      reasons({ c: "has(x)" }, [red]),
      "the one pod of this node is not selected by has(x)",
    ],
    [
      "several pods",
      reasons({ c: "has(x)" }, [red, bare]),
      "none of the 2 pods of this node is selected by has(x)",
    ],
    [
      "another document's",
      reasons({ b: "all()", c: "all()" }, [red]).slice(1),
      "every pod that it selects is another BGPPeer's",
    ],
    [
      "no address of the family",
      reasons({ c: "all()" }, [bare], onlySix),
      "no pod that it selects has an IPv6 address to be called at",
    ],
    [
      "named by address",
      reasons({ c: "all()" }, [red]),
      "every pod that it selects is a peer by its address",
    ],
  ])("%s", (_what, found, reason) => {
    expect(found).toEqual([reason]);
  });
});
