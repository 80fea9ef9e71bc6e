/**
 * The decision beside BIRD's and FRR's: six routers tell the same random paths to a node, to a BIRD and to an FRR that
 * have the same switches, and all three must choose the same of each prefix, whenever another router has told its own.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { PathAnswer, RouteAnswer } from "../../resource/answer.ts";
import { seeded } from "../sim/world.ts";
import { type Bird, birdOn, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, document, documents, node } from "./documents.ts";
import { type Frr, frrOn, frrText, hasFrr } from "./frr.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const OUR_AS = 64_512;
const N1 = "172.30.0.11";
const BIRD = "172.30.0.21";
const FRR = "172.30.0.22";
const PREFIXES = 64;

/**
 * Who tells paths, in the order in which they come: the lower identifier is not the lower address, and comes neither
 * first nor last.
 */
const FEEDS = [
  { name: "f1", address: "172.30.0.1", as: 65_001, id: "10.0.0.3" },
  { name: "f2", address: "172.30.0.2", as: 65_001, id: "10.0.0.6" },
  { name: "f3", address: "172.30.0.3", as: 65_002, id: "10.0.0.1" },
  { name: "f4", address: "172.30.0.4", as: 65_002, id: "10.0.0.5" },
  { name: "f5", address: "172.30.0.5", as: OUR_AS, id: "10.0.0.4" },
  { name: "f6", address: "172.30.0.6", as: OUR_AS, id: "10.0.0.2" },
] as const;
type Feed = (typeof FEEDS)[number];

type Switches = {
  readonly always?: boolean;
  readonly worst?: boolean;
  readonly oldest?: boolean;
};

/** What one router tells: attributes in BIRD's words, by prefix. */
type Table = ReadonlyMap<string, string>;

/** Of few values each, so that many paths are equal down to MULTI_EXIT_DISC and behind. */
function tableOf(feed: Feed, random: () => number): Table {
  const pick = <Value>(...values: readonly [Value, ...Value[]]): Value =>
    values[Math.floor(random() * values.length)] ?? values[0];
  const table = new Map<string, string>();
  for (let index = 0; index < PREFIXES; index++) {
    // All are drawn whether they count or not: one router's table does not hang on another's.
    const [isThere, med, origin] = [random() < 0.75, pick("", "0", "10", "20"), random()];
    const [inner, preference] = [pick([], [65_001], [3333, 65_001], [3333, 65_002]), random()];
    // BIRD itself puts its AS before what it tells another: such paths are one AS longer.
    const path = feed.as === OUR_AS ? inner : [3333];
    if (!isThere) continue;
    const words = [
      ...path.map((as) => `bgp_path.prepend(${as});`),
      med === "" ? "" : `bgp_med = ${med};`,
      origin < 0.15 ? "bgp_origin = ORIGIN_EGP;" : "",
      feed.as === OUR_AS && preference < 0.1 ? "bgp_local_pref = 90;" : "",
    ];
    table.set(`20.0.${index}.0/24`, words.filter(Boolean).join(" "));
  }
  return table;
}

/** A router with this much of its table, and sessions with all three. */
function feedText(feed: Feed, table: Table): string {
  const routes = [...table].map(([prefix, words]) => `  route ${prefix} blackhole { ${words} };\n`);
  const told = "ipv4 { import none; export where source = RTS_STATIC; };";
  const sessions = { to_n1: N1, to_bird: BIRD, to_frr: FRR };
  return birdText(
    feed.id,
    `\nprotocol static outside {\n  ipv4;\n${routes.join("")}}\n`,
    ...Object.entries(sessions).map(([name, address]) =>
      birdSession({
        name,
        local: `${feed.address} as ${feed.as}`,
        neighbour: `${address} as ${OUR_AS}`,
        channels: told,
      }),
    ),
  );
}

