/**
 * UPDATEs as they arrive: judged as a whole, then taken family by family.
 *
 * Nothing is applied before the attributes are judged, and no record is made of a prefix.
 */

import type { Family } from "../../lib/address.ts";
import { worst } from "../wire/attribute.ts";
import type { Fault } from "../wire/attributes.ts";
import { UPDATE_MESSAGE_ERROR } from "../wire/const.ts";
import type { WireContext } from "../wire/context.ts";
import { BgpError } from "../wire/error.ts";
import {
  announcementIn,
  createRanges,
  endOfRibIn,
  hasAttributes,
  readUpdate,
  type UpdateRanges,
} from "../wire/update.ts";
import type { AdjIn } from "./adj-in.ts";
import type { AttributeSet } from "./attribute-set.ts";
import type { AttributeSets, Received } from "./attribute-sets.ts";
import type { Member } from "./member.ts";
import { NoRoom } from "./room.ts";
import type { ReceiveSummary } from "./route.ts";

/** A peer's place in the tables of one family. */
export type Place = { readonly adjIn: AdjIn; readonly member: Member };

/** Undefined for a family that the session does not carry. */
export type PlaceOf = (family: Family | undefined) => Place | undefined;

const NO_WORDS: readonly string[] = [];

/** Made once: an UPDATE in a million costs no list. */
const FAMILIES: readonly (readonly Family[])[] = [[], [4], [6], [4, 6]];
const FAMILY: Readonly<Record<Family, readonly Family[]>> = { 4: [4], 6: [6] };

export class Receiver {
  readonly #sets: AttributeSets;
  readonly #ranges = createRanges();

  constructor(sets: AttributeSets) {
    this.#sets = sets;
  }

  /**
   * Take the UPDATE body `buffer[start..end)` of a session. Throws `BgpError` where RFC 7606 asks for a
   * session reset.
   */
  receive(
    placeOf: PlaceOf,
    wire: WireContext,
    buffer: Uint8Array,
    range: readonly [start: number, end: number],
  ): ReceiveSummary {
    const ranges = this.#ranges;
    readUpdate(buffer, range, wire, ranges);
    const endOfRib = endOfRibIn(ranges);
    if (endOfRib !== undefined)
      return summaryOf(FAMILY[endOfRib], 0, 0, 0, ranges.faults, endOfRib);
    const families = familiesIn(ranges);
    const announcement = announcementIn(ranges);
    if (announcement === "nothing" && !hasAttributes(ranges)) {
      const withdrawn = this.#withdraw(placeOf, buffer);
      return summaryOf(families, 0, withdrawn, 0, ranges.faults);
    }
    const received = this.#sets.receive(buffer, ranges, announcement, wire);
    // What is announced in both places has the same attributes but for the next hop.
    const inReach =
      announcement === "nlri" && ranges.reach.family !== undefined
        ? this.#sets.receive(buffer, ranges, "reach", wire)
        : received;
    const faults = faultsOf(ranges.faults, received, inReach);
    try {
      const disposition = faults.length === 0 ? undefined : worst(faults);
      if (disposition === "session reset") throw resetFor(faults);
      const isVoid = disposition === "treat as withdraw";
      const withdrawn = this.#withdraw(placeOf, buffer);
      const { nlriStart, nlriEnd, reach } = ranges;
      const inBody = isVoid ? undefined : received.set;
      const inAttribute = isVoid ? undefined : inReach.set;
      const count =
        this.#take(placeOf(4), inBody, buffer, nlriStart, nlriEnd) +
        this.#take(placeOf(reach.family), inAttribute, buffer, reach.nlriStart, reach.end);
      const isLost = isVoid || received.set === undefined;
      return summaryOf(families, isLost ? 0 : count, withdrawn, isLost ? count : 0, faults);
    } catch (error) {
      if (!(error instanceof NoRoom)) throw error;
      return { ...summaryOf(families, 0, 0, 0, faults), limit: "no room" };
    } finally {
      // Whether or not a prefix came to hold them: one of the body may turn out to be malformed.
      this.#dropUnheld(received);
      if (inReach !== received) this.#dropUnheld(inReach);
    }
  }

  #dropUnheld({ set }: Received): void {
    if (set !== undefined) this.#sets.dropUnheld(set);
  }

  #withdraw(placeOf: PlaceOf, buffer: Uint8Array): number {
    const { withdrawnStart, withdrawnEnd, unreach } = this.#ranges;
    const { family, nlriStart, end } = unreach;
    return (
      this.#take(placeOf(4), undefined, buffer, withdrawnStart, withdrawnEnd) +
      this.#take(placeOf(family), undefined, buffer, nlriStart, end)
    );
  }

  /** Announce the prefixes of a range with a set, or withdraw them without one; how many they are. */
  #take(
    place: Place | undefined,
    set: AttributeSet | undefined,
    buffer: Uint8Array,
    start: number,
    end: number,
  ): number {
    if (place === undefined || start >= end) return 0;
    const { adjIn, member } = place;
    return set === undefined
      ? adjIn.withdraw(member, buffer, start, end)
      : adjIn.announce(member, set, buffer, start, end);
  }
}

function summaryOf(
  families: readonly Family[],
  announced: number,
  withdrawn: number,
  treatedAsWithdraw: number,
  faults: readonly Fault[],
  endOfRib?: Family,
): ReceiveSummary {
  const words = faults.length === 0 ? NO_WORDS : faults.map(({ message }) => message);
  return { announced, withdrawn, treatedAsWithdraw, faults: words, families, endOfRib };
}

/** Of which families it has prefixes, to announce or to withdraw. */
function familiesIn(ranges: UpdateRanges): readonly Family[] {
  const { withdrawnStart, withdrawnEnd, nlriStart, nlriEnd, reach, unreach } = ranges;
  const hasBody = withdrawnStart < withdrawnEnd || nlriStart < nlriEnd;
  const has4 = hasBody || reach.family === 4 || unreach.family === 4;
  const has6 = reach.family === 6 || unreach.family === 6;
  return FAMILIES[(has4 ? 1 : 0) + (has6 ? 2 : 0)] ?? [];
}

/** Mostly there is none, and then nothing is made. */
function faultsOf(
  ofRanges: readonly Fault[],
  received: Received,
  inReach: Received,
): readonly Fault[] {
  const more = inReach === received ? ofRanges : [...ofRanges, ...inReach.faults];
  return more.length === 0 ? received.faults : [...received.faults, ...more];
}

/** The NOTIFICATION of the first fault that asks for one. */
function resetFor(faults: readonly Fault[]): BgpError {
  const { subcode, message, data } = faults.find(
    ({ verdict }) => verdict === "session reset",
  ) as Fault;
  return new BgpError(UPDATE_MESSAGE_ERROR, subcode, message, data);
}
