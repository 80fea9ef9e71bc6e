/**
 * What a socket of Neighbor Discovery does, wherever its messages go: two hosts with one link each, on one wire.
 */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { NdArrival, NdSocket, OpenNdSocket } from "../../bgpd/nd/nd.ts";
import { type Address, formatAddress, parseAddress, withZone } from "../../lib/address.ts";
import { toHex } from "../../lib/hex.ts";

export type NdHost = {
  readonly open: OpenNdSocket;
  /** Index of its link. */
  readonly link: number;
  readonly address: Address;
};

export type NdStage = {
  readonly a: NdHost;
  readonly b: NdHost;
  /** An index that is no link's with an address. */
  readonly nowhere: number;
  /** Let what is under way arrive until `isSo`. */
  until(isSo: () => boolean): Promise<unknown>;
  /** Give what shall not come a moment to do so. */
  pause(): Promise<unknown>;
  close(): void;
};

const ADVERTISEMENT = Uint8Array.of(134, ...new Uint8Array(15));
const SOLICITATION = Uint8Array.of(133, ...new Uint8Array(7));
const ECHO = Uint8Array.of(128, ...new Uint8Array(7));

export function ndSuite(name: string, createStage: () => Promise<NdStage>): void {
  describe(name, () => {
    let stage: NdStage;
    let a: NdSocket;
    let b: NdSocket;
    let heard: NdArrival[];

    beforeEach(async () => {
      stage = await createStage();
      heard = [];
      const failed = (error: unknown): never => {
        throw error;
      };
      a = stage.a.open(() => {}, failed);
      b = stage.b.open((arrival) => {
        if (arrival.link !== stage.b.link) return;
        heard.push({ ...arrival, bytes: arrival.bytes.slice() });
      }, failed);
    });

    afterEach(() => {
      a.close();
      b.close();
      stage.close();
    });

    const send = (bytes: Uint8Array, to: string, from = stage.a.address): string | undefined =>
      a.send(bytes, parseAddress(to), withZone(from, stage.a.link));
    const there = (): Address => withZone(stage.b.address, stage.b.link);
    /** The types of what came, the checksum aside. */
    const types = (): string[] => heard.map(({ bytes }) => toHex(bytes.subarray(0, 1)));

    test("what is for all nodes arrives with its source, its link and hop limit 255", async () => {
      expect(send(ADVERTISEMENT, "ff02::1")).toBeUndefined();
      await stage.until(() => heard.length === 1);
      expect(heard.map(({ source, hops, link }) => [formatAddress(source), hops, link])).toEqual([
        [formatAddress(stage.a.address), 255, stage.b.link],
      ]);
      expect(toHex(heard[0]?.bytes.subarray(4) ?? new Uint8Array())).toBe("00".repeat(12));
    });

    test("what is for all routers arrives where that was asked for, until it is not any more", async () => {
      send(SOLICITATION, "ff02::2");
      b.join(there());
      await stage.pause();
      send(SOLICITATION, "ff02::2");
      await stage.until(() => heard.length === 1);
      b.leave(there());
      send(SOLICITATION, "ff02::2");
      await stage.pause();
      expect(types()).toEqual(["85"]);
    });

    test("many messages arrive in order, for one alone too", async () => {
      for (let count = 0; count < 20; count++) {
        send(ADVERTISEMENT.with(4, count), formatAddress(stage.b.address));
      }
      await stage.until(() => heard.length === 20);
      expect(heard.map(({ bytes }) => bytes[4])).toEqual([...Array(20).keys()]);
    });

    test("nothing else arrives, and nothing after the end", async () => {
      send(ECHO, "ff02::1");
      send(ADVERTISEMENT, "ff02::1");
      await stage.until(() => heard.length === 1);
      b.close();
      send(ADVERTISEMENT, "ff02::1");
      await stage.pause();
      expect(types()).toEqual(["86"]);
    });

    test("what cannot be sent says why", () => {
      const [own, other] = [stage.a.address, parseAddress("fe80::dead")];
      expect(a.send(ADVERTISEMENT, parseAddress("ff02::1"), withZone(own, stage.nowhere))).toMatch(
        /^sendto ff02::1: E[A-Z]+$/,
      );
      expect(send(ADVERTISEMENT, "ff02::1", other)).toBe("sendto ff02::1: EADDRNOTAVAIL");
    });
  });
}