function manxText({ always, worst, oldest }: Switches): string {
  const switches = [
    always === true ? "alwaysCompareMED: true" : "",
    worst === true ? "missingMEDIsWorst: true" : "",
    oldest === true ? "preferOldestExternal: true" : "",
  ];
  return documents(
    configuration(`bestPath: { ${switches.filter(Boolean).join(", ")} }`),
    node("n1", `${N1}/24`, "10.244.1.0/24"),
    ...FEEDS.map(({ name, address, as }) =>
      document("BGPPeer", name, `peerIP: ${address}, asNumber: ${as}`),
    ),
  );
}

function judgeText({ always = false, worst = false, oldest = false }: Switches): string {
  const options = [
    always ? "med metric;" : "deterministic med;",
    worst ? "default bgp_med 4294967295;" : "",
    oldest ? "prefer older;" : "",
  ];
  return birdText(
    "10.0.0.21",
    'protocol direct { ipv4; interface "eth0"; }',
    ...FEEDS.map(({ name, address, as }) =>
      birdSession({
        name,
        local: `${BIRD} as ${OUR_AS}`,
        neighbour: `${address} as ${as}`,
        options: options.join(" "),
        channels: "ipv4 { import all; export none; };",
      }),
    ),
  );
}

function frrJudgeText({ always = false, worst = false, oldest = false }: Switches): string {
  return frrText({
    asNumber: OUR_AS,
    id: "10.0.0.22",
    neighbours: Object.fromEntries(FEEDS.map(({ address, as }) => [address, as])),
    router: [
      ...(always ? ["bgp always-compare-med"] : ["bgp deterministic-med"]),
      ...(worst ? ["bgp bestpath med missing-as-worst"] : []),
      ...(oldest ? [] : ["bgp bestpath compare-routerid"]),
    ],
  });
}

/** Whose path each prefix goes by, and how many paths are known. */
type View = { readonly chosen: Readonly<Record<string, string>>; readonly paths: number };

type FrrTable = {
  readonly routes: Readonly<
    Record<string, readonly { readonly bestpath?: boolean; readonly peerId: string }[]>
  >;
};

let network: Network;
let n1: Manx;
let bird: Bird;
let frr: Frr;

beforeEach(() => {
  const feeds = FEEDS.map(({ name, address }) => [name, `${address}/24`]);
  const judges = { n1: `${N1}/24`, bird: `${BIRD}/24`, frr: `${FRR}/24` };
  network = createNetwork({ ...judges, ...Object.fromEntries(feeds) });
  n1 = manxOn(network, "n1");
  bird = birdOn(network, "bird");
  frr = frrOn(network, "frr");
});

afterEach(async () => {
  await network.remove();
});

function viewOf(
  choices: readonly (readonly [prefix: string, peer: string])[],
  paths: number,
): View {
  const own = choices.filter(([prefix]) => prefix.startsWith("20."));
  return { chosen: Object.fromEntries(own.toSorted()), paths };
}

function ourPaths(): readonly (readonly [prefix: string, path: PathAnswer])[] {
  return n1
    .ask<RouteAnswer[]>("routes")
    .filter(({ prefix }) => prefix.startsWith("20."))
    .flatMap(({ prefix, paths }) => paths.map((path) => [prefix, path] as const));
}

function ourView(): View {
  const paths = ourPaths();
  const best = paths.filter(([, { state }]) => state === "best");
  return viewOf(
    best.map(([prefix, { peer }]) => [prefix, peer ?? ""]),
    paths.length,
  );
}

/** Lines such as `20.0.0.0/24  unicast [f1 12:00:00.000] * (100) [AS65001i]`, the prefix on its first alone. */
function birdView(): View {
  const choices: (readonly [string, string])[] = [];
  let [prefix, paths] = ["", 0];
  for (const line of bird.ask("show", "route").split("\n")) {
    const [, own = "", peer = "", star] =
      /^(\S*)\s+unicast \[(f\d) [^\]]*\] (\*)?/.exec(line) ?? [];
    if (own !== "") prefix = own;
    if (peer === "") continue;
    paths++;
    if (star !== undefined) choices.push([prefix, peer]);
  }
  return viewOf(choices, paths);
}

