/**
 * Broken control packets: whatever a vector turns into, the codec returns or throws `BfdError`, and a session that
 * is Up with keys stays as it is.
 */

import { expect, test } from "bun:test";
import { encodeSigned } from "../../bgpd/bfd/authentication.ts";
import type { SessionPlan } from "../../bgpd/bfd/bfd.ts";
import { Engine } from "../../bgpd/bfd/engine.ts";
import { BfdError } from "../../bgpd/bfd/error.ts";
import { decodePacket, encodePacket } from "../../bgpd/bfd/packet.ts";
import { parseAddress } from "../../lib/address.ts";
import { fromHex, toHex } from "../../lib/hex.ts";
import { BFD_VECTORS } from "../bgpd/bfd/vector.ts";
import { seeded } from "../sim/world.ts";

const ROUNDS = 100_000;
const SEED = Number(process.env.MANX_SEED ?? 20_261_121);
const ORIGINALS = BFD_VECTORS.map(({ hex }) => fromHex(hex)).filter(({ length }) => length > 0);

/** A vector with up to four octets changed, and perhaps cut or lengthened. */
function mutated(random: () => number): Uint8Array {
  const below = (bound: number): number => Math.floor(random() * bound);
  const bytes = Uint8Array.from(ORIGINALS[below(ORIGINALS.length)]!);
  for (let count = below(5); count > 0; count--) bytes[below(bytes.length)] = below(256);
  if (random() < 0.2) return bytes.subarray(0, below(bytes.length + 1));
  return random() < 0.1 ? Uint8Array.of(...bytes, below(256), below(256)) : bytes;
}

test(`the codec takes or refuses anything (seed ${SEED})`, () => {
  const random = seeded(SEED);
  let taken = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = mutated(random);
    try {
      const packet = decodePacket(bytes);
      // Reserved octets and what lies behind Auth Len are not kept; what is written is read again.
      expect(decodePacket(encodePacket(packet))).toEqual(packet);
      taken++;
    } catch (error) {
      if (!(error instanceof BfdError)) throw new Error(toHex(bytes), { cause: error });
    }
  }
  expect(taken).toBeGreaterThan(ROUNDS / 10);
});

test(`no broken packet moves a session with keys (seed ${SEED})`, () => {
  const random = seeded(SEED);
  const changes: unknown[] = [];
  const authentication = {
    type: "keyed SHA1" as const,
    keyId: 1,
    key: new TextEncoder().encode("k"),
  };
  const plan: SessionPlan = {
    local: parseAddress("10.0.0.1"),
    remote: parseAddress("10.0.0.2"),
    link: 0,
    multihop: false,
    minimumTtl: 1,
    detectMultiplier: 3,
    minTransmitInterval: 100,
    minReceiveInterval: 100,
    authentication,
  };
  const engine = new Engine({
    random,
    onChange: (change) => changes.push(change),
    output: { send: () => undefined, close: () => {} },
  });
  engine.set("peer", plan, 0);
  const { local, remote } = plan;
  const arrival = { multihop: false, local, remote, link: 0, hops: 255 };
  const good = encodeSigned(
    { ...decodePacket(ORIGINALS[0]!), detectMultiplier: 3 },
    authentication,
    1,
  );
  engine.receive({ ...arrival, bytes: good }, 1);
  expect(changes).toHaveLength(1);
  for (let round = 0; round < ROUNDS / 10; round++) {
    engine.receive({ ...arrival, bytes: mutated(random) }, 2);
  }
  expect(changes).toHaveLength(1);
  const [, status] = engine.statuses(2)[0]!;
  expect([status.state, status.packets.received]).toEqual(["Init", 1]);
  expect(status.packets.discarded).toBeGreaterThan(ROUNDS / 100);
});
