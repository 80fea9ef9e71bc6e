/**
 * What one peer does is not felt by another: a flood of UPDATEs, a peer that asks and never reads, one that sends
 * octet by octet, and hundreds of connections, all at once, or more routes that come and go than the kernel takes in
 * stride, while a witness counts the time between KEEPALIVEs.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import type { PeerAnswer, StatusAnswer } from "../../../resource/answer.ts";
import { readExposition, sampleOf } from "../../bgpd/metrics/text-format.ts";
import { configuration, document, documents } from "../../interop/documents.ts";
import { hasManx, type Manx, manxOn } from "../../interop/manx.ts";
import { createNetwork, eventually, type Network } from "../../interop/network.ts";

const bun = process.execPath;
const script = join(import.meta.dir, "assailant.ts");

/** Milliseconds between KEEPALIVEs, and how much later one may be. */
const KEEPALIVE = 1000;
const LATE = 100;
/** How long all of them go on, in KEEPALIVEs to the witness. */
const WATCH = 8;
/** Resident memory that a table of 50,000 prefixes and its queues may take beside the program's own, in MB. */
const MOST_MEMORY = 400;

const ADDRESSES = {
  n1: "172.30.0.11",
  witness: "172.30.0.1",
  flood: "172.30.0.2",
  deaf: "172.30.0.3",
  octets: "172.30.0.4",
  crowd: "172.30.0.5",
  tide: "172.30.0.6",
} as const;

type Kind = Exclude<keyof typeof ADDRESSES, "n1">;

/** Of `ADDRESSES`, in their order: the first has AS 65001. */
const PEERS = ["witness", "flood", "deaf", "octets"] as const;

const peer = (kind: Kind, at: number): string =>
  document(
    "BGPPeer",
    kind,
    `peerIP: ${ADDRESSES[kind]}, asNumber: ${65001 + at}, passive: true, filters: [${kind === "witness" ? "nothing" : "all"}]`,
  );

const CLUSTER = documents(
  configuration("", "holdTime: 3s, keepaliveTime: 1s"),
  document("Node", "n1", "bgp: { ipv4Address: 172.30.0.11/24 }"),
  document("BGPFilter", "nothing", "exportV4: [{ action: Reject }]"),
  document("BGPFilter", "all", "exportV4: [{ action: Accept }], importV4: [{ action: Accept }]"),
  ...PEERS.map(peer),
  peer("tide", 5),
);

let n1: Manx;
let network: Network;

beforeEach(() => {
  const members = Object.entries(ADDRESSES).map(([name, address]) => [name, `${address}/24`]);
  network = createNetwork(Object.fromEntries(members));
  n1 = manxOn(network, "n1");
});

afterEach(async () => {
  await network.remove();
});

function send(kind: Kind, at: number): Subprocess {
  const args = [kind, ADDRESSES[kind], String(65001 + at), ADDRESSES.n1];
  return network.start(kind, kind, [bun, script, ...args]);
}

function gaps(): number[] {
  return [...network.log("witness").matchAll(/^gap (\d+)$/gm)].map(([, gap]) => Number(gap));
}

/** Looks that found the event loop more than 100 ms late. */
async function slowTurns(): Promise<number> {
  const response = await fetch("http://bgpd/metrics", { unix: n1.api });
  const families = readExposition(await response.text());
  const count = (suffix: string, labels = {}): number =>
    sampleOf(families, `manx_bgp_event_loop_lag_seconds_${suffix}`, labels) ?? Number.NaN;
  return count("count") - count("bucket", { le: "0.1" });
}

function residentMegabytes(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}

describe.skipIf(!hasManx)("one peer's doings", () => {
  test("delay nobody's KEEPALIVEs, and cost memory as the table has prefixes", async () => {
    n1.configure(CLUSTER);
    const daemon = n1.start("--fib", "none");
    await eventually("listening", () => n1.log().includes("listening"));
    send("witness", 0);
    await eventually("the witness is up", () => network.log("witness").includes("established"));
    for (const [at, kind] of (["flood", "deaf", "octets", "crowd"] as const).entries()) {
      send(kind, at + 1);
      await eventually(`${kind} is up`, () => network.log(kind).includes("established"));
    }
    const table = (): number => n1.ask<StatusAnswer>("status").rib.prefixes;
    await eventually("the table is full", () => table() >= 50_000, 30_000);
    // A machine that is busy otherwise makes everybody late: what counts is that we can be on time.
    const window = async (): Promise<number> => {
      const before = gaps().length;
      await eventually("watched", () => gaps().length >= before + WATCH, 30_000);
      return Math.max(...gaps().slice(before));
    };
    let worst = await window();
    for (let attempt = 0; attempt < 3 && worst > KEEPALIVE + LATE; attempt++)
      worst = await window();
    expect(worst).toBeLessThanOrEqual(KEEPALIVE + LATE);
    expect(residentMegabytes(daemon.pid)).toBeLessThan(MOST_MEMORY);
    const states = Object.fromEntries(
      n1.ask<PeerAnswer[]>("peers").map(({ name, state }) => [name, state]),
    );
    expect(states).toMatchObject({
      witness: "Established",
      flood: "Established",
      deaf: "Established",
      octets: "Established",
    });
  }, 180_000);

  test("delay nobody's KEEPALIVEs while Linux doubles its table for them, and halves it", async () => {
    n1.configure(CLUSTER);
    n1.start();
    await eventually("listening", () => n1.log().includes("listening"));
    send("witness", 0);
    await eventually("the witness is up", () => network.log("witness").includes("established"));
    const tide = send("tide", 5);
    const flood = 1 << 18;
    const installed = (): number => n1.ask<StatusAnswer>("status").fib.installed;
    // A machine that is busy otherwise makes everybody late: what counts is that we can be on time.
    let late: readonly number[] = [];
    for (let attempt = 0; attempt < 4; attempt++) {
      const [before, turns] = [gaps().length, await slowTurns()];
      await eventually("they are in the kernel", () => installed() === flood, 60_000);
      tide.kill("SIGUSR1");
      await eventually("they are gone", () => installed() === 0, 60_000);
      late = gaps()
        .slice(before)
        .filter((gap) => gap > KEEPALIVE + LATE);
      if (late.length === 0 && (await slowTurns()) === turns) return;
      tide.kill("SIGUSR1");
    }
    throw new Error(
      `KEEPALIVEs came after ${late.join(", ")} ms, ${await slowTurns()} turns took long`,
    );
  }, 300_000);
});
