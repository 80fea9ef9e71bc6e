/**
 * A lab's life inside its namespaces: come up, show itself, break and heal, stay, end.
 *
 * We are process 1 of the pid namespace: when this function's process ends, everything in here does.
 */

import { formatAddress } from "../lib/address.ts";
import { formatPrefix } from "../lib/prefix.ts";
import type { Daemon } from "./daemon.ts";
import { ended, watchForEnding } from "./ending.ts";
import { LabError, messageOf } from "./error.ts";
import { INSIDE_MARK } from "./finder.ts";
import { type Ground, prepareGround } from "./ground.ts";
import { bandwidthOf, findBandwidth, type Limit, parseLimits, probeLimit } from "./limit.ts";
import { allPairs, round } from "./matrix.ts";
import { createOutput, type Output } from "./output.ts";
import { CLUSTER_FOLDER } from "./place.ts";
import type { Chained } from "./plugin.ts";
import { attachPod, type Pod } from "./pod.ts";
import { openProber, type ProbeParty, type Prober } from "./probe.ts";
import { createProgress, type Progress } from "./progress.ts";
import {
  findPortmap,
  type Publication,
  parsePublications,
  probePublications,
} from "./publication.ts";
import { emptyReport, judge, type LabReport } from "./report.ts";
import {
  formatCluster,
  formatFailure,
  formatLimits,
  formatPublished,
  formatReachability,
  formatRecovery,
  formatSessions,
  formatTables,
} from "./report-text.ts";
import { chooseSoftware, type RouterChoice, type Software, startRouter } from "./router.ts";
import { cutUplink, lookAtRoutes, mendUplink, type Stage } from "./scenario.ts";
import { lookAtNodeFiles, lookAtSessions, type Speaker, startSpeaker } from "./speaker.ts";
import { surveySessions, surveyTable } from "./survey.ts";
import { ECHO_PORT } from "./tcp.ts";
import { planTopology, type Shape, type Topology } from "./topology.ts";
import { mapLimited, until } from "./wait.ts";

export type LabOptions = Shape & {
  /** End after the report. */
  readonly once: boolean;
  /** The report as one JSON document. */
  readonly json: boolean;
  readonly router: RouterChoice;
  /** `POD:PORT`, each: see `publication.ts`. */
  readonly publish: readonly string[];
  /** `POD:RATE`, each: see `limit.ts`. */
  readonly limit: readonly string[];
};

/** ADDs at once: enough to keep two cores busy. */
const ADDS_AT_ONCE = 8;
/** For a machine that is slow and a lab that is large, in ms. */
const START_DEADLINE = 60_000;
/** Between two looks while starting, in ms. */
const LOOK = 50;
/** Ending, in ms: long enough for a NOTIFICATION to each peer. */
const STOP_PATIENCE = 2000;
const REVIVE_DELAY = 1000;

/** Run the lab; its exit code. Throws `LabError` when a step fails. */
export async function runInside(options: LabOptions): Promise<number> {
  delete process.env[INSIDE_MARK];
  const progress = createProgress();
  const topology = planTopology(options);
  const run: Run = {
    options,
    topology,
    published: parsePublications(options.publish, topology),
    limits: parseLimits(options.limit, topology),
    progress,
    output: createOutput(options.json ? "json" : "text", progress),
    signal: watchForEnding(),
    daemons: [],
    report: emptyReport(),
  };
  try {
    await play(run);
    run.report = judge(run.report);
    await run.output.finish(run.report);
    if (!options.once) await stay(run);
    return run.report.ok ? 0 : 1;
  } catch (thrown) {
    const error = asLabError(thrown, run.progress.current);
    const { report } = run;
    run.report = judge({ ...report, faults: [...report.faults, error.message] });
    await run.output.failure(run.report, run.signal.aborted ? [] : run.daemons);
    throw error;
  } finally {
    await Promise.all(run.daemons.map((daemon) => daemon.stop(STOP_PATIENCE)));
  }
}

/** Whatever was thrown, with the step that it was thrown in. */
function asLabError(thrown: unknown, step: string): LabError {
  if (thrown instanceof LabError) return thrown;
  return new LabError(`${step}: ${messageOf(thrown)}`, { cause: thrown });
}

