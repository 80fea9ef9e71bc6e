/** Chains: manx and Debian's reference plugins behind it, as a runtime runs them. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CHAINS, HOST_END, LINKS, type Link, wishOf } from "./links.ts";
import { createRuntime, type NetworkList } from "./runtime.ts";
import { createScene, type Json, PLUGINS, type Scene } from "./scene.ts";
import { tracesOf } from "./traces.ts";

const CONFLIST = join(import.meta.dir, "../../../conf/10-manx.conflist");

let scene: Scene;
beforeEach(() => {
  scene = createScene();
});
afterEach(() => {
  scene.remove();
  // What tuning found before it changed it.
  rmSync("/run/cni", { recursive: true, force: true });
});

const hasPrograms = PLUGINS !== "" && ["iptables", "tc"].every((program) => Bun.which(program));

function listOf(cniVersion: string, links: readonly Link[]): NetworkList {
  const { type, ipam } = scene.config;
  const plugins = [{ type, ipam }, ...links.map(({ config }) => config)];
  return { cniVersion, name: "pods", plugins };
}

describe.skipIf(!hasPrograms)("manx and then", () => {
  for (const cniVersion of ["0.4.0", "1.0.0"]) {
    for (const [names, links] of Object.entries(CHAINS)) {
      describe(`${names}, version ${cniVersion}`, () => {
        const wish = { capabilities: wishOf(links) };

        test("what manx made stays in the final result, and CHECK is content with it", () => {
          const runtime = createRuntime(scene, listOf(cniVersion, links));
          const result = runtime.add(wish);
          expect(result.cniVersion).toBe(cniVersion);
          const interfaces = result.interfaces as Json[];
          expect(interfaces.map(({ name }) => String(name).replace(/^bwp.*/, "bwp"))).toEqual([
            HOST_END,
            "eth0",
            ...(links.includes(LINKS.bandwidth) ? ["bwp"] : []),
          ]);
          expect(result.ips).toMatchObject([{ address: "10.244.1.0/32", interface: 1 }]);
          expect(result.routes).toEqual([{ dst: "0.0.0.0/0", gw: "169.254.1.1" }]);
          expect(runtime.check(wish)).toEqual({ failure: undefined, ran: typesOf(links) });
          expect(scene.ping("host", "10.244.1.0")).toBe(true);
        });

        test("DEL in reverse, twice, leaves nothing", () => {
          const runtime = createRuntime(scene, listOf(cniVersion, links));
          runtime.add({ ...wish, pod: "b" });
          runtime.del({ ...wish, pod: "b" });
          const before = tracesOf(scene, "a", "b");
          runtime.add(wish);
          expect(tracesOf(scene, "a", "b")).not.toEqual(before);
          const ran = typesOf(links).toReversed();
          for (let time = 0; time < 2; time++) {
            expect(runtime.del(wish)).toEqual({ failure: undefined, ran });
            expect(tracesOf(scene, "a", "b")).toEqual(before);
          }
        });

        for (const { config, damage } of links) {
          test(`CHECK fails at ${config.type} when its part is broken`, () => {
            const runtime = createRuntime(scene, listOf(cniVersion, links));
            runtime.add(wish);
            scene.run(damage.where, "sh", "-e", "-c", damage.command);
            expect(runtime.check(wish).failure?.plugin).toBe(config.type);
          });
        }

        test("CHECK fails at manx when the host's route is gone", () => {
          const runtime = createRuntime(scene, listOf(cniVersion, links));
          runtime.add(wish);
          scene.run("host", "ip", "route", "delete", "10.244.1.0");
          const { failure } = runtime.check(wish);
          expect({ plugin: failure?.plugin, msg: failure?.answer.json?.msg }).toEqual({
            plugin: "manx",
            msg: `route 10.244.1.0/32 dev ${HOST_END} is missing on the host`,
          });
        });
      });
    }
  }

  test("all that conf/10-manx.conflist has, as it is but for its blocks", () => {
    const list: NetworkList = JSON.parse(readFileSync(CONFLIST, "utf8"));
    const [manx, ...others] = list.plugins;
    expect(others.map(({ type }) => type)).toEqual(["portmap", "bandwidth"]);
    const plugins = [{ ...manx, ipam: { ...(scene.config.ipam as Json) } }, ...others];
    const runtime = createRuntime(scene, { ...list, plugins });
    const { portmap, bandwidth } = LINKS;
    const wish = { capabilities: wishOf([portmap, bandwidth]) };
    runtime.add(wish);
    // A container that wishes for nothing is attached by the same list.
    runtime.add({ pod: "b" });
    expect(runtime.check(wish).failure).toBeUndefined();
    // bandwidth 1.1.1 (Debian 12) dies in CHECK where it has nothing to limit.
    expect(runtime.check({ pod: "b" }).ran).toEqual(["manx", "portmap", "bandwidth"]);
    expect(scene.run("host", "iptables", "-t", "nat", "-S")).toContain(
      "--to-destination 10.244.1.0:80",
    );
    expect(scene.run("host", "tc", "qdisc", "show", "dev", HOST_END)).toContain("tbf");
    for (const each of [wish, { pod: "b" }]) expect(runtime.del(each).failure).toBeUndefined();
  });
});

function typesOf(links: readonly Link[]): string[] {
  return ["manx", ...links.map(({ config }) => config.type)];
}
