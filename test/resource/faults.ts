/** Faults of documents as tables, and the sentences that several of them end in. */

import { describe, expect, test } from "bun:test";
import { documentOf, faultsOf } from "./documents.ts";

/** A BGPPeer called `tor`. */
export const peer = (spec: string): string => documentOf("BGPPeer", "tor", spec);
export const goodPeer = "peerIP: 172.30.0.1\nasNumber: 65000";

export type FaultCase = readonly [
  name: string,
  documents: readonly string[],
  faults: readonly string[],
];

export const ADDRESS =
  "expected a host's address, optionally with :PORT, such as 172.30.0.1, 172.30.0.1:1179, fd00::1 or [fd00::1]:1179; a link-local one is found by an interface alone";
export const PREFIX =
  "expected a prefix such as 10.244.0.0/16 or fd00::/48, with no bits set behind its length";
export const PREFIX4 =
  "expected an IPv4 prefix such as 10.244.0.0/16, with no bits set behind its length";
export const SECONDS = 'expected whole seconds from 0 to 65535, as a number or as "90s"';
export const AS_NUMBER = "expected an AS number from 1 to 4294967294";
export const NODE_ADDRESS =
  "expected the node's IPv4 address such as 172.30.0.11, or with its network's length such as 172.30.0.11/24";
export const PEER_FIELDS =
  "node, nodeSelector, peerIP, asNumber, peerSelector, localWorkloadSelector, reversePeering, reachableBy, listenRange, asNumbers, listenLimit, filters, password, ttlSecurity, multihop, sourceAddress, interface, localASNumber, numAllowedLocalASNumbers, nextHopMode, keepOriginalNextHop, delayOpen, sendHoldTime, shutdown, acceptDefaultRoute, passive, importPolicy, exportPolicy, rejectASSets, discardBlackhole, asOverride, removePrivateAS, gracefulShutdown, aigp, routeReflectorClient, role, strictRole, prefixLimit, addPath, bfd, failureDetectionMode, restartMode, maxRestartTime, gracefulRestart, holdTime, keepaliveTime, connectRetryTime";

export const INTERVAL = 'expected milliseconds from 10 to 60000, as a number or as "300ms" or "1s"';
export const BFD_FIELDS =
  "enabled, minTransmitInterval, minReceiveInterval, detectMultiplier, multihop, minimumTtl, strict, auth";
export const KEY_SOURCE =
  "expected file, the absolute path of a file that only its owner can read, or secretKeyRef, a Secret's name and key";
export const KEY_FILE = "expected the absolute path of a file with the key";

/** Each case's documents have these faults, in this order, and no others. */
export function describeFaults(subject: string, cases: readonly FaultCase[]): void {
  describe(`faults of ${subject}`, () => {
    test.each(cases.map((entry) => [...entry]))("%s", (_name, texts, faults) => {
      expect(faultsOf(...(texts as string[]))).toEqual([...faults]);
    });
  });
}
