/** DEL in real namespaces: idempotent in every direction. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Call, createScene, type Json, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = createScene();
});
afterEach(() => scene.remove());

describe("DEL", () => {
  test("takes back everything that ADD made", () => {
    // The folders of the records stay, and so does another pod.
    scene.done("ADD", { pod: "b" });
    const before = scene.state();
    scene.done("ADD");
    scene.done("DEL");
    expect(scene.state()).toEqual(before);
    expect(scene.ip("a", "link").map(({ ifname }) => ifname)).toEqual(["lo"]);
  });

  test("prints nothing", () => {
    scene.done("ADD");
    expect(scene.call("DEL")).toEqual({ status: 0, stdout: "", stderr: "", json: undefined });
  });

  const ways: { name: string; arrange?: () => void; call?: () => Call }[] = [
    { name: "a second time", arrange: () => void scene.done("DEL") },
    { name: "without CNI_NETNS", call: () => ({ environment: { CNI_NETNS: "" } }) },
    { name: "without CNI_PATH", call: () => ({ environment: { CNI_PATH: undefined } }) },
    {
      name: "when the namespace's file is gone",
      call: () => ({ environment: { CNI_NETNS: "/run/netns/none" } }),
    },
    {
      name: "when the namespace itself is gone",
      arrange: () => {
        scene.run("host", "ip", "netns", "delete", "a");
        scene.run("host", "ip", "netns", "add", "a");
      },
    },
    {
      name: "when somebody deleted the host end",
      arrange: () => void scene.run("host", "ip", "link", "delete", "manx0b3b1f0306f"),
    },
    {
      name: "when somebody deleted the pod's end",
      arrange: () => void scene.run("a", "ip", "link", "delete", "eth0"),
    },
    {
      name: "when the records are gone",
      arrange: () => void scene.run("host", "rm", "-r", `${scene.folder}/ipam`),
    },
    {
      name: "when the record is torn",
      arrange: () =>
        void scene.run(
          "host",
          "sh",
          "-c",
          `for f in ${scene.folder}/ipam/*/pods/address/*; do : > $f; done`,
        ),
    },
    {
      name: "when the configuration lost its blocks",
      call: () => ({ config: { ipam: { ...(scene.config.ipam as Json), blocks: undefined } } }),
    },
    {
      name: "when the blocks are others by now",
      call: () => ({
        config: { ipam: { ...(scene.config.ipam as Json), blocks: ["192.0.2.0/24"] } },
      }),
    },
    { name: "when other keys are wrong by now", call: () => ({ config: { mtu: "large" } }) },
    { name: "with a prevResult that is nonsense", call: () => ({ config: { prevResult: [] } }) },
  ];
  for (const { name, arrange, call } of ways) {
    test(`succeeds ${name}, and nothing is left`, () => {
      scene.done("ADD");
      arrange?.();
      expect(scene.call("DEL", call?.())).toMatchObject({ status: 0, stdout: "" });
      const { links, routes, records } = scene.state() as Record<string, unknown>;
      expect(links).toEqual(["lo"]);
      expect(JSON.stringify(routes)).not.toContain("10.244.1.0");
      expect(records).toBe("");
    });
  }

  test("succeeds where there never was anything", () => {
    const before = scene.state();
    expect(scene.call("DEL", { container: "never" }).status).toBe(0);
    expect(scene.state()).toEqual(before);
  });

  test("of another interface, container or network leaves this one", () => {
    scene.done("ADD");
    scene.done("DEL", { environment: { CNI_IFNAME: "net1" } });
    scene.done("DEL", { container: "b" });
    scene.done("DEL", { config: { name: "others" } });
    expect(scene.ping("host", "10.244.1.0")).toBe(true);
    expect((scene.state() as { records: string }).records).toContain("address/10.244.1.0\n");
  });

  for (const cniVersion of ["0.3.0", "0.3.1", "0.4.0", "1.0.0"]) {
    test(`works in ${cniVersion}`, () => {
      const config = { cniVersion };
      scene.done("ADD", { config });
      scene.done("DEL", { config });
      expect(scene.ip("a", "link").map(({ ifname }) => ifname)).toEqual(["lo"]);
    });
  }
});
