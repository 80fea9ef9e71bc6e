/** Configurations and environments of CNI calls that are right in many places and wrong in some. */

import fc from "fast-check";
import type { Environment } from "../../ipam/protocol/request.ts";
import { CONFIG } from "../cni/twin.ts";

export const ENVIRONMENT = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "a",
  CNI_NETNS: "/n/a",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/none",
};

/** Values that mean something in one place or another. */
const telling = fc.constantFrom<unknown>(
  ...["", "0", "1.0.0", "0.1.0", "manx-ipam", "../x", "/", "a\0b", "__proto__", "eth0", "lo"],
  ...["10.244.1.0/24", "10.244.1.5/24", "fd00::/64", "0.0.0.0/0", "::/0", "10.0.0.0/33"],
  ...["10.244.1.0", "1.2.3.4/", "/24", "256.0.0.1/32", "169.254.1.1"],
  ...[0, -1, 68, 1500, 65_536, 1e300, 0.5, true, false, null, [], {}, [[]], [null], [{}]],
);

const anything = fc.oneof(telling, fc.jsonValue({ maxDepth: 3 }));

/** Mostly the right one. */
function mostly(right: unknown): fc.Arbitrary<unknown> {
  return fc.oneof(
    { arbitrary: fc.constant(right), weight: 30 },
    { arbitrary: anything, weight: 1 },
  );
}

function some(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> {
  return fc.record(fields, { requiredKeys: [] });
}

const addresses = fc.array(
  fc.oneof(some({ address: anything, gateway: anything, interface: anything }), anything),
  { maxLength: 3 },
);
const routes = fc.array(
  fc.oneof(
    some({ dst: fc.oneof(fc.constant("10.0.0.0/8"), anything), gw: anything, mtu: anything }),
    anything,
  ),
  { maxLength: 3 },
);
const result = some({
  cniVersion: anything,
  interfaces: fc.oneof(
    fc.array(fc.oneof(some({ name: anything, mac: anything, sandbox: anything }), anything), {
      maxLength: 3,
    }),
    anything,
  ),
  ips: fc.oneof(addresses, anything),
  routes: fc.oneof(routes, anything),
  dns: anything,
});

const ipam = fc
  .record({
    type: mostly("manx-ipam"),
    blocks: fc.oneof(
      { arbitrary: fc.constant<unknown>(CONFIG.ipam.blocks), weight: 20 },
      { arbitrary: fc.array(anything, { maxLength: 3 }), weight: 1 },
      { arbitrary: anything, weight: 1 },
    ),
    more: some({
      routes: fc.oneof(fc.constant([{ dst: "10.0.0.0/8" }]), routes, anything),
      nodeFile: mostly("/run/node.json"),
      dataDir: mostly("/data"),
    }),
    unknown: fc.oneof(
      { arbitrary: fc.constant({}), weight: 9 },
      { arbitrary: fc.dictionary(fc.string(), anything, { maxKeys: 2 }), weight: 1 },
    ),
  })
  .map(({ type, blocks, more, unknown }) => ({ type, blocks, ...more, ...unknown }));

/** As an object: what JSON makes of it is what comes. */
export const anyConfig: fc.Arbitrary<object> = fc
  .record({
    cniVersion: mostly("1.0.0"),
    name: mostly("pods"),
    ipam: fc.oneof({ arbitrary: ipam, weight: 30 }, { arbitrary: anything, weight: 1 }),
    more: some({
      mtu: mostly(1400),
      dns: fc.oneof(fc.constant({ nameservers: ["10.0.0.53"] }), anything),
      prevResult: fc.oneof(fc.constant(undefined), result, anything),
      type: anything,
      runtimeConfig: anything,
      args: anything,
    }),
    unknown: fc.dictionary(fc.string(), anything, { maxKeys: 2 }),
  })
  .map(({ more, unknown, ...rest }) => ({ ...unknown, ...rest, ...more }));

/** Values of the environment have no zero byte, and what is looked for in CNI_PATH shall not be found. */
const word = fc.oneof(
  fc.constantFrom("", ".", "..", "lo", "eth0", "eth%d", "a/b", "a:b", "a b", "=", ";", "A=1;B=2"),
  fc.string({ unit: "binary", maxLength: 40 }).map((text) => text.replaceAll("\0", "")),
  fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => text.replaceAll("\0", "")),
  fc.constantFrom(15, 16, 255, 256, 4096).map((length) => "x".repeat(length)),
);

function variable(right: string): fc.Arbitrary<string | undefined> {
  return fc.oneof(
    { arbitrary: fc.constant(right), weight: 20 },
    { arbitrary: word, weight: 2 },
    { arbitrary: fc.constant(undefined), weight: 1 },
  );
}

export const anyEnvironment: fc.Arbitrary<Environment> = fc.record({
  CNI_COMMAND: fc.oneof(
    { arbitrary: fc.constantFrom("ADD", "DEL", "CHECK", "VERSION", "GC", "STATUS"), weight: 8 },
    { arbitrary: word.filter((text) => text !== ""), weight: 1 },
  ),
  CNI_CONTAINERID: variable(ENVIRONMENT.CNI_CONTAINERID),
  CNI_NETNS: variable(ENVIRONMENT.CNI_NETNS),
  CNI_IFNAME: variable(ENVIRONMENT.CNI_IFNAME),
  CNI_PATH: fc.constantFrom("/none", "/none", "/none", ":::", "", undefined),
  CNI_ARGS: variable("K8S_POD_NAMESPACE=web;K8S_POD_NAME=front"),
  CNI_NETNS_OVERRIDE: fc.constantFrom(undefined, "1"),
});

/** A right configuration with a few characters changed, cut or put in. */
export const mutatedText: fc.Arbitrary<string> = fc
  .array(
    fc.record({
      at: fc.nat(),
      cut: fc.nat({ max: 4 }),
      put: fc.oneof(fc.constantFrom("", '"', "{", "}", "[", "]", ",", ":", "\\", "\0", "1"), word),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((changes) =>
    changes.reduce((text, { at, cut, put }) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + put + text.slice(from + cut);
    }, JSON.stringify(CONFIG)),
  );
