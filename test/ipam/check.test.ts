/** Records against the machine, over plain data: what is found, what is offered, and what is left alone. */

import { describe, expect, test } from "bun:test";
import { type CheckInput, checkRecords, proofOfTaken, quoted } from "../../ipam/check.ts";
import { checkHost } from "../../ipam/check-host.ts";
import { endsOf } from "../../ipam/ends.ts";
import type { Inspection, TakenAddress } from "../../ipam/inspection.ts";
import { isProved, type Machine, viewOf } from "../../ipam/machine.ts";
import { parseAddress } from "../../lib/address.ts";
import { hostPrefix, parsePrefix } from "../../lib/prefix.ts";

type Pod = { readonly container: string; readonly address: string; readonly network?: string };

const BLOCK = parsePrefix("10.244.1.0/24");

function takenBy({ container, address, network = "pods" }: Pod): TakenAddress {
  const holder = { container, interfaceName: "eth0" };
  return {
    scope: "network",
    network,
    address: parseAddress(address),
    path: `/r/address/${address}`,
    record: { address: parseAddress(address), block: BLOCK, holder, time: "2026-01-01T00:00:00Z" },
    fault: "",
    holder,
    place: "holder",
  };
}

/** A machine on which these pods are attached, as ADD leaves them. */
function machineWith(...pods: readonly Pod[]): Machine {
  const attached = pods.map(({ container, address, network = "pods" }, at) => {
    const { hostEnd, alias, podMac } = endsOf({ network, container, interfaceName: "eth0" });
    const index = 10 + at;
    const link = { index, name: hostEnd, kind: "veth", ...(alias === undefined ? {} : { alias }) };
    return { at, index, podMac, address: parseAddress(address), link: { ...link, peer: 2 } };
  });
  return {
    host: {
      links: attached.map(({ link }) => link),
      addresses: [],
      routes: attached.map(({ address, index }) => ({
        destination: hostPrefix(address),
        type: "unicast",
        nextHops: [{ link: index }],
      })),
      neighbours: attached.map(({ address, index, podMac }) => ({
        link: index,
        address,
        mac: podMac,
        state: "permanent",
      })),
    },
    namespaces: attached.map(({ at, index, podMac, address }) => ({
      path: `/n/${at}`,
      links: [{ index: 2, name: "eth0", kind: "veth", mac: podMac, peer: index }],
      addresses: [{ link: 2, address }],
    })),
    calls: [],
    unseen: [],
  };
}

function inputOf(
  taken: readonly TakenAddress[],
  machine: Machine,
  more: Partial<CheckInput & Inspection> = {},
): CheckInput {
  const { traces = [], orders = [], past = [] } = more;
  return {
    inspection: { taken, traces, orders, past },
    view: viewOf(machine),
    nodeBlocks: more.nodeBlocks,
    otherBoots: more.otherBoots ?? [],
    flags: more.flags ?? "",
  };
}

/** Kind and repair of everything that is found, from both sides. */
function found(input: CheckInput): (readonly [string, string | null])[] {
  const findings = [...checkRecords(input), ...checkHost(input, input.view.machine.host.links)];
  return findings.map(({ kind, repair }) => [kind, repair] as const);
}

const a = { container: "a", address: "10.244.1.7" };
const b = { container: "b", address: "10.244.1.8" };

describe("a machine as ADD leaves it", () => {
  test("has no finding", () => {
    expect(found(inputOf([takenBy(a), takenBy(b)], machineWith(a, b)))).toEqual([]);
  });

  test("has none where another IPAM gives the addresses, which are in no block of ours", () => {
    const other = { container: "x", address: "192.0.2.7", network: "others" };
    expect(found(inputOf([takenBy(a)], machineWith(a, other), { nodeBlocks: [BLOCK] }))).toEqual(
      [],
    );
  });

  test("has one where the address is in a block of ours, by the node file, a record or the past", () => {
    for (const more of [
      { nodeBlocks: [BLOCK] },
      { past: [{ scope: "node" as const, block: BLOCK }] },
    ]) {
      expect(found(inputOf([], machineWith(a), more))).toEqual([["host end without record", null]]);
    }
    expect(found(inputOf([takenBy(b)], machineWith(a, b)))).toEqual([
      ["host end without record", null],
    ]);
  });
});

