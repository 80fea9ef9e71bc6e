/**
 * Every BGP packet of a lab's node, in Wireshark's eyes: sessions opened, lost, opened again.
 */

import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { which } from "bun";
import type { PeerAnswer } from "../../resource/answer.ts";
import {
  eventually,
  executable,
  killDaemonOf,
  PATIENCE,
  placeOf,
  readUntil,
  run,
  start,
  stopAll,
} from "./runner.ts";

const tshark = which("tshark");
const isReady = executable !== undefined && tshark !== null && which("dumpcap") !== null;
const folder = mkdtempSync(join(tmpdir(), "manx-capture-"));

/** Fields of the packets that a display filter selects, one line each. */
function dissect(file: string, filter: string, ...fields: string[]): string[] {
  const args = ["-n", "-r", file, "-Y", filter, "-T", "fields"];
  const wanted = fields.flatMap((field) => ["-e", field]);
  const { stdout, exitCode, stderr } = Bun.spawnSync([tshark ?? "", ...args, ...wanted]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

describe.skipIf(!isReady)("on the wire of a lab", () => {
  afterEach(async () => {
    await stopAll();
    rmSync(folder, { recursive: true, force: true });
  });

  test(
    "tshark decodes every BGP packet and has nothing to say against one",
    async () => {
      const lab = start([]);
      await readUntil(lab.stdout, "lab exec n1 -- ");
      const at = await placeOf(lab.pid);
      const exec = (...command: string[]) => run(["exec", `n1@${at}`, "--", ...command]);
      const states = async (): Promise<string[]> => {
        const { code, stdout } = await exec("manx", "peers", "--json");
        return code === 0 ? JSON.parse(stdout).map(({ state }: PeerAnswer) => state) : [];
      };
      const allAre = (state: "up" | "down") => async () => {
        const now = await states();
        return now.length === 3 && now.every((one) => (one === "Established") === (state === "up"));
      };
      const uptime = async (): Promise<number> => {
        const { code, stdout } = await exec("manx", "status", "--json");
        return code === 0 ? JSON.parse(stdout).uptime : Number.POSITIVE_INFINITY;
      };
      const file = join(folder, "n1.pcap");
      const capture = Bun.spawn(
        [
          ...[executable ?? "", "lab", "exec", `n1@${at}`, "--"],
          ...["dumpcap", "-q", "-i", "any", "-f", "tcp port 179", "-w", file],
        ],
        { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
      );
      await readUntil(capture.stderr, "File: ");

      await exec(...killDaemonOf("n1"));
      const killed = performance.now();
      // Another daemon may be there, and its sessions up, before anybody sees that they were down.
      await eventually("another daemon is there", async () => {
        return (await uptime()) < performance.now() - killed;
      });
      await eventually("the sessions are back", allAre("up"));
      await exec("ip", "link", "set", "eth0", "down");
      await eventually("the hold timers have expired", allAre("down"));
      await exec("ip", "link", "set", "eth0", "up");
      await eventually("the sessions are back again", allAre("up"));
      capture.kill("SIGTERM");
      await capture.exited;

      expect(dissect(file, "bgp && _ws.expert.severity >= 0x600000", "frame.number")).toEqual([]);
      // What TCP sends again while the link is down is dissected where it was sent first.
      const undecoded = "tcp.len > 0 && !bgp && !tcp.analysis.retransmission";
      expect(dissect(file, undecoded, "frame.number")).toEqual([]);
      const types = dissect(file, "bgp && ip.src == 172.30.0.11", "bgp.type").flatMap((line) =>
        line.split(","),
      );
      expect([...new Set(types)].sort()).toEqual(expect.arrayContaining(["1", "2", "4"]));
      const paths = dissect(
        file,
        "bgp.type == 2 && ip.src == 172.30.0.11 && ip.dst == 172.30.0.1",
        "bgp.update.path_attribute.as_path_segment.as4",
        "bgp.nlri_prefix",
      );
      expect(paths.some((line) => line.includes("64512") && line.includes("10.244.1.0"))).toBe(
        true,
      );
    },
    PATIENCE,
  );
});
