/** A call as the specification has it: what is read, what is printed, how it ends. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CniError } from "../../ipam/protocol/error.ts";
import { type Handler, type PluginIo, runPlugin } from "../../ipam/protocol/plugin.ts";
import { resultFromJson, resultToJson } from "../../ipam/protocol/result.ts";
import { VERSIONS } from "../../ipam/protocol/version.ts";

const ENVIRONMENT = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c",
  CNI_NETNS: "/n",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/p",
};
const CONFIG = { cniVersion: "1.0.0", name: "pods", type: "manx" };

async function run(
  handler: Handler,
  environment: object = ENVIRONMENT,
  input = JSON.stringify(CONFIG),
) {
  const printed: string[] = [];
  const said: string[] = [];
  const io: PluginIo = {
    environment: { ...environment },
    read: () => input,
    print: (text) => void printed.push(text),
    say: (text) => void said.push(text),
  };
  const load = async () => handler;
  const code = await runPlugin(
    { about: "a plugin", handlers: { ADD: load, DEL: load, CHECK: load, GC: load, STATUS: load } },
    io,
  );
  return { code, printed, said: said.join("") };
}

describe("a call", () => {
  test("hands the verb everything that came", async () => {
    let seen: unknown;
    await run(
      (request) => {
        seen = request;
        return undefined;
      },
      { ...ENVIRONMENT, CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=web", CNI_PATH: "/a:/b" },
    );
    expect(seen).toMatchObject({
      command: "ADD",
      version: "1.0.0",
      network: "pods",
      container: "c",
      interfaceName: "eth0",
      namespacePath: "/n",
      searchPath: ["/a", "/b"],
      config: CONFIG,
    });
    expect((seen as { args: Map<string, string> }).args.get("K8S_POD_NAME")).toBe("web");
  });

  test("that fails prints one error object with the code and the version that was asked for", async () => {
    const { code, printed } = await run(
      () => {
        throw new CniError(11, "later", { details: "soon" });
      },
      ENVIRONMENT,
      JSON.stringify({ ...CONFIG, cniVersion: "0.4.0" }),
    );
    expect(code).toBe(1);
    expect(printed.map((text) => JSON.parse(text))).toEqual([
      { cniVersion: "0.4.0", code: 11, msg: "later", details: "soon" },
    ]);
  });

  test("that the system refuses is error 5, which is no fault of ours", async () => {
    const { code, printed, said } = await run(() => {
      throw Object.assign(new Error("socket: EMFILE"), { code: "EMFILE", errno: 24 });
    });
    expect({ code, said }).toEqual({ code: 1, said: "" });
    expect(JSON.parse(printed.join(""))).toEqual({
      cniVersion: "1.0.0",
      code: 5,
      msg: "socket: EMFILE",
    });
  });

  test("that meets a fault of ours is error 999, and the stack goes to stderr", async () => {
    const { code, printed, said } = await run(() => {
      throw new TypeError("boom");
    });
    expect(code).toBe(1);
    expect(JSON.parse(printed.join(""))).toEqual({
      cniVersion: "1.0.0",
      code: 999,
      msg: "internal error: boom",
    });
    expect(said).toContain("TypeError: boom");
  });

  test("without CNI_COMMAND says what it is, on stderr, and succeeds", async () => {
    const { code, printed, said } = await run(() => undefined, {});
    expect({ code, printed }).toEqual({ code: 0, printed: [] });
    expect(said).toContain("a plugin");
  });

  test("with an environment that is wrong does not read stdin", async () => {
    const { printed } = await run(() => undefined, { CNI_COMMAND: "ADD" }, "{ not read");
    expect(JSON.parse(printed.join("")).code).toBe(4);
  });

  test("of any environment and any input ends with one JSON document or none", async () => {
    const text = fc.string({ maxLength: 20 });
    const environment = fc.record(
      {
        CNI_COMMAND: fc.constantFrom("ADD", "DEL", "CHECK", "VERSION", "GC", "STATUS", "x"),
        CNI_CONTAINERID: text,
        CNI_NETNS: text,
        CNI_IFNAME: text,
        CNI_PATH: text,
        CNI_ARGS: text,
      },
      { requiredKeys: [] },
    );
    const input = fc.oneof(
      text,
      fc.json(),
      fc
        .record({
          cniVersion: fc.oneof(text, fc.constantFrom(...VERSIONS)),
          name: fc.oneof(text, fc.constant("pods")),
          prevResult: fc.jsonValue(),
        })
        .map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(environment, input, async (variables, stdin) => {
        const { code, printed } = await run(() => undefined, variables, stdin);
        expect(printed.length).toBeLessThan(2);
        for (const document of printed) JSON.parse(document);
        if (code !== 0)
          expect(JSON.parse(printed[0] ?? "")).toMatchObject({
            code: expect.any(Number),
            msg: expect.any(String),
          });
      }),
      { numRuns: 300 },
    );
  });
});

describe("a result", () => {
  const result = {
    interfaces: [
      { name: "manx0", mac: "ee:ee:ee:ee:ee:ee" },
      { name: "eth0", sandbox: "/n" },
    ],
    ips: [
      { address: "10.244.1.0/32", gateway: "169.254.1.1", interface: 1 },
      { address: "fd00::1/128" },
    ],
    routes: [{ dst: "0.0.0.0/0", gw: "169.254.1.1" }],
    dns: { nameservers: ["10.0.0.10"] },
  };

  for (const version of VERSIONS) {
    test(`written in ${version} reads as it was`, () => {
      const json = resultToJson(result, version);
      expect(json.cniVersion).toBe(version);
      expect(resultFromJson(JSON.parse(JSON.stringify(json)), "result")).toEqual(result);
    });

    const isOld = version < "1.0.0";
    test(`in ${version} ${isOld ? "has a" : "has no"} version in each of ips`, () => {
      const versions = (resultToJson(result, version).ips as { version?: string }[]).map(
        (ip) => ip.version,
      );
      expect(versions as unknown[]).toEqual(isOld ? ["4", "6"] : [undefined, undefined]);
    });
  }

  test("has details of interfaces and routes since 1.1.0, and drops them for older versions", () => {
    const detailed = {
      interfaces: [{ name: "eth0", mtu: 1400, sandbox: "/n", socketPath: "/s", pciID: "0000:01" }],
      ips: [{ address: "10.244.1.0/32", interface: 0 }],
      routes: [
        { dst: "0.0.0.0/0", gw: "10.0.0.1", mtu: 1, advmss: 2, priority: 3, table: 4, scope: 5 },
      ],
    };
    expect(resultFromJson(resultToJson(detailed, "1.1.0"), "result")).toEqual(detailed);
    expect(resultToJson(detailed, "1.0.0")).toEqual({
      cniVersion: "1.0.0",
      interfaces: [{ name: "eth0", sandbox: "/n" }],
      ips: detailed.ips,
      routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1" }],
    });
  });

  test("takes absent, null and empty for the same, as plugins print all three", () => {
    const json = { interfaces: null, ips: [{ address: "10.0.0.1/24", gateway: "" }], dns: {} };
    expect(resultFromJson(json, "result")).toEqual({
      interfaces: [],
      ips: [{ address: "10.0.0.1/24" }],
      routes: [],
    });
  });

  test("with faults is refused with all of them", () => {
    const json = {
      interfaces: 1,
      ips: [{ address: "x", interface: 4 }],
      routes: [{ dst: "y", gw: "z" }],
    };
    expect(() => resultFromJson(json, "prevResult")).toThrow(
      'prevResult: interfaces is not an array of objects; ips[0].address is "x": expected ADDRESS/LENGTH; ips[0].interface is 4: expected an index of interfaces; routes[0].dst is "y": expected a prefix such as 0.0.0.0/0; routes[0].gw is "z": expected an IP address',
    );
  });
});
