/** Names and MACs that follow from a request. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { attachedBy, endsOf } from "../../ipam/ends.ts";

function ends(network: string, container: string, interfaceName: string) {
  return endsOf({ network, container, interfaceName });
}

const identifier = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,20}$/);

describe("an attachment's ends", () => {
  test("are what sha1sum says of NETWORK/CONTAINER/INTERFACE", () => {
    // 0b3b1f0306f25ca81ad7445c909a7902d706d8d2
    expect(ends("pods", "a", "eth0")).toEqual({
      hostEnd: "manx0b3b1f0306f",
      alias: "pods/a/eth0",
      podEnd: "eth0",
      podMac: "7a:02:d7:06:d8:d2",
    });
  });

  test("have a name that Linux takes, and a MAC that is unicast and locally administered", () => {
    fc.assert(
      fc.property(identifier, identifier, identifier, (network, container, interfaceName) => {
        const { hostEnd, podEnd, podMac } = ends(network, container, interfaceName);
        expect(hostEnd).toMatch(/^manx[0-9a-f]{11}$/);
        expect(podEnd).toBe(interfaceName);
        expect(podMac).toMatch(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
      }),
    );
  });

  test("differ when network, container or interface differ, wherever the parts meet", () => {
    const names = [
      ends("a", "b", "c"),
      ends("ab", "c", "d"),
      ends("a", "bc", "d"),
      ends("a", "b", "cd"),
    ];
    expect(new Set(names.map(({ hostEnd }) => hostEnd)).size).toBe(4);
  });
});

describe("whose a host end is", () => {
  const { hostEnd, alias = "" } = ends("pods", "a", "eth0");
  test("says its alias, where the name is that attachment's", () => {
    expect(attachedBy({ name: hostEnd, alias })).toEqual({
      network: "pods",
      container: "a",
      interfaceName: "eth0",
    });
  });
  for (const [name, link] of [
    ["no alias", { name: hostEnd }],
    ["another link's alias", { name: "manx00000000000", alias }],
    ["an alias of two parts", { name: hostEnd, alias: "pods/a" }],
    ["an alias of four parts", { name: hostEnd, alias: `${alias}/x` }],
  ] as const) {
    test(`is not known by ${name}`, () => expect(attachedBy(link)).toBeUndefined());
  }
});
