/**
 * A reachability matrix for people: whoever sends stands left, whoever is reached on top.
 *
 * Pure. Small labs show each pair of pods as `ICMP/TCP` round trips; larger ones each pair of nodes
 * with `min/median/max`, and beyond a screen's width the median alone.
 */

import type { Cell, Figures, Matrix, Protocol } from "./matrix.ts";
import { alignTable } from "./table.ts";

/** Above this many columns a cell has room for one number. */
const WIDE_COLUMNS = 6;
/** Losses that are spelled out. */
const LOSSES_SHOWN = 10;

/** The totals, and the grid only where it fits a screen or something is lost; for all but the first. */
export function formatMatrixBriefly(matrix: Matrix): string[] {
  const isWide = matrix.level === "node" && columnsOf(matrix) > WIDE_COLUMNS;
  return isWide && matrix.lost === 0 ? totals(matrix) : formatMatrix(matrix);
}

/** Lines without indentation. */
export function formatMatrix(matrix: Matrix): string[] {
  const columns = columnsOf(matrix);
  const grids =
    matrix.level === "pod"
      ? [grid(matrix, "round trips in ms, ICMP/TCP", podCell)]
      : (["icmp", "tcp"] as const).map((protocol) => nodeGrid(matrix, protocol, columns));
  return [...grids.flat(), ...totals(matrix), ...losses(matrix)];
}

function columnsOf({ cells }: Matrix): number {
  return new Set(cells.map(({ to }) => to)).size;
}

function nodeGrid(matrix: Matrix, protocol: Protocol, columns: number): string[] {
  const name = protocol.toUpperCase();
  return columns > WIDE_COLUMNS
    ? grid(matrix, `${name}: median round trip in ms`, (cell) => shortFigures(cell[protocol]))
    : grid(matrix, `${name}: round trips in ms, min/median/max`, (cell) =>
        longFigures(cell[protocol]),
      );
}

function grid(matrix: Matrix, caption: string, show: (cell: Cell) => string): string[] {
  const rows = [...new Set(matrix.cells.map(({ from }) => from))];
  const columns = [...new Set(matrix.cells.map(({ to }) => to))].sort(
    (a, b) => rankIn(rows, a) - rankIn(rows, b),
  );
  const cells = new Map(matrix.cells.map((cell) => [`${cell.from} ${cell.to}`, cell]));
  const body = rows.map((from) => [
    from,
    ...columns.map((to) => {
      const cell = cells.get(`${from} ${to}`);
      return cell === undefined ? "·" : show(cell);
    }),
  ]);
  return [caption, ...alignTable([["", ...columns], ...body], (n) => (n === 0 ? "left" : "right"))];
}

/** Columns in the order of the rows: the first sender's row lacks itself. */
function rankIn(rows: readonly string[], name: string): number {
  const index = rows.indexOf(name);
  return index < 0 ? rows.length : index;
}

function podCell({ icmp, tcp }: Cell): string {
  return icmp.lost > 0 && tcp.lost > 0 ? "LOST" : `${time(icmp)}/${time(tcp)}`;
}

function time(figures: Figures): string {
  return figures.median === null ? "LOST" : ms(figures.median);
}

function shortFigures(figures: Figures): string {
  return figures.lost > 0 ? `LOST ${figures.lost}` : time(figures);
}

function longFigures({ min, median, max, lost, sent }: Figures): string {
  const times = [min, median, max].map((value) => (value === null ? "-" : ms(value))).join("/");
  return lost > 0 ? `${times} LOST ${lost} of ${sent}` : times;
}

function totals({ icmp, tcp, duration }: Matrix): string[] {
  const line = (name: string, figures: Figures): string =>
    `${name}: ${figures.sent - figures.lost} of ${figures.sent} answered, ${longFigures({ ...figures, lost: 0 })} ms`;
  return [`${line("ICMP", icmp)}; ${line("TCP", tcp)}; in ${(duration / 1000).toFixed(2)} s`];
}

function losses({ losses: all }: Matrix): string[] {
  const shown = all
    .slice(0, LOSSES_SHOWN)
    .map(({ protocol, from, to, reason }) => `lost: ${protocol} ${from} → ${to}: ${reason}`);
  const more = all.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(1);
}
