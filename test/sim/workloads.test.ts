/** Sessions with a node's own pods, which follow the address records; on a virtual clock. */

import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../lib/address.ts";
import { workload } from "../ipam/workloads.ts";
import { type Host, type Spec, to, World } from "./speakers.ts";

const PEERING = "169.254.0.179";
const ROUTER = { role: "router" };
const child = (rest: Spec = {}): Spec => ({
  localWorkloadSelector: "role == 'router'",
  asNumber: 65_002,
  ...rest,
});

/** A node, which is the first speaker, and a router besides; the second is what runs in its pod. */
class Scene extends World {
  readonly node: Host = this.host(1);
  readonly router: Host = this.host(3);
  readonly pod: Host = this.host(2);

  constructor() {
    super();
    this.network.host(parseAddress(PEERING));
    this.router.configure({ node: to(1) });
  }

  configure(peers: Readonly<Record<string, Spec>> = { child: child() }): void {
    const common = { localWorkloadPeeringIPV4: PEERING };
    this.node.configure({ router: to(3), ...peers }, common);
  }

  speak(rest: Spec = {}): void {
    this.pod.configure({ node: { peerIP: PEERING, asNumber: 65_001, ...rest } });
  }

  /** The records say so now, and the node hears of it. */
  records(...pods: Host["pods"]): void {
    this.node.pods = pods;
    this.node.daemon.podsChanged();
  }

  get reasons(): string[] {
    return this.node.daemon.workloads.podless.map(({ plan, reason }) => `${plan.name}: ${reason}`);
  }

  has(prefix: string): boolean {
    return (this.node.daemon.rib?.routes() ?? []).some(
      ({ paths }) => paths[0]?.peer === prefix && paths[0].state === "best",
    );
  }
}

const TWO = workload({ name: "two", labels: ROUTER }, "10.0.0.2");

