/**
 * What a run of the lab saw, as one record: `--json` prints it as it is, `report-text.ts` for people.
 *
 * Addresses are text, times milliseconds. Sections are filled in order; a run that failed on the
 * way leaves the later ones null and says why in `faults`.
 */

import type { PeerAnswer } from "../resource/answer.ts";
import { type Direction, limitFault } from "./limit.ts";
import type { Matrix } from "./matrix.ts";

export type NodeReport = {
  readonly name: string;
  readonly address: string;
  readonly asNumber: number;
  readonly blocks: readonly string[];
  readonly pods: readonly { readonly name: string; readonly address: string }[];
};

export type SessionReport = Pick<
  PeerAnswer,
  "address" | "remoteAs" | "state" | "since" | "holdTime" | "keepaliveTime" | "prefixes"
> & {
  readonly node: string;
  readonly peer: string;
};

export type RouteReport = {
  readonly destination: string;
  readonly type: string;
  /** `172.30.0.12 dev eth0`; several are a multipath route. */
  readonly via: readonly string[];
  /** rtm_protocol, by iproute2's names where it has one. */
  readonly protocol: string;
  readonly metric: number;
};

/** The main table of one kernel. */
export type TableReport = { readonly name: string; readonly routes: readonly RouteReport[] };

export type Observation = {
  readonly name: string;
  /** Since the cut or the mending. */
  readonly after: number;
};

export type LabReport = {
  /** Every step done and every probe answered. */
  readonly ok: boolean;
  readonly faults: readonly string[];
  readonly router: {
    readonly name: string;
    readonly software: "bird" | "manx";
    /** Its version or, for Manx, why it plays the router. */
    readonly detail: string;
    readonly asNumber: number;
    readonly address: string;
  } | null;
  readonly outside: {
    readonly name: string;
    readonly address: string;
    readonly prefix: string;
  } | null;
  readonly nodes: readonly NodeReport[];
  /** From the first step until every kernel had every route and every pod was attached. */
  readonly startup: number | null;
  readonly sessions: readonly SessionReport[];
  readonly tables: readonly TableReport[];
  readonly reachability: Matrix | null;
  /** Host ports, as the outside host reaches them. */
  readonly published: readonly {
    readonly pod: string;
    /** `172.30.0.11:8080` */
    readonly at: string;
    /** Of a TCP handshake; null when there was no answer. */
    readonly roundTrip: number | null;
    /** Why there was none. */
    readonly reason: string;
  }[];
  /** Bandwidth limits, as transfers between the pod and the outside host are held to them. */
  readonly limits: readonly {
    readonly pod: string;
    /** As the pod sees it. */
    readonly direction: Direction;
    /** bit/s */
    readonly limit: number;
    /** What came beyond the burst, bit/s; null when not all came. */
    readonly measured: number | null;
    /** Why not. */
    readonly reason: string;
  }[];
  readonly failure: {
    /** Whose uplink was cut. */
    readonly node: string;
    /** When each other kernel had no route to its blocks any more. */
    readonly withdrawn: readonly Observation[];
    /** Among the others and within the cut node. */
    readonly reachability: Matrix;
  } | null;
  readonly recovery: {
    /** When each kernel had all its routes again. */
    readonly returned: readonly Observation[];
    /** Every probe that was sent from then on was answered: the matrix is whole. */
    readonly whole: number;
    readonly reachability: Matrix;
  } | null;
};

/** A report with nothing in it yet. */
export function emptyReport(): LabReport {
  return {
    ok: false,
    faults: [],
    router: null,
    outside: null,
    nodes: [],
    startup: null,
    sessions: [],
    tables: [],
    reachability: null,
    published: [],
    limits: [],
    failure: null,
    recovery: null,
  };
}

/** The report with its verdict: ok when it is complete, without faults and without losses. */
export function judge(report: LabReport): LabReport {
  const sections = [
    ["reachability", report.reachability],
    ["with the uplink cut", report.failure?.reachability],
    ["healed", report.recovery?.reachability],
  ] as const;
  const lost = sections.flatMap(([name, matrix]) =>
    matrix && matrix.lost > 0 ? [`${name}: ${matrix.lost} of ${matrix.probes} probes lost`] : [],
  );
  const closed = report.published
    .filter(({ roundTrip }) => roundTrip === null)
    .map(({ pod, at, reason }) => `${pod} is not reached at ${at}: ${reason}`);
  const exceeded = report.limits.flatMap((limit) => limitFault(limit) ?? []);
  const faults = [...report.faults, ...lost, ...closed, ...exceeded];
  const complete = sections.every(([, matrix]) => matrix);
  return { ...report, faults, ok: complete && faults.length === 0 };
}
