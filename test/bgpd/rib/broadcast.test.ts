import { expect, test } from "bun:test";
import { Broadcast } from "../../../bgpd/rib/broadcast.ts";
import { NONE } from "../../../bgpd/rib/path-table.ts";
import { PrefixTable } from "../../../bgpd/rib/prefix-table.ts";
import { address4 } from "../../../lib/address.ts";

const MAX_LENGTH = 4096;
const MEMBERS = [1, 2, 3];

/** So many /32s, some of them for all but one member, and who got which. */
function play(parts: readonly { readonly except: number; readonly count: number }[]) {
  const table = new PrefixTable(4);
  const told = new Map(MEMBERS.map((member) => [member, [] as number[]]));
  const pieces = new Map(MEMBERS.map((member) => [member, 0]));
  const broadcast = new Broadcast(MAX_LENGTH, new Set(MEMBERS), (member, bytes) => {
    pieces.set(member, (pieces.get(member) ?? 0) + 1);
    told.get(member)?.push(...withdrawnIn(bytes));
  });
  const expected = new Map(MEMBERS.map((member) => [member, [] as number[]]));
  let next = 0x0a00_0000;
  for (const { except, count } of parts) {
    const words = Array.from({ length: count }, () => next++);
    const indices = words.map((word) => table.insert({ ...address4(word), length: 32 }));
    broadcast.write(except, (packer) => packer.withdraw(indices, table));
    for (const member of MEMBERS) if (member !== except) expected.get(member)?.push(...words);
  }
  broadcast.flush();
  return { told, expected, pieces };
}

/** Whole messages of withdrawn /32s, and nothing else. */
function withdrawnIn(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + view.getUint16(at + 16);
    const last = at + 21 + view.getUint16(at + 19);
    for (let prefix = at + 21; prefix < last; prefix += 5) words.push(view.getUint32(prefix + 1));
    expect(end).toBe(last + 2);
    at = end;
  }
  return words;
}

test("a member hears everything but what is not for it, in order", () => {
  const { told, expected, pieces } = play([
    { except: NONE, count: 10 },
    { except: 1, count: 3 },
    { except: 1, count: 2 },
    { except: 2, count: 5 },
    { except: NONE, count: 1 },
    { except: 3, count: 4 },
  ]);
  expect(told).toEqual(expected);
  // The first message has a small buffer to itself.
  expect([...pieces.values()]).toEqual([2, 3, 2]);
});

test("a buffer that ends in what is not for a member", () => {
  const { told, expected } = play([
    { except: 2, count: 60_000 },
    { except: 1, count: 150_000 },
    { except: NONE, count: 60_000 },
  ]);
  for (const member of MEMBERS) {
    expect(told.get(member)).toHaveLength(expected.get(member)?.length ?? 0);
    expect(told.get(member)).toEqual(expected.get(member) ?? []);
  }
});

test("what is for one alone of two is no piece for the other", () => {
  const { pieces } = play([{ except: 3, count: 1 }]);
  expect(pieces.get(3)).toBe(0);
});
