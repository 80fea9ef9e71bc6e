/**
 * Our OPEN, and the judgement of the peer's: RFC 4271 section 6.2 and the capabilities of RFC 5492.
 *
 * Advertised: the configured families (RFC 4760), IPv4 with IPv6 next hops where both are (RFC 8950), route
 * refresh (RFC 2918) and the enhanced one (RFC 7313), extended messages (RFC 8654), four-octet AS numbers
 * (RFC 6793), our role where there is one (RFC 9234), several paths where that is configured (RFC 7911), graceful
 * restart (`restart.ts`). Syntax is the codec's; here is what the fields mean to this session.
 */

import { equalAddress, type Family } from "../../lib/address.ts";
import type { AddPath } from "../wire/context.ts";
import type { Capability, OpenMessage } from "../wire/message.ts";
import type { MessageFault } from "./event.ts";
import { peerRestart, restartCapabilities } from "./restart.ts";
import type { LocalRestart, Negotiated, Role, Session, SessionConfig } from "./state.ts";

const VERSION = 4;
/** RFC 4271 section 4.1, and RFC 8654 section 3. */
const MAX_LENGTH = 4096;
const MAX_EXTENDED_LENGTH = 65_535;
/** RFC 6793 section 4.2.3: stands for an AS number that does not fit into two octets. */
const AS_TRANS = 23456;
const AFI: Readonly<Record<Family, number>> = { 4: 1, 6: 2 };
const SAFI_UNICAST = 1;
/** RFC 4760 section 8. */
const MULTIPROTOCOL = 1;
/** Send/Receive of RFC 7911 section 4. */
const RECEIVE = 1;
const SEND = 2;

/** OPEN Message Error and its subcodes (section 4.5, RFC 5492 section 5). */
const OPEN_ERROR = 2;
const UNSUPPORTED_VERSION = 1;
const BAD_PEER_AS = 2;
const BAD_IDENTIFIER = 3;
const UNACCEPTABLE_HOLD_TIME = 6;
const UNSUPPORTED_CAPABILITY = 7;
/** RFC 9234 section 4.2. */
const ROLE_MISMATCH = 11;

/** The Role capability: what we say, and what the peer must say (RFC 9234 section 4.2). */
const ROLES: Readonly<Record<Role, { readonly ours: number; readonly theirs: number }>> = {
  provider: { ours: 0, theirs: 3 },
  rs: { ours: 1, theirs: 2 },
  "rs-client": { ours: 2, theirs: 1 },
  customer: { ours: 3, theirs: 0 },
  peer: { ours: 4, theirs: 4 },
};

/** Whether our OPEN has capabilities; "none" for a peer that refused the parameter (RFC 5492 section 3). */
export type Advertised = "all" | "none";

/** What the session's OPEN has. */
export function advertisedBy({ isPlain }: Pick<Session, "isPlain">): Advertised {
  return isPlain ? "none" : "all";
}

/** A speaker that has not restarted, or whose restart nothing survived. */
export const NO_RESTART: LocalRestart = { restarted: false, forwarding: false };

/** The OPEN that we send. */
export function localOpen(
  config: SessionConfig,
  advertised: Advertised = "all",
  restart: LocalRestart = NO_RESTART,
): OpenMessage {
  const { localAs, holdTime, identifier } = config;
  return {
    type: "open",
    version: VERSION,
    myAs: localAs > 0xffff ? AS_TRANS : localAs,
    holdTime,
    identifier,
    capabilities: advertised === "none" ? [] : localCapabilities(config, restart),
  };
}

function localCapabilities(config: SessionConfig, restart: LocalRestart): Capability[] {
  const { localAs, families, role, addPath } = config;
  return [
    ...families.map((family) => multiprotocol(family)),
    { type: "route refresh" },
    { type: "enhanced route refresh" },
    ...(takesIpv6NextHops(config) ? [IPV4_OVER_IPV6] : []),
    { type: "extended message" },
    { type: "four-octet AS", asNumber: localAs },
    ...(role === undefined ? [] : [{ type: "role" as const, role: ROLES[role.role].ours }]),
    ...(addPath === undefined ? [] : severalPaths(families, addPath)),
    ...restartCapabilities(config, restart),
  ];
}

/** What a good OPEN leads to, or what is wrong with it. */
export type Judgement =
  | { readonly negotiated: Negotiated }
  | { readonly negotiated: undefined; readonly fault: MessageFault };

