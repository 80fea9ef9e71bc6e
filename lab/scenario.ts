/**
 * What happens to a lab that is whole: a node's uplink is cut, the others notice; it is mended, and
 * all is whole again.
 *
 * Times are taken where the effect is: in the kernels' tables and by probes, not from daemons' words.
 */

import type { Kernel } from "../kernel/kernel.ts";
import { expectedRoutes, hasRoute, missingRoutes } from "./expectation.ts";
import { setCable } from "./fabric.ts";
import { allPairs, pairsDespiteCut, round } from "./matrix.ts";
import type { Prober } from "./probe.ts";
import type { LabReport, Observation } from "./report.ts";
import { mainRoutes } from "./survey.ts";
import type { LabNode, Topology } from "./topology.ts";
import { DONE, type Look, some, until } from "./wait.ts";

export type Stage = {
  readonly topology: Topology;
  /** Of the fabric, every node and the router, by name. */
  readonly kernelOf: (name: string) => Kernel;
  readonly prober: Prober;
  /** Throws `LabError` when the lab cannot go on. */
  readonly goOn: () => void;
};

/** Three times the lab's hold time: who has not noticed by then never will. */
const WITHDRAW_DEADLINE = 10_000;
/** Several connect retries. */
const RETURN_DEADLINE = 30_000;
/** Probes that were lost right after the mending are tried again for so long. */
const WHOLE_DEADLINE = 10_000;
/** Between two looks at the kernels' tables, in ms: the error of the times. */
const LOOK = 10;
const PROBE_AGAIN = 100;

/** Whether every kernel has every route that BGP is to bring. */
export function lookAtRoutes({ topology, kernelOf }: Pick<Stage, "topology" | "kernelOf">): Look {
  const missing = membersOf(topology).flatMap((name) =>
    missingOf(topology, name, kernelOf(name)).map((route) => `${route} on ${name}`),
  );
  return missing.length === 0 ? DONE : { type: "waiting", for: some(missing) };
}

/** Cut the uplink of `victim`, wait until no other kernel has its routes, and probe what is left. */
export async function cutUplink(
  stage: Stage,
  victim: LabNode,
): Promise<NonNullable<LabReport["failure"]>> {
  const { topology, kernelOf, prober } = stage;
  const others = membersOf(topology).filter((name) => name !== victim.name);
  setCable(kernelOf(topology.fabric.name), victim.name, "pulled");
  const withdrawn = await observe(stage, {
    name: `withdrawal of the routes to ${victim.name}`,
    deadline: WITHDRAW_DEADLINE,
    members: others,
    missing: (name) =>
      hasRoute(mainRoutes(kernelOf(name)), victim.block) ? [`${name} to withdraw them`] : [],
  });
  const pairs = pairsDespiteCut(allPairs(prober.parties), prober.parties, victim.name);
  const reachability = await prober.probe(pairs, stage.goOn);
  return { node: victim.name, withdrawn, reachability };
}

/** Mend the uplink, wait until every kernel has every route, and probe until everybody is reached. */
export async function mendUplink(
  stage: Stage,
  victim: LabNode,
): Promise<NonNullable<LabReport["recovery"]>> {
  const { topology, kernelOf, prober, goOn } = stage;
  const start = performance.now();
  setCable(kernelOf(topology.fabric.name), victim.name, "plugged");
  const returned = await observe(stage, {
    name: `return of the routes to ${victim.name}`,
    deadline: RETURN_DEADLINE,
    members: membersOf(topology),
    missing: (name) =>
      missingOf(topology, name, kernelOf(name)).map((route) => `${route} on ${name}`),
  });
  const deadline = performance.now() + WHOLE_DEADLINE;
  for (;;) {
    const whole = round(performance.now() - start);
    const reachability = await prober.probe(allPairs(prober.parties), goOn);
    if (reachability.lost === 0 || performance.now() >= deadline) {
      return { returned, whole, reachability };
    }
    await Bun.sleep(PROBE_AGAIN);
  }
}

type Watched = {
  readonly name: string;
  readonly deadline: number;
  readonly members: readonly string[];
  /** What the member still lacks; empty when it is there. */
  readonly missing: (member: string) => string[];
};

/** When each member got there, in ms from now. Throws `LabError` when one did not in time. */
async function observe({ goOn }: Stage, watched: Watched): Promise<Observation[]> {
  const start = performance.now();
  const seen = new Map<string, number>();
  await until({ name: watched.name, deadline: watched.deadline, every: LOOK, goOn }, () => {
    const missing: string[] = [];
    for (const member of watched.members) {
      if (seen.has(member)) continue;
      const lacking = watched.missing(member);
      if (lacking.length === 0) seen.set(member, round(performance.now() - start));
      missing.push(...lacking);
    }
    return missing.length === 0 ? DONE : { type: "waiting", for: some(missing) };
  });
  return [...seen].map(([name, after]) => ({ name, after }));
}

function missingOf(topology: Topology, name: string, kernel: Kernel): string[] {
  return missingRoutes(mainRoutes(kernel), expectedRoutes(topology, name));
}

/** Everybody with a table that BGP fills. */
function membersOf({ nodes, router }: Topology): string[] {
  return [...nodes.map(({ name }) => name), router.name];
}
