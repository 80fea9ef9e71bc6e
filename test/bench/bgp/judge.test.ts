import { describe, expect, test } from "bun:test";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import { encode } from "../../../bgpd/wire/codec.ts";
import { Framer } from "../../../bgpd/wire/framer.ts";
import { address4 } from "../../../lib/address.ts";
import { encodeTable, encodeWithdrawal } from "./encode.ts";
import { createExpected, Judge, pathHash } from "./judge.ts";
import { createWorkload } from "./workload.ts";

const SIZE = 5000;
const workload = createWorkload(SIZE, 1);
const NEXT_HOP = 0x0a00_0001;
const ANNOUNCER = { asNumber: 65001, internal: false, nextHop: NEXT_HOP };
const expected = {
  path: workload.setOf.map((set) => pathHash([65001, ...(workload.sets[set]?.asPath ?? [])])),
  nextHop: new Uint32Array(SIZE).fill(NEXT_HOP),
  present: new Uint8Array(SIZE).fill(1),
};

/** Give every message to the judge; how many there were. */
function tell(judge: Judge, bytes: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < bytes.length; count++) {
    const end = at + ((bytes[at + 16] ?? 0) << 8) + (bytes[at + 17] ?? 0);
    judge.update(bytes, at + 19, end);
    at = end;
  }
  return count;
}

describe("the benchmark's workload", () => {
  test("is the same for the same seed, and another for another", () => {
    expect(createWorkload(SIZE, 1).network).toEqual(workload.network);
    expect(createWorkload(SIZE, 2).network).not.toEqual(workload.network);
  });

  test("has different prefixes, each with its own number", () => {
    for (let prefix = 0; prefix < SIZE; prefix++) {
      expect(workload.find(workload.network[prefix] ?? 0, workload.length[prefix] ?? 0)).toBe(
        prefix,
      );
    }
    expect(workload.find(0x0a00_0000, 8)).toBe(-1);
  });

  test("has 5.5 prefixes in an UPDATE, give or take a tenth", () => {
    const updates = workload.updates.length - 1;
    expect(SIZE / updates).toBeGreaterThan(5);
    expect(SIZE / updates).toBeLessThan(6);
  });

  test("has no UPDATE with prefixes of two shares", () => {
    const { updates } = createWorkload(SIZE, 1, 5);
    for (let share = 0; share < SIZE; share += 5) expect(updates.includes(share)).toBe(true);
  });

  test("is encoded as messages that a framer takes", () => {
    const framer = new Framer();
    let messages = 0;
    framer.push(encodeTable(workload, ANNOUNCER));
    while (framer.next() !== undefined) messages++;
    expect(messages).toBe(workload.updates.length - 1);
  });
});

describe("the benchmark's judge", () => {
  test("is content with the whole table and nothing less", () => {
    const judge = new Judge(workload, expected);
    const updates = workload.updates.length - 1;
    tell(judge, encodeTable(workload, ANNOUNCER, undefined, 0, updates - 1));
    expect(judge.isContent).toBe(false);
    tell(judge, encodeTable(workload, ANNOUNCER, undefined, updates - 1, updates));
    expect(judge.isContent).toBe(true);
  });

  test.each([
    ["another AS path", { ...ANNOUNCER, asNumber: 65002 }],
    ["another next hop", { ...ANNOUNCER, nextHop: NEXT_HOP + 1 }],
  ])("sees %s", (_, announcer) => {
    const judge = new Judge(workload, expected);
    tell(judge, encodeTable(workload, ANNOUNCER));
    tell(judge, encodeTable(workload, announcer, undefined, 0, 1));
    expect(judge.isContent).toBe(false);
    tell(judge, encodeTable(workload, ANNOUNCER, undefined, 0, 1));
    expect(judge.isContent).toBe(true);
  });

  describe("of what a reflector tells", () => {
    const [ORIGINATOR, CLUSTER] = [0x0a00_0002, 0x0a00_0003];
    const one = createWorkload(1, 1);
    const path = [{ type: "sequence", asNumbers: [7, 8] }] as const;
    const right: Attributes = {
      origin: 0,
      asPath: path,
      nextHop: address4(NEXT_HOP),
      localPref: 100,
      originatorId: ORIGINATOR,
      clusterList: [CLUSTER],
    };
    const reflected = {
      path: Uint32Array.of(pathHash([7, 8])),
      nextHop: Uint32Array.of(NEXT_HOP),
      present: Uint8Array.of(1),
      originator: Uint32Array.of(ORIGINATOR),
      cluster: CLUSTER,
    };
    const { originatorId: _originator, ...withoutOriginator } = right;
    const { clusterList: _cluster, ...withoutCluster } = right;

    test.each<readonly [string, Attributes, boolean]>([
      ["what is right", right, true],
      ["another ORIGINATOR_ID", { ...right, originatorId: 1 }, false],
      ["no ORIGINATOR_ID", withoutOriginator, false],
      ["another CLUSTER_LIST", { ...right, clusterList: [1] }, false],
      ["a longer CLUSTER_LIST", { ...right, clusterList: [CLUSTER, CLUSTER] }, false],
      ["no CLUSTER_LIST", withoutCluster, false],
    ])("sees %s", (_, attributes, isContent) => {
      const judge = new Judge(one, reflected);
      const network = address4(one.network[0] ?? 0);
      const announced = [{ ...network, length: one.length[0] ?? 0 }];
      const context = {
        fourOctetAs: true,
        external: false,
        maxLength: 4096,
        families: [4],
        extendedNextHop: false,
      } as const;
      tell(
        judge,
        encode({ type: "update", announced, withdrawn: [], attributes, faults: [] }, context),
      );
      expect(judge.isContent).toBe(isContent);
    });
  });

  test("does not look at what is left to the daemon", () => {
    const ignored = [0, workload.updates[1] ?? 0] as const;
    const judge = new Judge(workload, { ...expected, ignored });
    const updates = workload.updates.length - 1;
    tell(judge, encodeTable(workload, ANNOUNCER, undefined, 1, updates));
    expect(judge.isContent).toBe(true);
    tell(judge, encodeTable(workload, { ...ANNOUNCER, asNumber: 65002 }, undefined, 0, 1));
    expect(judge.isContent).toBe(true);
  });

  test("wants what was withdrawn to be gone, and all of it", () => {
    const judge = new Judge(workload, expected);
    tell(judge, encodeTable(workload, ANNOUNCER));
    judge.expect(createExpected(workload));
    tell(judge, encodeWithdrawal(workload, 0, SIZE - 1));
    expect(judge.isContent).toBe(false);
    tell(judge, encodeWithdrawal(workload, SIZE - 1, SIZE));
    expect(judge.isContent).toBe(true);
  });
});
