/** RFC 8538, graceful restart with NOTIFICATIONs, by clause. */

import { describe, expect, test } from "bun:test";
import type { NotificationMessage } from "../../bgpd/wire/message.ts";
import { restart, Scene, type Spec } from "./restart-scene.ts";

const ONE = "192.0.2.0/24";
const NOTIFIED = { gracefulRestart: { notifications: true } };

function established(ours: Spec = NOTIFIED, theirs = true) {
  const scene = new Scene();
  const peer = scene.neighbour(1);
  peer.capabilities = [restart({ notifications: theirs })];
  scene.configure(ours);
  scene.pass(1);
  peer.announce([ONE]);
  peer.endOfRib();
  scene.pass(1);
  expect(scene.routes).toEqual([`${ONE} p1 best`]);
  peer.isDeaf = true;
  peer.heard.length = 0;
  return { scene, peer };
}

const notification = (code: number, subcode: number, data: number[] = []): NotificationMessage => {
  return { type: "notification", code, subcode, data: Uint8Array.from(data) };
};

describe("section 2: the N bit", () => {
  test("is said where a document asks for it", () => {
    const scene = new Scene();
    const peer = scene.neighbour(1);
    const bit = () =>
      peer.open?.capabilities.flatMap((one) =>
        one.type === "graceful restart" ? [one.notifications] : [],
      );
    scene.configure();
    scene.pass(1);
    expect(bit()).toEqual([false]);
    scene.configure({}, NOTIFIED);
    scene.pass(5);
    expect(bit()).toEqual([true]);
  });

  test.each([
    [NOTIFIED, true, [`${ONE} p1 best restart`]],
    [NOTIFIED, false, []],
    [{}, true, []],
  ])("counts where both have said it: %j and the peer %j", (ours, theirs, left) => {
    const { scene, peer } = established(ours, theirs);
    peer.say(notification(6, 4));
    scene.pass(0.1);
    expect(scene.routes).toEqual(left);
  });
});

describe("section 4: the end of a session", () => {
  test("by the hold timer keeps the routes, and the peer is told", () => {
    const { scene, peer } = established({ ...NOTIFIED, holdTime: 9 });
    scene.pass(8.5);
    expect(scene.routes).toEqual([`${ONE} p1 best restart`]);
    expect(peer.heard.at(-1)).toEqual(notification(4, 0));
  });

  test("by a message that is wrong keeps the routes", () => {
    const { scene, peer } = established();
    peer.say({
      type: "open",
      version: 4,
      myAs: 1,
      holdTime: 90,
      identifier: peer.address,
      capabilities: [],
    });
    scene.pass(0.1);
    expect(peer.heard.at(-1)).toMatchObject({ type: "notification", code: 5 });
    expect(scene.routes).toEqual([`${ONE} p1 best restart`]);
  });

  test.each([
    ["without what it stands for", []],
    ["for an Administrative Shutdown", [6, 2]],
  ])("by a Hard Reset %s deletes them", (_, data) => {
    const { scene, peer } = established();
    peer.say(notification(6, 9, data));
    scene.pass(0.1);
    expect([scene.routes, scene.installed]).toEqual([[], []]);
  });
});

describe("section 3.1: a Hard Reset of ours", () => {
  test.each<[string, Spec | undefined, number[]]>([
    ["a removal from the documents", undefined, [6, 3]],
    ["another parameter of the session", { ...NOTIFIED, connectRetryTime: 9 }, [6, 6]],
    ["a shutdown by a document", { ...NOTIFIED, shutdown: "" }, [6, 2]],
  ])("says %s", (_, spec, data) => {
    const { scene, peer } = established();
    scene.configureEach(() => spec);
    scene.pass(0.1);
    expect(peer.heard).toEqual([notification(6, 9, data)]);
  });

  test("says a limit of prefixes, and a path that has failed", () => {
    const limited = established({ ...NOTIFIED, prefixLimit: { max: 1 } });
    limited.peer.announce(["203.0.113.0/24"]);
    limited.scene.pass(0.1);
    expect(limited.peer.heard).toEqual([notification(6, 9, [6, 1])]);
    expect(limited.scene.routes).toEqual([]);
    const watched = established({ ...NOTIFIED, bfd: { enabled: true } });
    watched.scene.path("p1", {});
    watched.scene.pass(0.1);
    expect(watched.peer.heard).toEqual([notification(6, 9, [6, 10])]);
  });

  test("says the daemon's end with --withdraw, which is told plainly to others and without it", async () => {
    const heard = async (withdraw: boolean, ours?: Spec, theirs?: boolean) => {
      const { scene, peer } = established(ours, theirs);
      const stopped = scene.daemon.stop({ withdraw });
      scene.pass(1);
      await stopped;
      return peer.heard;
    };
    expect(await heard(true)).toEqual([notification(6, 9, [6, 2])]);
    expect(await heard(true, NOTIFIED, false)).toEqual([notification(6, 2)]);
    expect(await heard(false)).toEqual([notification(6, 4)]);
  });
});
