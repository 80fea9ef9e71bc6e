/**
 * `manx validate`: what bgpd would say of a configuration, and what each node would do, without a daemon.
 */

import { planSpeaker } from "../bgpd/cluster/plan.ts";
import { deviations } from "../bgpd/policy/deviation.ts";
import { readDirectory } from "../resource/directory.ts";
import { readDocuments } from "../resource/document.ts";
import { type Fault, formatFault } from "../resource/fault.ts";
import type { Resources } from "../resource/resource.ts";
import { type GroupReport, Groups } from "./node-report.ts";
import { formatGroup } from "./node-report-text.ts";
import type { ValidateOptions } from "./options.ts";
import { EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { countOf, listSome } from "./words.ts";

/** Read, check, and plan every node's speaker, or one's. Exit code 2 when anything is wrong. */
export function validate({ path, json, node }: ValidateOptions, output: Output): ExitCode {
  const { sources, faults: unreadable } = readDirectory(path);
  const { resources, faults, notes: idle } = readDocuments(sources);
  const all = [...unreadable, ...faults];
  const planned = all.length === 0 ? plansOf(resources, node) : NOTHING;
  all.push(...planned.faults);
  const isRight = all.length === 0;
  const notes = isRight ? [...idle.map(formatFault), ...planned.notes] : [];
  const groups = isRight ? planned.groups : [];
  if (json) {
    writeJson(output, { faults: all, notes, groups });
    return isRight ? EXIT.ok : EXIT.usage;
  }
  if (isRight) output.out(`${path}: ${summary(resources)}: no fault\n`);
  for (const note of notes) output.out(`note: ${note}\n`);
  for (const group of groups) output.out(`\n${formatGroup(group, output.look)}`);
  for (const fault of all) output.err(`${formatFault(fault)}\n`);
  return isRight ? EXIT.ok : EXIT.usage;
}

type Planned = {
  readonly faults: readonly Fault[];
  readonly notes: readonly string[];
  readonly groups: readonly GroupReport[];
};

const NOTHING: Planned = { faults: [], notes: [], groups: [] };

/** What several nodes have in common, be it a fault or a note, is told once. */
function plansOf(resources: Resources, only: string | undefined): Planned {
  const faults = new Map<string, Fault>();
  const notes = new Set<string>();
  const differing = new Map<string, Set<string>>();
  const groups = new Groups();
  const names = resources.nodes.map(({ resource }) => resource.name);
  for (const name of only === undefined ? names : [only]) {
    const planned = planSpeaker(resources, name);
    if ("faults" in planned) {
      for (const fault of planned.faults) faults.set(formatFault(fault), fault);
      continue;
    }
    groups.add(planned.plan);
    for (const note of planned.notes) notes.add(formatFault(note));
    for (const { name: peer, text } of deviations(planned.plan)) {
      differing.set(text, (differing.get(text) ?? new Set()).add(peer));
    }
  }
  for (const [text, peers] of differing) notes.add(`${nameAll([...peers])}: ${text}`);
  return { faults: [...faults.values()], notes: [...notes], groups: groups.reports };
}

function nameAll(peers: readonly string[]): string {
  return `${peers.length === 1 ? "BGPPeer" : "BGPPeers"} ${listSome(peers)}`;
}

function summary({ nodes, filters, pools, reservations, ...sessions }: Resources): string {
  const { peers, ranges, unnumbered, workloads } = sessions;
  const all = [peers, ranges, unnumbered, workloads].map(({ length }) => length);
  return [
    countOf(nodes.length, "Node"),
    countOf(
      all.reduce((sum, count) => sum + count),
      "BGPPeer",
    ),
    countOf(filters.length, "BGPFilter"),
    countOf(pools.length, "IPPool"),
    countOf(reservations.length, "IPReservation"),
  ].join(", ");
}
