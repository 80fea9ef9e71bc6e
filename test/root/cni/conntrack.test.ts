/** What the host's connection tracking knows of an address goes with the pod, and nothing else of it. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { which } from "bun";
import { createScene, type Json, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = createScene();
  scene.run("host", "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
});
afterEach(() => scene.remove());

const config = (): Json => ({
  ipam: { ...(scene.config.ipam as Json), blocks: ["10.244.1.0/24", "fd00:10::/120"] },
});
const tracked = (): string => scene.run("host", "cat", "/proc/net/nf_conntrack");
const ping = (from: string, to: string): void =>
  void scene.run(from, "ping", "-c", "1", "-W", "2", "-n", to);

/** Somebody who looks at a connection's state makes the kernel track. */
const track = (): void => {
  for (const program of ["iptables-nft", "ip6tables-nft"]) {
    const rule = ["-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT"];
    scene.run("host", program, ...rule);
  }
};

const both = test.skipIf(which("iptables-nft") === null);

for (const verb of ["DEL", "GC"] as const) {
  both(
    `${verb} forgets connections that the pod began and that it answered, of both families`,
    () => {
      track();
      for (const pod of ["a", "b"]) scene.done("ADD", { pod, config: config() });
      ping("a", "10.244.1.1");
      ping("host", "10.244.1.0");
      ping("a", "fd00:10::1");
      ping("host", "fd00:10::");
      ping("host", "10.244.1.1");
      for (const text of ["src=10.244.1.0 ", "src=fd00:0010:0000:0000:0000:0000:0000:0000 "]) {
        expect(tracked()).toContain(text);
      }
      if (verb === "DEL") scene.done("DEL", { config: config() });
      else {
        const valid = [{ containerID: "b", ifname: "eth0" }];
        const more = { cniVersion: "1.1.0", "cni.dev/valid-attachments": valid };
        scene.done("GC", { config: { ...config(), ...more } });
      }
      expect(tracked()).not.toContain("10.244.1.0 ");
      expect(tracked()).not.toContain("fd00:0010:0000:0000:0000:0000:0000:0000 ");
      expect(tracked()).toContain("src=10.244.1.1 dst=10.0.0.1");
    },
  );
}

both("DEL with another IPAM plugin forgets the addresses of prevResult", () => {
  track();
  scene.file(
    "fake",
    `#!/bin/sh\n[ $CNI_COMMAND != ADD ] || echo '{"ips":[{"address":"10.9.0.7/24"}]}'\n`,
  );
  const environment = { CNI_PATH: scene.folder };
  const ipam = { type: "fake" };
  const prevResult = scene.done("ADD", { config: { ipam }, environment });
  ping("host", "10.9.0.7");
  expect(tracked()).toContain("10.9.0.7");
  scene.done("DEL", { config: { ipam, prevResult }, environment });
  expect(tracked()).not.toContain("10.9.0.7");
});

test("where nothing is tracked, DEL does not make the kernel begin to", () => {
  scene.done("ADD", { config: config() });
  ping("host", "10.244.1.0");
  scene.done("DEL", { config: config() });
  ping("host", "10.0.0.1");
  expect(tracked()).toBe("");
});
