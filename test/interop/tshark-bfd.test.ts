/** tshark reads our control packets as we mean them. */

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { which } from "bun";
import { SINGLE_HOP_PORT, STATES } from "../../bgpd/bfd/const.ts";
import { type ControlPacket, encodePacket, HASH_TYPES } from "../../bgpd/bfd/packet.ts";
import { BFD_VECTORS, packetOf } from "../bgpd/bfd/vector.ts";
import { captureOfDatagrams } from "../bgpd/wire/pcap.ts";

const tshark = which("tshark");
const isAbsent = tshark === null && process.env.CI !== "true";

const PACKETS = BFD_VECTORS.flatMap(({ meaning }) =>
  // tshark has no word for a type that nobody knows.
  meaning === undefined || meaning.authentication?.type === "unknown" ? [] : [packetOf(meaning)],
);

const FIELDS = [
  "bfd.version",
  "bfd.diag",
  "bfd.sta",
  "bfd.flags.p",
  "bfd.flags.f",
  "bfd.flags.c",
  "bfd.flags.a",
  "bfd.flags.d",
  "bfd.detect_time_multiplier",
  "bfd.my_discriminator",
  "bfd.your_discriminator",
  "bfd.desired_min_tx_interval",
  "bfd.required_min_rx_interval",
  "bfd.required_min_echo_interval",
  "bfd.auth.type",
  "bfd.auth.key",
] as const;

const hex = (value: number, digits: number): string =>
  `0x${value.toString(16).padStart(digits, "0")}`;

function expected(packet: ControlPacket): string[] {
  const { authentication } = packet;
  const code =
    authentication === undefined || authentication.type === "unknown"
      ? ""
      : authentication.type === "simple password"
        ? "1"
        : `${HASH_TYPES[authentication.type].code}`;
  return [
    "1",
    hex(packet.diagnostic, 2),
    hex(STATES.indexOf(packet.state), 2),
    ...[
      packet.poll,
      packet.final,
      packet.controlPlaneIndependent,
      authentication !== undefined,
      packet.demand,
    ].map((bit) => (bit ? "1" : "0")),
    `${packet.detectMultiplier}`,
    hex(packet.myDiscriminator, 8),
    hex(packet.yourDiscriminator, 8),
    `${packet.desiredMinTxInterval}`,
    `${packet.requiredMinRxInterval}`,
    `${packet.requiredMinEchoRxInterval}`,
    code,
    authentication !== undefined && "keyId" in authentication ? `${authentication.keyId}` : "",
  ];
}

function read(...options: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "manx-tshark-"));
  try {
    const file = join(folder, "capture.pcap");
    writeFileSync(file, captureOfDatagrams(PACKETS.map(encodePacket), SINGLE_HOP_PORT));
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      [tshark ?? "tshark", "-n", "-r", file, ...options],
      { env: { ...process.env, HOME: folder } },
    );
    if (exitCode !== 0) throw new Error(`tshark: ${stderr}`);
    return stdout.toString().split("\n").slice(0, -1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("tshark", () => {
  test.skipIf(isAbsent)("has no complaint", () => {
    expect(read("-Y", "_ws.expert.severity >= 0x600000 || _ws.malformed")).toEqual([]);
  });

  test.skipIf(isAbsent)("sees what we meant", () => {
    const columns = FIELDS.flatMap((name) => ["-e", name]);
    const rows = read("-T", "fields", ...columns).map((line) => line.split("\t"));
    expect(rows).toEqual(PACKETS.map(expected));
  });
});
