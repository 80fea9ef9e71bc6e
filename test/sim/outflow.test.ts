/** What peers are told that ask again, and those that do not read. */

import { describe, expect, test } from "bun:test";
import type { Connection } from "../../bgpd/transport.ts";
import { parseAddress } from "../../lib/address.ts";
import { fromHex, toHex } from "../../lib/hex.ts";
import { to, World } from "./speakers.ts";

describe("a table on request", () => {
  const MARKER = "ff".repeat(16);
  /** Of AS 65002, with both families, route refresh and the enhanced one. */
  const OPEN = `${MARKER} 0035 01 04 fdea 005a 0a000002 18 0216 0104 0001 0001 0104 0002 0001 0200 4600 4104 0000fdea`;

  test("comes for the family that was asked for, between its begin and end (RFC 7313)", () => {
    const world = new World();
    const [one, three] = [world.host(1), world.host(3)];
    one.configure({ asker: to(2, { passive: true }), other: to(3) });
    three.configure({ other: to(1) });
    world.pass(5);
    const said: string[] = [];
    let asker: Connection | undefined;
    const options = { remote: parseAddress("10.0.0.1"), port: 179 };
    world.transport(2).connect(options, {
      onOpen: (opened) => {
        asker = opened;
        const onData = (bytes: Uint8Array): number => said.push(toHex(bytes));
        opened.receive({ onData, onDrain: () => {}, onEnd: (reason) => said.push(reason) });
        opened.write(fromHex(OPEN));
        opened.write(fromHex(`${MARKER} 0013 04`));
      },
      onFail: (reason) => said.push(reason),
    });
    world.pass(1);
    /** The messages that a request for the family is answered with, but KEEPALIVEs. */
    const ask = (afi: number): string[] => {
      said.length = 0;
      asker!.write(fromHex(`${MARKER} 0017 05 000${afi} 00 01`));
      world.pass(1);
      const messages = said.join("").split(MARKER).slice(1);
      return messages.map((text) => text.slice(4)).filter((text) => text !== "04");
    };
    const [begin6, ...table6] = ask(2);
    const end6 = table6.pop();
    expect([begin6, end6]).toEqual(["0500020101", "0500020201"]);
    // The block of each in MP_REACH_NLRI.
    expect(table6.join()).toContain("78fd2000000000000100000000000000");
    expect(table6.join()).not.toContain("18140001");
    const [begin4, ...table4] = ask(1);
    const end4 = table4.pop();
    expect([begin4, end4]).toEqual(["0500010101", "0500010201"]);
    expect(table4.join()).toContain("18140001");
    expect(table4.join()).not.toContain("fd20");
    expect(ask(3)).toEqual([]);
  });
});

describe("a peer that does not read", () => {
  const MARKER = "ff".repeat(16);
  const KEEPALIVE = fromHex(`${MARKER} 0013 04`);
  const hex = (value: number, octets: number): string =>
    value.toString(16).padStart(2 * octets, "0");

  /** A peer at 10.0.0.N that speaks by hand. */
  function speak(world: World, n: number, asNumber: number): Connection {
    let connection: Connection | undefined;
    const as = hex(asNumber, 2);
    const open = `${MARKER} 002d 01 04 ${as} 005a 0a0000${hex(n, 1)} 10 020e 0104 0001 0001 0200 4104 0000${as}`;
    world.transport(n).connect(
      { remote: parseAddress("10.0.0.1"), port: 179 },
      {
        onOpen: (opened) => {
          connection = opened;
          opened.receive({ onData: () => {}, onDrain: () => {}, onEnd: () => {} });
          opened.write(fromHex(open));
          opened.write(KEEPALIVE);
        },
        onFail: (reason) => {
          throw new Error(reason);
        },
      },
    );
    world.pass(1);
    return connection!;
  }

  /** An UPDATE with 900 prefixes and a MULTI_EXIT_DISC of its own. */
  function update(round: number): Uint8Array {
    const prefixes = Array.from({ length: 900 }, (_, at) => `18 15${hex(at, 2)}`).join("");
    const attributes = `400101 00 400206 0201 0000fdea 400304 0a000002 800404 ${hex(round, 4)}`;
    const octets = fromHex(attributes).length;
    const length = hex(23 + octets + 3600, 2);
    return fromHex(`${MARKER} ${length} 02 0000 ${hex(octets, 2)} ${attributes} ${prefixes}`);
  }

  test("makes no queue of what others say, nor of what it asks for, and is cut off in the end", () => {
    const world = new World(20_000);
    const one = world.host(1);
    const passive = { passive: true, holdTime: 90 };
    one.configure({
      flood: to(2, passive),
      deaf: to(3, { ...passive, asNumber: 65_001, sendHoldTime: 60 }),
    });
    const [flood, deaf] = [speak(world, 2, 65_002), speak(world, 3, 65_001)];
    expect(one.peers).toEqual(["flood Established", "deaf Established"]);
    flood.write(update(0));
    world.pass(1);
    deaf.pause();
    const refresh = fromHex(`${MARKER} 0017 05 0001 00 01`.repeat(1000));
    const backlog = (): number => one.daemon.neighbours.get("deaf")?.peer.backlog() ?? 0;
    let most = 0;
    for (let second = 0; second < 50; second++) {
      for (let count = 0; count < 20; count++) {
        flood.write(update(second * 20 + count));
        deaf.write(refresh);
        world.pass(0.05);
        most = Math.max(most, backlog());
      }
      for (const connection of [flood, deaf]) if (second % 20 === 0) connection.write(KEEPALIVE);
    }
    // Without a bound it would be the 3.6 MB that the other peers were told meanwhile.
    expect(most).toBeGreaterThan(1 << 20);
    expect(most).toBeLessThan(1.1 * 2 ** 20);
    expect(one.status("deaf")?.messages.received).toBeGreaterThan(500_000);
    expect(one.peers).toEqual(["flood Established", "deaf Established"]);
    world.pass(40);
    expect(one.status("deaf")?.lastError).toBe(
      "send hold timer expired: the peer's TCP took nothing for 60 s",
    );
  });

  test("is told the last of it when it reads again", () => {
    const world = new World(20_000);
    const one = world.host(1);
    const passive = { passive: true, holdTime: 90 };
    one.configure({ flood: to(2, passive), deaf: to(3, { ...passive, asNumber: 65_001 }) });
    const [flood, deaf] = [speak(world, 2, 65_002), speak(world, 3, 65_001)];
    deaf.pause();
    for (let round = 0; round < 600; round++) {
      flood.write(update(round));
      world.pass(0.05);
    }
    const { updatesSent } = one.status("deaf")!.messages;
    deaf.resume();
    world.pass(10);
    // The last round is one UPDATE; the one before it was told some time.
    expect(one.status("deaf")!.messages.updatesSent - updatesSent).toBeLessThanOrEqual(2);
    expect(one.daemon.neighbours.get("deaf")?.peer.backlog()).toBe(0);
    flood.write(update(1_000_000));
    world.pass(1);
    expect(one.status("deaf")!.messages.updatesSent - updatesSent).toBeLessThanOrEqual(3);
  });
});
