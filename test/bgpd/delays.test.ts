/** How long changes take, by hand: each case is a sequence of what the daemon tells, with its times. */

import { beforeEach, describe, expect, test } from "bun:test";
import { Delays } from "../../bgpd/delays.ts";
import type { BestChange } from "../../bgpd/rib/route.ts";
import { countOf, type Histogram } from "../../lib/histogram.ts";
import { parsePrefix } from "../../lib/prefix.ts";

const prefix = parsePrefix("10.244.1.0/24");
const OWN: BestChange = { prefix, best: { source: "local", nextHop: undefined, peer: "" } };
const LEARNED: BestChange = {
  prefix,
  best: { source: "internal", nextHop: undefined, peer: "n2" },
};

let now: number;
let delays: Delays;

beforeEach(() => {
  now = 1000;
  delays = new Delays(() => now);
});

/** Count and sum, in milliseconds. */
function seen(histogram: Histogram): [number, number] {
  return [countOf(histogram), Math.round(histogram.sum * 1000)];
}

function turned(deciding: boolean, installing: boolean, installs: number | undefined): void {
  delays.turned({ deciding, installing, installs });
}

describe("UPDATE in to route in the kernel", () => {
  test("is counted once per batch, from its oldest UPDATE to the last route", () => {
    delays.received();
    now += 5;
    delays.received();
    turned(true, false, 0);
    now += 5;
    turned(false, true, 512);
    now += 30;
    turned(false, false, 600);
    expect(seen(delays.installation)).toEqual([1, 40]);
  });

  test("of a batch that arrives while another is installed begins with its own first UPDATE", () => {
    delays.received();
    turned(false, true, 512);
    now += 10;
    delays.received();
    now += 10;
    turned(true, false, 600);
    expect(seen(delays.installation)).toEqual([1, 20]);
    now += 10;
    turned(false, false, 601);
    expect(seen(delays.installation)).toEqual([2, 40]);
  });

  test("is not counted for UPDATEs that put no route into the kernel, now or later", () => {
    delays.received();
    turned(false, false, 0);
    now += 60_000;
    turned(false, false, 7);
    delays.received();
    turned(false, false, 7);
    expect(seen(delays.installation)).toEqual([0, 0]);
  });

  test("is not counted without a FIB", () => {
    delays.received();
    turned(false, false, undefined);
    expect(seen(delays.installation)).toEqual([0, 0]);
  });
});

describe("block published to first UPDATE out", () => {
  test("is counted at the first message after the decision, and once", () => {
    delays.published();
    now += 4;
    delays.sent(4);
    delays.chosen(LEARNED);
    delays.sent(4);
    turned(true, false, 0);
    now += 4;
    delays.chosen(LEARNED);
    delays.chosen(OWN);
    now += 1;
    delays.sent(4);
    delays.sent(4);
    turned(false, false, 0);
    expect(seen(delays.announcement)).toEqual([1, 9]);
  });

  test("is not counted by messages of the other family", () => {
    delays.published();
    delays.chosen(OWN);
    delays.sent(6);
    turned(false, false, 0);
    expect(seen(delays.announcement)).toEqual([0, 0]);
  });

  test("is not counted where nobody was there to be told, however late somebody comes", () => {
    delays.published();
    delays.chosen(OWN);
    turned(false, false, 0);
    now += 60_000;
    delays.chosen(OWN);
    delays.sent(4);
    turned(false, false, 0);
    expect(seen(delays.announcement)).toEqual([0, 0]);
  });

  test("is not counted for a block that changes nothing", () => {
    delays.published();
    turned(false, false, 0);
    now += 1000;
    delays.chosen(OWN);
    delays.sent(4);
    expect(seen(delays.announcement)).toEqual([0, 0]);
  });
});

test("a lost session is counted when the table and the kernel are rid of its routes", () => {
  delays.lost();
  now += 5;
  turned(true, true, 0);
  now += 5;
  turned(false, true, 0);
  now += 5;
  turned(false, false, 0);
  expect(seen(delays.removal)).toEqual([1, 15]);
  turned(false, false, 0);
  expect(seen(delays.removal)).toEqual([1, 15]);
});
