/**
 * `manx validate`: what bgpd would say of a configuration, without a daemon.
 */

import { planSpeaker } from "../bgpd/cluster/plan.ts";
import { deviations } from "../bgpd/policy/deviation.ts";
import { readDirectory } from "../resource/directory.ts";
import { readDocuments } from "../resource/document.ts";
import { type Fault, formatFault } from "../resource/fault.ts";
import type { Resources } from "../resource/resource.ts";
import type { ValidateOptions } from "./options.ts";
import { EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { countOf } from "./words.ts";

/** Read, check, and plan every node's speaker. Exit code 2 when anything is wrong. */
export function validate({ path, json }: ValidateOptions, output: Output): ExitCode {
  const { sources, faults: unreadable } = readDirectory(path);
  const { resources, faults } = readDocuments(sources);
  const all = [...unreadable, ...faults];
  if (all.length === 0) all.push(...planFaults(resources));
  const notes = all.length === 0 ? notesOf(resources) : [];
  if (json) writeJson(output, { faults: all, notes });
  else if (all.length === 0) output.out(`${path}: ${summary(resources)}: no fault\n`);
  for (const note of json ? [] : notes) output.out(`note: ${note}\n`);
  for (const fault of json ? [] : all) output.err(`${formatFault(fault)}\n`);
  return all.length === 0 ? EXIT.ok : EXIT.usage;
}

/** A fault that several nodes have is one fault. */
function planFaults(resources: Resources): Fault[] {
  const faults = resources.nodes.flatMap(({ resource }) => {
    const planned = planSpeaker(resources, resource.name);
    return "faults" in planned ? planned.faults : [];
  });
  return [...new Map(faults.map((fault) => [formatFault(fault), fault])).values()];
}

/** What whoever comes from Calico must know; what several nodes have in common is said once. */
function notesOf(resources: Resources): string[] {
  const notes = resources.nodes.flatMap(({ resource }) => {
    const planned = planSpeaker(resources, resource.name);
    return "plan" in planned ? deviations(planned.plan) : [];
  });
  return [...new Set(notes)];
}

function summary({ nodes, peers, filters, pools, reservations }: Resources): string {
  return [
    countOf(nodes.length, "Node"),
    countOf(peers.length, "BGPPeer"),
    countOf(filters.length, "BGPFilter"),
    countOf(pools.length, "IPPool"),
    countOf(reservations.length, "IPReservation"),
  ].join(", ");
}
