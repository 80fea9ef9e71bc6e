/** RFC 9494, long-lived graceful restart, by clause. */

import { describe, expect, test } from "bun:test";
import { LLGR_STALE, NO_EXPORT, NO_LLGR } from "../../bgpd/wire/const.ts";
import type { Capability } from "../../bgpd/wire/message.ts";
import { longLived, restart, Scene, type Scripted, type Spec } from "./restart-scene.ts";

const ONE = "192.0.2.0/24";
const OTHER = "198.51.100.0/24";
const BOTH = [ONE, OTHER];
const KNOWS: Capability = { type: "long-lived graceful restart", families: [] };

/** Restart time 10 s, long-lived stale time 100 s. */
const LASTING = [restart({ time: 10 }), longLived(100)];

function established(capabilities: readonly Capability[] = LASTING, spec: Spec = {}) {
  const scene = new Scene();
  const [peer, other] = [scene.neighbour(1), scene.neighbour(2, { internal: true })];
  peer.capabilities = capabilities;
  other.capabilities = [restart(), KNOWS];
  scene.configureEach((one) => (one === peer ? spec : {}));
  scene.pass(1);
  peer.announce(BOTH);
  peer.endOfRib();
  scene.pass(1);
  other.heard.length = 0;
  return { scene, peer, other };
}

function leaves({ scene, peer }: { scene: Scene; peer: Scripted }): void {
  peer.isDeaf = true;
  peer.close();
  scene.pass(0.1);
}

function returns({ scene, peer }: { scene: Scene; peer: Scripted }, said = LASTING): void {
  peer.isDeaf = false;
  peer.capabilities = said;
  scene.pass(5);
}

function away(capabilities?: readonly Capability[], spec = {}) {
  const all = established(capabilities, spec);
  leaves(all);
  return all;
}

const of = (stage: string) => BOTH.map((prefix) => `${prefix} p1 best ${stage}`);

describe("section 3.1: the capability", () => {
  const said = (spec: Spec, common: Spec = {}) => {
    const scene = new Scene();
    const peer = scene.neighbour(1);
    scene.configure(spec, common);
    scene.pass(1);
    return peer.open?.capabilities.filter(({ type }) => type === "long-lived graceful restart");
  };

  test("says by default that we know what it is, and the time where one is asked for", () => {
    expect(said({})).toEqual([KNOWS]);
    expect(said({ gracefulRestart: { longLivedStaleTime: "1h" } })).toEqual([
      {
        type: "long-lived graceful restart",
        families: [1, 2].map((afi) => ({ afi, safi: 1, forwarding: false, time: 3600 })),
      },
    ]);
    const common = { gracefulRestart: { longLivedStaleTime: "1h" } };
    expect(said({ gracefulRestart: { mode: "None" } }, common)).toEqual([]);
  });
});

describe("section 4.2: session resets", () => {
  test("after the restart time the routes carry LLGR_STALE, until the long-lived stale time is over", () => {
    const { scene } = away();
    scene.pass(9);
    expect(scene.routes).toEqual(of("restart"));
    scene.pass(1);
    expect(scene.routes).toEqual(of("long-lived"));
    expect(scene.daemon.rib?.routes().at(-1)?.paths[0]?.attributes.communities).toEqual([
      LLGR_STALE,
    ]);
    expect(scene.installed).toEqual(BOTH);
    scene.pass(99);
    expect(scene.routes).toEqual(of("long-lived"));
    scene.pass(1);
    expect([scene.routes, scene.installed]).toEqual([[], []]);
  });

  test("without a restart time they do so at once, and a family that is not listed has none", () => {
    expect(away([restart({ time: 0 }), longLived(100)]).scene.routes).toEqual(of("long-lived"));
    const unlisted = [restart({ time: 50, families: [] }), longLived(100)];
    expect(away(unlisted).scene.routes).toEqual(of("long-lived"));
  });

  test("nothing is granted beyond what the document says", () => {
    const { scene } = away(LASTING, { gracefulRestart: { peerLongLivedStaleTime: 20 } });
    scene.pass(29);
    expect(scene.routes).toEqual(of("long-lived"));
    scene.pass(1);
    expect(scene.routes).toEqual([]);
  });

  test("routes with NO_LLGR go with the restart time", () => {
    const both = established();
    both.peer.announce([ONE], { communities: [NO_LLGR] });
    both.scene.pass(1);
    leaves(both);
    both.scene.pass(10);
    expect(both.scene.routes).toEqual([`${OTHER} p1 best long-lived`]);
  });

  test("a peer that is back makes them count again as it tells them, and its End-of-RIB deletes the rest", () => {
    const both = away();
    both.scene.pass(30);
    returns(both);
    both.peer.announce([ONE]);
    both.scene.pass(1);
    expect(both.scene.routes).toEqual([`${ONE} p1 best`, `${OTHER} p1 best long-lived`]);
    both.peer.endOfRib();
    both.scene.pass(1);
    expect(both.scene.routes).toEqual([`${ONE} p1 best`]);
  });

  test("what it does not say it has preserved is deleted at once", () => {
    const both = away();
    both.scene.pass(30);
    const families = [{ afi: 1, safi: 1, forwarding: false }];
    returns(both, [restart({ families }), longLived(100, false)]);
    expect(both.scene.routes).toEqual([]);
  });

  test("the time goes on after the peer is back, until its End-of-RIB", () => {
    const both = away();
    both.scene.pass(60);
    returns(both);
    both.peer.announce([ONE]);
    both.scene.pass(44);
    expect(both.scene.routes).toEqual([`${ONE} p1 best`, `${OTHER} p1 best long-lived`]);
    both.scene.pass(1);
    expect(both.scene.routes).toEqual([`${ONE} p1 best`]);
  });

  test("consecutive restarts delete nothing of it before that time, nor begin it anew", () => {
    const both = away();
    both.scene.pass(60);
    returns(both);
    both.peer.announce([ONE]);
    both.scene.pass(1);
    leaves(both);
    expect(both.scene.routes).toEqual([`${ONE} p1 best restart`, `${OTHER} p1 best long-lived`]);
    both.scene.pass(10);
    expect(both.scene.routes).toEqual(of("long-lived"));
    both.scene.pass(33);
    expect(both.scene.routes).toEqual(of("long-lived"));
    both.scene.pass(1);
    expect(both.scene.routes).toEqual([]);
  });

  test("nor what the first of them left, although its restart time was not over", () => {
    const both = away();
    returns(both);
    both.peer.announce([ONE]);
    both.scene.pass(1);
    leaves(both);
    expect(both.scene.routes).toEqual([`${ONE} p1 best restart`, `${OTHER} p1 best long-lived`]);
    both.scene.pass(99);
    expect(both.scene.routes).toEqual(of("long-lived"));
    both.scene.pass(1);
    expect(both.scene.routes).toEqual([]);
  });

  test("after a whole table it begins anew", () => {
    const both = away();
    both.scene.pass(60);
    returns(both);
    both.peer.announce(BOTH);
    both.peer.endOfRib();
    both.scene.pass(1);
    leaves(both);
    both.scene.pass(109);
    expect(both.scene.routes).toEqual(of("long-lived"));
  });
});

