/** Documents for tests, spelled as a user would. */

import { readDocuments } from "../../resource/document.ts";
import { formatFault } from "../../resource/fault.ts";
import type { Resources } from "../../resource/resource.ts";

/** A document whose spec is given as YAML, indented or not; the spec begins on line 5. */
export function documentOf(kind: string, name: string, spec: string): string {
  const lines = spec.split("\n").filter((line) => line.trim() !== "");
  const indent = Math.min(...lines.map((line) => line.length - line.trimStart().length));
  const body = lines.map((line) => `  ${line.slice(indent)}`).join("\n");
  const head = `apiVersion: projectcalico.org/v3\nkind: ${kind}\nmetadata: {name: ${name}}`;
  return `${head}\nspec:\n${body}\n`;
}

/** A Node with an address in 172.30.0.0/24 and blocks. */
export function nodeOf(name: string, host: number, ...blocks: string[]): string {
  return documentOf(
    "Node",
    name,
    `bgp: {ipv4Address: 172.30.0.${host}/24}\nblocks: [${blocks.join(", ")}]`,
  );
}

/** The faults of documents in one file, as people see them. */
export function faultsOf(...documents: string[]): string[] {
  return readDocuments([{ file: "c.yaml", text: documents.join("---\n") }]).faults.map(formatFault);
}

/** The resources of documents that have no fault; throws when they have one. */
export function resourcesOf(...documents: string[]): Resources {
  const { resources, faults } = readDocuments([{ file: "c.yaml", text: documents.join("---\n") }]);
  if (faults.length > 0) throw new Error(faults.map(formatFault).join("\n"));
  return resources;
}

/** A node with an IPv6 address of its own. */
export function dualNode(
  name: string,
  host: number,
  address6: string,
  ...blocks: string[]
): string {
  const list = blocks.map((block) => JSON.stringify(block)).join(", ");
  return documentOf(
    "Node",
    name,
    `bgp:\n  ipv4Address: 172.30.0.${host}/24\n  ipv6Address: "${address6}"\nblocks: [${list}]`,
  );
}
