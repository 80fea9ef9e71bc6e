import { describe, test } from "bun:test";
import { formatPeer, formatPeers } from "../../cli/peers.ts";
import { formatAdvertised, formatReceived, formatRoutes } from "../../cli/routes.ts";
import { formatStatus } from "../../cli/status.ts";
import { type Look, PLAIN_LOOK } from "../../cli/style.ts";
import { formatWhy } from "../../cli/why.ts";
import * as fixtures from "./fixtures.ts";
import { expectGolden } from "./golden.ts";

const TERMINAL: Look = { colour: true, width: 110 };

/** Every table of an answer: what the golden file is called, and how it is made. */
const TABLES: readonly (readonly [name: string, format: (look: Look) => string])[] = [
  ["status", (look) => formatStatus(fixtures.STATUS, look)],
  ["status-troubled", (look) => formatStatus(fixtures.TROUBLED_STATUS, look)],
  ["status-bare", (look) => formatStatus(fixtures.BARE_STATUS, look)],
  ["status-masquerade", (look) => formatStatus(fixtures.MASQUERADING_STATUS, look)],
  ["status-masquerade-refused", (look) => formatStatus(fixtures.REFUSED_MASQUERADE_STATUS, look)],
  ["status-unnumbered", (look) => formatStatus(fixtures.LINKED_STATUS, look)],
  ["peers", (look) => formatPeers(fixtures.PEERS, look)],
  ["peers-unnumbered", (look) => formatPeers(fixtures.UNNUMBERED, look)],
  ["peers-pods", (look) => formatPeers(fixtures.PODS, look)],
  ["peer-podless", (look) => formatPeer(fixtures.PODS[1]!, look)],
  ["peer-waiting", (look) => formatPeer(fixtures.UNNUMBERED[1]!, look)],
  ["peers-none", (look) => formatPeers([], look)],
  ["peer", (look) => formatPeer(fixtures.PEERS[1]!, look)],
  ["peer-families", (look) => formatPeer(fixtures.PEERS[2]!, look)],
  ["peer-down", (look) => formatPeer(fixtures.PEERS[3]!, look)],
  ["peer-bfd", (look) => formatPeer(fixtures.PEERS[2]!, look)],
  [
    "peer-bfd-down",
    (look) => formatPeer({ ...fixtures.PEERS[2]!, bfd: fixtures.FAILED_BFD }, look),
  ],
  ["peers-away", (look) => formatPeers([fixtures.AWAY], look)],
  ["peer-away", (look) => formatPeer(fixtures.AWAY, look)],
  ["routes-stale", (look) => formatRoutes(fixtures.STALE_ROUTES, look)],
  ["routes", (look) => formatRoutes(fixtures.ROUTES, look)],
  ["routes-shared", (look) => formatRoutes(fixtures.SHARED_ROUTES, look)],
  ["received", (look) => formatReceived(fixtures.RECEIVED, look)],
  ["advertised", (look) => formatAdvertised(fixtures.ADVERTISED, look)],
  ["why", (look) => formatWhy(fixtures.WHY, look)],
  ["why-second", (look) => formatWhy(fixtures.WHY_SECOND, look)],
  ["why-identified", (look) => formatWhy(fixtures.IDENTIFIED, look)],
  [
    "peer-add-path",
    (look) => formatPeer({ ...fixtures.PEERS[2]!, families: fixtures.ADD_PATH_FAMILIES }, look),
  ],
  ["why-rejected", (look) => formatWhy(fixtures.WHY_REJECTED, look)],
  ["why-absent", (look) => formatWhy(fixtures.WHY_ABSENT, look)],
];

describe("answers in a pipe are as recorded:", () => {
  for (const [name, format] of TABLES) test(name, () => expectGolden(name, format(PLAIN_LOOK)));
});

describe("answers on a terminal of 110 columns are as recorded:", () => {
  for (const [name, format] of TABLES) {
    test(name, () => expectGolden(`${name}.terminal`, format(TERMINAL)));
  }
});