describe("section 4.3: processing LLGR_STALE routes", () => {
  test("any other path is better, and why says so", () => {
    const { scene, other } = away();
    other.announce([ONE], { localPref: 1, asPath: [{ type: "sequence", asNumbers: [1, 2, 3] }] });
    scene.pass(9);
    expect(scene.routes[0]).toBe(`${ONE} p1 best restart`);
    scene.pass(1);
    const paths = scene.daemon.rib?.routes().find(({ paths: [, second] }) => second !== undefined);
    expect(paths?.paths.map(({ peer, reason }) => [peer, reason])).toEqual([
      ["p2", "not long-lived stale"],
      ["p1", "not long-lived stale"],
    ]);
  });

  test("a route that comes with it is treated so as well", () => {
    const { scene, peer, other } = established();
    peer.announce([ONE], { communities: [LLGR_STALE] });
    other.announce([ONE], { localPref: 1 });
    scene.pass(1);
    expect(scene.routes.slice(0, 2)).toEqual([`${ONE} p2 best`, `${ONE} p1 valid`]);
  });

  test("who knows what it is is told, with the community; who does not hears that it is gone", () => {
    const scene = new Scene();
    const [peer, knows, old] = [1, 2, 3].map((n) => scene.neighbour(n, { internal: n !== 1 })) as [
      Scripted,
      Scripted,
      Scripted,
    ];
    peer.capabilities = LASTING;
    knows.capabilities = [restart(), KNOWS];
    // Without the capability of RFC 4724 this one counts for nothing (section 4.5).
    old.capabilities = [KNOWS];
    scene.configure();
    scene.pass(1);
    peer.announce([ONE]);
    scene.pass(1);
    knows.heard.length = 0;
    old.heard.length = 0;
    leaves({ scene, peer });
    scene.pass(10);
    expect(knows.updates).toEqual([`+${ONE}`]);
    expect(knows.heard).toMatchObject([{ attributes: { communities: [LLGR_STALE] } }]);
    expect(old.updates).toEqual([`-${ONE}`]);
    expect(
      scene.daemon.rib?.advertised(scene.daemon.neighbours.get("p3")?.id ?? -1),
    ).toContainEqual(
      expect.objectContaining({
        advertised: false,
        reason:
          "it carries LLGR_STALE, and the peer does not know long-lived graceful restart (RFC 9494)",
      }),
    );
  });
});

describe("section 4.5: errors", () => {
  test("without the capability of RFC 4724 it means nothing", () => {
    expect(away([longLived(100)]).scene.routes).toEqual([]);
  });
});

describe("section 4.6: partial deployment", () => {
  test("where it is configured, internal peers are told with NO_EXPORT and LOCAL_PREF 0, others nothing", () => {
    const scene = new Scene();
    const [peer, inside, outside] = [1, 2, 3].map((n) =>
      scene.neighbour(n, { internal: n === 2 }),
    ) as [Scripted, Scripted, Scripted];
    peer.capabilities = LASTING;
    scene.configure({ exportPolicy: "pools" }, { gracefulRestart: { partialDeployment: true } });
    scene.pass(1);
    peer.announce([ONE]);
    scene.pass(1);
    inside.heard.length = 0;
    outside.heard.length = 0;
    leaves({ scene, peer });
    scene.pass(10);
    expect(inside.updates).toEqual([`+${ONE}`]);
    expect(inside.heard).toMatchObject([
      { attributes: { localPref: 0, communities: [LLGR_STALE, NO_EXPORT] } },
    ]);
    expect(outside.updates).toEqual([]);
  });
});
