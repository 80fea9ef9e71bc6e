/**
 * Values of the API in the words that tables use.
 */

import type { AddPathAnswer, AttributesAnswer, PathAnswer } from "../resource/answer.ts";
import { type Styled, styled } from "./style.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds as their two largest units: "42s", "3m05s", "3h12m", "12d04h". */
export function formatDuration(milliseconds: number): string {
  const time = Math.max(0, milliseconds);
  if (time < MINUTE) return `${Math.floor(time / SECOND)}s`;
  if (time < HOUR) return inTwo(time, [MINUTE, "m"], [SECOND, "s"]);
  if (time < DAY) return inTwo(time, [HOUR, "h"], [MINUTE, "m"]);
  return inTwo(time, [DAY, "d"], [HOUR, "h"]);
}

type Unit = readonly [length: number, letter: string];

function inTwo(time: number, [large, letter]: Unit, [small, next]: Unit): string {
  const rest = Math.floor((time % large) / small);
  return `${Math.floor(time / large)}${letter}${String(rest).padStart(2, "0")}${next}`;
}

/** "65000 64512", a set as "{64513 64514}"; empty for a route of our own AS. */
export function formatAsPath(path: AttributesAnswer["asPath"]): string {
  return path.map((hop) => (typeof hop === "number" ? hop : `{${hop.join(" ")}}`)).join(" ");
}

/** "1 peer", "3 peers"; `many` for nouns that do not take an s. */
export function countOf(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}

/** The longest list of names that is written out. */
const MOST_NAMES = 4;

/** "n1, n2", or of many the first ones and how many more there are. */
export function listSome(names: readonly string[]): string {
  const left = names.length - MOST_NAMES;
  const list = names.slice(0, MOST_NAMES).join(", ");
  return left > 0 ? `${list} and ${left} more` : list;
}

/** What a session does with several paths of a prefix (RFC 7911): "ADD-PATH: receives and sends all paths". */
export function describeAddPath({ receive, send, count = 1 }: AddPathAnswer): string {
  const sent = {
    All: "sends all paths",
    BestN: `sends the best ${countOf(count, "path")}`,
    ECMP: "sends equal paths",
  };
  const words = [receive ? "receives" : "", send === null ? "" : sent[send]];
  return `ADD-PATH: ${words.filter((word) => word !== "").join(" and ")}`;
}

/** A path's state in its colour, and whether its peer has still to confirm it. */
export function pathState({ state, stale }: Pick<PathAnswer, "state" | "stale">): Styled {
  if (stale !== undefined) {
    return styled(`${state}, ${stale === "long-lived" ? "long-lived stale" : "stale"}`, "warning");
  }
  if (state === "best" || state === "multipath") return styled(state, "good");
  return state === "rejected" ? styled(state, "bad") : state;
}

/** What the kernel has of a route, in its colour. */
export function kernelState(kernel: string): Styled {
  if (kernel.startsWith("not installed")) return styled(kernel, "bad");
  return kernel.startsWith("installed") ? styled(kernel, "good") : kernel;
}

/** Optional numbers of a table: an empty cell where there is none. */
export function formatOptional(value: number | null): string {
  return value === null ? "" : String(value);
}
