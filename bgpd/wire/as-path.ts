/**
 * AS_PATH and AS4_PATH (RFC 4271 section 4.3 b, RFC 5065, RFC 6793).
 *
 * A path is segments of: type (1 octet), number of ASes (1 octet), the ASes (2 or 4 octets each).
 */

import type { AsSegment } from "./attributes.ts";
import { AS_TRANS } from "./const.ts";
import { type Octets, u16, u32, writeU16, writeU32 } from "./octets.ts";

/** By the octet that stands for it. */
const TYPES: readonly (AsSegment["type"] | undefined)[] = [
  undefined,
  "set",
  "sequence",
  "confederation sequence",
  "confederation set",
];

const LONGEST_SEGMENT = 255;

/**
 * Read segments of `octets`-wide AS numbers. Undefined when malformed: an unknown type, no AS in a segment,
 * too few or too many octets (RFC 7606 section 7.2).
 */
export function decodeAsPath(
  { buffer, start, end }: Octets,
  octets: 2 | 4,
): AsSegment[] | undefined {
  const segments: AsSegment[] = [];
  for (let at = start; at < end; ) {
    if (at + 2 > end) return undefined;
    const type = TYPES[buffer[at] ?? 0];
    const count = buffer[at + 1] ?? 0;
    const after = at + 2 + count * octets;
    if (type === undefined || count === 0 || after > end) return undefined;
    const asNumbers: number[] = [];
    for (let i = at + 2; i < after; i += octets) {
      asNumbers.push(octets === 4 ? u32(buffer, i) : u16(buffer, i));
    }
    segments.push({ type, asNumbers });
    at = after;
  }
  return segments;
}

/** Write segments at `at`; the offset after them. AS numbers that do not fit into two octets become AS_TRANS. */
export function writeAsPath(
  target: Uint8Array,
  at: number,
  path: readonly AsSegment[],
  octets: 2 | 4,
): number {
  let end = at;
  for (const { type, asNumbers } of path) {
    const code = TYPES.indexOf(type);
    for (let from = 0; from < asNumbers.length; from += LONGEST_SEGMENT) {
      const to = Math.min(asNumbers.length, from + LONGEST_SEGMENT);
      target[end] = code;
      target[end + 1] = to - from;
      end += 2;
      for (let index = from; index < to; index++) {
        const asNumber = asNumbers[index] ?? 0;
        if (octets === 4) end = writeU32(target, end, asNumber);
        else end = writeU16(target, end, asNumber > 0xffff ? AS_TRANS : asNumber);
      }
    }
  }
  return end;
}

/** Length for the decision: a set counts one, confederation segments none (RFC 5065 section 5.3). */
export function asPathLength(path: readonly AsSegment[]): number {
  let length = 0;
  for (const { type, asNumbers } of path) {
    if (type === "sequence") length += asNumbers.length;
    else if (type === "set") length++;
  }
  return length;
}

/** Whether two paths have the same segments with the same AS numbers. */
export function isSamePath(a: readonly AsSegment[], b: readonly AsSegment[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ type, asNumbers }, index) => {
      const other = b[index];
      return (
        type === other?.type &&
        asNumbers.length === other.asNumbers.length &&
        asNumbers.every((asNumber, at) => asNumber === other.asNumbers[at])
      );
    })
  );
}

/** Whether a segment leaves its confederation; others have no place in AS4_PATH (RFC 6793 section 6). */
export function isTold({ type }: AsSegment): boolean {
  return type === "sequence" || type === "set";
}

/** Whether every AS number fits into two octets. */
export function isTwoOctetPath(path: readonly AsSegment[]): boolean {
  return path.every(({ asNumbers }) => asNumbers.every((asNumber) => asNumber <= 0xffff));
}

/** `asNumber` in front of the path, `count` times (RFC 4271 section 5.1.2). */
export function prependAs(
  path: readonly AsSegment[],
  asNumber: number,
  count = 1,
): readonly AsSegment[] {
  const added = Array<number>(count).fill(asNumber);
  const [first, ...rest] = path;
  if (first?.type === "sequence" && first.asNumbers.length + count <= LONGEST_SEGMENT) {
    return [{ type: "sequence", asNumbers: [...added, ...first.asNumbers] }, ...rest];
  }
  return [{ type: "sequence", asNumbers: added }, ...path];
}

/** Whether an AS number is for private use (RFC 6996 section 5). */
export function isPrivateAs(asNumber: number): boolean {
  return (
    (asNumber >= 64_512 && asNumber <= 65_534) ||
    (asNumber >= 4_200_000_000 && asNumber <= 4_294_967_294)
  );
}

/** The path without private AS numbers; `except`, the peer's own, stays, for it finds loops by it. */
export function removePrivateAs(path: readonly AsSegment[], except: number): readonly AsSegment[] {
  return path.flatMap(({ type, asNumbers }) => {
    const kept = asNumbers.filter((one) => one === except || !isPrivateAs(one));
    return kept.length === 0 ? [] : [{ type, asNumbers: kept }];
  });
}

/** The path with each `before` replaced by `after`. */
export function replaceAs(
  path: readonly AsSegment[],
  before: number,
  after: number,
): readonly AsSegment[] {
  return path.map(({ type, asNumbers }) => ({
    type,
    asNumbers: asNumbers.map((one) => (one === before ? after : one)),
  }));
}

/**
 * The true path from what two-octet speakers carried: the leading part of AS_PATH that AS4_PATH does
 * not cover, then AS4_PATH; AS_PATH alone when it is the shorter one
 * (RFC 6793 section 4.2.3; a set counts one and confederations none, as in the decision).
 */
export function mergeAs4Path(
  path: readonly AsSegment[],
  path4: readonly AsSegment[],
): readonly AsSegment[] {
  let lead = asPathLength(path) - asPathLength(path4);
  if (lead < 0) return path;
  const merged: AsSegment[] = [];
  for (const segment of path) {
    // Confederation segments count nothing: in front, or next to what is kept, they are kept as well.
    if (!isTold(segment)) {
      merged.push(segment);
      continue;
    }
    if (lead === 0) break;
    if (segment.type === "set") {
      merged.push(segment);
      lead--;
      continue;
    }
    const part = segment.asNumbers.slice(0, lead);
    merged.push({ type: "sequence", asNumbers: part });
    lead -= part.length;
    if (part.length < segment.asNumbers.length) break;
  }
  return joinSequences([...merged, ...path4]);
}

function joinSequences(path: readonly AsSegment[]): AsSegment[] {
  const joined: AsSegment[] = [];
  for (const segment of path) {
    const last = joined.at(-1);
    if (last?.type === "sequence" && segment.type === "sequence") {
      joined[joined.length - 1] = {
        type: "sequence",
        asNumbers: [...last.asNumbers, ...segment.asNumbers],
      };
    } else {
      joined.push(segment);
    }
  }
  return joined;
}