describe("an address is free", () => {
  const entry = takenBy(a);
  const proof = (machine: Machine, taken = [entry]) =>
    proofOfTaken(entry, { taken, traces: [], orders: [], past: [] }, viewOf(machine));
  const bare = machineWith();
  const whole = machineWith(a);

  test("when nothing has it", () => expect(isProved(proof(bare))).toBe(true));

  const uses: [string, Machine, string][] = [
    ["its host end", { ...bare, host: { ...bare.host, links: whole.host.links } }, "its host end"],
    ["a route", { ...bare, host: { ...bare.host, routes: whole.host.routes } }, "a route to it"],
    ["a namespace", { ...bare, namespaces: whole.namespaces }, "eth0 in /n/0 has it"],
    [
      "the host itself",
      { ...bare, host: { ...bare.host, addresses: [{ link: 1, address: entry.address }] } },
      "link 1 in the host's namespace has it",
    ],
    [
      "a call for it",
      { ...bare, calls: [{ pid: 7, verb: "ADD", container: "a", interfaceName: "eth0" }] },
      "ADD is under way as process 7",
    ],
    [
      "a GC",
      { ...bare, calls: [{ pid: 7, verb: "GC", container: "", interfaceName: "" }] },
      "GC is under way as process 7",
    ],
    ["something that was not seen", { ...bare, unseen: ["/proc/7 (EACCES)"] }, "/proc/7 (EACCES)"],
    [
      "a pod whose namespace is not seen",
      { ...machineWith(b), namespaces: [] },
      "is not among those that are seen",
    ],
  ];
  for (const [name, machine, says] of uses) {
    test(`not when there is ${name}`, () => {
      expect(isProved(proof(machine))).toBe(false);
      const { uses: seen, unknown } = proof(machine);
      expect([...seen, ...unknown].join("; ")).toContain(says);
    });
  }

  for (const [name, machine] of [
    [
      "a blackhole of its own length",
      {
        ...bare,
        host: {
          ...bare.host,
          routes: [{ destination: hostPrefix(entry.address), type: "blackhole", nextHops: [] }],
        },
      },
    ],
    [
      "a call for another interface of the container",
      { ...bare, calls: [{ pid: 7, verb: "ADD", container: "a", interfaceName: "net1" }] },
    ],
  ] as [string, Machine][]) {
    test(`in spite of ${name}`, () => expect(isProved(proof(machine))).toBe(true));
  }

  test("in spite of its holder's host end, when that has another record's address", () => {
    const now = { container: "a", address: "10.244.1.9" };
    expect(isProved(proof(machineWith(now), [entry, takenBy(now)]))).toBe(true);
  });
});

describe("a record without host end", () => {
  test("is offered to be released, with the flags that find it", () => {
    const flags = " --data-dir '/a b'";
    expect(found(inputOf([takenBy(a)], machineWith(), { flags }))).toEqual([
      ["record without host end", "manx ipam release 10.244.1.7 --network pods --data-dir '/a b'"],
    ]);
  });

  test("is offered to be released without a network where nothing says whose it is", () => {
    const { scope: _, network: __, ...rest } = takenBy(a);
    const nobodys = { ...rest, scope: "node" as const, place: "nowhere" as const };
    expect(found(inputOf([nobodys], machineWith()))).toEqual([
      ["address that is nobody's", "manx ipam release 10.244.1.7"],
    ]);
  });

  test("is no finding where another plugin's pod has the address", () => {
    const { namespaces } = machineWith(a);
    expect(found(inputOf([takenBy(a)], { ...machineWith(), namespaces }))).toEqual([]);
  });

  test("is no finding while its call is under way", () => {
    const calls = [{ pid: 7, verb: "ADD", container: "a", interfaceName: "eth0" }];
    expect(found(inputOf([takenBy(a)], { ...machineWith(), calls }))).toEqual([]);
  });
});

test("a word is quoted where a shell would take it for more than one", () => {
  expect(["/a/b-c:1", "a b", "a'b", "$x"].map(quoted)).toEqual([
    "/a/b-c:1",
    "'a b'",
    "'a'\\''b'",
    "'$x'",
  ]);
});
