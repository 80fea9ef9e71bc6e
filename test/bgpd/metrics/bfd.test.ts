/** Lateness of all BFD sessions, added up while sessions come, begin anew and go. */

import { expect, test } from "bun:test";
import type { SessionStatus } from "../../../bgpd/bfd/bfd.ts";
import { LATENESS_BOUNDS, LatenessRecord } from "../../../bgpd/bfd/lateness.ts";
import { bfdSource } from "../../../bgpd/metrics/bfd.ts";
import { countOf } from "../../../lib/histogram.ts";

const STATUS: Omit<SessionStatus, "lateness"> = {
  state: "Up",
  since: 0,
  diagnostic: "",
  remoteState: "Up",
  remoteDiagnostic: "",
  localDiscriminator: 1,
  remoteDiscriminator: 2,
  multihop: false,
  authentication: undefined,
  transmitInterval: 100,
  detectionTime: 300,
  failures: 0,
  packets: { sent: 0, received: 0, discarded: 0 },
  lastFault: "",
};

test("the sum grows by what each session counted, and never falls", () => {
  const records = new Map([
    ["tor", new LatenessRecord()],
    ["n2", new LatenessRecord()],
  ]);
  const source = bfdSource({
    // Only their names are looked at.
    neighbours: new Map([...records.keys()].map((name) => [name, undefined as never])),
    liveness: {
      status: (name) => {
        const record = records.get(name);
        return record === undefined ? undefined : { ...STATUS, lateness: record.read() };
      },
    },
  });
  const [metric] = source.histograms;
  const collect = (): [number, number] => {
    source.collect(() => {});
    return [countOf(metric!.histogram), Math.round(metric!.histogram.sum * 1000)];
  };
  expect(metric?.histogram.bounds).toEqual(LATENESS_BOUNDS.map((bound) => bound / 1000));
  records.get("tor")?.note(0, 3);
  records.get("n2")?.note(0, 700);
  expect(collect()).toEqual([2, 703]);
  expect(collect()).toEqual([2, 703]);
  records.get("tor")?.note(0, 4);
  records.get("tor")?.note(0, 1);
  expect(collect()).toEqual([4, 708]);
  // Begun anew, with less than before; and gone.
  const again = new LatenessRecord();
  again.note(0, 10);
  records.set("tor", again);
  records.delete("n2");
  expect(collect()).toEqual([5, 718]);
  expect(metric?.histogram.counts).toEqual([1, 0, 2, 1, 0, 0, 0, 0, 0, 1]);
});

test("sessions are counted by state", () => {
  const states = new Map<string, SessionStatus["state"]>([
    ["a", "Up"],
    ["b", "Up"],
    ["c", "Down"],
  ]);
  const source = bfdSource({
    neighbours: new Map([...states.keys(), "without"].map((name) => [name, undefined as never])),
    liveness: {
      status: (name) => {
        const state = states.get(name);
        const lateness = new LatenessRecord().read();
        return state === undefined ? undefined : { ...STATUS, state, lateness };
      },
    },
  });
  const seen: Record<string, number> = {};
  source.collect((_, value, labels) => {
    seen[labels?.state ?? ""] = value;
  });
  expect(seen).toEqual({ AdminDown: 0, Down: 1, Init: 0, Up: 2 });
});
