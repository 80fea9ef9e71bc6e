/**
 * ADD-PATH (RFC 7911) with FRR, in both families: it takes the paths that we reflect to it, and reflects them on to
 * another of ours, with identifiers of its own.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PeerAnswer, RouteAnswer } from "../../resource/answer.ts";
import {
  address4,
  addressFor,
  createScene,
  EDGES,
  isReady,
  node,
  ORIGINATED,
  PREFIX,
  PREFIX6,
  REFLECTOR,
  router,
  type Scene,
} from "./add-path-scene.ts";
import { eventually, isInside } from "./network.ts";

/** Of the packages that are unpacked and not installed; empty where they are installed. */
const ROOT = process.env.MANX_DEBIAN_ROOT ?? "";
const bgpd = [join(ROOT, "usr/lib/frr/bgpd"), "/usr/lib/frr/bgpd"].find(existsSync) ?? "";
const vtysh = [join(ROOT, "usr/bin/vtysh"), "/usr/bin/vtysh"].find(existsSync) ?? "";
const TRIPLET = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
const LIBRARIES = ["usr/lib", "lib"]
  .flatMap((folder) => [`${folder}/${TRIPLET}/frr`, `${folder}/${TRIPLET}`])
  .map((folder) => join(ROOT, folder))
  .join(":");

const family = (name: string): string => `
 address-family ${name} unicast
  neighbor ${address4("rr")} activate
  neighbor ${address4("rr")} route-reflector-client
  neighbor ${address4("n1")} activate
  neighbor ${address4("n1")} route-reflector-client
  neighbor ${address4("n1")} addpath-tx-all-paths
 exit-address-family`;

const FRR = `
router bgp 64512
 bgp router-id ${address4("far")}
 no bgp network import-check
${["rr", "n1"]
  .map(
    (name) => ` neighbor ${address4(name)} remote-as 64512
 neighbor ${address4(name)} timers 3 9
 neighbor ${address4(name)} timers connect 1
 neighbor ${address4(name)} advertisement-interval 0`,
  )
  .join("\n")}${family("ipv4")}${family("ipv6")}
`;

let scene: Scene;

beforeEach(() => {
  scene = createScene();
});

afterEach(async () => {
  await scene.network.remove();
});

function startFrr(): void {
  const { network } = scene;
  const { folder } = network;
  network.file("vtysh.conf", "username root nopassword\n");
  const script = network.file(
    "frr.sh",
    [
      // Its group for the terminal must exist, and a folder for crashes; the mounts go with the program.
      "mount -t tmpfs tmpfs /var/tmp",
      `{ cat /etc/group; echo frrvty:x:0:root; } > ${folder}/group`,
      `mount --bind ${folder}/group /etc/group`,
      `export LD_LIBRARY_PATH='${LIBRARIES}'`,
      `exec ${bgpd} -f ${network.file("frr.conf", FRR)} -i ${folder}/frr.pid -u root -g root -Z -P 0 --vty_socket ${folder}`,
      "",
    ].join("\n"),
  );
  network.start("far", "frr", ["unshare", "--mount", "sh", script]);
}

/** Next hops and identifiers of the paths that FRR has from us. */
function atFrr(afi: "ipv4" | "ipv6", prefix: string): { hop: string; id: number }[] {
  const { network } = scene;
  const words = `show bgp ${afi} unicast ${prefix} json`;
  const library = `LD_LIBRARY_PATH=${LIBRARIES}`;
  const places = ["--vty_socket", network.folder, "--config_dir", network.folder];
  const args = ["env", library, vtysh, ...places, "-d", "bgpd", "-c", words];
  const { paths = [] } = JSON.parse(network.run("far", ...args)) as {
    paths?: {
      readonly addpathRxId?: number;
      readonly nexthops: readonly { readonly ip: string; readonly scope?: string }[];
    }[];
  };
  return paths
    .map(({ addpathRxId = 0, nexthops }) => ({ hop: nexthops[0]?.ip ?? "", id: addpathRxId }))
    .sort((a, b) => a.hop.localeCompare(b.hop));
}

/** Next hops and identifiers of the paths that the last of ours has. */
function atNode(prefix: string): { hop: string | null; id: number | undefined }[] {
  const route = scene.ask<RouteAnswer[]>("n1", "routes").find((one) => one.prefix === prefix);
  return (route?.paths ?? [])
    .map(({ pathId, attributes: { nextHop } }) => ({ hop: nextHop, id: pathId }))
    .sort((a, b) => String(a.hop).localeCompare(String(b.hop)));
}

const here = isInside && isReady && bgpd !== "" && vtysh !== "";

describe.skipIf(!here)("ADD-PATH with FRR", () => {
  test("takes our several paths, gives us several, and both are withdrawn one by one", async () => {
    startFrr();
    const others = { e1: "", e2: "", far: "{ send: All }" };
    scene.startManx("rr", node("rr", others, REFLECTOR));
    scene.startManx("n1", node("n1", { far: "{ receive: true }" }));
    for (const name of EDGES) scene.startBird(name, router(name, "rr", "", ORIGINATED));
    const families = [
      ["ipv4", PREFIX],
      ["ipv6", PREFIX6],
    ] as const;
    for (const [afi, prefix] of families) {
      const hops = EDGES.map((name) => addressFor(prefix, name));
      const seen = await eventually(`FRR has both paths to ${prefix}`, () => {
        const paths = atFrr(afi, prefix);
        return paths.length === 2 && paths;
      });
      expect(seen.map(({ hop }) => hop)).toEqual(hops);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(2);
      const far = await eventually(`n1 has both paths to ${prefix}`, () => {
        const paths = atNode(prefix);
        return paths.length === 2 && paths;
      });
      expect(far.map(({ hop }) => hop)).toEqual(hops);
      expect(far.every(({ id }) => id !== undefined)).toBe(true);
    }
    scene.askBird("e1", "disable", '"mine*"');
    for (const [afi, prefix] of families) {
      const hop = addressFor(prefix, "e2");
      await eventually(`FRR has one path to ${prefix}`, () => {
        const paths = atFrr(afi, prefix);
        return paths.length === 1 && paths[0]?.hop === hop;
      });
      await eventually(`n1 has one path to ${prefix}`, () => {
        const paths = atNode(prefix);
        return paths.length === 1 && paths[0]?.hop === hop;
      });
    }
    for (const name of ["rr", "n1"]) {
      expect(scene.ask<PeerAnswer[]>(name, "peers").every(({ flaps }) => flaps === 0)).toBe(true);
    }
  });
});
