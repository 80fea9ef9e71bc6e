/** manx-ipam as the IPAM of reference plugins, in both versions, before others in a chain. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { LINKS, type Link, wishOf } from "./links.ts";
import { createRuntime } from "./runtime.ts";
import { createScene, type Json, PLUGINS, type Scene } from "./scene.ts";
import { ONLY_B } from "./situation.ts";
import { recordsOf } from "./survey.ts";
import { tracesOf } from "./traces.ts";
import { cableClient } from "./traffic.ts";

const GATEWAY = "10.244.1.1";

let scene: Scene;
beforeEach(() => {
  scene = createScene("a", "b", "client");
  cableClient(scene);
});
afterEach(() => scene.remove());

type Case = {
  readonly plugin: string;
  readonly keys: Json;
  /** Behind it in the chain. */
  readonly links: readonly Link[];
  /** Where the gateway's address is, when the plugin does not put it somewhere. */
  readonly router?: string;
  /** What the plugin leaves on the host for the next pod. */
  readonly stays: readonly string[];
};

const cases: readonly Case[] = [
  { plugin: "ptp", keys: {}, links: [LINKS.portmap, LINKS.bandwidth], stays: [] },
  {
    plugin: "bridge",
    keys: { bridge: "br0", isGateway: true },
    links: [LINKS.portmap, LINKS.bandwidth],
    stays: ["br0"],
  },
  { plugin: "macvlan", keys: { master: "uplink" }, links: [], router: "client", stays: [] },
];

describe.skipIf(PLUGINS === "" || Bun.which("iptables") === null)("manx-ipam below", () => {
  for (const { plugin, keys, links, router, stays } of cases) {
    for (const cniVersion of ["0.4.0", "1.0.0"]) {
      test(`${plugin}, version ${cniVersion}: pods reach the gateway and each other, CHECK and DEL are content`, () => {
        const ipam = { ...(scene.config.ipam as Json), routes: [{ dst: "0.0.0.0/0" }] };
        const plugins = [{ type: plugin, ...keys, ipam }, ...links.map(({ config }) => config)];
        const runtime = createRuntime(scene, { cniVersion, name: "pods", plugins });
        if (router !== undefined) {
          scene.run(router, "ip", "address", "add", `${GATEWAY}/24`, "dev", "eth0");
        }
        const before = tracesOf(scene, "a", "b");
        const wish = { capabilities: wishOf(links) };
        const { ips } = runtime.add(wish);
        runtime.add({ pod: "b" });
        expect(ips as Json[]).toMatchObject([{ address: "10.244.1.2/24", gateway: GATEWAY }]);
        expect(scene.ping("a", GATEWAY)).toBe(true);
        expect(scene.ping("a", "10.244.1.3")).toBe(true);
        expect(runtime.check(wish).failure).toBeUndefined();
        for (const each of [wish, wish, { pod: "b" }, { pod: "b" }]) {
          expect(runtime.del(each).failure).toBeUndefined();
        }
        const { host, pods } = tracesOf(scene, "a", "b");
        expect(host.records).toBe("");
        expect(host.links).toEqual([...(before.host.links as string[]), ...stays]);
        expect(pods).toEqual(before.pods);
      });

      test(`${plugin}, version ${cniVersion}: GC of manx-ipam waits for pods that live`, () => {
        const ipam = { ...(scene.config.ipam as Json), routes: [{ dst: "0.0.0.0/0" }] };
        const plugins = [{ type: plugin, ...keys, ipam }];
        const runtime = createRuntime(scene, { cniVersion, name: "pods", plugins });
        for (const pod of ["b", "a"]) runtime.add({ pod });
        const both = recordsOf(scene);
        const gc = { plugin: "manx-ipam", config: { type: plugin, ...keys, ...ONLY_B } };
        const { stderr } = scene.call("GC", gc);
        expect(stderr).toContain("GC leaves 10.244.1.3 of network pods taken: ");
        expect(recordsOf(scene)).toEqual(both);
        // A sandbox that dies without a DEL.
        scene.run("a", "ip", "link", "delete", "eth0");
        scene.done("GC", gc);
        expect(recordsOf(scene)).toEqual(both.filter((path) => !/10.244.1.3|a:eth0/.test(path)));
        expect(scene.call("CHECK", { ...gc, pod: "b" }).stdout).toBe("");
      });

      test(`${plugin}, version ${cniVersion}: CHECK finds it when the address record is gone`, () => {
        const plugins = [{ type: plugin, ...keys, ipam: scene.config.ipam }];
        const runtime = createRuntime(scene, { cniVersion, name: "pods", plugins });
        runtime.add();
        expect(runtime.check().failure).toBeUndefined();
        scene.run("host", "rm", "-r", `${scene.folder}/ipam`);
        expect(runtime.check().failure?.answer.json?.msg).toContain(
          "has no IPv4 address record for eth0 of container a",
        );
      });
    }
  }
});
