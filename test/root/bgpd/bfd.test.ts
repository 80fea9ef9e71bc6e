/**
 * BFD between two daemons: what taking it down by intention does to BGP, and what one's end does.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Subprocess } from "bun";
import type { BfdAnswer } from "../../../resource/answer.ts";
import { configuration, documents, N1, node } from "../../interop/documents.ts";
import { hasManx, type Manx, manxOn } from "../../interop/manx.ts";
import { createNetwork, eventually, type Network } from "../../interop/network.ts";

const TIMERS = "minTransmitInterval: 100ms, minReceiveInterval: 100ms";

/** Two nodes with this `bfd` for their mesh. */
const cluster = (bfd: string): string =>
  documents(
    configuration(`bfd: { ${bfd} }`, "connectRetryTime: 1s"),
    N1,
    node("n2", "172.30.0.12/24", "10.244.2.0/24"),
  );

let network: Network;
let n1: Manx;
let n2: Manx;

const bgpd = (daemon: Manx): Subprocess => daemon.start("--fib", "none");

function up(daemon: Manx): Promise<BfdAnswer> {
  return eventually("BGP and BFD are up", () => {
    const { state, bfd } = daemon.peer();
    return state === "Established" && bfd?.state === "Up" ? bfd : undefined;
  });
}

describe.skipIf(!hasManx)("BFD of two daemons", () => {
  beforeEach(() => {
    network = createNetwork({ n1: "172.30.0.11/24", n2: "172.30.0.12/24" });
    n1 = manxOn(network, "n1");
    n2 = manxOn(network, "n2");
    for (const daemon of [n1, n2]) daemon.configure(cluster(TIMERS));
  });

  afterEach(async () => {
    await network.remove();
  });

  test("one side configures it away, and again: BGP stays at both", async () => {
    bgpd(n1);
    bgpd(n2);
    await up(n1);
    n2.configure(cluster("enabled: false"));
    const { bfd } = await eventually("n1 hears AdminDown", () => {
      const answer = n1.peer();
      return answer.bfd?.remoteState === "AdminDown" && answer;
    });
    expect([bfd?.state, bfd?.failures, bfd?.remoteDiagnostic]).toEqual([
      "Down",
      0,
      "administratively down",
    ]);
    expect(n2.peer().bfd).toBeUndefined();
    n2.configure(cluster(TIMERS));
    await up(n1);
    for (const daemon of [n1, n2]) {
      expect([daemon.peer().state, daemon.peer().flaps]).toEqual(["Established", 0]);
    }
  });

  test("a daemon that ends says AdminDown", async () => {
    const first = bgpd(n1);
    bgpd(n2);
    await up(n2);
    first.kill("SIGTERM");
    expect(await first.exited).toBe(0);
    const { bfd, lastError } = await eventually("n2 knows", () => {
      const answer = n2.peer();
      return answer.lastError !== "" && answer.bfd?.state === "Down" && answer;
    });
    expect([bfd?.remoteState, bfd?.failures]).toEqual(["AdminDown", 0]);
    expect(lastError).toBe("closed by the peer");
  });

  test("a killed daemon is missed by its detection time", async () => {
    const first = bgpd(n1);
    bgpd(n2);
    await up(n2);
    network.run("n1", "ip", "link", "set", "eth0", "down");
    first.kill("SIGKILL");
    const { lastError } = await eventually("n2 knows", () => {
      const answer = n2.peer();
      return answer.state !== "Established" && answer;
    });
    expect(lastError).toBe("BFD down: detection time expired; we sent Cease/BFD Down");
  });

  test("a key that cannot be read is a fault of its field, and changes nothing", async () => {
    bgpd(n1);
    bgpd(n2);
    await up(n1);
    const auth = "auth: { type: KeyedSHA1, keyId: 1, keyFile: /nowhere/key }";
    n1.configure(cluster(`${TIMERS}, ${auth}`));
    const fault = await eventually("it is told", () =>
      n1
        .log()
        .split("\n")
        .find((line) => line.includes("keyFile")),
    );
    expect(fault).toContain("n1.yaml:4: BGPConfiguration default: spec.bfd.auth.keyFile");
    expect(fault).toContain("ENOENT");
    expect(n1.peer().bfd?.state).toBe("Up");
  });
});