/** One run; the report grows as it goes on. */
type Run = {
  readonly options: LabOptions;
  readonly topology: Topology;
  readonly published: readonly Publication[];
  readonly limits: readonly Limit[];
  readonly progress: Progress;
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly daemons: Daemon[];
  report: LabReport;
};

async function play(run: Run): Promise<void> {
  const { topology, progress } = run;
  const goOn = () => checkGoingOn(run);
  const start = performance.now();
  progress.step("namespaces and cables");
  const software = chooseSoftware(run.options.router, process.env);
  if (software.type === "manx") progress.note(`${topology.router.name}: ${software.detail}`);
  const ground = prepareGround(topology);
  const speakers = startDaemons(run, ground, software);
  const pods = await attachPods(run, ground, speakers);

  progress.step("BGP sessions");
  const wait = { deadline: START_DEADLINE, every: LOOK, goOn };
  const watch = (text: string) => progress.detail(`waiting for ${text}`);
  await until({ ...wait, name: "BGP sessions", watch }, () => lookAtSessions(speakers));
  progress.step("routes in the kernels");
  const stage = { topology, kernelOf: ground.kernelOf, goOn };
  await until({ ...wait, name: "routes in the kernels", watch }, () => lookAtRoutes(stage));
  extend(run, {
    ...describe(topology, software, pods),
    startup: round(performance.now() - start),
    sessions: await surveySessions(speakers),
    tables: [...topology.nodes, topology.router].map(({ name }) =>
      surveyTable(name, ground.kernelOf(name)),
    ),
  });
  await run.output.show(run.report, formatCluster, formatSessions, formatTables);
  const prober = openProber(partiesOf(topology, pods, ground));
  try {
    await breakAndHeal(run, { ...stage, prober });
  } finally {
    prober.close();
  }
}

function startDaemons(run: Run, ground: Ground, software: Software): Speaker[] {
  const { topology, progress, daemons } = run;
  progress.step("router and speakers");
  daemons.push(startRouter(ground.nodeRoomOf(topology.router.name), topology, software));
  return topology.nodes.map(({ name }) => {
    const speaker = startSpeaker(ground.nodeRoomOf(name), CLUSTER_FOLDER);
    daemons.push(speaker.daemon);
    return speaker;
  });
}

/** The pods of each node, in the topology's order. */
async function attachPods(run: Run, ground: Ground, speakers: Speaker[]): Promise<Pod[]> {
  const { topology, progress } = run;
  const goOn = () => checkGoingOn(run);
  progress.step("node files");
  await until({ name: "node files", deadline: START_DEADLINE, every: LOOK, goOn }, () =>
    lookAtNodeFiles(speakers),
  );
  progress.step("pods");
  const chainOf = chains(run);
  const all = topology.nodes.flatMap(({ name, pods }) => pods.map((pod) => ({ node: name, pod })));
  let attached = 0;
  return await mapLimited(all, ADDS_AT_ONCE, async ({ node, pod }) => {
    goOn();
    const result = await attachPod(ground.nodeRoomOf(node), ground.roomOf(pod), chainOf(pod));
    progress.detail(`${++attached} of ${all.length} attached`);
    return result;
  });
}

/** What stands behind `manx` in each pod's chain. */
function chains({ published, limits }: Run): (pod: string) => Chained[] {
  const portmap = published.length === 0 ? "" : findPortmap(process.env);
  const bandwidth = limits.length === 0 ? "" : findBandwidth(process.env);
  return (pod) => {
    const portMappings = published
      .filter((wish) => wish.pod === pod)
      .map(({ port }) => ({ hostPort: port, containerPort: ECHO_PORT, protocol: "tcp" }));
    const limit = limits.find((wish) => wish.pod === pod);
    return [
      ...(portMappings.length === 0
        ? []
        : [{ path: portmap, type: "portmap", runtimeConfig: { portMappings } }]),
      ...(limit === undefined
        ? []
        : [
            {
              path: bandwidth,
              type: "bandwidth",
              runtimeConfig: { bandwidth: bandwidthOf(limit) },
            },
          ]),
    ];
  };
}