describe("a pod that is selected", () => {
  test("has a session within 100 ms of its record, and none as soon after it; no other session notices", () => {
    const scene = new Scene();
    scene.configure();
    scene.pass(5);
    expect(scene.node.peers).toEqual(["router Established"]);
    expect(scene.reasons).toEqual(["child: this node has no pod with an address record"]);
    scene.records(TWO);
    scene.clock.advance(100);
    expect(scene.node.peers.map((text) => text.replace(/ \w+$/, ""))).toEqual([
      "router",
      "child default/two",
    ]);
    expect(scene.reasons).toEqual([]);
    scene.speak();
    scene.pass(5);
    expect(scene.node.peers).toContain("child default/two Established");
    expect(scene.has("child default/two")).toBe(true);

    scene.records();
    scene.clock.advance(100);
    expect(scene.node.peers).toEqual(["router Established"]);
    expect(scene.has("child default/two")).toBe(false);
    expect(scene.node.status("router")?.flaps).toBe(0);
    expect(scene.pod.status("node")?.lastError).toContain("Peer De-configured");
  });

  test("is found though nobody has said that its record is there", () => {
    const scene = new Scene();
    scene.configure();
    scene.node.pods = [TWO];
    scene.speak();
    scene.pass(20);
    expect(scene.node.peers).toContain("child default/two Established");
    scene.node.pods = [];
    scene.pass(5);
    expect(scene.node.peers).toEqual(["router Established"]);
  });

  test("stays a peer while its record cannot be read", () => {
    const scene = new Scene();
    scene.configure();
    scene.records(TWO);
    scene.speak();
    scene.pass(20);
    expect(scene.node.peers).toContain("child default/two Established");
    Object.defineProperty(scene.node, "pods", {
      get: () => {
        throw new Error("EMFILE: too many open files");
      },
      configurable: true,
    });
    scene.pass(20);
    expect(scene.node.peers).toContain("child default/two Established");
  });

  test("is missed since it went, not since the start", () => {
    const scene = new Scene();
    scene.configure();
    const sinceOf = () => scene.node.daemon.workloads.podless.map(({ since }) => since);
    scene.clock.advance(1000);
    expect(sinceOf()).toEqual([1000]);
    scene.records(TWO);
    scene.clock.advance(100);
    expect(sinceOf()).toEqual([]);
    scene.records();
    scene.clock.advance(6000);
    expect(sinceOf()).toEqual([5980]);
  });

  test("keeps its session where a document changes that is not its own, or only what it may announce", () => {
    const scene = new Scene();
    scene.configure();
    scene.records(TWO);
    scene.speak();
    scene.pass(5);
    const { peer } = scene.node.daemon.neighbours.get("child default/two")!;
    scene.configure({ child: child({ importPolicy: "none" }), other: to(4) });
    scene.pass(1);
    expect(scene.node.daemon.neighbours.get("child default/two")?.peer).toBe(peer);
    expect(scene.has("child default/two")).toBe(false);
    scene.configure({ child: child({ holdTime: 12 }) });
    expect(scene.node.daemon.neighbours.get("child default/two")?.peer).not.toBe(peer);
    scene.configure({ child: child({ localWorkloadSelector: "role == 'host'" }) });
    expect(scene.node.peers).toEqual(["router Established"]);
    expect(scene.reasons).toEqual([
      "child: the one pod of this node is not selected by role == 'host'",
    ]);
    scene.configure({});
    expect(scene.reasons).toEqual([]);
  });

  test("has another session when its name has another address", () => {
    const scene = new Scene();
    scene.configure();
    scene.records(TWO);
    scene.clock.advance(100);
    const { peer } = scene.node.daemon.neighbours.get("child default/two")!;
    const again = { name: "two", labels: ROUTER, container: "another", minute: 1 };
    scene.records(TWO, workload(again, "10.0.0.9"));
    scene.clock.advance(100);
    const other = scene.node.daemon.neighbours.get("child default/two");
    expect(other?.peer).not.toBe(peer);
    expect(other?.plan.address).toEqual(parseAddress("10.0.0.9"));
  });

  test("takes the place of the neighbour of a range that it was before its record", () => {
    const scene = new Scene();
    scene.configure({ all: { listenRange: "10.0.0.0/28", asNumber: 65_002 }, child: child() });
    scene.speak();
    scene.pass(5);
    expect(scene.node.peers).toContain("all 10.0.0.2 Established");
    scene.records(TWO);
    scene.pass(10);
    expect(scene.node.peers).toContain("child default/two Established");
    expect(scene.node.peers.filter((name) => name.startsWith("all"))).toEqual([]);
  });

  test("is no peer by its label where it is one by its address", () => {
    const scene = new Scene();
    scene.configure({ named: to(2), child: child() });
    scene.records(TWO);
    scene.pass(1);
    expect([...scene.node.daemon.neighbours.keys()]).toEqual(["router", "named"]);
    expect(scene.reasons).toEqual(["child: every pod that it selects is a peer by its address"]);
  });

  test("is watched by BFD where that is asked for", () => {
    const scene = new Scene();
    scene.configure({ child: child({ bfd: {} }) });
    scene.records(TWO);
    scene.clock.advance(100);
    expect([...scene.node.watched]).toEqual(["child default/two"]);
    scene.records();
    scene.clock.advance(100);
    expect([...scene.node.watched]).toEqual([]);
  });
});

describe("a start", () => {
  test("waits for what a pod tells, and not for long for one that is silent", () => {
    const scene = new Scene();
    scene.node.pods = [TWO, workload({ name: "mute", labels: ROUTER }, "10.0.0.8")];
    scene.configure();
    scene.pass(8);
    expect(scene.node.daemon.converged).toBe(false);
    expect(scene.node.daemon.waitingFor()).toEqual(["child default/two", "child default/mute"]);
    // Twice the time between calls, and 5 s.
    scene.pass(2);
    expect(scene.node.daemon.converged).toBe(true);
  });

  test("waits for no pod that has gone", () => {
    const scene = new Scene();
    scene.node.pods = [TWO];
    scene.configure();
    scene.pass(4);
    expect(scene.node.daemon.waitingFor()).toEqual(["child default/two"]);
    scene.records();
    scene.clock.advance(100);
    expect(scene.node.daemon.converged).toBe(true);
  });
});
