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
  /** Let what is under way arrive, and come back when `isSo`, or after a while. */
  settle(isSo: () => boolean): Promise<void>;
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

    const to = (text: string): Address => withZone(parseAddress(text), stage.a.link);
    /** The types of what came, the checksum aside. */
    const types = (): string[] => heard.map(({ bytes }) => toHex(bytes.subarray(0, 1)));

    test("what is for all nodes arrives with its source, its link and hop limit 255", async () => {
      expect(a.send(ADVERTISEMENT, to("ff02::1"))).toBeUndefined();
      await stage.settle(() => heard.length === 1);
      expect(heard.map(({ source, hops, link }) => [formatAddress(source), hops, link])).toEqual([
        [formatAddress(stage.a.address), 255, stage.b.link],
      ]);
      expect(toHex(heard[0]?.bytes.subarray(4) ?? new Uint8Array())).toBe("00".repeat(12));
    });

    test("what is for all routers arrives where that was asked for, until it is not any more", async () => {
      a.send(SOLICITATION, to("ff02::2"));
      b.join(stage.b.link);
      await stage.settle(() => false);
      a.send(SOLICITATION, to("ff02::2"));
      await stage.settle(() => heard.length === 1);
      b.leave(stage.b.link);
      a.send(SOLICITATION, to("ff02::2"));
      await stage.settle(() => heard.length > 1);
      expect(types()).toEqual(["85"]);
    });

    test("many messages arrive in order, for one alone too", async () => {
      for (let count = 0; count < 20; count++) {
        a.send(ADVERTISEMENT.with(4, count), to(formatAddress(stage.b.address)));
      }
      await stage.settle(() => heard.length === 20);
      expect(heard.map(({ bytes }) => bytes[4])).toEqual([...Array(20).keys()]);
    });

    test("nothing else arrives, and nothing after the end", async () => {
      a.send(ECHO, to("ff02::1"));
      a.send(ADVERTISEMENT, to("ff02::1"));
      await stage.settle(() => heard.length === 1);
      b.close();
      a.send(ADVERTISEMENT, to("ff02::1"));
      await stage.settle(() => heard.length > 1);
      expect(types()).toEqual(["86"]);
    });

    test("what cannot be sent says why", () => {
      const fault = a.send(ADVERTISEMENT, withZone(parseAddress("ff02::1"), stage.nowhere));
      expect(fault).toMatch(/^sendto ff02::1%\d+: E[A-Z]+$/);
    });
  });
}
