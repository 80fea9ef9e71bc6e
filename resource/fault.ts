/**
 * What is wrong with a document, so that whoever wrote it can put it right without a manual.
 */

export type Fault = {
  readonly file: string;
  /** From 1; 0 where the fault is the file's as a whole. */
  readonly line: number;
  /** `BGPPeer tor`; empty before kind and name are known. */
  readonly subject: string;
  /** `spec.peerIP`; empty where the document as a whole is wrong. */
  readonly field: string;
  /** As JSON; undefined where a value is missing or says nothing. */
  readonly value: string | undefined;
  /** What was expected, or what is wrong and what to do. */
  readonly message: string;
};

/** `cluster.yaml:12: BGPPeer tor: spec.peerIP: "10.0.0.300": expected an IPv4 address`. */
export function formatFault({ file, line, subject, field, value, message }: Fault): string {
  return [placeOf({ file, line }), subject, field, value, message]
    .filter((part) => part !== undefined && part !== "")
    .join(": ");
}

/** `cluster.yaml:12`. */
export function placeOf({ file, line }: Pick<Fault, "file" | "line">): string {
  return line === 0 ? file : `${file}:${line}`;
}

/** By file and line, as one reads. */
export function compareFault(a: Fault, b: Fault): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line;
}
