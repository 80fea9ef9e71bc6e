/** What `--publish` may ask for, and what comes of a port that nobody answers at. */

import { describe, expect, test } from "bun:test";
import { parsePublications } from "../../lab/publication.ts";
import { emptyReport, judge } from "../../lab/report.ts";
import { formatPublished } from "../../lab/report-text.ts";
import { planTopology } from "../../lab/topology.ts";

const topology = planTopology({ nodes: 2, pods: 2 });

describe("published ports", () => {
  test("belong to the pod's node; two nodes may have the same one", () => {
    const published = parsePublications(["n1-2:80", "n2-1:80", "n1-2:65535"], topology);
    expect(published.map(({ pod, node, port }) => `${pod} ${node.name} ${port}`)).toEqual([
      "n1-2 n1 80",
      "n2-1 n2 80",
      "n1-2 n1 65535",
    ]);
  });

  const wrong = [
    { texts: ["n1-1"], says: "--publish n1-1: expected POD:PORT, such as n1-1:8080" },
    { texts: ["n1-1:0"], says: "expected POD:PORT" },
    { texts: ["n1-1:65536"], says: "expected POD:PORT" },
    { texts: ["n1-1:80x"], says: "expected POD:PORT" },
    { texts: ["n1:80"], says: "--publish n1:80: there is no pod n1 in a lab of this size" },
    {
      texts: ["n1-1:80", "n1-2:80"],
      says: "--publish n1-2:80: port 80 of n1 is published already",
    },
  ];
  for (const { texts, says } of wrong) {
    test(`${texts.join(", ")} cannot be`, () => {
      expect(() => parsePublications(texts, topology)).toThrow(says);
    });
  }

  test("that nobody answers at are shown, and the lab has failed", () => {
    const lost = { pod: "n1-1", at: "172.30.0.11:80", roundTrip: null, reason: "ECONNREFUSED" };
    const reached = { pod: "n2-1", at: "172.30.0.12:80", roundTrip: 0.2, reason: "" };
    const report = judge({ ...emptyReport(), published: [lost, reached] });
    expect(report.ok).toBe(false);
    expect(report.faults).toEqual(["n1-1 is not reached at 172.30.0.11:80: ECONNREFUSED"]);
    expect(formatPublished(report)).toBe(
      [
        "Host ports",
        "  POD   AT              TCP",
        "  n1-1  172.30.0.11:80  lost: ECONNREFUSED",
        "  n2-1  172.30.0.12:80  0.2 ms",
        "",
      ].join("\n"),
    );
  });
});
