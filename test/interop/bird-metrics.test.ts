/**
 * What the running daemon shows of itself over HTTP, while BIRD feeds it, leaves it and comes back.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { readNodeFile } from "../../ipam/node.ts";
import type { StatusAnswer } from "../../resource/answer.ts";
import { readExposition, sampleOf } from "../bgpd/metrics/text-format.ts";
import { type Bird, birdOn, birdRoutes, birdSession, birdText, hasBird } from "./bird.ts";
import { configuration, documents, N1, TOR, torPeer } from "./documents.ts";
import { hasManx, type Manx, manxOn } from "./manx.ts";
import { createNetwork, eventually, type Network } from "./network.ts";

const CLUSTER = documents(configuration(), N1, torPeer(TOR));

const ROUTER = birdText(
  "172.30.0.1",
  birdRoutes(
    "192.0.2.0/24 blackhole",
    "198.51.100.0/24 blackhole { bgp_path.prepend(64999); }",
    "0.0.0.0/0 blackhole",
  ),
  birdSession(),
);

const ROUTER_LABELS = { kind: "BGPPeer", peer: "tor" };
const IPV4 = { family: "ipv4" };
const ENDPOINT = "127.0.0.1:9179";

type Page = { readonly status: number; readonly type: string | null; readonly text: string };

let network: Network;
let n1: Manx;
let tor: Bird;

const startManx = () => n1.start("--metrics", ENDPOINT);

/** A page over TCP, as any program on the node gets it. */
function page(path: string, method = "GET"): Page {
  const script = `const response = await fetch("http://${ENDPOINT}${path}", { method: "${method}" });
    const { status, headers } = response;
    console.log(JSON.stringify({ status, type: headers.get("content-type"), text: await response.text() }));`;
  return JSON.parse(network.run("n1", process.execPath, "-e", script));
}

/** The same page on the API socket. */
async function pageOfSocket(path: string): Promise<Page> {
  const response = await fetch(`http://bgpd${path}`, { unix: n1.api });
  const type = response.headers.get("content-type");
  return { status: response.status, type, text: await response.text() };
}

function scrape() {
  const families = readExposition(page("/metrics").text);
  return {
    families,
    value: (name: string, labels?: Readonly<Record<string, string>>) =>
      sampleOf(families, name, labels) ?? Number.NaN,
  };
}

/** What the log says of the session with the router, in order. */
function sessionLines(): string[] {
  return n1
    .log()
    .split("\n")
    .filter((line) => line.includes('"peer":"tor"'))
    .map((line) => JSON.parse(line).msg);
}

/** Everything that BIRD tells is in table and kernel. */
function fed() {
  return eventually("the routes are in the kernel", () => {
    const look = scrape();
    return look.value("manx_fib_routes", { state: "installed" }) === 3 && look;
  });
}

