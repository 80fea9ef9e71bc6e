/** What one node's speaker is to do, from documents that a test writes. */

import { planSpeaker } from "../../bgpd/cluster/plan.ts";
import type { SpeakerPlan } from "../../bgpd/cluster/speaker.ts";
import { readDocuments } from "../../resource/document.ts";
import { formatFault } from "../../resource/fault.ts";

/** One document, as YAML takes it. */
export function document(kind: string, name: string, spec: object): string {
  return JSON.stringify({ apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec });
}

/** What the documents ask of a node. */
export function planOf(node: string, ...documents: readonly string[]): SpeakerPlan {
  const { resources } = readDocuments([{ file: "cluster.yaml", text: documents.join("\n---\n") }]);
  const planned = planSpeaker(resources, node);
  if (!("plan" in planned)) throw new Error(planned.faults.map(formatFault).join("\n"));
  return planned.plan;
}