function frrView(): View {
  const { routes } = frr.json<FrrTable>("show bgp ipv4 unicast json");
  const nameOf = (address: string): string =>
    FEEDS.find((feed) => feed.address === address)?.name ?? address;
  const all = Object.entries(routes);
  return viewOf(
    all.flatMap(([prefix, paths]) =>
      paths
        .filter(({ bestpath }) => bestpath === true)
        .map(({ peerId }) => [prefix, nameOf(peerId)] as const),
    ),
    all.reduce((sum, [, paths]) => sum + paths.length, 0),
  );
}

/** All three have so many paths, and have chosen; BIRD's choice counts but for these prefixes. */
async function agreed(paths: number, what: string, orphans: ReadonlySet<string>): Promise<View> {
  await eventually(`all have ${paths} paths: ${what}`, () =>
    [ourView(), birdView(), frrView()].every((view) => view.paths === paths),
  );
  const ours = ourView();
  const compared = ({ chosen }: View) =>
    Object.fromEntries(Object.entries(chosen).filter(([prefix]) => !orphans.has(prefix)));
  expect([what, "BIRD", compared(birdView())]).toEqual([what, "BIRD", compared(ours)]);
  // FRR may choose a moment after it has the path.
  await eventually(`FRR chooses as we do: ${what}`, () =>
    Bun.deepEquals(frrView().chosen, ours.chosen),
  ).catch(() => expect([what, "FRR", frrView().chosen]).toEqual([what, "FRR", ours.chosen]));
  return ours;
}

describe.skipIf(!hasManx || !hasBird || !hasFrr)("the same paths, the same switches", () => {
  test.each<[seed: number, switches: Switches]>([
    [1, {}],
    [2, { always: true }],
    [3, { worst: true }],
    [4, { always: true, worst: true }],
    [5, { always: true, oldest: true }],
    [6, { always: true, worst: true, oldest: true }],
  ])("seed %d, %p: Manx, BIRD and FRR choose the same", async (seed, switches) => {
    const random = seeded(seed);
    const tables = FEEDS.map((feed) => tableOf(feed, random));
    n1.configure(manxText(switches));
    n1.start();
    bird.start(judgeText(switches));
    await frr.start({ configuration: frrJudgeText(switches) });
    for (const feed of FEEDS) birdOn(network, feed.name).start(feedText(feed, new Map()));
    await eventually("all sessions are up", () =>
      FEEDS.every(({ name }) => {
        const states = birdOn(network, name).ask("show", "protocols");
        return states.match(/Established/g)?.length === 3;
      }),
    );
    let paths = 0;
    let chosen: View["chosen"] = {};
    const orphans = new Set<string>();
    const tell = async (feed: Feed, table: Table, change: number, what: string): Promise<void> => {
      for (const [prefix, peer] of Object.entries(chosen)) {
        // RFC 5004 says nothing of a best path that goes; BIRD takes the one that is first in its list then.
        const isGone = peer === feed.name && !table.has(prefix);
        if (isGone && switches.oldest === true) orphans.add(prefix);
      }
      birdOn(network, feed.name).configure(feedText(feed, table));
      birdOn(network, feed.name).ask("configure");
      paths += change;
      ({ chosen } = await agreed(paths, what, orphans));
    };
    for (const [index, feed] of FEEDS.entries()) {
      const table = tables[index] ?? new Map();
      await tell(feed, table, table.size, `${feed.name} has told its table`);
    }
    const reasons = new Set(ourPaths().map(([, { reason }]) => reason.split(":")[0]));
    const expected =
      switches.always === true
        ? "lower MULTI_EXIT_DISC"
        : "lower MULTI_EXIT_DISC from the same neighbour AS";
    for (const rule of [
      expected,
      switches.oldest === true ? "older external path" : "lower BGP Identifier",
    ])
      expect([...reasons]).toContain(rule);
    // The first two take half of it back: whoever is chosen then was not the oldest of all.
    for (const [index, feed] of FEEDS.slice(0, 2).entries()) {
      const table = tables[index] ?? new Map<string, string>();
      const half = new Map([...table].filter((_, at) => at % 2 === 0));
      await tell(feed, half, half.size - table.size, `${feed.name} has taken back half`);
    }
  });
});
