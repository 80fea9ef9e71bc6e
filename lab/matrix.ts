/**
 * Who probes whom, and what came of it, summed up: per pair of pods, or per pair of nodes when
 * there are too many pods to show each.
 *
 * Pure. `probe.ts` sends the probes, `matrix-text.ts` shows the sums.
 */

export type Protocol = "icmp" | "tcp";

/** Something that probes and is probed: a pod, or the outside host. */
export type Party = {
  readonly name: string;
  /** Parties of one place are summed up together: the pod's node, or the outside host itself. */
  readonly place: string;
  /** The outside host is not probed itself: each probe's answer crosses the way back to it. */
  readonly role: "pod" | "outside";
};

/** Indices into the parties. */
export type Pair = { readonly from: number; readonly to: number };

/** One answered or lost probe. */
export type Outcome = Pair & {
  readonly protocol: Protocol;
  /** Milliseconds; undefined when no answer came in time. */
  readonly roundTrip: number | undefined;
  /** Why it is lost: "no answer within 1000 ms", or the kernel's error. */
  readonly reason: string;
};

/** Of one protocol between two places or pods; times in ms, null when nothing was answered. */
export type Figures = {
  readonly sent: number;
  readonly lost: number;
  readonly min: number | null;
  readonly median: number | null;
  readonly max: number | null;
};

export type Cell = {
  readonly from: string;
  readonly to: string;
  readonly icmp: Figures;
  readonly tcp: Figures;
};

export type Loss = {
  readonly protocol: Protocol;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
};

export type Matrix = {
  /** What a cell's `from` and `to` name. */
  readonly level: "pod" | "node";
  readonly probes: number;
  readonly lost: number;
  /** Time that all probes took together. */
  readonly duration: number;
  readonly icmp: Figures;
  readonly tcp: Figures;
  readonly cells: readonly Cell[];
  /** Each lost probe. */
  readonly losses: readonly Loss[];
};

/** Above this many pods a cell stands for a pair of nodes. */
export const PODS_SHOWN = 12;

/** All ordered pairs of different pods, and the outside host to every pod. */
export function allPairs(parties: readonly Party[]): Pair[] {
  return parties.flatMap((_from, from) =>
    parties.flatMap((to, index) =>
      index !== from && to.role === "pod" ? [{ from, to: index }] : [],
    ),
  );
}

/** Those of the pairs whose both ends are, or are both not, at `place`: all that a cut there leaves. */
export function pairsDespiteCut(
  pairs: readonly Pair[],
  parties: readonly Party[],
  place: string,
): Pair[] {
  const isThere = (index: number): boolean => parties[index]?.place === place;
  return pairs.filter(({ from, to }) => isThere(from) === isThere(to));
}

/** The outcomes of both protocols summed up. */
export function summarize(
  parties: readonly Party[],
  outcomes: readonly Outcome[],
  duration: number,
): Matrix {
  const level = parties.filter(({ role }) => role === "pod").length > PODS_SHOWN ? "node" : "pod";
  const labelOf = (index: number): string => {
    const party = parties[index];
    return (level === "pod" ? party?.name : party?.place) ?? `party ${index}`;
  };
  // Late answers and losses come last: the parties' order is the one to show.
  const labels = [...new Set(parties.keys().map(labelOf))];
  const groups = new Map<string, { from: string; to: string; outcomes: Outcome[] }>();
  for (const outcome of outcomes) {
    const [from, to] = [labelOf(outcome.from), labelOf(outcome.to)];
    const key = `${from} ${to}`;
    const group = groups.get(key) ?? { from, to, outcomes: [] };
    group.outcomes.push(outcome);
    groups.set(key, group);
  }
  const losses = outcomes.flatMap((outcome) =>
    outcome.roundTrip === undefined ? [lossOf(parties, outcome)] : [],
  );
  return {
    level,
    probes: outcomes.length,
    lost: losses.length,
    duration: round(duration),
    icmp: figuresOf(outcomes, "icmp"),
    tcp: figuresOf(outcomes, "tcp"),
    cells: [...groups.values()]
      .sort(
        (a, b) =>
          labels.indexOf(a.from) - labels.indexOf(b.from) ||
          labels.indexOf(a.to) - labels.indexOf(b.to),
      )
      .map(({ from, to, outcomes: own }) => ({
        from,
        to,
        icmp: figuresOf(own, "icmp"),
        tcp: figuresOf(own, "tcp"),
      })),
    losses,
  };
}

/** Milliseconds to the microsecond: more digits would be noise. */
export function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}

function lossOf(parties: readonly Party[], { protocol, from, to, reason }: Outcome): Loss {
  const nameOf = (index: number): string => parties[index]?.name ?? `party ${index}`;
  return { protocol, from: nameOf(from), to: nameOf(to), reason };
}

function figuresOf(outcomes: readonly Outcome[], protocol: Protocol): Figures {
  const own = outcomes.filter((outcome) => outcome.protocol === protocol);
  const times = own
    .flatMap(({ roundTrip }) => (roundTrip === undefined ? [] : [roundTrip]))
    .sort((a, b) => a - b);
  const at = (index: number): number | null => {
    const time = times[index];
    return time === undefined ? null : round(time);
  };
  return {
    sent: own.length,
    lost: own.length - times.length,
    min: at(0),
    median: at(Math.floor((times.length - 1) / 2)),
    max: at(times.length - 1),
  };
}