/** Check the peer's OPEN in the order of section 6.2, and settle what both sides can do. */
export function negotiate(
  config: SessionConfig,
  open: OpenMessage,
  advertised: Advertised = "all",
): Judgement {
  const families = familiesOf(config, open.capabilities, advertised);
  const fault = faultOf(config, open, families);
  if (fault !== undefined) return { negotiated: undefined, fault };
  // Section 4.2: the smaller of both; and a third of it at most between KEEPALIVEs (section 4.4).
  const holdTime = Math.min(config.holdTime, open.holdTime);
  const most = holdTime / 3;
  const real = fourOctetAs(open.capabilities);
  const remoteAs = real ?? open.myAs;
  /** Both of us have said it. */
  const knows = (capability: Capability["type"]): boolean =>
    advertised === "all" && open.capabilities.some(({ type }) => type === capability);
  return {
    negotiated: {
      remoteAs,
      identifier: open.identifier,
      holdTime,
      keepaliveTime: config.keepaliveTime > 0 ? Math.min(config.keepaliveTime, most) : most,
      wire: {
        fourOctetAs: knows("four-octet AS"),
        external: config.localAs !== remoteAs,
        maxLength: knows("extended message") ? MAX_EXTENDED_LENGTH : MAX_LENGTH,
        ...(config.aigp === true && config.localAs !== remoteAs ? { aigp: true } : {}),
        families,
        extendedNextHop:
          advertised === "all" &&
          takesIpv6NextHops(config) &&
          open.capabilities.some(isIpv4OverIpv6),
        ...(advertised === "all" ? addPathOf(config, open.capabilities, families) : {}),
      },
      routeRefresh: knows("route refresh"),
      enhancedRefresh: knows("enhanced route refresh"),
      gracefulRestart:
        advertised === "all" ? peerRestart(config, open.capabilities, families) : undefined,
      capabilities: open.capabilities,
    },
  };
}

function faultOf(
  config: SessionConfig,
  open: OpenMessage,
  families: readonly Family[],
): MessageFault | undefined {
  if (open.version !== VERSION) {
    return fault(
      UNSUPPORTED_VERSION,
      `the peer speaks BGP version ${open.version}, not ${VERSION}`,
      Uint8Array.of(0, VERSION),
    );
  }
  const real = fourOctetAs(open.capabilities);
  const asNumber = real ?? open.myAs;
  // RFC 6793 section 4.2.1: an AS number of two octets is the same in both places.
  const contradicts = real !== undefined && open.myAs !== AS_TRANS && open.myAs !== real;
  if (!isOneOf(config.remoteAs, asNumber) || asNumber === 0 || contradicts) {
    const also = contradicts ? ` (and AS ${open.myAs} in its fixed part)` : "";
    const wanted = describeAs(config.remoteAs);
    return fault(BAD_PEER_AS, `the peer is AS ${asNumber}${also}, not ${wanted}`);
  }
  if (open.holdTime === 1 || open.holdTime === 2) {
    return fault(UNACCEPTABLE_HOLD_TIME, `the peer's hold time is ${open.holdTime} s`);
  }
  // RFC 6286 section 2.2: any number but zero, and within an AS nobody else's.
  if (open.identifier.w0 === 0) return fault(BAD_IDENTIFIER, "the peer's BGP Identifier is zero");
  if (config.localAs === asNumber && equalAddress(open.identifier, config.identifier)) {
    return fault(BAD_IDENTIFIER, "the peer has our own BGP Identifier");
  }
  if (families.length === 0) {
    const names = config.families.map((family) => `IPv${family} unicast`).join(" or ");
    // RFC 5492 section 4: the Data field has the capabilities that are missing.
    const data = config.families.flatMap((family) => [MULTIPROTOCOL, 4, 0, AFI[family], 0, 1]);
    return fault(UNSUPPORTED_CAPABILITY, `the peer does not do ${names}`, Uint8Array.from(data));
  }
  return roleFault(config, open);
}

/** RFC 9234 section 4.2: the roles of both sides must be a pair, where both say theirs. */
function roleFault(
  { role }: SessionConfig,
  { capabilities }: OpenMessage,
): MessageFault | undefined {
  if (role === undefined) return undefined;
  const told = new Set(capabilities.flatMap((one) => (one.type === "role" ? [one.role] : [])));
  const [theirs] = told;
  if (theirs === undefined) {
    return role.strict
      ? fault(ROLE_MISMATCH, `the peer does not say its role, and ours (${role.role}) is strict`)
      : undefined;
  }
  if (told.size > 1) {
    return fault(ROLE_MISMATCH, `the peer says several roles: ${[...told].join(", ")}`);
  }
  return theirs === ROLES[role.role].theirs
    ? undefined
    : fault(ROLE_MISMATCH, `the peer's role ${theirs} does not go with ours, ${role.role}`);
}

