/**
 * Adj-RIBs-In of all peers (RFC 4271 section 3.2): what each announced, and what import policy made of it.
 *
 * Paths are kept as received, rejected ones too, so that a new policy needs no new announcement and
 * `why` can tell of every path.
 */

import { worst } from "../wire/attribute.ts";
import type { Fault } from "../wire/attributes.ts";
import { UPDATE_MESSAGE_ERROR } from "../wire/const.ts";
import { BgpError } from "../wire/error.ts";
import { createScratch, readPrefix4 } from "../wire/nlri.ts";
import { createRanges, isEndOfRib, readUpdate } from "../wire/update.ts";
import type { AttributeSet, AttributeSets } from "./attribute-set.ts";
import { refuse } from "./loop.ts";
import type { Member } from "./member.ts";
import { NONE, type PathTable } from "./path-table.ts";
import type { PrefixTable } from "./prefix-table.ts";
import type { PolicyVerdict, ReceiveSummary, RibPeer, RouteSource } from "./route.ts";

const ORIGINATED: PolicyVerdict = { accept: true, reason: "originated here" };
const NOTHING: ReceiveSummary = {
  announced: 0,
  withdrawn: 0,
  treatedAsWithdraw: 0,
  faults: [],
  endOfRib: false,
};

export type AdjInParts = {
  readonly identifier: number;
  readonly table: PrefixTable;
  readonly paths: PathTable;
  readonly sets: AttributeSets;
  /** The paths of a prefix have changed. */
  readonly changed: (prefix: number) => void;
};

export class AdjIn {
  readonly #parts: AdjInParts;
  readonly #ranges = createRanges();
  readonly #scratch = createScratch(4);

  constructor(parts: AdjInParts) {
    this.#parts = parts;
  }

  /**
   * Take the UPDATE body `buffer[start..end)`. Attributes are judged before anything is applied. Throws
   * `BgpError` where RFC 7606 asks for a session reset.
   */
  receive(member: Member, buffer: Uint8Array, start: number, end: number): ReceiveSummary {
    const ranges = this.#ranges;
    readUpdate(buffer, start, end, ranges);
    if (isEndOfRib(ranges)) return { ...NOTHING, endOfRib: true };
    const { attributesStart, attributesEnd, nlriStart, nlriEnd } = ranges;
    if (attributesStart === attributesEnd && nlriStart === nlriEnd) {
      const withdrawn = this.#withdraw(member, buffer, ranges.withdrawnStart, ranges.withdrawnEnd);
      return { ...NOTHING, withdrawn };
    }
    const { sets } = this.#parts;
    const received = sets.receive(buffer, attributesStart, attributesEnd, member.peer.wire);
    const faults = nlriStart < nlriEnd ? received.faultsWithPrefix : received.faultsWithoutPrefix;
    const disposition = worst(faults);
    if (disposition === "session reset") throw resetFor(faults);
    const withdrawn = this.#withdraw(member, buffer, ranges.withdrawnStart, ranges.withdrawnEnd);
    const { set } = received;
    const summary = { ...NOTHING, withdrawn, faults: faults.map(({ message }) => message) };
    if (set === undefined || disposition === "treat as withdraw") {
      const treatedAsWithdraw = this.#withdraw(member, buffer, nlriStart, nlriEnd);
      if (set !== undefined) sets.dropUnheld(set);
      return { ...summary, treatedAsWithdraw };
    }
    const announced = this.#announce(member, set, buffer, nlriStart, nlriEnd);
    sets.dropUnheld(set);
    return { ...summary, announced };
  }

  /** Put in, or replace, a route of our own. */
  originate(prefix: number, set: AttributeSet): void {
    const { paths } = this.#parts;
    const known = paths.find(prefix, NONE);
    const row = known === NONE ? paths.add(prefix, NONE) : known;
    this.#setReceived(row, set);
    this.#judge(undefined, row, set, ORIGINATED);
  }

  /** Take out a route of our own. */
  retract(prefix: number): void {
    const row = this.#parts.paths.find(prefix, NONE);
    if (row !== NONE) this.#remove(undefined, row);
  }

