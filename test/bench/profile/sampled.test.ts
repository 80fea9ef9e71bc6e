import { describe, expect, test } from "bun:test";
import { AREA_NAMES, type CpuProfile, sharesOf } from "./sampled.ts";

const ROOT = "/sources";

/** A profile that begins at 1 ms since 1970, with a sample each ms, of these functions in turn. */
function profileOf(
  ...frames: readonly (readonly [functionName: string, url: string])[]
): CpuProfile {
  return {
    nodes: frames.map(([functionName, url], id) => ({ id, callFrame: { functionName, url } })),
    startTime: 1000,
    samples: frames.map((_, id) => id),
    timeDeltas: frames.map(() => 1000),
  };
}

const ALWAYS = [0, Number.POSITIVE_INFINITY] as const;

describe("shares of a profile", () => {
  const places: readonly (readonly [url: string, area: string])[] = [
    ["/sources/bgpd/wire/header.ts", "messages"],
    ["file:///sources/bgpd/rib/adj-in.ts", "tables"],
    ["/sources/bgpd/policy/filter.ts", "policy"],
    ["/sources/bgpd/fib/fib.ts", "routes to the kernel"],
    ["/sources/kernel/netlink/batch.ts", "routes to the kernel"],
    ["/sources/bgpd/metrics/text.ts", "metrics"],
    ["/sources/bgpd/peer.ts", "sessions"],
    ["/sources/lib/prefix.ts", "everything else"],
    ["/sources-of-others/bgpd/rib/a.ts", "engine and system calls"],
    ["", "engine and system calls"],
  ];
  for (const [url, area] of places) {
    test(`${url === "" ? "what has no source" : url} is of ${area}`, () => {
      expect(sharesOf(profileOf(["f", url]), ALWAYS, ROOT).areas).toEqual([[area, 1]]);
      expect(AREA_NAMES).toContain(area);
    });
  }

  test("are told by function, with its file, the largest first", () => {
    const one = ["receive", "/sources/bgpd/rib/a.ts"] as const;
    const { functions } = sharesOf(profileOf(["", ""], one, one, ["write", ""]), ALWAYS, ROOT);
    expect(functions).toEqual([
      ["receive bgpd/rib/a.ts", 0.5],
      ["(anonymous)", 0.25],
      ["write", 0.25],
    ]);
  });

  test("leave out the time in which the thread waits", () => {
    const profile = profileOf(["(root)", ""], ["f", "/sources/bgpd/rib/a.ts"]);
    expect(sharesOf(profile, ALWAYS, ROOT).areas).toEqual([["tables", 1]]);
  });

  test("are of the span alone", () => {
    const profile = profileOf(
      ["early", "/sources/bgpd/rib/a.ts"],
      ["within", "/sources/bgpd/rib/a.ts"],
      ["late", "/sources/bgpd/rib/a.ts"],
    );
    const { functions } = sharesOf(profile, [2.5, 3.5], ROOT);
    expect(functions).toEqual([["within bgpd/rib/a.ts", 1]]);
  });

  test("are none where nothing was sampled", () => {
    expect(sharesOf(profileOf(), ALWAYS, ROOT)).toEqual({ areas: [], functions: [] });
  });
});
