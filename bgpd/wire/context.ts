/**
 * What changes the bytes of a message besides the message: the outcome of capability negotiation.
 *
 * It is an explicit argument of every codec function; there is no global state in this folder.
 */

import type { Family } from "../../lib/address.ts";
import { MAX_LENGTH } from "./const.ts";

/** Families whose prefixes have Path Identifiers in front, by direction (RFC 7911 section 3). */
export type AddPath = { readonly receive: readonly Family[]; readonly send: readonly Family[] };

export type WireContext = {
  /** AS_PATH and AGGREGATOR carry four-octet AS numbers (RFC 6793: both speakers said so). */
  readonly fourOctetAs: boolean;
  /** The session is between different ASes; judges LOCAL_PREF and friends (RFC 7606). */
  readonly external: boolean;
  /** Longest message in octets: 4096, or 65535 with RFC 8654. */
  readonly maxLength: number;
  /** AIGP_SESSION of an external session (RFC 7311 section 3.3); internal ones always have it. */
  readonly aigp?: true;
  /** Whose unicast prefixes the session carries; others are ignored (RFC 4760 section 8). */
  readonly families: readonly Family[];
  /** IPv4 prefixes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  /**
   * Index of the link that the session is on, where its ends are link-local: so are next hops then, and on that
   * link. It is of the session alone and changes no bytes.
   */
  readonly link?: number;
  /** Absent where no family has it (RFC 7911). */
  readonly addPath?: AddPath;
};

/** Before anything is negotiated. */
export const INITIAL_CONTEXT: WireContext = {
  fourOctetAs: false,
  external: false,
  maxLength: MAX_LENGTH,
  families: [4],
  extendedNextHop: false,
};
