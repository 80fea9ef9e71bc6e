/**
 * The configuration in force: documents read, planned for this node, and what is wrong with the last try.
 *
 * A reading with a fault changes nothing: the plan before it stays in force.
 */

import type { StatusAnswer } from "../resource/answer.ts";
import { readDirectory } from "../resource/directory.ts";
import { readDocuments } from "../resource/document.ts";
import { type Fault, formatFault } from "../resource/fault.ts";
import { planSpeaker, type ReadPassword } from "./cluster/plan.ts";
import type { SpeakerPlan } from "./cluster/speaker.ts";
import { readPassword } from "./password.ts";

export type Configuration = {
  /** Read again. The new plan, or undefined when there are faults. */
  read(): SpeakerPlan | undefined;
  /** The files of keys that the last reading asked for, those that it could not use included. */
  passwordFiles(): readonly string[];
  status(): StatusAnswer["configuration"];
};

/** Of the node called `node`, from the file or directory `source`. */
export function createConfiguration(source: string, node: string): Configuration {
  let generation = 0;
  let faults: readonly string[] = [];
  const files = new Set<string>();
  const read: ReadPassword = (file) => {
    files.add(file);
    return readPassword(file);
  };
  return {
    read() {
      files.clear();
      const planned = planFrom(source, node, read);
      faults = planned.faults.map(formatFault);
      if (planned.plan !== undefined) generation++;
      return planned.plan;
    },
    passwordFiles: () => [...files],
    status: () => ({ source, generation, faults }),
  };
}

function planFrom(
  source: string,
  node: string,
  read: ReadPassword,
): { readonly plan: SpeakerPlan | undefined; readonly faults: readonly Fault[] } {
  const { sources, faults: unreadable } = readDirectory(source);
  const { resources, faults } = readDocuments(sources);
  if (unreadable.length + faults.length > 0) {
    return { plan: undefined, faults: [...unreadable, ...faults] };
  }
  const planned = planSpeaker(resources, node, read);
  return "plan" in planned
    ? { plan: planned.plan, faults: [] }
    : { plan: undefined, faults: planned.faults };
}
