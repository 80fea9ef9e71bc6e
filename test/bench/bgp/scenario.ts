/** What is played: each scenario is a list of steps that every daemon goes through, with what its neighbours must hold. */

import { playBusy } from "./busy.ts";
import type { Daemon, Demand } from "./daemon.ts";
import { playKernel, playMesh } from "./install.ts";
import { playAudience, playReflector } from "./reflector.ts";
import { playCrash, playIdle, playStart } from "./rest.ts";
import { playPaths, playRivals } from "./rivals.ts";
import type { Size, Step } from "./scene.ts";
import { playDownload, playRelay, playTable } from "./table.ts";

export type Scenario = Demand & {
  readonly name: string;
  readonly about: (size: Size) => string;
  /** Unless somebody wants another. */
  readonly size: Size;
  /** Left out where none is named: it takes minutes, or belongs to a curve. */
  readonly byName?: boolean;
  play(daemon: Daemon, size: Size): Promise<Step[]>;
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "relay",
    kernel: false,
    about: ({ prefixes }) =>
      `no daemon: the neighbours send, receive and judge ${count(prefixes)} prefixes`,
    size: { prefixes: 1_000_000, peers: 1, deadline: 120 },
    play: playRelay,
  },
  {
    name: "A",
    kernel: false,
    about: ({ prefixes }) =>
      `one external neighbour announces ${count(prefixes)} prefixes, another gets them`,
    size: { prefixes: 1_000_000, peers: 1, deadline: 180 },
    play: playTable,
  },
  {
    name: "B",
    kernel: false,
    about: ({ prefixes, peers }) =>
      `${count(peers)} external neighbours announce the same ${count(prefixes)} prefixes`,
    size: { prefixes: 100_000, peers: 10, deadline: 60 },
    play: playRivals,
  },
  {
    name: "C",
    kernel: true,
    about: ({ prefixes }) => `${count(prefixes)} prefixes into the kernel`,
    size: { prefixes: 500_000, peers: 1, deadline: 120 },
    play: playKernel,
  },
  {
    name: "D0",
    kernel: true,
    about: ({ prefixes, peers }) =>
      `a node of a mesh of ${count(peers)}: ${count(prefixes)} prefixes into the kernel`,
    size: { prefixes: 1000, peers: 200, deadline: 60 },
    play: playMesh,
  },
  reflector("D1", { prefixes: 1000, peers: 200, deadline: 60 }),
  reflector("D2", { prefixes: 1000, peers: 1000, deadline: 60 }),
  { ...reflector("D3", { prefixes: 4000, peers: 4000, deadline: 480 }), byName: true },
  {
    name: "E",
    kernel: false,
    asked: true,
    about: ({ prefixes, peers }) =>
      `as A's table of ${count(prefixes)}, while ${count(peers)} other neighbours with a hold time of 3 s are told nothing but KEEPALIVEs, and the daemon is asked for its state every 5 ms`,
    size: { prefixes: 1_000_000, peers: 20, deadline: 120 },
    play: playBusy,
  },
  {
    name: "F1",
    kernel: true,
    about: ({ prefixes, peers }) =>
      `idle, with ${count(peers)} peers and ${count(prefixes)} routes in the kernel`,
    size: { prefixes: 1000, peers: 200, deadline: 60 },
    play: playIdle,
  },
  {
    name: "F2",
    kernel: false,
    about: () => "from the start of the process to its first OPEN (median of five)",
    size: { prefixes: 1, peers: 1, deadline: 30 },
    play: playStart,
  },
  {
    name: "F3",
    kernel: true,
    about: ({ prefixes, peers }) =>
      `killed and started again with ${count(peers)} peers and ${count(prefixes)} routes in the kernel, a tenth of which has gone meanwhile`,
    size: { prefixes: 1000, peers: 10, deadline: 60 },
    play: playCrash,
  },
  {
    name: "G",
    kernel: false,
    about: ({ prefixes, peers }) =>
      `${count(peers)} external neighbours announce the same ${count(prefixes)} prefixes, ${count(peers * prefixes)} paths`,
    size: { prefixes: 1_000_000, peers: 10, deadline: 300 },
    byName: true,
    play: playRivals,
  },
  {
    name: "H",
    kernel: false,
    tellsPaths: true,
    about: ({ prefixes, peers }) =>
      `${count(peers)} external neighbours announce the same ${count(prefixes)} prefixes, and one more gets all ${count(peers * prefixes)} paths`,
    size: { prefixes: 1_000_000, peers: 10, deadline: 300 },
    byName: true,
    play: playPaths,
  },
  {
    name: "prefixes",
    kernel: false,
    about: ({ prefixes }) => `A's first step alone, with ${count(prefixes)} prefixes`,
    size: { prefixes: 100_000, peers: 1, deadline: 180 },
    byName: true,
    play: playDownload,
  },
  {
    name: "peers",
    kernel: false,
    about: ({ prefixes, peers }) =>
      `a reflector: ${count(peers)} clients announce ${count(prefixes)} prefixes and get each other's, and so does one that only listens`,
    size: { prefixes: 4000, peers: 100, deadline: 480 },
    byName: true,
    play: playAudience,
  },
];

function reflector(name: string, size: Size): Scenario {
  return {
    name,
    kernel: false,
    about: ({ prefixes, peers }) =>
      `a reflector: ${count(peers)} clients announce ${count(prefixes)} prefixes and get each other's`,
    size,
    play: playReflector,
  };
}

function count(number: number): string {
  return number.toLocaleString("en");
}
