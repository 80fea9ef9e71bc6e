/**
 * A chart with two logarithmic axes, as SVG 1.1 text: curves of measured points, a legend, a grid. Pure.
 *
 * It has a background of its own and colours for both schemes, so that it can be read on a light page and on a dark one.
 */

import type { Point } from "./fit.ts";

export type Series = { readonly name: string; readonly points: readonly Point[] };

export type Chart = {
  readonly title: string;
  /** What is along each axis, with its unit. */
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
};

const WIDTH = 720;
const HEIGHT = 440;
/** Of the plot. */
const BOX = { left: 74, right: WIDTH - 24, top: 64, bottom: HEIGHT - 58 };
const MARK = 4;

/** Colours that the colour-blind tell apart (Okabe and Ito), by series; and marks, for print. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];
const STYLE = `
.back { fill: #ffffff } .grid { stroke: #d8dee4 } .minor { stroke: #eff2f5 } .axis { stroke: #57606a }
text { fill: #1f2328; font: 13px sans-serif } .title { font-size: 16px; font-weight: bold }
${COLOURS.map((colour, at) => `.s${at} { stroke: ${colour}; fill: ${colour} }`).join(" ")}
polyline { fill: none !important; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
.back { fill: #0d1117 } .grid { stroke: #30363d } .minor { stroke: #1b2028 } .axis { stroke: #8b949e }
text { fill: #e6edf3 } .s0 { stroke: #56b4e9; fill: #56b4e9 } .s1 { stroke: #ff8c42; fill: #ff8c42 }
}
`.trim();

/** The chart. Points that are not above 0 have no place on it. Throws when none has. */
export function drawChart({ title, x, y, series }: Chart): string {
  const shown = series.map(({ name, points }) => ({
    name,
    points: points.filter((point) => point.x > 0 && point.y > 0).toSorted((a, b) => a.x - b.x),
  }));
  const all = shown.flatMap(({ points }) => points);
  if (all.length === 0)
    throw new Error(`chart ${JSON.stringify(title)}: there is no point to draw`);
  const along = scaleOf(
    all.map((point) => point.x),
    BOX.left,
    BOX.right,
  );
  const up = scaleOf(
    all.map((point) => point.y),
    BOX.bottom,
    BOX.top,
  );
  const middle = (BOX.left + BOX.right) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="back" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="${middle}" y="24" text-anchor="middle">${escaped(title)}</text>`,
    ...along.ticks.flatMap(({ at, label }) => vertical(at, label)),
    ...up.ticks.flatMap(({ at, label }) => horizontal(at, label)),
    `<path class="axis" fill="none" d="M${BOX.left} ${BOX.top}V${BOX.bottom}H${BOX.right}"/>`,
    `<text x="${middle}" y="${HEIGHT - 14}" text-anchor="middle">${escaped(x)}</text>`,
    `<text transform="translate(18 ${(BOX.top + BOX.bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
    ...shown.flatMap(({ name, points }, index) => [
      ...curve(
        points.map((point) => ({ x: along.place(point.x), y: up.place(point.y) })),
        index,
      ),
      ...legend(name, index),
    ]),
    "</svg>",
    "",
  ].join("\n");
}

type Tick = { readonly at: number; readonly label?: string };

type Scale = { place(value: number): number; readonly ticks: readonly Tick[] };

/** From the place `from` to the place `to`, with a little room at both ends. */
function scaleOf(values: readonly number[], from: number, to: number): Scale {
  const room = 0.06 * Math.max(1, Math.log10(Math.max(...values) / Math.min(...values)));
  const low = Math.log10(Math.min(...values)) - room;
  const high = Math.log10(Math.max(...values)) + room;
  const place = (value: number): number =>
    round(from + ((Math.log10(value) - low) / (high - low)) * (to - from));
  const ticks: Tick[] = [];
  for (let decade = Math.floor(low); decade <= Math.ceil(high); decade++) {
    for (let digit = 1; digit < 10; digit++) {
      const value = digit * 10 ** decade;
      if (Math.log10(value) < low || Math.log10(value) > high) continue;
      // Where there are few powers of ten, some of what is between has its number as well.
      const isNamed = digit === 1 || (high - low < 2.5 && (digit === 2 || digit === 5));
      ticks.push({ at: place(value), ...(isNamed ? { label: shortNumber(value) } : {}) });
    }
  }
  return { place, ticks };
}

/** 2000000 as 2M, 30000 as 30k, 0.05 as it is. */
export function shortNumber(value: number): string {
  for (const [unit, name] of [
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (value >= unit) return `${Number((value / unit).toPrecision(3))}${name}`;
  }
  return String(Number(value.toPrecision(3)));
}

function vertical(at: number, label: string | undefined): string[] {
  const line = `<path class="${label === undefined ? "minor" : "grid"}" d="M${at} ${BOX.top}V${BOX.bottom}"/>`;
  if (label === undefined) return [line];
  return [line, `<text x="${at}" y="${BOX.bottom + 18}" text-anchor="middle">${label}</text>`];
}

function horizontal(at: number, label: string | undefined): string[] {
  const line = `<path class="${label === undefined ? "minor" : "grid"}" d="M${BOX.left} ${at}H${BOX.right}"/>`;
  if (label === undefined) return [line];
  return [line, `<text x="${BOX.left - 8}" y="${at + 4}" text-anchor="end">${label}</text>`];
}

function curve(places: readonly Point[], index: number): string[] {
  const colour = `s${index % COLOURS.length}`;
  const line = places.map(({ x, y }) => `${x},${y}`).join(" ");
  return [
    `<polyline class="${colour}" points="${line}"/>`,
    ...places.map(({ x, y }) => mark(x, y, index)),
  ];
}

/** Above the plot, side by side. */
function legend(name: string, index: number): string[] {
  const x = BOX.left + 14 + 130 * index;
  return [mark(x, 46, index), `<text x="${x + 12}" y="50">${escaped(name)}</text>`];
}

function mark(x: number, y: number, index: number): string {
  const colour = `class="s${index % COLOURS.length}"`;
  if (index % 2 === 0) return `<circle ${colour} cx="${x}" cy="${y}" r="${MARK}"/>`;
  return `<rect ${colour} x="${round(x - MARK)}" y="${round(y - MARK)}" width="${2 * MARK}" height="${2 * MARK}"/>`;
}

function round(place: number): number {
  return Math.round(place * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
