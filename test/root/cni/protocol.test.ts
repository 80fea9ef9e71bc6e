/** What the executable prints and how it exits, whatever it is asked. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Call, createScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeAll(() => {
  scene = createScene();
});
afterAll(() => scene.remove());

const VERSIONS = {
  cniVersion: "1.1.0",
  supportedVersions: ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
};

for (const plugin of ["manx", "manx-ipam"]) {
  describe(plugin, () => {
    test("VERSION needs nothing but its name", () => {
      const variables = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];
      const environment = Object.fromEntries(variables.map((name) => [name, undefined]));
      const { status, json } = scene.call("VERSION", { plugin, environment, input: "" });
      expect({ status, json }).toEqual({ status: 0, json: VERSIONS });
    });

    const wrong: { name: string; verb?: string; call: Call; code: number; says: string }[] = [
      {
        name: "an unknown verb",
        verb: "ATTACH",
        call: {},
        code: 4,
        says: 'CNI_COMMAND is "ATTACH": expected one of ADD, DEL, VERSION, CHECK, GC, STATUS',
      },
      {
        name: "all that is missing, at once",
        call: {
          environment: { CNI_CONTAINERID: "", CNI_NETNS: undefined, CNI_IFNAME: "", CNI_PATH: "" },
        },
        code: 4,
        says: "CNI_CONTAINERID is missing: ADD needs it; CNI_NETNS is missing: ADD needs it; CNI_IFNAME is missing: ADD needs it; CNI_PATH is missing: ADD needs it",
      },
      {
        name: "an interface name of 16 bytes",
        call: { environment: { CNI_IFNAME: "e123456789012345" } },
        code: 4,
        says: "CNI_IFNAME is",
      },
      {
        name: "an interface name with a slash",
        call: { environment: { CNI_IFNAME: "a/b" } },
        code: 4,
        says: "CNI_IFNAME is",
      },
      {
        name: "a container id that is a path",
        call: { environment: { CNI_CONTAINERID: "../x" } },
        code: 4,
        says: "CNI_CONTAINERID is",
      },
      {
        name: "CNI_ARGS without an equals sign",
        call: { environment: { CNI_ARGS: "K8S" } },
        code: 4,
        says: "CNI_ARGS is",
      },
      { name: "no configuration", call: { input: "" }, code: 6, says: "is not JSON" },
      {
        name: "half a configuration",
        call: { input: '{"cniVersion":"1.0.0"' },
        code: 6,
        says: "is not JSON",
      },
      {
        name: "a list for a configuration",
        call: { input: "[]" },
        code: 6,
        says: "is not a JSON object",
      },
      {
        name: "a version that nobody speaks",
        call: { config: { cniVersion: "9.0.0" } },
        code: 1,
        says: 'cniVersion "9.0.0" is not spoken',
      },
      {
        name: "no version, which means the first",
        call: { config: { cniVersion: undefined } },
        code: 1,
        says: 'cniVersion "0.1.0" is not spoken',
      },
      {
        name: "no network name",
        call: { config: { name: undefined } },
        code: 7,
        says: 'no network "name"',
      },
      {
        name: "a network name that is a path",
        call: { config: { name: "../x" } },
        code: 7,
        says: 'the network "name" is',
      },
      {
        name: "STATUS of 1.0.0",
        verb: "STATUS",
        call: {},
        code: 1,
        says: "STATUS needs cniVersion 1.1.0",
      },
      { name: "GC of 1.0.0", verb: "GC", call: {}, code: 1, says: "GC needs cniVersion 1.1.0" },
      {
        name: "a key that the ipam section does not have",
        call: { config: { ipam: { type: "manx-ipam", block: "10.0.0.0/24" } } },
        code: 7,
        says: "ipam.block is no key of manx-ipam",
      },
      {
        name: "a block that is too large",
        call: { config: { ipam: { type: "manx-ipam", blocks: ["10.0.0.0/8"] } } },
        code: 7,
        says: "10.0.0.0/8 is too large for a block",
      },
      {
        name: "no node file",
        call: { config: { ipam: { type: "manx-ipam", nodeFile: "/none" } } },
        code: 11,
        says: "cannot read /none (ENOENT): manx bgpd writes it",
      },
    ];
    for (const { name, verb = "ADD", call, code, says } of wrong) {
      test(`${name} is an error object with code ${code}, printed once, and nothing else`, () => {
        const { status, json, stdout, stderr } = scene.call(verb, { ...call, plugin });
        expect(json?.msg).toContain(says);
        expect({ status, stderr, code: json?.code }).toEqual({ status: 1, stderr: "", code });
        expect(stdout).toEndWith("}\n");
        expect(Object.keys(json ?? {})).toContain("cniVersion");
      });
    }
  });
}

test("manx-ipam by hand, without CNI_COMMAND, says what it is on stderr", () => {
  const environment = { CNI_COMMAND: undefined };
  const { status, stdout, stderr } = scene.call("", {
    plugin: "manx-ipam",
    environment,
    input: "",
  });
  expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  expect(stderr).toContain("CNI specification 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0");
});