describe.skipIf(!hasManx || !hasBird)("the pages of a daemon beside BIRD", () => {
  beforeEach(() => {
    network = createNetwork({ n1: "172.30.0.11/24", tor: "172.30.0.1/24" });
    n1 = manxOn(network, "n1");
    tor = birdOn(network, "tor");
    n1.configure(CLUSTER);
  });

  afterEach(async () => {
    await network.remove();
    rmSync("/run/manx", { recursive: true, force: true });
  });

  test("count what BIRD told, what it was told, and what the kernel has", async () => {
    tor.start(ROUTER);
    startManx();
    const { value, families } = await fed();
    expect(value("manx_bgp_sessions", { kind: "BGPPeer", state: "Established" })).toBe(1);
    expect(value("manx_bgp_peer_established", ROUTER_LABELS)).toBe(1);
    expect(value("manx_bgp_peer_received_prefixes", { ...ROUTER_LABELS, ...IPV4 })).toBe(3);
    expect(value("manx_bgp_peer_accepted_prefixes", { ...ROUTER_LABELS, ...IPV4 })).toBe(2);
    expect(value("manx_bgp_peer_best_prefixes", { ...ROUTER_LABELS, ...IPV4 })).toBe(2);
    await eventually("our block is told", () => {
      const advertised = scrape().value("manx_bgp_peer_advertised_prefixes", {
        ...ROUTER_LABELS,
        ...IPV4,
      });
      return advertised === 1;
    });
    const updates = { ...ROUTER_LABELS, ...IPV4, direction: "in" };
    expect(value("manx_bgp_peer_updates_total", updates)).toBeGreaterThanOrEqual(2);
    expect(value("manx_bgp_rib_prefixes", IPV4)).toBe(4);
    expect(value("manx_fib_installs_total")).toBe(3);
    expect(value("manx_fib_flush_seconds_total")).toBeGreaterThan(0);
    expect(value("manx_bgp_decision_seconds_total")).toBeGreaterThan(0);
    expect(value("manx_bgp_export_seconds_total")).toBeGreaterThan(0);
    const installed = value("manx_bgp_installation_delay_seconds_count");
    expect(installed).toBeGreaterThanOrEqual(1);
    expect(value("manx_bgp_installation_delay_seconds_sum") / installed).toBeLessThan(5);
    const { text, type } = await pageOfSocket("/metrics");
    expect(type).toStartWith("text/plain; version=0.0.4");
    expect([...readExposition(text).keys()]).toEqual([...families.keys()]);
  });

  test("show a route that another deleted, and a block that is new", async () => {
    tor.start(ROUTER);
    startManx();
    await fed();
    network.run("n1", "ip", "route", "del", "192.0.2.0/24");
    await eventually("it is put back", () => scrape().value("manx_fib_drift_total") === 1);
    n1.configure(CLUSTER.replace("[10.244.1.0/24]", "[10.244.1.0/24, 10.244.2.0/24]"));
    const { value } = await eventually("the new block is told", () => {
      const look = scrape();
      return look.value("manx_bgp_announcement_delay_seconds_count") === 1 && look;
    });
    expect(value("manx_bgp_announcement_delay_seconds_sum")).toBeLessThan(5);
    expect(value("manx_bgp_configuration_generation")).toBe(2);
    expect(value("manx_bgp_peer_flaps_total", ROUTER_LABELS)).toBe(0);
  });

  test("show a session that BIRD ends with its words, one line each in the log, and stay ready", async () => {
    tor.start(ROUTER);
    startManx();
    await fed();
    tor.ask("disable", "n1");
    const { value } = await eventually("the session is down", () => {
      const look = scrape();
      return look.value("manx_bgp_peer_established", ROUTER_LABELS) === 0 && look;
    });
    expect(value("manx_bgp_peer_flaps_total", ROUTER_LABELS)).toBe(1);
    expect(value("manx_bgp_ready")).toBe(1);
    await eventually("its routes are gone", () => {
      const look = scrape();
      return (
        look.value("manx_bgp_removal_delay_seconds_count") === 1 &&
        look.value("manx_fib_routes", { state: "installed" }) === 1
      );
    });
    const ready = page("/readyz");
    expect(ready.status).toBe(200);
    expect(ready.text).toMatch(/^ready: converged\n0 of 1 sessions are Established\n {2}tor is /);
    tor.ask("enable", "n1");
    await fed();
    const lines = sessionLines();
    expect(lines.filter((line) => line.startsWith("session established: "))).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith("session ended: "))).toEqual([
      "session ended: the peer sent Cease/Administrative Shutdown",
    ]);
  });

  test("agree with node file and status about readiness, before the tables are there and after", async () => {
    startManx();
    const before = await eventually("the pages are there", () => page("/readyz"));
    expect([before.status, page("/healthz").status]).toEqual([503, 200]);
    expect(before.text).toStartWith("not ready: waiting for the tables of tor\n");
    expect([n1.ask<StatusAnswer>("status").ready.ok, readNodeFile().ready.ok]).toEqual([
      false,
      false,
    ]);
    tor.start(ROUTER);
    await eventually("ready", () => page("/readyz").status === 200);
    // Of that moment on, and not a while later.
    expect([n1.ask<StatusAnswer>("status").ready.ok, readNodeFile().ready.ok]).toEqual([
      true,
      true,
    ]);
    expect(network.run("n1", "ip", "route")).toContain("192.0.2.0/24");
  });

  test("and log and status tell of documents that are refused, while the session stays", async () => {
    tor.start(ROUTER);
    startManx();
    await fed();
    n1.configure(CLUSTER.replace("172.30.0.1,", "172.30.0.300,"));
    await eventually("a fault", () => scrape().value("manx_bgp_configuration_faults") === 1);
    const { configuration } = n1.ask<StatusAnswer>("status");
    expect(configuration.faults[0]).toContain('"172.30.0.300"');
    expect(n1.log()).toContain("configuration: ");
    expect(n1.log()).toContain("172.30.0.300");
    n1.configure(CLUSTER);
    const { value } = await eventually("no fault", () => {
      const look = scrape();
      return look.value("manx_bgp_configuration_faults") === 0 && look;
    });
    expect(value("manx_bgp_configuration_generation")).toBe(2);
    expect(value("manx_bgp_peer_established", ROUTER_LABELS)).toBe(1);
    expect(value("manx_bgp_peer_flaps_total", ROUTER_LABELS)).toBe(0);
  });

  test("are all that the port has, and to be read only", async () => {
    startManx();
    await eventually("the pages are there", () => page("/healthz"));
    for (const path of ["/", "/status", "/peers", "/routes"]) {
      const { status, text } = page(path);
      expect([status, text]).toEqual([404, `no such path ${path}: /metrics, /healthz, /readyz\n`]);
    }
    expect(page("/metrics", "POST").status).toBe(405);
  });

  test("wait for a port that is in use, while routing goes on and the API socket has them", async () => {
    const other = `Bun.serve({ hostname: "127.0.0.1", port: 9179, fetch: () => new Response("other") })`;
    const holder = network.start("n1", "holder", [process.execPath, "-e", other]);
    await eventually("the port is in use", () => page("/").text === "other");
    tor.start(ROUTER);
    startManx();
    await eventually("routes are installed all the same", () =>
      network.run("n1", "ip", "route").includes("192.0.2.0/24"),
    );
    expect(n1.log()).toContain(
      `metrics are not served on ${ENDPOINT} (EADDRINUSE): another program has this port`,
    );
    expect((await pageOfSocket("/healthz")).status).toBe(200);
    holder.kill("SIGKILL");
    await eventually("the port is ours", () => page("/healthz").text.includes("turns"));
    const said = n1.log().split("metrics are not served").length - 1;
    expect(said).toBe(1);
  });
});