function isOneOf(wanted: SessionConfig["remoteAs"], asNumber: number): boolean {
  if (typeof wanted === "number") return asNumber === wanted;
  return wanted.some(({ first, last }) => first <= asNumber && asNumber <= last);
}

function describeAs(wanted: SessionConfig["remoteAs"]): string {
  if (typeof wanted === "number") return `AS ${wanted}`;
  const ranges = wanted.map(({ first, last }) => (first === last ? first : `${first}-${last}`));
  return `one of AS ${ranges.join(", ")}`;
}

const IPV4_OVER_IPV6: Capability = {
  type: "extended next hop",
  encodings: [{ afi: AFI[4], safi: SAFI_UNICAST, nextHopAfi: AFI[6] }],
};

function multiprotocol(family: Family): Capability {
  return { type: "multiprotocol", afi: AFI[family], safi: SAFI_UNICAST };
}

/** The families of both; where either has not the capability, IPv4 unicast alone (RFC 4760 section 8). */
function familiesOf(
  { families }: SessionConfig,
  capabilities: readonly Capability[],
  advertised: Advertised,
): readonly Family[] {
  const said = capabilities.filter((capability) => capability.type === "multiprotocol");
  if (said.length === 0 || advertised === "none") {
    return families.filter((family) => family === 4);
  }
  return families.filter((family) =>
    said.some(({ afi, safi }) => afi === AFI[family] && safi === SAFI_UNICAST),
  );
}

/** RFC 8950: IPv4 prefixes behind IPv6 next hops mean something where the node or the session has IPv6. */
function takesIpv6NextHops({ families, overIpv6 }: SessionConfig): boolean {
  return families.length === 2 || (overIpv6 === true && families.includes(4));
}

function isIpv4OverIpv6(capability: Capability): boolean {
  return (
    capability.type === "extended next hop" &&
    capability.encodings.some(
      ({ afi, safi, nextHopAfi }) =>
        afi === AFI[4] && safi === SAFI_UNICAST && nextHopAfi === AFI[6],
    )
  );
}

/** What we say of RFC 7911: one capability for all families. */
function severalPaths(families: readonly Family[], { receive, send }: AddPath): Capability[] {
  const entries = families.flatMap((family) => {
    const sendReceive =
      (receive.includes(family) ? RECEIVE : 0) + (send.includes(family) ? SEND : 0);
    return sendReceive === 0 ? [] : [{ afi: AFI[family], safi: SAFI_UNICAST, sendReceive }];
  });
  return entries.length === 0 ? [] : [{ type: "add-path", families: entries }];
}

/** We receive what the peer sends, and send what it receives (RFC 7911 section 5). */
function addPathOf(
  { addPath }: SessionConfig,
  capabilities: readonly Capability[],
  families: readonly Family[],
): { readonly addPath?: AddPath } {
  if (addPath === undefined) return {};
  const said = capabilities.flatMap((one) => (one.type === "add-path" ? one.families : []));
  const peerCan = (family: Family, bit: number): boolean => {
    // Of a family that is named twice the last word counts.
    const word = said.findLast(({ afi, safi }) => afi === AFI[family] && safi === SAFI_UNICAST);
    return word !== undefined && (word.sendReceive & bit) !== 0;
  };
  const agreed = {
    receive: families.filter((family) => addPath.receive.includes(family) && peerCan(family, SEND)),
    send: families.filter((family) => addPath.send.includes(family) && peerCan(family, RECEIVE)),
  };
  return agreed.receive.length + agreed.send.length === 0 ? {} : { addPath: agreed };
}

/** The AS number of the RFC 6793 capability; undefined when the peer has it not. */
function fourOctetAs(capabilities: readonly Capability[]): number | undefined {
  for (const capability of capabilities) {
    if (capability.type === "four-octet AS") return capability.asNumber;
  }
  return undefined;
}

function fault(subcode: number, message: string, data = new Uint8Array()): MessageFault {
  return { code: OPEN_ERROR, subcode, data, message };
}
