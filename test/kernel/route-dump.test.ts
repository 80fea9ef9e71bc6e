/** How dumps that are read in parts end: the connection is theirs alone, and nobody else closes it. */

import { beforeEach, expect, test } from "bun:test";
import type { DumpPart, NetlinkConnection } from "../../kernel/conn.ts";
import { KernelError, type Route, type RouteDump } from "../../kernel/kernel.ts";
import { dumpRoutes } from "../../kernel/route-dump.ts";
import { parsePrefix } from "../../lib/prefix.ts";

const refused = new KernelError("dump 26 (EPERM)", "EPERM", 1);
const missing = new KernelError("dump 26 (ENOENT)", "ENOENT", 2);
const route: Route = {
  destination: parsePrefix("10.0.0.0/24"),
  table: 254,
  protocol: 77,
  metric: 1024,
  scope: "global",
  type: "blackhole",
  nextHops: [],
};
const filter = { family: 4, table: undefined, protocol: undefined } as const;
const part = (more: Partial<DumpPart<Route>> = {}): DumpPart<Route> => ({
  items: [route],
  interrupted: false,
  isLast: false,
  ...more,
});

/** What the connection answers: to the beginning, and then to each read. */
type Answer = KernelError | DumpPart<Route> | "begun";

/** How often the connection was closed. */
let closed = 0;
/** Dumps that said that they were over. */
let over: RouteDump[];

beforeEach(() => {
  closed = 0;
  over = [];
});

function begin(...answers: Answer[]): RouteDump {
  const answer = () => {
    const next = answers.shift();
    if (next instanceof KernelError) throw next;
    return next;
  };
  const connection = { beginDump: answer, readPart: answer, close: () => closed++ };
  return dumpRoutes(connection as unknown as NetlinkConnection, filter, (dump) => over.push(dump));
}

test("one that cannot begin throws why, and its connection is closed", () => {
  expect(() => begin(refused)).toThrow(refused);
  expect([closed, over.length]).toEqual([1, 1]);
});

test.each([
  ["at once", []],
  ["in the middle", [part()]],
])("one that fails %s throws why, is over, and its connection is closed once", (_, parts) => {
  const dump = begin("begun", ...parts, refused);
  for (const { items } of parts) expect(dump.next()).toEqual(items);
  expect([closed, over.length]).toEqual([0, 0]);
  expect(() => dump.next()).toThrow(refused);
  expect([closed, over]).toEqual([1, [dump]]);
  expect(dump.next()).toBeUndefined();
  dump.close();
  expect([closed, over.length]).toEqual([1, 1]);
});

test.each([
  ["whose last part was read", [part({ isLast: true })], [[route]]],
  ["of a table that nobody has put a route into", [missing], [[]]],
])("one %s is over with that", (_, answers, told) => {
  const dump = begin("begun", ...answers);
  for (const items of told) expect(dump.next()).toEqual(items);
  expect([closed, over]).toEqual([1, [dump]]);
  expect(dump.next()).toBeUndefined();
});

test("one is torn from the first part on that was interrupted", () => {
  const dump = begin("begun", part(), part({ interrupted: true }), part({ isLast: true }));
  const torn = [1, 2, 3].map(() => {
    dump.next();
    return dump.isTorn;
  });
  expect(torn).toEqual([false, true, true]);
});
