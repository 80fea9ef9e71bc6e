import { describe, expect, test } from "bun:test";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import { encode } from "../../../bgpd/wire/codec.ts";
import { address4 } from "../../../lib/address.ts";
import { type Prefix, prefixOf } from "../../../lib/prefix.ts";
import { pathHash } from "./judge.ts";
import { PathsJudge } from "./paths-judge.ts";
import { createWorkload } from "./workload.ts";

const SIZE = 20;
const PATHS = 3;
const NEXT_HOP = 0x0a00_0001;
const workload = createWorkload(SIZE, 1);
const pathOf = (set: number, path: number): number[] => [
  64512,
  65001 + path,
  ...(workload.sets[set]?.asPath ?? []),
];
const expected = {
  paths: PATHS,
  hashes: Uint32Array.from({ length: workload.sets.length * PATHS }, (_, at) =>
    pathHash(pathOf(Math.floor(at / PATHS), at % PATHS)),
  ),
  nextHop: NEXT_HOP,
};
const context = {
  fourOctetAs: true,
  external: true,
  maxLength: 4096,
  families: [4 as const],
  extendedNextHop: false,
  addPath: { send: [4 as const], receive: [] },
};

const prefixAt = (index: number): Prefix =>
  prefixOf(address4(workload.network[index] ?? 0), workload.length[index] ?? 0);

/** An UPDATE of one path of the prefix, or what withdraws it. */
function message(index: number, pathId: number, asNumbers?: readonly number[], hop = NEXT_HOP) {
  const nlri = { ...prefixAt(index), pathId };
  const attributes: Attributes = {
    origin: 0,
    asPath: [{ type: "sequence", asNumbers: asNumbers ?? [] }],
    nextHop: address4(hop),
  };
  const update =
    asNumbers === undefined
      ? { withdrawn: [nlri], announced: [], attributes: undefined }
      : { withdrawn: [], announced: [nlri], attributes };
  return encode({ type: "update", faults: [], ...update }, context);
}

function put(judge: PathsJudge, bytes: Uint8Array): void {
  judge.update(bytes, 19, bytes.length);
}

function whole(): PathsJudge {
  const judge = new PathsJudge(workload, expected);
  for (let index = 0; index < SIZE; index++) {
    for (let path = 0; path < PATHS; path++) {
      put(judge, message(index, 7 + path, pathOf(workload.setOf[index] ?? 0, path)));
    }
  }
  return judge;
}

describe("who takes several paths", () => {
  test("is content with all of them, and not before", () => {
    const judge = new PathsJudge(workload, expected);
    expect(judge.isContent).toBe(false);
    expect(whole().isContent).toBe(true);
  });

  test("misses one that is withdrawn by its identifier, and takes it again under another", () => {
    const judge = whole();
    put(judge, message(3, 8));
    expect(judge.summary).toBe(`${SIZE * PATHS - 1} of ${SIZE * PATHS} paths, 0 wrong`);
    put(judge, message(3, 99, pathOf(workload.setOf[3] ?? 0, 1)));
    expect(judge.isContent).toBe(true);
  });

  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ["another AS path", message(3, 9, [64512, 1])],
    ["another next hop", message(3, 9, pathOf(workload.setOf[3] ?? 0, 2), 1)],
    ["the same path twice", message(3, 50, pathOf(workload.setOf[3] ?? 0, 2))],
  ];
  test.each(wrong.map((row) => [...row]))("is not content with %s", (_name, bytes) => {
    const judge = whole();
    put(judge, bytes as Uint8Array);
    expect(judge.isContent).toBe(false);
  });

  test("takes what has the same identifier as a replacement", () => {
    const judge = whole();
    const set = workload.setOf[3] ?? 0;
    put(judge, message(3, 8));
    put(judge, message(3, 9));
    put(judge, message(3, 9, pathOf(set, 1)));
    put(judge, message(3, 8, pathOf(set, 2)));
    expect(judge.isContent).toBe(true);
  });
});
