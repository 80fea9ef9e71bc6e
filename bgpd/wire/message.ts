/**
 * BGP messages as records (RFC 4271 section 4).
 */

import type { Address, Family } from "../../lib/address.ts";
import type { Prefix } from "../../lib/prefix.ts";
import type { Attributes, Fault } from "./attributes.ts";
import type { MultiprotocolNextHop } from "./multiprotocol.ts";

/** One entry of the extended next hop capability (RFC 8950 section 4). */
export type NextHopEncoding = {
  readonly afi: number;
  readonly safi: number;
  readonly nextHopAfi: number;
};

/** One family of the graceful restart capability (RFC 4724 section 3). */
export type RestartFamily = {
  readonly afi: number;
  readonly safi: number;
  /** The F bit: packets of the family are forwarded through the restart. */
  readonly forwarding: boolean;
};

/** The same of the long-lived one (RFC 9494 section 3.1), with the Long-Lived Stale Time in seconds. */
export type LongLivedFamily = RestartFamily & { readonly time: number };

/** One entry of the ADD-PATH capability: Send/Receive is 1 to receive, 2 to send, 3 for both. */
export type AddPathFamily = {
  readonly afi: number;
  readonly safi: number;
  readonly sendReceive: number;
};

/** A prefix with its Path Identifier, where the session has them for its family (RFC 7911 section 3). */
export type Nlri = Prefix & { readonly pathId?: number };

/** Capabilities of an OPEN (RFC 5492). Codes that we do not know are kept as they came. */
export type Capability =
  | { readonly type: "multiprotocol"; readonly afi: number; readonly safi: number }
  | { readonly type: "route refresh" }
  /** RFC 8950: NLRI of these families may have next hops of these AFIs. */
  | { readonly type: "extended next hop"; readonly encodings: readonly NextHopEncoding[] }
  /** RFC 8654. */
  | { readonly type: "extended message" }
  /** RFC 7313. */
  | { readonly type: "enhanced route refresh" }
  | { readonly type: "four-octet AS"; readonly asNumber: number }
  /** RFC 4724 section 3; without families the sender only helps others. */
  | {
      readonly type: "graceful restart";
      /** The R bit: the sender has restarted. */
      readonly restarted: boolean;
      /** The N bit: NOTIFICATIONs and the hold timer end sessions gracefully as well (RFC 8538 section 2). */
      readonly notifications: boolean;
      /** Restart Time in seconds, 0-4095. */
      readonly time: number;
      readonly families: readonly RestartFamily[];
    }
  /** RFC 9494 section 3.1. */
  | {
      readonly type: "long-lived graceful restart";
      readonly families: readonly LongLivedFamily[];
    }
  /** RFC 9234 section 4.1; what the numbers mean is in `capability.ts`. */
  | { readonly type: "role"; readonly role: number }
  /** RFC 7911 section 4. */
  | { readonly type: "add-path"; readonly families: readonly AddPathFamily[] }
  | { readonly type: "unknown"; readonly code: number; readonly value: Uint8Array };

export type OpenMessage = {
  readonly type: "open";
  readonly version: number;
  /** My Autonomous System: two octets; AS_TRANS (23456) when the real one is in the capability. */
  readonly myAs: number;
  /** Seconds: 0, or 3 and more. */
  readonly holdTime: number;
  readonly identifier: Address;
  readonly capabilities: readonly Capability[];
};

/** Prefixes that MP_REACH_NLRI announces (RFC 4760 section 3). */
export type Reach = MultiprotocolNextHop & {
  readonly family: Family;
  readonly prefixes: readonly Nlri[];
};

/** Prefixes that MP_UNREACH_NLRI withdraws; none in the family's End-of-RIB marker. */
export type Unreach = { readonly family: Family; readonly prefixes: readonly Nlri[] };

/** An UPDATE spelled out, for people and tests; the daemon's hot path reads ranges instead. */
export type UpdateMessage = {
  readonly type: "update";
  /** IPv4 prefixes, of the field of that name. */
  readonly withdrawn: readonly Nlri[];
  /** Undefined when the UPDATE only withdraws (or is the End-of-RIB marker, RFC 4724 section 2). */
  readonly attributes: Attributes | undefined;
  /** IPv4 prefixes, of the field behind the attributes. */
  readonly announced: readonly Nlri[];
  /** Absent as well where it is of a family that the session does not carry. */
  readonly reach?: Reach;
  readonly unreach?: Unreach;
  /** What RFC 7606 found wrong, worst verdict not yet applied. */
  readonly faults: readonly Fault[];
};

export type NotificationMessage = {
  readonly type: "notification";
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
};

export type KeepaliveMessage = { readonly type: "keepalive" };

/** RFC 2918. */
export type RouteRefreshMessage = {
  readonly type: "route refresh";
  readonly afi: number;
  readonly safi: number;
  /** RFC 7313 section 3.2: 0 asks, 1 begins and 2 ends the answer. Others are to be ignored. */
  readonly subtype: number;
};

export type Message =
  | OpenMessage
  | UpdateMessage
  | NotificationMessage
  | KeepaliveMessage
  | RouteRefreshMessage;
