/**
 * Bandwidth limits of pods: what `--limit POD:RATE` asks for, and whether a transfer is held to it.
 *
 * Manx limits nobody itself: the reference plugin `bandwidth` does, behind it in the chain, as on a real node.
 */

import type { Address } from "../lib/address.ts";
import { LabError } from "./error.ts";
import { round } from "./matrix.ts";
import { findPlugin } from "./plugin.ts";
import type { LabReport } from "./report.ts";
import type { Room } from "./room.ts";
import type { Surroundings } from "./router.ts";
import type { Topology } from "./topology.ts";
import { transfer } from "./transfer.ts";

/** As the pod sees it. */
export type Direction = "in" | "out";

/** Of one pod, bit/s; a direction without a rate is not limited. */
export type Limit = { readonly pod: string } & { readonly [direction in Direction]?: number };

export const DIRECTIONS = ["in", "out"] as const;

/** bit/s: what a transfer of half a second can show. */
const RATES = { least: 100_000, most: 1_000_000_000 } as const;
const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };
/** What may pass at once: so many seconds' worth, and at least what TCP begins with. */
const BURST = { time: 0.05, least: 240_000 } as const;
/** How long the transfer beyond that takes at the rate, in s. */
const LENGTH = 0.5;
/** For a transfer, in ms. */
const PATIENCE = 20_000;
/** Above the limit by so much: clocks are read a little late. */
const TOLERANCE = 1.05;

/** Read the flag's values. Throws `LabError` (exit code 2) when one cannot be in this lab. */
export function parseLimits(texts: readonly string[], { nodes }: Topology): Limit[] {
  const limited = new Set<string>();
  return texts.map((text) => {
    const [, pod = "", words = ""] = /^([^:]+):(.+)$/.exec(text) ?? [];
    const rates = ratesOf(text, words);
    if (!nodes.some(({ pods }) => pods.includes(pod))) {
      throw refused(text, `there is no pod ${pod} in a lab of this size`);
    }
    if (limited.has(pod)) throw refused(text, `${pod} has a limit already`);
    limited.add(pod);
    return { pod, ...rates };
  });
}

/** The path of `bandwidth`. Throws `LabError` (exit code 2) when it is not here. */
export function findBandwidth(surroundings: Surroundings): string {
  return findPlugin("bandwidth", "--limit", surroundings);
}

/** What the plugin is told (capability `bandwidth`): in bits, its "ingress" is what the pod gets. */
export function bandwidthOf(limit: Limit): Readonly<Record<string, number>> {
  return {
    ...(limit.in === undefined ? {} : { ingressRate: limit.in, ingressBurst: burstOf(limit.in) }),
    ...(limit.out === undefined ? {} : { egressRate: limit.out, egressBurst: burstOf(limit.out) }),
  };
}

/** Who the transfers are between. */
export type Ends = {
  readonly pod: { readonly room: Room; readonly address: Address };
  readonly outside: { readonly room: Room; readonly address: Address };
};

/**
 * Transfer something between `outside` and the pod, in each direction that is limited. What counts is what comes beyond
 * the burst: of that a limit that holds lets through no more than its rate.
 */
export async function probeLimit(
  limit: Limit,
  { pod, outside }: Ends,
  goOn: () => void,
): Promise<LabReport["limits"]> {
  const reports: LabReport["limits"][number][] = [];
  for (const direction of DIRECTIONS) {
    const rate = limit[direction];
    if (rate === undefined) continue;
    const beyond = rate * LENGTH;
    const bytes = Math.ceil((burstOf(rate) + beyond) / 8);
    const way =
      direction === "in"
        ? { from: outside.room, to: pod, bytes }
        : { from: pod.room, to: outside, bytes };
    const transferred = await transfer(way, PATIENCE, goOn);
    const common = { pod: limit.pod, direction, limit: rate };
    reports.push(
      transferred.type === "done"
        ? { ...common, measured: round(beyond / (transferred.time / 1000)), reason: "" }
        : { ...common, measured: null, reason: transferred.reason },
    );
  }
  return reports;
}

/** Why a limit does not hold; undefined when it does. */
export function limitFault({
  pod,
  direction,
  limit,
  measured,
  reason,
}: LabReport["limits"][number]): string | undefined {
  const what = `the limit of ${pod} ${direction}`;
  if (measured === null) return `${what} was not measured: ${reason}`;
  if (measured <= limit * TOLERANCE) return undefined;
  return `${what} does not hold: ${formatRate(measured)} of ${formatRate(limit)}`;
}

/** `16.00 Mbit/s` */
export function formatRate(rate: number): string {
  return `${(rate / 1e6).toFixed(2)} Mbit/s`;
}

function ratesOf(text: string, words: string): Omit<Limit, "pod"> {
  const both = rateOf(words);
  if (both !== undefined) return { in: both, out: both };
  const rates: { [direction in Direction]?: number } = {};
  for (const word of words.split(",")) {
    const [, direction, digits = ""] = /^(in|out)=(.+)$/.exec(word) ?? [];
    const rate = rateOf(digits);
    if (rate === undefined || (direction !== "in" && direction !== "out") || direction in rates) {
      throw refused(
        text,
        "expected POD:RATE or POD:in=RATE,out=RATE in bit/s from 100k to 1G, such as n1-1:16M",
      );
    }
    rates[direction] = rate;
  }
  return rates;
}

function rateOf(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(text) ?? [];
  const rate = Math.round(Number(digits) * (UNITS[unit] ?? 1));
  return rate >= RATES.least && rate <= RATES.most ? rate : undefined;
}

function burstOf(rate: number): number {
  return Math.max(BURST.least, Math.round(rate * BURST.time));
}

function refused(text: string, reason: string): LabError {
  return new LabError(`--limit ${text}: ${reason}`, { exitCode: 2 });
}
