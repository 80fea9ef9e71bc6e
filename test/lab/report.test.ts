/** The record's verdict, and its text as a whole. */

import { describe, expect, test } from "bun:test";
import { allPairs, type Matrix, type Party, summarize } from "../../lab/matrix.ts";
import { emptyReport, judge, type LabReport } from "../../lab/report.ts";
import { formatReport } from "../../lab/report-text.ts";

const parties: Party[] = [
  { name: "n1-1", place: "n1", role: "pod" },
  { name: "n2-1", place: "n2", role: "pod" },
  { name: "outside", place: "outside", role: "outside" },
];

function matrix(lost: number): Matrix {
  const outcomes = allPairs(parties).flatMap((pair, index) =>
    (["icmp", "tcp"] as const).map((protocol) => ({
      ...pair,
      protocol,
      roundTrip: index < lost ? undefined : 0.05,
      reason: index < lost ? "no answer within 1000 ms" : "",
    })),
  );
  return summarize(parties, outcomes, 2);
}

const node = (number: number) => ({
  name: `n${number}`,
  address: `172.30.0.1${number}`,
  asNumber: 64512,
  blocks: [`10.244.${number}.0/24`],
  pods: [{ name: `n${number}-1`, address: `10.244.${number}.1` }],
});
const session = (owner: string, peer: string, address: string, remoteAs: number) => ({
  node: owner,
  peer,
  address,
  remoteAs,
  state: "Established" as const,
  since: 1000,
  holdTime: 3,
  keepaliveTime: 1,
  prefixes: { received: 1, accepted: 1, best: 1, advertised: 1 },
});

const complete: LabReport = {
  ...emptyReport(),
  router: {
    name: "tor",
    software: "bird",
    detail: "BIRD 2.0.12",
    asNumber: 65000,
    address: "172.30.0.1",
  },
  outside: { name: "outside", address: "192.0.2.10", prefix: "192.0.2.0/24" },
  nodes: [node(1), node(2)],
  startup: 2345,
  sessions: [
    session("n1", "mesh n2", "172.30.0.12", 64512),
    session("n1", "tor", "172.30.0.1", 65000),
    session("n2", "mesh n1", "172.30.0.11", 64512),
    session("n2", "tor", "172.30.0.1", 65000),
  ],
  tables: [
    {
      name: "n1",
      routes: [
        {
          destination: "10.244.1.0/24",
          type: "blackhole",
          via: [],
          protocol: "manx",
          metric: 1024,
        },
        {
          destination: "10.244.2.0/24",
          type: "unicast",
          via: ["172.30.0.12 dev eth0"],
          protocol: "manx",
          metric: 1024,
        },
      ],
    },
  ],
  reachability: matrix(0),
  failure: {
    node: "n2",
    withdrawn: [
      { name: "n1", after: 2910 },
      { name: "tor", after: 3020 },
    ],
    reachability: matrix(0),
  },
  recovery: {
    returned: [
      { name: "n1", after: 1100 },
      { name: "n2", after: 1200 },
      { name: "tor", after: 900 },
    ],
    whole: 1250,
    reachability: matrix(0),
  },
};

describe("verdict", () => {
  test("a complete run without losses is ok", () => {
    expect(judge(complete)).toMatchObject({ ok: true, faults: [] });
  });

  test("a run that did not get to its end is not ok", () => {
    expect(judge({ ...complete, recovery: null }).ok).toBe(false);
    expect(judge(emptyReport()).ok).toBe(false);
  });

  test("a fault makes it not ok", () => {
    expect(judge({ ...complete, faults: ["sessions: none"] }).ok).toBe(false);
  });

  const sections: { name: string; says: string; report: LabReport }[] = [
    {
      name: "at first",
      says: "reachability: 4 of 8 probes lost",
      report: { ...complete, reachability: matrix(2) },
    },
    {
      name: "while cut",
      says: "with the uplink cut: 2 of 8 probes lost",
      report: { ...complete, failure: { ...complete.failure!, reachability: matrix(1) } },
    },
    {
      name: "after mending",
      says: "healed: 2 of 8 probes lost",
      report: { ...complete, recovery: { ...complete.recovery!, reachability: matrix(1) } },
    },
  ];
  for (const { name, says, report } of sections) {
    test(`probes lost ${name} make it not ok, and say so`, () => {
      expect(judge(report)).toMatchObject({ ok: false, faults: [says] });
    });
  }
});

