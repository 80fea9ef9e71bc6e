/** Delegation in both directions: other IPAM plugins below manx, manx-ipam below other plugins. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { createScene, type Json, PLUGINS, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = createScene();
});
afterEach(() => scene.remove());

const withPlugins = describe.skipIf(PLUGINS === "");

withPlugins("manx with host-local", () => {
  const config = () => ({
    ipam: {
      type: "host-local",
      dataDir: `${scene.folder}/host-local`,
      ranges: [[{ subnet: "10.9.0.0/24" }]],
      routes: [{ dst: "10.0.0.0/8" }],
    },
  });
  const records = () => scene.run("host", "ls", `${scene.folder}/host-local/pods`);

  test("gives the pod the delegate's address alone, its routes through our gateway", () => {
    const result = scene.done("ADD", { config: config() });
    expect((result.ips as Json[])[0]?.address).toBe("10.9.0.2/32");
    expect(result.routes).toEqual([{ dst: "10.0.0.0/8", gw: "169.254.1.1" }]);
    expect(records()).toContain("10.9.0.2");
    expect(scene.ping("host", "10.9.0.2")).toBe(true);
  });

  test("CHECK asks the delegate as well", () => {
    const prevResult = scene.done("ADD", { config: config() });
    expect(scene.call("CHECK", { config: { ...config(), prevResult } }).status).toBe(0);
    scene.run("host", "rm", `${scene.folder}/host-local/pods/10.9.0.2`);
    const { json } = scene.call("CHECK", { config: { ...config(), prevResult } });
    expect(json?.msg).toContain("host-local CHECK: ");
  });

  test("DEL gives the address back although the namespace is gone, and twice", () => {
    scene.done("ADD", { config: config() });
    const environment = { CNI_NETNS: "" };
    scene.done("DEL", { config: config(), environment });
    scene.done("DEL", { config: config(), environment });
    expect(records()).not.toContain("10.9.0.2");
  });

  test("an ADD that fails after it gives the address back", () => {
    scene.run("host", "ip", "route", "add", "blackhole", "10.9.0.2");
    expect(scene.call("ADD", { config: config() }).json?.code).toBe(102);
    expect(records()).not.toContain("10.9.0.2");
  });
});

describe("manx with an IPAM plugin that", () => {
  const cases = [
    {
      name: "fails with an error object",
      script: `echo '{"code": 11, "msg": "later", "details": "d"}'; exit 1`,
      is: { code: 11, msg: "fake ADD: later", details: "d" },
    },
    {
      name: "fails without one",
      script: "exit 3",
      is: { code: 103, msg: "fake ADD failed (exit code 3) without an error object" },
    },
    {
      name: "is killed",
      script: "kill -9 $$",
      is: { code: 103, msg: "fake ADD failed (signal SIGKILL) without an error object" },
    },
    {
      name: "prints no JSON",
      script: "echo hello",
      is: { code: 103, msg: "fake printed no JSON" },
    },
    {
      name: "gives nothing",
      script: "echo '{}'",
      is: { code: 103, msg: "fake gave no address: expected one address, or one of each family" },
    },
    {
      name: "gives two of a family",
      script: `echo '{"ips": [{"address": "2001:db8::1/64"}, {"address": "2001:db8::2/64"}]}'`,
      is: {
        code: 103,
        msg: "fake gave 2001:db8::1/64, 2001:db8::2/64: expected one address, or one of each family",
      },
    },
  ];
  for (const { name, script, is } of cases) {
    test(`${name} is reported, and gets its DEL`, () => {
      scene.file(
        "fake",
        `#!/bin/sh\ncat > /dev/null\necho $CNI_COMMAND >> ${scene.folder}/calls\n${script}\n`,
      );
      const before = scene.state();
      const { status, json } = scene.call("ADD", {
        config: { ipam: { type: "fake" } },
        environment: { CNI_PATH: `/none:${scene.folder}` },
      });
      expect({ status, json }).toEqual({ status: 1, json: { cniVersion: "1.0.0", ...is } });
      expect(scene.state()).toEqual(before);
      expect(readFileSync(`${scene.folder}/calls`, "utf8")).toBe("ADD\nDEL\n");
    });
  }

  test("lives in a folder above CNI_PATH is not run", () => {
    const { json } = scene.call("ADD", { config: { ipam: { type: "../bin/true" } } });
    expect(json?.code).toBe(7);
  });

  test("gets our environment, our whole configuration, and our stderr", () => {
    scene.file(
      "fake",
      `#!/bin/sh\ncat > ${scene.folder}/input\nenv > ${scene.folder}/environment\necho words >&2\necho '{"ips": [{"address": "10.9.0.7/24"}]}'\n`,
    );
    const ipam = { type: "fake", own: { deep: [1, 2] } };
    const { status, stderr } = scene.call("ADD", {
      config: { ipam },
      environment: { CNI_PATH: scene.folder, CNI_ARGS: "IgnoreUnknown=1", OTHER: "kept" },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "words\n" });
    expect(JSON.parse(readFileSync(`${scene.folder}/input`, "utf8")).ipam).toEqual(ipam);
    const environment = readFileSync(`${scene.folder}/environment`, "utf8");
    for (const line of ["CNI_COMMAND=ADD", "CNI_ARGS=IgnoreUnknown=1", "OTHER=kept"]) {
      expect(environment).toContain(`${line}\n`);
    }
  });
});

withPlugins("manx-ipam below", () => {
  const plugins = {
    ptp: { type: "ptp", gateway: "10.244.1.1" },
    bridge: { type: "bridge", bridge: "br0", isGateway: true, gateway: "10.244.1.1" },
  };
  for (const [plugin, { gateway, ...keys }] of Object.entries(plugins)) {
    test(`${plugin}: pods get an address of the block with its gateway, and reach it and each other`, () => {
      const ipam = { ...(scene.config.ipam as Json), routes: [{ dst: "0.0.0.0/0" }] };
      const config = { ...keys, ipam };
      scene.run("host", "sysctl", "-qw", "net.ipv4.ip_forward=1");
      const attach = (pod: string): Json => scene.done("ADD", { plugin, pod, config });
      const a = attach("a");
      const b = attach("b");
      expect((a.ips as Json[])[0]).toMatchObject({ address: "10.244.1.2/24", gateway });
      expect((b.ips as Json[])[0]).toMatchObject({ address: "10.244.1.3/24", gateway });
      expect(scene.ping("a", gateway)).toBe(true);
      expect(scene.ping("a", "10.244.1.3")).toBe(true);
      const prevResult = a;
      expect(
        scene.call("CHECK", { plugin, pod: "a", config: { ...config, prevResult } }),
      ).toMatchObject({ status: 0, stdout: "" });
      for (const pod of ["a", "b", "b"]) scene.done("DEL", { plugin, pod, config });
      expect((scene.state() as { records: string }).records).toBe("");
      expect(existsSync(`${scene.folder}/ipam`)).toBe(true);
    });
  }
});
