/**
 * Claims: which node has which block of the cluster's pools.
 *
 * The store that all nodes share is an interface with two operations that change it, each atomic against every
 * other node's: create if absent, and release if mine. `claim-files.ts` is a folder, `claim-memory.ts` the twin for
 * tests; both pass `test/suites/claims.ts`. Which block to claim is `pool.ts` and `demand.ts`.
 */

import { formatPrefix, type Prefix, parsePrefix } from "../lib/prefix.ts";

export type Claim = {
  readonly block: Prefix;
  /** Name of the IPPool that it was cut from. */
  readonly pool: string;
  readonly node: string;
  /** When it was claimed: ISO 8601. */
  readonly time: string;
};

/** A claim that is there and cannot be read: its block stays taken. */
export type UnreadableClaim = {
  /** Where it is, for people. */
  readonly place: string;
  readonly reason: string;
  /** What its name says that it is of. */
  readonly block: Prefix;
};

export type Claims = {
  /** In the order of their blocks. */
  readonly claims: readonly Claim[];
  readonly unreadable: readonly UnreadableClaim[];
};

/** Failures are `Error`s whose message names the store and what to do about it. */
export type ClaimStore = {
  /** Where it is, for people. */
  readonly name: string;
  list(): Promise<Claims>;
  /** Make the claim unless there is one of this very block, by whomever: false then, and nothing is changed. */
  create(claim: Claim): Promise<boolean>;
  /** Remove the claim if it is this one still: same block, node and time. False otherwise, and nothing is changed. */
  release(claim: Claim): Promise<boolean>;
};

const FORMAT = 1;

/** Whether both are the same node's claim of the same block, made at the same time. */
export function equalClaim(a: Claim, b: Claim): boolean {
  return formatPrefix(a.block) === formatPrefix(b.block) && a.node === b.node && a.time === b.time;
}

/** JSON of a claim. */
export function encodeClaim({ block, pool, node, time }: Claim): string {
  return `${JSON.stringify({ version: FORMAT, block: formatPrefix(block), pool, node, time })}\n`;
}

/** Read a claim's JSON. Throws an `Error` that says what is wrong with it. */
export function decodeClaim(text: string): Claim {
  const json: unknown = JSON.parse(text);
  if (typeof json !== "object" || json === null) throw new Error("not a JSON object");
  const field = (key: string): string => {
    const value: unknown = Reflect.get(json, key);
    if (typeof value !== "string") throw new Error(`${key} is ${JSON.stringify(value)}, not text`);
    return value;
  };
  const version: unknown = Reflect.get(json, "version");
  if (version !== FORMAT) {
    throw new Error(`claim version is ${JSON.stringify(version)}, expected ${FORMAT}`);
  }
  return {
    block: parsePrefix(field("block")),
    pool: field("pool"),
    node: field("node"),
    time: field("time"),
  };
}