async function breakAndHeal(run: Run, stage: Stage): Promise<void> {
  const { progress } = run;
  const { prober, topology, goOn } = stage;
  progress.step("probing everybody");
  const reachability = await prober.probe(allPairs(prober.parties), goOn);
  extend(run, { reachability });
  await run.output.show(run.report, formatReachability);
  await probeHostPorts(run, prober, goOn);
  await probeLimits(run, prober, goOn);
  const victim = topology.nodes.at(-1);
  if (victim === undefined) throw new LabError("the lab has no node");
  progress.step(`cutting the uplink of ${victim.name}`);
  extend(run, { failure: await cutUplink(stage, victim) });
  await run.output.show(run.report, formatFailure);
  progress.step(`mending the uplink of ${victim.name}`);
  extend(run, { recovery: await mendUplink(stage, victim) });
  await run.output.show(run.report, formatRecovery);
}

async function probeHostPorts(run: Run, { parties }: Prober, goOn: () => void): Promise<void> {
  const outside = parties.find(({ role }) => role === "outside");
  if (run.published.length === 0 || outside === undefined) return;
  run.progress.step("probing host ports");
  extend(run, { published: await probePublications(run.published, outside.room, goOn) });
  await run.output.show(run.report, formatPublished);
}

async function probeLimits(run: Run, { parties }: Prober, goOn: () => void): Promise<void> {
  const outside = parties.find(({ role }) => role === "outside");
  if (run.limits.length === 0 || outside === undefined) return;
  run.progress.step("probing bandwidth limits");
  const limits: LabReport["limits"][number][] = [];
  for (const limit of run.limits) {
    const pod = parties.find(({ name }) => name === limit.pod);
    if (pod !== undefined) limits.push(...(await probeLimit(limit, { pod, outside }, goOn)));
  }
  extend(run, { limits });
  await run.output.show(run.report, formatLimits);
}

function describe(
  { nodes, router, outside, asNumber }: Topology,
  software: Software,
  pods: readonly Pod[],
): Pick<LabReport, "router" | "outside" | "nodes"> {
  const addressOf = new Map(pods.map(({ name, address }) => [name, formatAddress(address)]));
  return {
    router: {
      name: router.name,
      software: software.type,
      detail: software.detail,
      asNumber: router.asNumber,
      address: formatAddress(router.address),
    },
    outside: {
      name: outside.name,
      address: formatAddress(outside.address),
      prefix: formatPrefix(outside.prefix),
    },
    nodes: nodes.map((node) => ({
      name: node.name,
      address: formatAddress(node.address),
      asNumber,
      blocks: [formatPrefix(node.block)],
      pods: node.pods.map((name) => ({ name, address: addressOf.get(name) ?? "" })),
    })),
  };
}

/** The pods and the outside host, as those who probe and are probed. */
function partiesOf(
  { outside, nodes }: Topology,
  pods: readonly Pod[],
  ground: Ground,
): ProbeParty[] {
  const nodeOf = new Map(nodes.flatMap(({ name, pods: own }) => own.map((pod) => [pod, name])));
  return [
    ...pods.map(({ name, room, address }): ProbeParty => {
      return { name, place: nodeOf.get(name) ?? name, role: "pod", address, room };
    }),
    {
      name: outside.name,
      place: outside.name,
      role: "outside",
      address: outside.address,
      room: ground.roomOf(outside.name),
    },
  ];
}

/** Throws `LabError` when the lab is to end, or when a daemon ended before that. */
function checkGoingOn({ signal, daemons }: Run): void {
  if (signal.aborted) throw new LabError("interrupted");
  for (const daemon of daemons) {
    const end = daemon.ended();
    if (end !== undefined) throw new LabError(`${daemon.name} ended (${end})`);
  }
}

function extend(run: Run, known: Partial<LabReport>): void {
  run.report = { ...run.report, ...known };
}

/** Until a signal: others look around with `manx lab exec`, and what they kill comes back. */
async function stay({ output, progress, daemons, signal }: Run): Promise<void> {
  await output.hints();
  for (const daemon of daemons) daemon.revive(REVIVE_DELAY, progress.note);
  await ended(signal);
}
