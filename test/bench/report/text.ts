/** The words of the report that are no figures. */

import type { CurveName } from "./job.ts";

type Text = { readonly title: string; readonly meaning: string };

export const INTRODUCTION = `# Performance

Generated: the figures by the command below, the words by \`test/bench/report/text.ts\`. Change neither here.

One daemon at a time runs in a network namespace of its own; its neighbours are played by a generator in another, over
one veth pair. The generator knows nothing of Manx's codec, and checks every prefix, AS path, next hop and reflector
attribute that comes out: a step has ended when all neighbours hold exactly what they must. The workload is like the
Internet's table: 5.5 prefixes to an UPDATE on average, ten prefixes to an attribute set, AS paths of two to eight. All
daemons accept and export everything.

Wall is from the first byte sent to the last prefix right; CPU is that of the daemon's processes, user and system, until
0.3 s after that; peak is what they had resident at most so far. All are medians of the rounds, in which daemons took
turns. Ratios are to BIRD's in the same run; where there is none, BIRD did not run beside it. Look at CPU first: it
depends least on what else the machine does.`;

/** Above figures of small sizes. */
export const QUICK = `**Made with \`--quick\`: sizes are a tenth and less of the true ones, each is played once, and what a process costs before
it does anything weighs most. It shows that everything runs; goals are for the full sizes.**`;

/** Above the profiles. */
export const REMAINS = `Where the daemon's CPU time goes, by \`npm run bench -- profile\`, in a run of its own beside those of the figures. Where
a goal is missed, this stands between:

- A, B: the daemon's own thread alone takes about as long as BIRD, or less; the rest is the engine's compilers, which work while
  the table arrives, and the collector. What its own thread does is spread over the tables, and no function has much more
  than a tenth of it: what they keep of a path (whose it is, since which refresh, by which verdict, who was told) is what
  changed policies, restarts and \`manx why\` need. A goal of half BIRD's time is out of reach for changes to single
  functions. The growth with prefixes says the same: the first hundred thousand cost several times what BIRD needs for
  them, and from 300,000 to 1,000,000 about as much.
- A's steps of a tenth, and D0: they are over before the engine has compiled what they run; its compilers have more of the
  time than the daemon's own thread, which takes it slowly as long as they do.
- C: the kernel's work on the routes, which every daemon has, is done by another thread where there are many (under
  "other"); meanwhile the own thread waits for a batch at a time, which the profiler counts as its work.
- Memory: a prefix takes about twice as much as BIRD's (see the growth), and the runtime has its own before the first one
  (F2 shows it nearly alone; most of that is the executable's own pages).
- E: an answer waits for the slices of work that are ahead of it, and for the collector.
- The plugin: a program of the runtime's that does nothing takes more than half of an ADD, and nearly two thirds of a CHECK. The
  reference plugins start twice for one, in less time. With 32 in flight fewer such programs end in a second than three
  times the DELs of theirs: that goal is out of reach for a plugin on this runtime.`;

/** By scenario. */
export const SCENARIO_TEXTS: Readonly<Record<string, Text>> = {
  relay: {
    title: "the generator alone",
    meaning:
      "A program that passes bytes on in the place of a daemon: what the generator itself takes to send, receive and judge. No daemon can be faster than this, so walls near it say little.",
  },
  A: {
    title: "a whole table",
    meaning:
      "A border router's life: the table from one external neighbour to another; a tenth of it withdrawn; announced again and replaced by other paths; a neighbour that comes late and wants everything (it counts from its session on); the source lost and all of it withdrawn from both.",
  },
  B: {
    title: "rivals",
    meaning:
      "Ten external neighbours announce the same prefixes with paths of different lengths, so that each of them wins somewhere; one more neighbour must be told the best of each. Daemons may tell it better paths one after the other: what it holds in the end counts.",
  },
  C: {
    title: "into the kernel",
    meaning:
      "Routes into the kernel's table, until it has them all; and out again when the session is lost.",
  },
  D0: {
    title: "a node of a mesh",
    meaning:
      "What Manx is made for: a node with an internal session to every other one, their blocks into the kernel. From all tables sent to all routes there.",
  },
  D1: {
    title: "a reflector",
    meaning:
      "Clients announce and hear each other's, with ORIGINATOR_ID and CLUSTER_LIST (RFC 4456).",
  },
  D2: { title: "a reflector with many clients", meaning: "The same, larger." },
  D3: {
    title: "a reflector as large as clusters get",
    meaning:
      "The same, where each route is told to so many that the messages are what counts. Played once, and by Manx and BIRD alone.",
  },
  E: {
    title: "a busy daemon",
    meaning:
      "While A's table is under way, a process of its own notes when KEEPALIVEs come and how long the daemon takes to answer a question about its state, each on a new connection to its control socket: `/status` of Manx, `show status` of BIRD, `show version` of FRR's bgpd. RFC 4271 lets a KEEPALIVE follow another after 75 to 100 % of its interval: how far it came outside of that is what a neighbour can see of its being late. Manx's own view is its event loop's lag (the bound of the histogram that held the worst). The probe's own lateness is the floor of all of these.",
  },
  F1: {
    title: "an idle daemon",
    meaning: "Peers that say KEEPALIVE each 30 s, a table that does not change; watched for 20 s.",
  },
  F2: {
    title: "cold start",
    meaning:
      "From the start of the process, `ip netns exec` included, to its OPEN at a neighbour that listens already. BIRD and FRR wait a second before they call, by their own timers.",
  },
  F3: {
    title: "back after a crash",
    meaning:
      "Killed, and started again at once; its neighbours tell their tables as soon as sessions are up, but for a tenth of the prefixes, which are gone. It is back when the kernel has exactly what is announced now: so it must know which of the routes that it found are confirmed. The fewest routes meanwhile say whether traffic had a path all the time: 100 % is all that are still announced.",
  },
  G: {
    title: "ten whole tables",
    meaning:
      "As B, with more prefixes, so that each is held many times: what matters is memory. Played once, and by Manx and BIRD alone.",
  },
  H: {
    title: "ten whole tables, told in full",
    meaning:
      "As G, with a neighbour that takes all paths of each prefix (ADD-PATH, RFC 7911): each must come once, under an identifier of its own. Played once, and by Manx and BIRD alone.",
  },
};

export const CURVE_TEXTS: Readonly<Record<CurveName, Text & { readonly axis: string }>> = {
  prefixes: {
    title: "Growth with prefixes",
    axis: "prefixes",
    meaning:
      "A's first step with tables of many sizes. Both axes are logarithmic; the exponent is the slope there, by least squares: 1 is proportional.",
  },
  peers: {
    title: "Growth with peers",
    axis: "peers",
    meaning:
      "A reflector whose clients share 4,000 prefixes among them, whatever their number, and one more client that only listens, so that 4,000 routes are told for each peer: 1 is proportional.",
  },
};

export const CNI_TEXTS: Readonly<Record<"cni" | "cni-crowd" | "cni-density", Text>> = {
  cni: {
    title: "ADD, CHECK, DEL",
    meaning:
      "One pod after the other, whole processes from start to exit, the plugins in turns. Ratios are to Debian's ptp + host-local.",
  },
  "cni-crowd": {
    title: "Many at once",
    meaning: "As when a node starts: so many calls in flight.",
  },
  "cni-density": {
    title: "A full node",
    meaning:
      "One more pod comes and goes on nodes that have many already, each plugin on nodes of its own.",
  },
};

/** Between the profiles of all threads and those of the daemon's own. */
export const OF_THE_THREAD = `Of the daemon's own thread, by Bun's profiler in a second run, by the innermost function:`;
