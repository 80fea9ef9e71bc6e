/** What a comparison of address records with the machine has found, one record for each thing that does not fit. */

/** What does not fit. */
export type FindingKind =
  | "record without host end"
  | "record without route"
  | "record without neighbour"
  | "record whose pod has another address"
  | "record outside of the node's blocks"
  | "record that cannot be read"
  | "address that is nobody's"
  | "two records of one interface"
  | "address recorded twice"
  | "route to another host end"
  | "host end without record"
  | "route without record"
  | "trace of a killed call"
  | "past of a block that cannot be"
  | "records of another boot";

export type Finding = {
  readonly kind: FindingKind;
  /** The address, link or path that it is about. */
  readonly subject: string;
  /** Null: of none in particular. */
  readonly network: string | null;
  /** What was seen, one fact each. */
  readonly evidence: readonly string[];
  /** The command that puts it right, where that is proved; else null. */
  readonly repair: string | null;
  /** Without a repair: what is not known, and where to look. */
  readonly look: string;
};
