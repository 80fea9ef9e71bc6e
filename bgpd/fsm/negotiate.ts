/**
 * Our OPEN, and the judgement of the peer's: RFC 4271 section 6.2 and the capabilities of RFC 5492.
 *
 * Advertised: multiprotocol IPv4 unicast (RFC 4760), route refresh (RFC 2918) and the enhanced one
 * (RFC 7313), extended messages (RFC 8654), four-octet AS numbers (RFC 6793). Syntax is the codec's; here
 * is what the fields mean to this session.
 */

import { equalAddress } from "../../lib/address.ts";
import type { Capability, OpenMessage } from "../wire/message.ts";
import type { MessageFault } from "./event.ts";
import type { Negotiated, SessionConfig } from "./state.ts";

const VERSION = 4;
/** RFC 4271 section 4.1, and RFC 8654 section 3. */
const MAX_LENGTH = 4096;
const MAX_EXTENDED_LENGTH = 65_535;
/** RFC 6793 section 4.2.3: stands for an AS number that does not fit into two octets. */
const AS_TRANS = 23456;
const AFI_IPV4 = 1;
const SAFI_UNICAST = 1;
/** The multiprotocol capability of IPv4 unicast, as RFC 5492 section 4 wants it in the Data field. */
const IPV4_UNICAST = Uint8Array.of(1, 4, 0, AFI_IPV4, 0, SAFI_UNICAST);

/** OPEN Message Error and its subcodes (section 4.5, RFC 5492 section 5). */
const OPEN_ERROR = 2;
const UNSUPPORTED_VERSION = 1;
const BAD_PEER_AS = 2;
const BAD_IDENTIFIER = 3;
const UNACCEPTABLE_HOLD_TIME = 6;
const UNSUPPORTED_CAPABILITY = 7;

/** Whether our OPEN has capabilities; "none" for a peer that refused the parameter (RFC 5492 section 3). */
export type Advertised = "all" | "none";

/** The OPEN that we send. */
export function localOpen(config: SessionConfig, advertised: Advertised = "all"): OpenMessage {
  const { localAs, holdTime, identifier } = config;
  return {
    type: "open",
    version: VERSION,
    myAs: localAs > 0xffff ? AS_TRANS : localAs,
    holdTime,
    identifier,
    capabilities: advertised === "none" ? [] : localCapabilities(config),
  };
}

function localCapabilities({ localAs }: SessionConfig): Capability[] {
  return [
    { type: "multiprotocol", afi: AFI_IPV4, safi: SAFI_UNICAST },
    { type: "route refresh" },
    { type: "enhanced route refresh" },
    { type: "extended message" },
    { type: "four-octet AS", asNumber: localAs },
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
  const fault = faultOf(config, open);
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
      },
      routeRefresh: knows("route refresh"),
      enhancedRefresh: knows("enhanced route refresh"),
      capabilities: open.capabilities,
    },
  };
}

function faultOf(config: SessionConfig, open: OpenMessage): MessageFault | undefined {
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
  // RFC 4760 section 8: without the capability a session carries IPv4 unicast and nothing else.
  const families = open.capabilities.filter(({ type }) => type === "multiprotocol");
  if (families.length > 0 && !families.some(isIpv4Unicast)) {
    return fault(UNSUPPORTED_CAPABILITY, "the peer does not do IPv4 unicast", IPV4_UNICAST);
  }
  return undefined;
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

function isIpv4Unicast(capability: Capability): boolean {
  return (
    capability.type === "multiprotocol" &&
    capability.afi === AFI_IPV4 &&
    capability.safi === SAFI_UNICAST
  );
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
