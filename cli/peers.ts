/**
 * `manx peers [PEER]`: all sessions as a table, or one of them in full.
 */

import type {
  AddPathAnswer,
  BfdAnswer,
  FamilyAnswer,
  PeerAnswer,
  StaleAnswer,
} from "../resource/answer.ts";
import { openClient } from "./client.ts";
import { suggestion } from "./nearest.ts";
import type { PeersOptions } from "./options.ts";
import { CommandError, EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { type Look, paint, type Style, type Styled, styled } from "./style.ts";
import { type Column, type Fact, formatFacts, formatTable } from "./table.ts";
import { countOf, describeAddPath, formatDuration } from "./words.ts";

/** Ask and print. Throws `CommandError`. */
export async function showPeers(options: PeersOptions, output: Output): Promise<ExitCode> {
  const answers = await openClient(options.api).peers();
  if (options.peer === undefined) {
    if (options.json) writeJson(output, answers);
    else output.out(formatPeers(answers, output.look));
    return EXIT.ok;
  }
  const peer = findPeer(options.peer, answers);
  if (options.json) writeJson(output, peer);
  else output.out(formatPeer(peer, output.look));
  return EXIT.ok;
}

/**
 * The peer that a user means: by its name, for a mesh peer also by its node's name, or by its
 * address with or without port. Throws `CommandError` with the peers there are.
 */
export function findPeer(word: string, peers: readonly PeerAnswer[]): PeerAnswer {
  const wanted = word.toLowerCase();
  const exact = peers.find((peer) => peer.name === word);
  const found =
    exact === undefined
      ? peers.filter((peer) => namesOf(peer).some((name) => name.toLowerCase() === wanted))
      : [exact];
  const [peer, ...others] = found;
  if (peer !== undefined && others.length === 0) return peer;
  if (peer !== undefined) {
    const names = found.map(({ name }) => JSON.stringify(name)).join(" and ");
    throw new CommandError(`peer "${word}": ${names} both answer to it: say which`, EXIT.usage);
  }
  const there =
    peers.length === 0
      ? "this node has no peers"
      : `expected one of ${peers.map(({ name }) => JSON.stringify(name)).join(", ")}`;
  const hint = suggestion(word, peers.flatMap(wordsOf));
  throw new CommandError(`no peer "${word}"${hint}: ${there}`, EXIT.usage);
}

function namesOf(peer: PeerAnswer): string[] {
  const link = peer.link === null ? [] : [peer.link];
  return [...wordsOf(peer), ...link, peer.address, `${peer.address}:${peer.port}`];
}

function wordsOf({ name, origin }: PeerAnswer): string[] {
  return origin === "mesh" ? [name, name.replace(/^mesh /, "")] : [name];
}

const COLUMNS: readonly Column<PeerAnswer>[] = [
  { title: "PEER", cell: ({ name }) => styled(name, "strong") },
  { title: "AS", align: "right", cell: asNumber },
  { title: "ADDRESS", cell: endpoint },
  { title: "STATE", cell: state },
  { title: "SINCE", align: "right", cell: ({ since }) => formatDuration(since) },
  { title: "IN", align: "right", cell: ({ prefixes }) => String(prefixes.received) },
  { title: "ACCEPTED", align: "right", cell: ({ prefixes }) => String(prefixes.accepted) },
  { title: "BEST", align: "right", cell: ({ prefixes }) => String(prefixes.best) },
  { title: "OUT", align: "right", cell: ({ prefixes }) => String(prefixes.advertised) },
  { title: "FLAPS", align: "right", cell: ({ flaps }) => String(flaps) },
  { title: "STALE", optional: true, cell: staleCell },
  { title: "BFD", optional: true, cell: ({ bfd }) => bfdState(bfd) },
  { title: "LAST ERROR", optional: true, cell: lastError },
];

/** One line a peer. */
export function formatPeers(peers: readonly PeerAnswer[], look: Look): string {
  return peers.length === 0 ? "no peers are configured\n" : formatTable(peers, COLUMNS, look);
}

/** Everything that is known of one peer. */
export function formatPeer(peer: PeerAnswer, look: Look): string {
  const { prefixes, messages } = peer;
  const title = `${paint(styled(peer.name, "strong"), look)}  ${paint(state(peer), look)} for ${formatDuration(peer.since)}`;
  const identifier = peer.identifier === null ? [] : [`router ID ${peer.identifier}`];
  const facts: readonly Fact[] = [
    ["from", origin(peer)],
    [
      "remote",
      [`${peer.address} port ${peer.port}`, `AS ${asNumber(peer)}`, ...identifier].join(", "),
    ],
    ["local", `${peer.localAddress}, AS ${peer.localAs}`],
    ["timers", timers(peer)],
    ...(peer.families.length === 0 ? [] : [["families", peer.families.map(family)] as const]),
    ...(peer.stale.length === 0 ? [] : [["stale", peer.stale.map(staleFact)] as const]),
    ["capabilities", peer.capabilities.length === 0 ? "none known" : peer.capabilities.join(", ")],
    [
      "prefixes",
      `${prefixes.received} received, ${prefixes.accepted} accepted, ${prefixes.best} best, ${prefixes.advertised} advertised`,
    ],
    [
      "messages",
      `${messages.received} received (${countOf(messages.updatesReceived, "UPDATE")}), ${messages.sent} sent (${countOf(messages.updatesSent, "UPDATE")})`,
    ],
    ...(peer.bfd === undefined ? [] : bfdFacts(peer.bfd)),
    ["flaps", String(peer.flaps)],
    ...(peer.shutdown === null ? [] : [["shut down", shutdownText(peer.shutdown)] as const]),
    ["last error", peer.lastError === "" ? "none" : lastError({ ...peer, shutdown: null })],
  ];
  return `${title}\n${formatFacts(facts, look)}`;
}

function family({ name, prefixes, nextHop, reason, addPath }: FamilyAnswer): Styled {
  const counts = `${prefixes.received} received, ${prefixes.advertised} advertised`;
  if (nextHop === null)
    return styled(`${name}: ${counts}; no next hop: ${reason}${several(addPath)}`, "warning");
  return `${name}: ${counts}, our next hop ${nextHop}${several(addPath)}`;
}

function several(addPath: AddPathAnswer | undefined): string {
  return addPath === undefined ? "" : `, ${describeAddPath(addPath)}`;
}

/** How many routes may be gone soon, and in what time the first of them. */
function staleCell({ stale }: PeerAnswer): Styled {
  if (stale.length === 0) return "";
  const count = stale.reduce((sum, { prefixes }) => sum + prefixes, 0);
  const left = Math.min(...stale.map((one) => one.left));
  return styled(`${count} for ${formatDuration(left)}`, "warning");
}

const STAGES: Readonly<Record<StaleAnswer["stage"], string>> = {
  refresh: "the peer tells its table anew",
  restart: "kept for the peer's restart",
  "long-lived": "kept as a last resort",
};

function staleFact({ name, stage, prefixes, left }: StaleAnswer): Styled {
  const count = countOf(prefixes, "route");
  return styled(`${name}: ${count}, ${STAGES[stage]}, for ${formatDuration(left)}`, "warning");
}

function origin({ origin: from, range, link }: PeerAnswer): string {
  if (link !== null) return `BGPPeer, for the neighbour on ${link}`;
  if (range !== null) return `the listenRange of BGPPeer ${range}`;
  return from === "mesh" ? "the node-to-node mesh" : "BGPPeer";
}

function shutdownText(text: string): Styled {
  return styled(text === "" ? "without a text" : text, "warning");
}

function timers({ holdTime, keepaliveTime, state: current }: PeerAnswer): string {
  const how = current === "Established" ? "negotiated" : "configured";
  if (holdTime === 0) return `no hold timer, no keepalives (${how})`;
  return `hold ${holdTime} s, keepalive ${keepaliveTime} s (${how})`;
}

function bfdFacts(bfd: BfdAnswer): readonly Fact[] {
  const path = bfd.multihop ? "multihop" : "single hop";
  const keys = bfd.authentication === null ? [] : [bfd.authentication];
  const strict = bfd.strict ? ["strict"] : [];
  const told = bfd.state === "Up" ? [] : [bfd.diagnostic, `the peer said ${bfd.remoteState}`];
  const { sent, received, discarded } = bfd.packets;
  const fault = bfd.lastFault === "" ? "" : ` (last: ${bfd.lastFault})`;
  return [
    [
      "bfd",
      [
        `${bfd.state} for ${formatDuration(bfd.since)}`,
        ...told,
        path,
        `every ${bfd.transmitInterval} ms`,
        ...(bfd.detectionTime === 0 ? [] : [`detection ${bfd.detectionTime} ms`]),
        ...keys,
        ...strict,
      ].join(", "),
    ],
    ["bfd packets", `${received} received, ${discarded} discarded${fault}, ${sent} sent`],
    ["bfd lateness", `${bfd.lateness.maximum.toFixed(1)} ms at most, of ${bfd.lateness.count}`],
    ["bfd failures", String(bfd.failures)],
  ];
}

function bfdState(bfd: BfdAnswer | undefined): Styled {
  if (bfd === undefined) return styled("", "faint");
  return styled(bfd.state, bfd.state === "Up" ? "good" : "bad");
}

/** A neighbour of a range says itself which AS it is. */
function asNumber({ remoteAs }: PeerAnswer): string {
  return remoteAs === 0 ? "?" : String(remoteAs);
}

/** The port is said when it is not BGP's own. */
function endpoint({ address, port }: PeerAnswer): string {
  if (port === 179) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function state(peer: PeerAnswer): Styled {
  const style: Record<PeerAnswer["state"], Style> = {
    Idle: "bad",
    Connect: "warning",
    Active: "warning",
    OpenSent: "warning",
    OpenConfirm: "warning",
    Established: "good",
  };
  return styled(peer.state, style[peer.state]);
}

/** Of a session that stands it is history; of one that does not, the reason. */
function lastError({ lastError: error, state: current, shutdown }: PeerAnswer): Styled {
  if (shutdown !== null) {
    return styled(shutdown === "" ? "shut down" : `shut down: ${shutdown}`, "warning");
  }
  return styled(error, current === "Established" ? "faint" : "bad");
}