describe("text", () => {
  test("a complete run", () => {
    expect(formatReport(judge(complete))).toMatchInlineSnapshot(`
      "Cluster (up after 2.35 s)
        NODE     ADDRESS      AS        BLOCK          PODS
        n1       172.30.0.11  AS 64512  10.244.1.0/24  n1-1 10.244.1.1
        n2       172.30.0.12  AS 64512  10.244.2.0/24  n2-1 10.244.2.1
        tor      172.30.0.1   AS 65000  192.0.2.0/24   BIRD 2.0.12
        outside  192.0.2.10                            behind tor

      Sessions: 4 of 4 Established
        NODE  PEER     ADDRESS      AS     STATE        HOLD  RECEIVED  SENT
        n1    mesh n2  172.30.0.12  64512  Established  3 s          1     1
        n1    tor      172.30.0.1   65000  Established  3 s          1     1
        n2    mesh n1  172.30.0.11  64512  Established  3 s          1     1
        n2    tor      172.30.0.1   65000  Established  3 s          1     1

      Kernel routes
        KERNEL  DESTINATION    WAY                   PROTOCOL
        n1      10.244.1.0/24  blackhole             manx
        n1      10.244.2.0/24  172.30.0.12 dev eth0  manx

      Reachability
        round trips in ms, ICMP/TCP
                      n1-1       n2-1
        n1-1             ·  0.05/0.05
        n2-1     0.05/0.05          ·
        outside  0.05/0.05  0.05/0.05
        ICMP: 4 of 4 answered, 0.05/0.05/0.05 ms; TCP: 4 of 4 answered, 0.05/0.05/0.05 ms; in 0.00 s

      Uplink of n2 cut
        routes withdrawn 2.91 s (n1, first) to 3.02 s (tor, last) after the cut
        round trips in ms, ICMP/TCP
                      n1-1       n2-1
        n1-1             ·  0.05/0.05
        n2-1     0.05/0.05          ·
        outside  0.05/0.05  0.05/0.05
        ICMP: 4 of 4 answered, 0.05/0.05/0.05 ms; TCP: 4 of 4 answered, 0.05/0.05/0.05 ms; in 0.00 s

      Uplink of n2 mended
        routes back 0.90 s (tor, first) to 1.20 s (n2, last) after mending
        everybody reaches everybody after 1.25 s
        round trips in ms, ICMP/TCP
                      n1-1       n2-1
        n1-1             ·  0.05/0.05
        n2-1     0.05/0.05          ·
        outside  0.05/0.05  0.05/0.05
        ICMP: 4 of 4 answered, 0.05/0.05/0.05 ms; TCP: 4 of 4 answered, 0.05/0.05/0.05 ms; in 0.00 s

      PASS: every probe was answered
      "
    `);
  });

  test("a run that failed on its way shows what there was, and why it ended", () => {
    const partial = { ...emptyReport(), faults: ["sessions: n1 has 0 of 2 Established"] };
    expect(formatReport(judge(partial))).toBe("FAIL\n  sessions: n1 has 0 of 2 Established\n");
  });

  test("many sessions are counted, and those that are not up are shown", () => {
    const many = Array.from({ length: 30 }, (_, index) => ({
      ...session(`n${index}`, "tor", "172.30.0.1", 65000),
      state: index === 7 ? ("Active" as const) : ("Established" as const),
    }));
    const text = formatReport({ ...complete, sessions: many });
    expect(text).toContain("Sessions: 29 of 30 Established\n");
    expect(text.match(/172\.30\.0\.1 .* Active /g)?.length).toBe(1);
    expect(text).not.toMatch(/172\.30\.0\.1 .* Established/);
  });

  test("many kernels show the first one's routes and the others' numbers", () => {
    const table = complete.tables[0]!;
    const tables = Array.from({ length: 7 }, (_, index) => ({ ...table, name: `n${index + 1}` }));
    const text = formatReport({ ...complete, tables });
    expect(text).toContain("routes of the others: n2 2, n3 2, n4 2, n5 2, n6 2, n7 2");
  });

  test("many pods of a node are named by their first and last", () => {
    const pods = Array.from({ length: 10 }, (_, index) => ({
      name: `n1-${index + 1}`,
      address: `10.244.1.${index + 1}`,
    }));
    const text = formatReport({ ...complete, nodes: [{ ...node(1), pods }] });
    expect(text).toContain("n1-1 10.244.1.1, n1-2 10.244.1.2, … n1-10 10.244.1.10 (10)");
  });
});
