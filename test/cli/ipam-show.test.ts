/** How blocks, addresses and findings look, on a terminal and in a pipe. */

import { describe, expect, test } from "bun:test";
import { type CheckAnswer, formatCheck } from "../../cli/ipam-check.ts";
import { type BlockState, cellsOf, coolsFor, formatMap } from "../../cli/ipam-map.ts";
import { poolUses } from "../../cli/ipam-pool.ts";
import { type AddressAnswer, formatAddressAnswer } from "../../cli/ipam-show.ts";
import { PLAIN_LOOK } from "../../cli/style.ts";
import { freshOrder, IN_USE } from "../../ipam/block.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { expectGolden } from "./golden.ts";

const TERMINAL = { colour: true, width: 80 };

function stateOf(block: string, more: Partial<BlockState> = {}): BlockState {
  return {
    block: parsePrefix(block),
    used: new Set(),
    unreadable: new Set(),
    order: freshOrder(parsePrefix(block)),
    now: 100_000,
    cooldown: 30_000,
    isSubnet: false,
    ...more,
  };
}

function orderOf(block: string, times: Readonly<Record<number, number>>) {
  const order = freshOrder(parsePrefix(block));
  for (const [ordinal, time] of Object.entries(times)) order[Number(ordinal)] = time;
  return order;
}

const BUSY = stateOf("10.244.1.0/24", {
  used: new Set([0, 1, 17, 255]),
  unreadable: new Set([17]),
  block: {
    ...parsePrefix("10.244.1.0/24"),
    reserved: [{ prefix: parsePrefix("10.244.1.32/31"), name: "printers" }],
  },
  order: orderOf("10.244.1.0/24", { 0: IN_USE, 2: 99_000, 3: 1000, 255: IN_USE }),
  isSubnet: true,
});

describe("an address of a block", () => {
  test("is in one state, what matters most of it", () => {
    const cells = cellsOf(BUSY);
    expect([0, 1, 2, 3, 17, 32, 255].map((ordinal) => cells[ordinal])).toEqual([
      "used",
      "used",
      "cooling",
      "free",
      "unreadable",
      "reserved",
      "used",
    ]);
    const left = cellsOf(stateOf("10.244.1.0/28", { isSubnet: true }));
    expect(left.flatMap((cell, at) => (cell === "left out" ? [at] : []))).toEqual([0, 1, 15]);
  });

  for (const [name, time, cools] of [
    ["that was never used", 0, 0],
    ["in use", IN_USE, 0],
    ["given back a second ago", 99_000, 29_000],
    ["given back a minute ago", 40_000, 0],
    ["whose time is yet to come", 1e300, 0],
    ["whose time is no number", Number.NaN, 0],
  ] as const) {
    test(`${name} cools for ${cools} ms`, () => {
      const order = orderOf("10.244.1.0/30", { 2: time });
      expect(coolsFor(stateOf("10.244.1.0/30", { order }), 2)).toBe(cools);
    });
  }
});

describe("the use of a pool", () => {
  const use = { pool: "a", used: 1, cooling: 2, free: 5 };
  test("is that of its blocks; one that two networks use counts once", () => {
    expect(
      poolUses([
        { ...use, block: "10.0.0.0/29" },
        { ...use, block: "10.0.0.0/29", used: 3, cooling: 0 },
        { ...use, block: "10.0.0.8/29", pool: null },
      ]),
    ).toEqual([
      { pool: "a", blocks: 1, used: 4, cooling: 2, free: 2 },
      { pool: null, blocks: 1, used: 1, cooling: 2, free: 5 },
    ]);
  });
});

const HELD: AddressAnswer = {
  address: "10.244.1.7",
  state: "used",
  block: "10.244.1.0/24",
  pool: "default",
  holders: [
    {
      network: "pods",
      container: "4f1c",
      interface: "eth0",
      pod: { namespace: "default", name: "web" },
      since: "2026-01-01T00:00:00.000Z",
      fault: "",
      hostEnd: "manx0b3b1f0306f",
      namespace: "/run/netns/cni-1",
    },
  ],
  coolsFor: 0,
  unseen: ["/proc/7/ns/net cannot be read (EACCES)"],
};

const FINDINGS: CheckAnswer = {
  findings: [
    {
      kind: "record without host end",
      subject: "10.244.1.7",
      network: "pods",
      evidence: [
        "pod default/web (eth0) has it since 2026-01-01T00:00:00.000Z",
        "no host end, route or namespace has it, and no call for it is under way",
      ],
      repair:
        "manx ipam release 10.244.1.7 --network pods --data-dir /a/very/long/path/to/the/records",
      look: "",
    },
    {
      kind: "host end without record",
      subject: "manx0b3b1f0306f",
      network: "pods",
      evidence: ["its alias says pods/a/eth0", "eth0 in /run/netns/a has 10.244.1.8"],
      repair: null,
      look: "whether the runtime knows the container: if not, GC or a DEL of it takes the link away",
    },
    {
      kind: "records of another boot",
      subject: "/run/manx/ipam/00000000-0000-4000-8000-000000000000",
      network: null,
      evidence: ["its name is a boot id, and not the kernel's of now"],
      repair: "rm -r -- /run/manx/ipam/00000000-0000-4000-8000-000000000000",
      look: "",
    },
  ],
  unseen: ["/proc/7/ns/net cannot be read (EACCES)"],
  checked: { addresses: 12, hostEnds: 12, namespaces: 1 },
  notice: "cannot read /run/manx/node.json (ENOENT): its blocks are not checked",
};

const NOTHING: CheckAnswer = { ...FINDINGS, findings: [], unseen: [], notice: "" };

const mapOf = (state: BlockState) => ({
  block: state.block,
  network: "pods",
  pool: null,
  cells: cellsOf(state),
});

const LOOKS = { "": PLAIN_LOOK, ".terminal": TERMINAL };

for (const [suffix, look] of Object.entries(LOOKS)) {
  describe(`as it looks${suffix === "" ? " in a pipe" : " on a terminal"}`, () => {
    const texts: Record<string, () => string> = {
      "ipam-map": () => formatMap(mapOf(BUSY), look),
      "ipam-map-small": () => formatMap(mapOf(stateOf("10.244.9.20/30")), look),
      "ipam-map-large": () =>
        formatMap({ ...mapOf(stateOf("fd00:10::/119")), network: null, pool: "six" }, look),
      "ipam-address": () => formatAddressAnswer(HELD, look),
      "ipam-address-cooling": () =>
        formatAddressAnswer(
          { ...HELD, state: "cooling", holders: [], coolsFor: 12_345, pool: null },
          look,
        ),
      "ipam-check": () => formatCheck(FINDINGS, look),
      "ipam-check-nothing": () => formatCheck(NOTHING, look),
    };
    for (const [name, text] of Object.entries(texts)) {
      test(name, () => expectGolden(`${name}${suffix}`, text()));
    }
  });
}
