/**
 * ADD-PATH (RFC 7911) as our encoder writes it, read by Wireshark's decoder, which finds out by itself where prefixes
 * have identifiers.
 */

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { which } from "bun";
import { encode } from "../../bgpd/wire/codec.ts";
import type { Message } from "../../bgpd/wire/message.ts";
import { captureOf } from "../bgpd/wire/pcap.ts";
import { contextOf, isTwoWay, messageOf, VECTORS } from "../bgpd/wire/vector.ts";

const tshark = which("tshark");
const isAbsent = tshark === null && process.env.CI !== "true";
const FIELDS = [
  "_ws.expert.severity",
  "bgp.nlri_path_id",
  "bgp.prefix_length",
  "bgp.cap.ap.afi",
  "bgp.cap.ap.safi",
  "bgp.cap.ap.sendreceive",
];

/** What tshark ought to see: no complaint, then identifiers, lengths and the capability's entries. */
function expected(message: Message): string[] {
  if (message.type === "open") {
    const families = message.capabilities.flatMap((one) =>
      one.type === "add-path" ? one.families : [],
    );
    const lists = [
      families.map(({ afi }) => afi),
      families.map(({ safi }) => safi),
      families.map(({ sendReceive }) => sendReceive),
    ];
    return ["", "", "", ...lists.map(String)];
  }
  if (message.type !== "update") throw new Error(`a ${message.type} among the vectors`);
  const { withdrawn, reach, unreach, announced } = message;
  const all = [
    ...withdrawn,
    ...(reach?.prefixes ?? []),
    ...(unreach?.prefixes ?? []),
    ...announced,
  ];
  const ids = all.flatMap(({ pathId }) => pathId ?? []);
  return ["", String(ids), String(all.map(({ length }) => length)), "", "", ""];
}

test.skipIf(isAbsent)("tshark reads our path identifiers and the capability", () => {
  const vectors = VECTORS.filter(
    (vector) =>
      vector.file === "add-path" &&
      isTwoWay(vector) &&
      // What is malformed it reads as far as it can.
      !vector.name.endsWith("is not understood"),
  );
  const messages = vectors.map(({ meaning }) => messageOf(meaning!));
  const payloads = vectors.map((vector, index) => encode(messages[index]!, contextOf(vector)));
  const folder = mkdtempSync(join(tmpdir(), "manx-tshark-"));
  try {
    const file = join(folder, "messages.pcap");
    writeFileSync(file, captureOf(payloads));
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      [
        ...[tshark ?? "tshark", "-n", "-r", file, "-o", "bgp.asn_len:4 octet", "-T", "fields"],
        ...["-E", "separator=/t", "-E", "occurrence=a"],
        ...FIELDS.flatMap((field) => ["-e", field]),
      ],
      { env: { ...process.env, HOME: folder } },
    );
    if (exitCode !== 0) throw new Error(`tshark: ${stderr}`);
    const rows = stdout.toString().split("\n").slice(0, -1);
    expect(rows.map((row) => row.split("\t"))).toEqual(messages.map(expected));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