  /** Forget all paths of a peer. */
  clear(member: Member): void {
    for (const row of this.#parts.paths.ofPeer(member.id)) this.#remove(member, row);
  }

  /** The peer begins to announce its whole table again (RFC 7313 section 4.2): what it has may be stale. */
  beginRefresh(member: Member): void {
    member.round++;
    member.isRefreshing = true;
  }

  /** It has done so: what it has not announced meanwhile is gone. */
  endRefresh(member: Member): void {
    if (!member.isRefreshing) return;
    member.isRefreshing = false;
    const { paths } = this.#parts;
    for (const row of paths.ofPeer(member.id)) {
      if (paths.round.get(row) !== member.round) this.#remove(member, row);
    }
  }

  /** Judge all paths of a peer again, by the policy that it has now. */
  reconsider(member: Member): void {
    const { paths, sets, table } = this.#parts;
    for (const row of paths.ofPeer(member.id)) {
      const set = sets.get(paths.received.get(row));
      table.read(paths.prefix.get(row), this.#scratch);
      const judge = this.#judgement(member, set);
      this.#judge(member, row, set, judge());
    }
  }

  #withdraw(member: Member, buffer: Uint8Array, start: number, end: number): number {
    const { table, paths } = this.#parts;
    let count = 0;
    for (let at = start; at < end; ) {
      at = readPrefix4(buffer, at, end, this.#scratch);
      const prefix = table.find(this.#scratch);
      const row = prefix === NONE ? NONE : paths.find(prefix, member.id);
      if (row === NONE) continue;
      this.#remove(member, row);
      count++;
    }
    return count;
  }

  #announce(
    member: Member,
    set: AttributeSet,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): number {
    const { table, paths } = this.#parts;
    const judge = this.#judgement(member, set);
    let count = 0;
    for (let at = start; at < end; count++) {
      at = readPrefix4(buffer, at, end, this.#scratch);
      const prefix = table.insert(this.#scratch);
      const known = paths.find(prefix, member.id);
      if (known !== NONE) paths.round.set(known, member.round);
      // The same again changes nothing: policies depend on the route alone.
      if (known !== NONE && paths.received.get(known) === set.id) continue;
      const row = known === NONE ? paths.add(prefix, member.id) : known;
      if (known === NONE) {
        member.received++;
        paths.round.set(row, member.round);
      }
      this.#setReceived(row, set);
      this.#judge(member, row, set, judge());
    }
    return count;
  }

  /** The verdict on the prefix in the scratch record, for one set from one peer. */
  #judgement({ peer }: Member, set: AttributeSet): () => PolicyVerdict {
    const { attributes } = set;
    const refusal = refuse(attributes, peer, this.#parts.identifier);
    if (refusal !== undefined) return () => refusal;
    const route = { prefix: this.#scratch, attributes, source: sourceOf(peer) };
    return () => peer.importPolicy(route);
  }

  #setReceived(row: number, set: AttributeSet): void {
    const { paths, sets } = this.#parts;
    const old = paths.received.get(row);
    sets.hold(set);
    paths.received.set(row, set.id);
    if (old !== NONE) sets.release(old);
  }

  /** Store the verdict on a row and what it makes of the set. */
  #judge(member: Member | undefined, row: number, set: AttributeSet, verdict: PolicyVerdict): void {
    const { paths, sets } = this.#parts;
    const old = paths.used.get(row);
    const used = verdict.accept ? this.#rewritten(set, verdict) : undefined;
    if (used !== undefined) sets.hold(used);
    paths.verdict[row] = verdict;
    paths.used.set(row, used?.id ?? NONE);
    if (member !== undefined) {
      member.accepted += (used === undefined ? 0 : 1) - (old === NONE ? 0 : 1);
    }
    if (old !== (used?.id ?? NONE)) this.#parts.changed(paths.prefix.get(row));
    if (old !== NONE) sets.release(old);
  }

  #rewritten(set: AttributeSet, { rewrite }: PolicyVerdict): AttributeSet {
    if (rewrite === undefined) return set;
    return this.#parts.sets.intern(rewrite(set.attributes));
  }

  #remove(member: Member | undefined, row: number): void {
    const { paths, sets } = this.#parts;
    const prefix = paths.prefix.get(row);
    const received = paths.received.get(row);
    const used = paths.used.get(row);
    paths.remove(row);
    if (member !== undefined) {
      member.received--;
      if (used !== NONE) member.accepted--;
    }
    if (used !== NONE) sets.release(used);
    sets.release(received);
    this.#parts.changed(prefix);
  }
}

/** Where routes of such a peer come from, as policies see it. */
export function sourceOf({ external }: Pick<RibPeer, "external">): RouteSource {
  return external ? "external" : "internal";
}

/** The NOTIFICATION of the first fault that asks for one. */
function resetFor(faults: readonly Fault[]): BgpError {
  const { subcode, message, data } = faults.find(
    ({ verdict }) => verdict === "session reset",
  ) as Fault;
  return new BgpError(UPDATE_MESSAGE_ERROR, subcode, message, data);
}
